// Package carnet is the map of a library with which Go services cross security
// boundaries: nothing crosses without papers. It holds no code.
//
// A carnet is the paper that lets goods cross a border for a limited time, declared
// item by item. Here the goods are calls to other systems, and the papers are Go
// values that only the step before can make.
//
// The smallest use is three calls; examples/quickstart has the wiring around them:
//
//	principal, err := gate.Admit(ctx, auth.FromRequest(r))           // who
//	grant, err := gate.Authorize(ctx, principal, "crm.contact.read") // whether
//	reply, err := broker.Do(ctx, grant, document)                    // the declared call, with mapped data
//
// # The map
//
//	examples, cmd/carnet   may import everything
//	failsafe               how it ends                imports auth, audit, mapping
//	vault                  with what, for how long    imports auth, audit, mapping
//	auth                   who, and whether they may  imports audit, mapping
//	mapping                what may cross             imports none of these
//	audit                  what happened              imports none of these
//
// No package imports upward. What implements an interface of a package stands below
// it, named product then parent, and never imports a sibling:
//
//	auth/boundary             loads the boundary folder: systems, operations, permits, rules, schemas, mappings
//	auth/policy               permits and rules
//	auth/oidcauth             in: OpenID Connect ID tokens and JWT access tokens
//	auth/keyauth              out: API keys and passwords in headers
//	auth/samlauth             out: SAML assertions, and the sessions that they open
//	auth/ldapauth             out: declared operations in bound sessions
//	auth/oauthauth            out: exchanged tokens, and the service's own
//	auth/authtest             a provider, a gate and the conformance of adapters, for tests
//	audit/verify              reads a log as a stranger does
//	audit/kafkaaudit          a copy of a log in a Kafka topic, a module of its own
//	audit/otelaudit           a mirror of a log in OpenTelemetry, a module of its own
//	vault/dirvault            secrets in mounted folders
//	vault/filevault           secrets in one encrypted file
//	vault/hashivault          secrets, leases and keys of HashiCorp Vault and OpenBao
//	vault/vaulttest           the conformance of backends, and a server that speaks as Vault does
//	vault/awsvault            secrets of AWS Secrets Manager, a module of its own
//	failsafe/guard            classes of failures, bounded attempts and a breaker; imports none of ours
//	failsafe/webhookfailsafe  alerts to a webhook
//	failsafe/syslogfailsafe   alerts to syslog over TLS
//	failsafe/failsafetest     the conformance of journals
//
// # The chain of evidence
//
//	token ──Gate.Admit──▶ Principal ──Gate.Authorize──▶ Grant ──Broker.Do──▶ Reply
//	                                                      │        ▲  ▲
//	                                                      └─Vault──┘  └── Document ──Mapper.Map──▶ Record
//	                                                        Lease
//	every arrow ──Log.Append──▶ Receipt, provable to a third party
//
// A Runner makes the same calls: before each attempt of a step it asks the Gate, and the
// step's function gets the Grant. What it has to remember stands in a sealed Journal,
// which holds no evidence: after a crash everything is asked again.
//
// A forged value does not compile, and the zero value is worthless: it refuses, and
// it never panics.
//
//	forgotten or forged                        what happens
//	no token, no decision                      there is no Grant, and without one no credential
//	an empty policy                            denies everything: permits are a union, rules an intersection
//	a fact that nobody established             denied; callers bring evidence, never facts
//	a Grant of another gate, log or operation  refused, as is one that is used up or over
//	an operation, path or secret undeclared    refused before a byte is sent
//	data that no mapping made                  refused: input is none, a mapping, or opaque with a reason
//	data to where its owner did not release it the mapping does not compile
//	a caller whom the system has no name for   denied
//	no log, or one that cannot write           constructors refuse, and so does every crossing
//	a retry of a denied or privileged call     one call is one transmission, also for net/http; a run tries neither again
//	a secret that a system has refused         not lent again, to nobody, until there is another version
//	a workflow whose way back is denied        does not begin
//	a canary on a system without a twin        does not begin; of a twin the Gate grants nothing else
//	an outcome that nobody knows               asked for, or waited for; never repeated blindly
//	a frame of the journal forged or old       ErrDamaged, or a run that the audit log does not know
//
// # Threat model and limits
//
// .github/SECURITY.md has the model as two tables. The limits:
//
//   - Evidence stops mistakes and confused deputies, not malicious code in the same
//     process.
//   - The log binds its operator up to the newest checkpoint that somebody else holds.
//   - Zones, jurisdictions and labels are declared facts: they are checked against
//     each other, not measured.
//   - A token is good until it expires: no revocation is looked up.
//   - What an operation declares as opaque crosses without labels, with a reason.
//   - What a system answers is labelled by the schema that its operation declares:
//     nobody looks whether the far side put something else there.
//   - Whoever holds a SAML signing key can sign anybody in.
//   - An API key cannot say on whose behalf a call is made; the log alone does.
//   - That a twin behaves as the system that it stands in for, nobody proves: a canary finds
//     what has changed there first.
//   - Header values are plain strings in net/http while a request is written.
//   - A Gate serves one tenant. Several tenants are several gates.
//   - A journal belongs to one process at a time.
//   - A freeze lasts until Gate.Thaw, also in the next process, if the log could take it.
//
// # Errors
//
// What went wrong is a sentinel, so that callers branch without reading text; what a
// caller can do stands beside it. No error carries a value: no token, body, claim,
// URL, and nothing that a far side said.
//
//	auth.ErrDenied          by policy or by the far side       nothing; *auth.DeniedError says what would help
//	auth.ErrExpired         token, grant or lease is over      come with a fresh one
//	auth.ErrForeign         evidence of another gate or log    wire it right
//	auth.ErrUndeclared      nobody declared it                 declare it
//	auth.ErrInvalid         what was presented or sent         correct it
//	auth.ErrThrottled       by the far side                    wait: *auth.FailedError says how long
//	auth.ErrUnavailable     nothing has happened               try again
//	auth.ErrUnknown         it may have happened               ask the far side
//	failsafe.StoppedError   rolled back, or parked             its Cause; Retry or Settle what is parked
//	failsafe.ErrConflict    another run has this id            take another id
//	failsafe.ErrJournal     the journal does not take it       as the disk says; the run goes on when it is opened again
//	guard.ErrRejected       nothing was called                 later
//	audit.ErrNotRecorded    not in the log, and never will be  it must not happen
//	audit.ErrIndeterminate  in the log or not                  as unknown
//	mapping.ErrInvalid      data does not fit its schema       correct it: *mapping.DataError says where
//	mapping.Findings        all mistakes of a declaration      correct them, by file and line
//
// # Defaults
//
//	what                                  nil or zero means
//	a Grant is to be used within          30 seconds
//	what is made for a system lives for   15 minutes, at most as long as the identity
//	a lease from a vault lives for        1 hour, at most as long as the Grant
//	clock skew of iat, nbf and auth_time  60 seconds; exp has none
//	JWKS                                  fetched at most once in 30 seconds
//	a far side's wish to wait             believed up to a day
//	the service itself                    local, of the lowest assurance
//	attempts of a step                    3 of what may be repeated, otherwise 1; at most 10, a privileged one never repeated
//	one attempt, and all with the waits   10 seconds, and 1 minute
//	failures that open a breaker          5 in a row, for 30 seconds
//	calls at once to a system             64
//	how often a run is resumed            3 times, then it waits for a person
//	certificates                          of the host's authorities
//	private addresses                     not dialled
//	redirects, proxies                    none; cookies only of a session that samlauth opened
//	a data field without a label          crosses nothing
//	signed checkpoints                    at least one a second while there are events
//	the log's key                         beside the log, mode 0600
//
// # Platforms
//
// Go 1.26 or later. Linux is where durability is promised. macOS and Windows build
// and pass the core tests; what a power failure does there is not known.
package carnet
