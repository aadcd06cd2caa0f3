package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth/internal/loan"
)

const (
	deniedFor      = 5 * time.Second // a denied translation is not tried again
	unavailableFor = time.Second     // nor is one that could not be had
)

// materials is what translators yielded, lent to calls that could have had it
// translated themselves: cached is material, never a decision.
type materials = loan.Cache[materialKey, material]

// materialKey is everything that can change the answer.
type materialKey struct{ operation, principal string }

// material is one answer of a Translator, with what it said of itself when it was new.
type material struct {
	Applier
	credential string
}

// keyOf is what the grant's material is kept under. Privileged operations get their
// own each time.
func keyOf(g Grant) materialKey {
	who := g.g.principal.key
	if g.g.operation.Privileged || who == "" {
		who = g.g.id
	}
	if on := g.g.principal.errand; on != nil && on.For != nil {
		who += " " + on.For.key(false)
	}
	return materialKey{g.g.operation.Name, who}
}

// lend is material for the grant, translated now or before.
func (b *Broker) lend(ctx context.Context, g Grant) (*loan.Item[materialKey, material], error) {
	translator := b.translators[g.g.system.Name]
	item, err := b.materials.Lend(ctx, keyOf(g), func(ctx context.Context) (loan.Made[material], error) {
		return translate(ctx, translator, Need{Grant: g})
	})
	if err != nil {
		return nil, side(ctx, err)
	}
	return item, nil
}

// translate asks for material that can be applied, has not ended, and can be named in
// the log. What it says of itself is asked once: later it might say something else.
func translate(ctx context.Context, t Translator, n Need) (loan.Made[material], error) {
	var made loan.Made[material]
	yielded, err := t.Translate(ctx, n)
	if closer, ok := yielded.(interface{ Close(context.Context) error }); ok {
		made.Close = closer.Close
	}
	if err != nil {
		return made, side(ctx, err)
	}
	applier, ok := yielded.(Applier)
	if !ok {
		return made, ErrInvalid
	}
	made.Value = material{applier, applier.Credential()}
	made.Ends = applier.Expires()
	if id := made.Value.credential; id != "" && !namePattern.MatchString(id) {
		return made, ErrInvalid
	}
	if !made.Ends.After(time.Now()) {
		return made, ErrExpired
	}
	return made, nil
}

// brief is how long a failed translation is remembered. Other failures belong to one
// call.
func brief(err error) time.Duration {
	switch {
	case errors.Is(err, ErrDenied):
		return deniedFor
	case err == ErrUnavailable: // one that wraps the end of a context is the caller's own
		return unavailableFor
	default:
		return 0
	}
}

// headers are those of r with the credential: of all that Apply may do to the request
// that it is shown, they alone count.
func (m material) headers(r *http.Request) (h http.Header, err error) {
	defer func() {
		if recover() != nil {
			h, err = nil, ErrUnavailable
		}
	}()
	shown := r.Clone(context.Background())
	shown.Body = nil
	if err := m.Apply(shown); err != nil {
		return nil, err
	}
	return shown.Header, nil
}
