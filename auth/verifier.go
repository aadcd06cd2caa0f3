package auth

import (
	"context"
	"crypto/tls"
	"net/http"

	"github.com/carnet-go/carnet/auth/internal/wire"
)

// Scheme is how somebody presents himself.
type Scheme uint8

// The schemes. Nobody is admitted under SchemeNone.
const (
	SchemeNone   Scheme = iota
	SchemeBearer        // RFC 6750
)

// Presented is what somebody shows at the gate. The zero Presented is refused.
type Presented struct {
	Scheme Scheme               // zero: refused
	Secret Secret               // the token
	TLS    *tls.ConnectionState // verified by crypto/tls; nil: none
}

// Bearer presents a token.
func Bearer(token string) Presented {
	return Presented{Scheme: SchemeBearer, Secret: NewSecret([]byte(token))}
}

// FromRequest takes what a request presents in its one Authorization header
// (RFC 6750, section 2.1). No header, two of them, or another scheme present
// nothing; a token in the query or in the body is never looked for.
func FromRequest(r *http.Request) Presented {
	if r == nil {
		return Presented{}
	}
	token, ok := wire.Bearer(r.Header)
	if !ok {
		return Presented{TLS: r.TLS}
	}
	return Presented{SchemeBearer, NewSecret([]byte(token)), r.TLS}
}

// Verifier finds out who presents himself, for one audience: this gate's own. It
// is safe for concurrent use and ends with ctx. Its errors are of this package:
// ErrInvalid is a forgery or somebody else's token, ErrExpired asks for a fresh
// one, and ErrUnavailable says that it could not find out.
type Verifier interface {
	Verify(ctx context.Context, p Presented) (Identity, error)
}

// Verifiers is one Verifier for each scheme; a scheme without one is refused.
type Verifiers map[Scheme]Verifier

// Presenter presents the service itself, freshly each time. It ends with ctx.
type Presenter interface {
	Present(ctx context.Context) (Presented, error)
}
