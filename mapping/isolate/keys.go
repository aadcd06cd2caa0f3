package isolate

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/carnet-go/carnet/mapping"
)

var errOnce = errors.New("isolate: a key is lent once")

// borrow borrows the keys of these names until they are given back, which the caller does.
func borrow(ctx context.Context, names []string, from mapping.KeySource) (keys []lent, back func(), err error) {
	if len(names) == 0 {
		return nil, func() {}, nil
	}
	if from == nil {
		return nil, nil, mapping.ErrNoKey
	}
	all, over := make(chan []lent), make(chan struct{})
	var lending sync.WaitGroup
	failed := make(chan struct{})
	lending.Go(func() {
		defer close(failed)
		defer func() { _ = recover() }()
		_ = lend(ctx, names, from, nil, all, over)
	})
	back = sync.OnceFunc(func() { close(over); lending.Wait() })
	select {
	case keys = <-all:
		return keys, back, nil
	case <-failed:
	}
	back() // also where a use goes on elsewhere
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	return nil, nil, mapping.ErrNoKey
}

// lend holds a key while it borrows the others, and all of them until it is over.
func lend(ctx context.Context, names []string, from mapping.KeySource, held []lent, all chan<- []lent, over <-chan struct{}) error {
	if len(names) == 0 {
		select {
		case all <- held:
			<-over
		case <-over:
		case <-ctx.Done():
		}
		return nil
	}
	var once sync.Mutex // never unlocked
	return from.UseKey(ctx, names[0], func(version string, key []byte) error {
		if !once.TryLock() {
			return errOnce
		}
		own := slices.Clone(key)
		defer clear(own)
		return lend(ctx, names[1:], from, append(slices.Clone(held), lent{names[0], version, own}), all, over)
	})
}
