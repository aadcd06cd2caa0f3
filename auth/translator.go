package auth

import (
	"context"
	"net/http"
	"time"
)

// Translator is one protocol's way to authenticate: from a grant to material. It
// is a plain literal, safe for concurrent use; NewBroker calls Check() error on
// those that have it. Its errors are of this package; ErrDenied is final, and
// remembered only briefly.
type Translator interface {
	Translate(ctx context.Context, n Need) (Material, error)
}

// Translators is one Translator for each system, by name.
type Translators map[string]Translator

// Need is what a Translator is asked for. Whoever holds a grant could ask it himself;
// what a Broker asks for is used once, bounded, recorded and given back.
type Need struct {
	Grant Grant // for which
}

// Material is what a Translator yields. The Broker lends it to calls of the same
// principal until it expires or is refused, and calls Close(context.Context) error
// on what has it after the last use. It is an Applier.
type Material interface {
	Expires() time.Time // zero: already
	Credential() string // id of the lease it was made from, for the log; empty: none
}

// Applier is material in an HTTP request. Apply changes headers only.
type Applier interface {
	Material
	Apply(r *http.Request) error
}
