package program

import (
	"context"
	"errors"
	"sync"

	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// ErrNoKey: a key was not lent.
var ErrNoKey = errors.New("program: no key")

// Keys lends one key by its name, while use runs.
type Keys func(ctx context.Context, name string, use func(version string, key []byte) error) error

// errUsed is what a source of keys gets that calls back where it may not.
var errUsed = errors.New("mapping: a key is lent once")

// lend asks for the keys, and writes while it has all of them.
func (r *Run) lend(ctx context.Context, keys Keys) error {
	if keys == nil {
		return ErrNoKey
	}
	r.call.Macs = make(map[string]*transform.Mac, len(r.program.Keys))
	defer func() { r.call.Macs = nil }()
	written, err := false, error(nil)
	var next func(names []string) error
	next = func(names []string) error {
		if len(names) == 0 {
			written, err = true, r.write(ctx)
			return err
		}
		var turn sync.Mutex // held while the key is used, and for good when keys has returned
		defer turn.Lock()   // waits for a use that goes on elsewhere
		lent := false
		return keys(ctx, names[0], func(version string, key []byte) error {
			if !turn.TryLock() {
				return errUsed
			}
			defer turn.Unlock()
			mac := transform.NewMac(version, key)
			if lent || mac == nil {
				return errUsed
			}
			lent, r.call.Macs[names[0]] = true, mac
			return next(names[1:])
		})
	}
	switch outer := next(r.program.Keys); {
	case written && err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case outer != nil || !written:
		return ErrNoKey
	}
	return nil
}
