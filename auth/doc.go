// Package auth decides who may cross, and translates one verified identity into
// what each system on the far side understands.
//
//	principal, err := gate.Admit(ctx, auth.FromRequest(r))           // who
//	grant, err := gate.Authorize(ctx, principal, "crm.contact.read") // whether
//	reply, err := broker.Do(ctx, grant, document)                    // the declared call, with mapped data
//
// A [Boundary] declares which systems there are, what may be done to each, and who
// may do it. A [Gate] puts it in force on an audit log. Each step takes the value
// that only the step before can make: a token becomes a [Principal], a Principal
// becomes a [Grant], and a Grant opens the secrets that its [System] declares and
// makes one declared [Operation], with what its mapping lets out of a document. A
// [Translator] turns a Grant into what the far side's protocol asks for.
//
// # Guarantees
//
// No Grant without a decision of the policy and an event in the log; no credential
// without a Grant. Zero values refuse. What policy is asked about is established by
// the Gate: callers bring evidence, never facts. A Grant is good in the gate that
// made it, for one operation, until its end; a use must begin within 30 seconds, and
// a privileged operation has one.
//
// One call is at most one transmission: nothing is sent again by net/http either.
// Requests leave for the declared origin, method and path only, through no proxy, and
// to addresses that are public or declared. A redirect is an error. The credential is
// added in the innermost hop and never given out: not in the response's request, not
// to a trace, not in an error.
//
// Material is cached for the same principal and operation; decisions are not. Policy
// is asked each time, after the cache as before it.
//
// # Limits
//
// Evidence stops mistakes and confused deputies, not malicious code in the same
// process. Below this package a credential is a string in an http.Header. A system's
// jurisdictions are what somebody declared. HTTP is 1.1. A principal is as fresh as its
// token: nothing learns that a token was revoked before it expires. A [Performer] makes
// its calls itself: that it makes each at most once is its promise.
//
// # Errors
//
// The sentinels say on which side a failure is: denied, expired, foreign,
// undeclared, invalid, throttled, unavailable or unknown. [DeniedError] and
// [FailedError] are such errors with data. No error carries a token, a claim, a URL
// or a text of the far side; only [Broker.Client]'s are wrapped by net/http into
// *url.Error, which quotes the URL.
//
// # Concurrency
//
// Gate, Broker, Lease, Grant and Principal are safe for concurrent use. Every wait
// ends with its context; outcomes are recorded although the caller has left.
package auth
