package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carnet-go/carnet/internal/flight"
)

const (
	translateWithin = 30 * time.Second // one translation, however many wait for it
	closeWithin     = 10 * time.Second // giving material back
	deniedFor       = 5 * time.Second  // a denied translation is not tried again
	unavailableFor  = time.Second      // nor is one that could not be had
	mostMaterial    = 10_000           // kept; what ends first makes room
)

// materials is what translators yielded, lent to calls that could have had it
// translated themselves: cached is material, never a decision.
type materials struct {
	mu     sync.Mutex
	lent   map[materialKey]*material
	failed map[materialKey]failedUntil
	flight flight.Group[materialKey, *material]
	busy   sync.WaitGroup
}

// materialKey is everything that can change the answer.
type materialKey struct{ operation, principal string }

type failedUntil struct {
	err   error
	until time.Time
}

// material is one answer of a Translator. Its counters are guarded by materials.mu.
type material struct {
	Applier
	key   materialKey
	end   deadline
	users int
	gone  bool // no new users; closed after the last
}

// keyOf is what the grant's material is kept under. Privileged operations get their
// own each time.
func keyOf(g Grant) materialKey {
	who := g.g.principal.key
	if g.g.operation.Privileged || who == "" {
		who = g.g.id
	}
	return materialKey{g.g.operation.Name, who}
}

// lend returns material for what is needed, translated now or before.
func (m *materials) lend(ctx context.Context, key materialKey, n Need, t Translator) (*material, error) {
	for {
		if found, err := m.take(key); found != nil || err != nil {
			return found, err
		}
		made, err := m.translated(ctx, key, n, t)
		if err != nil {
			return nil, side(ctx, err)
		}
		if m.use(made) {
			return made, nil
		}
	}
}

// translated is one translation for all who wait for it now.
func (m *materials) translated(ctx context.Context, key materialKey, n Need, t Translator) (*material, error) {
	return m.flight.Do(ctx, key, translateWithin, func(ctx context.Context) (*material, error) {
		return m.translate(ctx, key, n, t)
	})
}

// take is what is cached under the key: material, a recent failure, or nothing.
func (m *materials) take(key materialKey) (*material, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if failed, ok := m.failed[key]; ok {
		if now.Before(failed.until) {
			return nil, failed.err
		}
		delete(m.failed, key)
	}
	found, ok := m.lent[key]
	if !ok {
		return nil, nil
	}
	if found.end.over(now) {
		m.drop(found)
		return nil, nil
	}
	found.users++
	return found, nil
}

func (m *materials) use(made *material) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if made.gone {
		return false
	}
	made.users++
	return true
}

func (m *materials) translate(ctx context.Context, key materialKey, n Need, t Translator) (*material, error) {
	made, err := t.Translate(ctx, n)
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		err = usable(made, now)
	}
	if err != nil {
		m.giveBack(made)
		err = side(ctx, err)
		m.remember(key, err, now)
		return nil, err
	}
	kept := &material{Applier: made.(Applier), key: key, end: until(made.Expires(), now)}
	m.room(now)
	if m.lent == nil {
		m.lent = map[materialKey]*material{}
	}
	m.lent[key] = kept
	return kept, nil
}

// usable says whether material can be applied, and has not ended.
func usable(made Material, now time.Time) error {
	if _, ok := made.(Applier); !ok {
		return ErrInvalid
	}
	if !made.Expires().After(now) {
		return ErrExpired
	}
	return nil
}

// remember keeps a failure briefly, so that a credential which is refused, or a
// place which is away, is not asked in a loop. Other failures belong to one call.
func (m *materials) remember(key materialKey, err error, now time.Time) {
	failed := failedUntil{err, now.Add(unavailableFor)}
	if errors.Is(err, ErrDenied) {
		failed.until = now.Add(deniedFor)
	} else if err != ErrUnavailable { // one that wraps a context's end is the caller's own
		return
	}
	if m.failed == nil || len(m.failed) >= mostMaterial {
		m.failed = map[materialKey]failedUntil{}
	}
	m.failed[key] = failed
}

// room drops what has ended, and what ends first while there is too much.
func (m *materials) room(now time.Time) {
	if len(m.lent) < mostMaterial {
		return
	}
	var first *material
	for _, kept := range m.lent {
		if kept.end.over(now) {
			m.drop(kept)
		} else if first == nil || kept.end.wall.Before(first.end.wall) {
			first = kept
		}
	}
	if len(m.lent) >= mostMaterial {
		m.drop(first)
	}
}

// back returns what was lent. Spent material is not lent again.
func (m *materials) back(lent *material, spent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lent.users--
	if spent {
		m.drop(lent)
		return
	}
	m.closeUnused(lent)
}

func (m *materials) drop(kept *material) {
	if m.lent[kept.key] == kept {
		delete(m.lent, kept.key)
	}
	kept.gone = true
	m.closeUnused(kept)
}

// closeUnused gives material back to where it came from, after its last use.
func (m *materials) closeUnused(kept *material) {
	if !kept.gone || kept.users != 0 {
		return
	}
	kept.users = -1 // given back once
	m.giveBack(kept.Applier)
}

// giveBack closes material that can be closed, without making anybody wait.
func (m *materials) giveBack(made Material) {
	closer, ok := made.(interface{ Close(context.Context) error })
	if !ok {
		return
	}
	m.busy.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		_ = closer.Close(ctx) // what it was leased from bounds it anyway
	})
}

// close drops everything and waits until what is unused was given back, or ctx ends.
func (m *materials) close(ctx context.Context) error {
	m.mu.Lock()
	for _, kept := range m.lent {
		m.drop(kept)
	}
	m.mu.Unlock()
	done := make(chan struct{})
	go func() { m.busy.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
