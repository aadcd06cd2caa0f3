package oidcauth

import "github.com/carnet-go/carnet/auth"

// refusal is a fixed text and the class that callers branch on. What was refused,
// and what the other side said, stands in none.
type refusal struct {
	text  string
	class error
}

func (r *refusal) Error() string { return "oidcauth: " + r.text }
func (r *refusal) Unwrap() error { return r.class }

// What New finds in its arguments and in the answer of an issuer.
var (
	errIssuerURL  = &refusal{"the issuer must be an https URL without query and fragment", auth.ErrInvalid}
	errHTTP       = &refusal{"http needs InsecureHTTP and a loopback host", auth.ErrInvalid}
	errTestIssuer = &refusal{"a test issuer needs InsecureTestIssuer", auth.ErrInvalid}
	errNoAudience = &refusal{"the audience is missing or not printable", auth.ErrInvalid}
	errSkew       = &refusal{"the skew must be between 0 and 5 minutes", auth.ErrInvalid}
	errNames      = &refusal{"a claim's name is empty, too long or said twice", auth.ErrInvalid}
	errDiscovery  = &refusal{"the discovery answer is malformed, of another issuer, or names unprotected keys", auth.ErrInvalid}
	errNoIssuer   = &refusal{"the issuer did not answer", auth.ErrUnavailable}
	errNoKeys     = &refusal{"the issuer's keys are not known, or too old", auth.ErrUnavailable}
)

// What Verify finds before the signature is verified.
var (
	errZero      = &refusal{"a zero Verifier verifies nothing", auth.ErrInvalid}
	errGone      = &refusal{"nobody waits for the answer any more", auth.ErrUnavailable}
	errPresented = &refusal{"no bearer token was presented", auth.ErrInvalid}
	errToken     = &refusal{"malformed token", auth.ErrInvalid}
	errHeader    = &refusal{"header refused", auth.ErrInvalid}
	errType      = &refusal{"neither an ID token nor an access token", auth.ErrInvalid}
	errKey       = &refusal{"no key of the issuer fits", auth.ErrInvalid}
	errSignature = &refusal{"signature refused", auth.ErrInvalid}
)

// What Verify finds in claims, all behind a verified signature.
var (
	errClaims     = &refusal{"claims malformed or missing", auth.ErrInvalid}
	errIssuer     = &refusal{"claims of another issuer", auth.ErrInvalid}
	errAudience   = &refusal{"claims for another audience", auth.ErrInvalid}
	errProfile    = &refusal{"claims of another kind of token", auth.ErrInvalid}
	errFuture     = &refusal{"claims from the future", auth.ErrInvalid}
	errDelegation = &refusal{"claims of a delegation that is malformed or not ours", auth.ErrInvalid}
	errBound      = &refusal{"claims bind the token to a key that was not shown", auth.ErrInvalid}
	errExpired    = &refusal{"claims have expired", auth.ErrExpired}
)
