package auth

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

// Translator is one protocol's way to authenticate: from a grant to material. It
// is a plain literal, safe for concurrent use; NewBroker calls Check() error, and
// Fits(System) error with the system that it is for, on those that have them: where that
// error is mapping.Findings, their paths are pointers into the system. One that has
// Carries() bool, and says yes, makes known to the system on whose behalf a call is made,
// or fails. Its errors are of this package; ErrDenied is final, and remembered only
// briefly.
type Translator interface {
	Translate(ctx context.Context, n Need) (Material, error)
}

// Translators is one Translator for each system, by name.
type Translators map[string]Translator

// Need is what a Translator is asked for. Whoever holds a grant could ask it himself;
// what a Broker asks for is used once, bounded, recorded and given back.
type Need struct {
	Grant  Grant        // for which
	Name   string       // the principal's name in the system; empty: it has none there
	Token  Secret       // what the principal presented, for an exchange; empty: nothing
	Client *http.Client // for the system's endpoints alone, without redirects and credentials; nil: there are none
	// Dial connects to the system's origin. What is sent before a handshake with TLS is in the clear.
	Dial func(ctx context.Context) (net.Conn, error)
	TLS  *tls.Config // for the system's origin: whom to trust, and its name; nil: nobody
}

// Material is what a Translator yields. The Broker lends it to calls of the same
// principal until it expires or is refused, and calls Close(context.Context) error
// on what has it after the last use. It is an Applier or a Performer.
type Material interface {
	Expires() time.Time // zero: already
	Credential() string // id of the lease it was made from, for the log; empty: none
}

// Applier is material in an HTTP request. Apply changes headers only. Where it also
// has Refused(*http.Response) bool, that adds to 401 what means: no longer accepted;
// of each response it sees status and headers.
type Applier interface {
	Material
	Apply(r *http.Request) error
}

// Performer is material that makes the declared call itself, where the protocol is
// not HTTP. It asks Grant.Live before each transmission, transmits the call at most
// once, and answers with JSON, or nil where there is none. Its errors are of this
// package: ErrUnknown where the call may have happened.
type Performer interface {
	Material
	Perform(ctx context.Context, g Grant, r mapping.Record) (answer []byte, err error)
}
