package program

import (
	"context"
	"errors"
	"sync"

	"github.com/carnet-go/carnet/mapping/internal/keyed"
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
	if r.call.Keys == nil {
		r.call.Keys = make(map[string]*keyed.Key, len(r.program.Keys))
	}
	defer clear(r.call.Keys)
	r.written, r.err = false, nil
	switch outer := r.next(ctx, keys, r.program.Keys); {
	case r.written && r.err != nil:
		return r.err
	case ctx.Err() != nil:
		return ctx.Err()
	case outer != nil || !r.written:
		return ErrNoKey
	}
	return nil
}

// loan is that of one key.
type loan struct {
	turn sync.Mutex // held while the key is used, and for good when keys has returned
	lent bool
}

// next asks for the first of these keys, and in its use for the others.
func (r *Run) next(ctx context.Context, keys Keys, names []string) error {
	if len(names) == 0 {
		r.written, r.err = true, r.write(ctx)
		return r.err
	}
	l := &loan{}
	defer l.turn.Lock() // waits for a use that goes on elsewhere
	return keys(ctx, names[0], func(version string, key []byte) error {
		if !l.turn.TryLock() {
			return errUsed
		}
		defer l.turn.Unlock()
		if l.lent {
			return errUsed
		}
		made := keyed.New(version, key)
		if made == nil {
			return errUsed
		}
		defer made.Wipe()
		l.lent, r.call.Keys[names[0]] = true, made
		return r.next(ctx, keys, names[1:])
	})
}
