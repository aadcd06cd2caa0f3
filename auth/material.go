package auth

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
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
	busy   map[chan struct{}]bool // being given back
	closed bool
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
	key        materialKey
	credential string
	end        deadline
	timer      *time.Timer // drops it at its end
	users      int
	gone       bool // no new users; closed after the last
}

// headers are those of r with the credential: of all that Apply may do to the request
// that it is shown, they alone count.
func (m *material) headers(r *http.Request) (h http.Header, err error) {
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
	var kept *material
	if err == nil {
		kept, err = usable(key, made, now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil && m.closed {
		err = ErrUnavailable
	}
	if err != nil {
		m.giveBack(made)
		err = side(ctx, err)
		m.remember(key, err, now)
		return nil, err
	}
	if older, ok := m.lent[key]; ok { // two translated one after the other, or one too late
		m.drop(older)
	}
	m.room(now)
	if m.lent == nil {
		m.lent = map[materialKey]*material{}
	}
	m.lent[key] = kept
	kept.timer = time.AfterFunc(time.Until(kept.end.running), func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.drop(kept)
	})
	return kept, nil
}

// usable is material that can be applied, has not ended, and can be named in the log.
// It is asked once, and under no lock.
func usable(key materialKey, made Material, now time.Time) (*material, error) {
	applier, ok := made.(Applier)
	if !ok {
		return nil, ErrInvalid
	}
	end, credential := applier.Expires(), applier.Credential()
	if credential != "" && !namePattern.MatchString(credential) {
		return nil, ErrInvalid
	}
	if !end.After(now) {
		return nil, ErrExpired
	}
	return &material{Applier: applier, key: key, credential: credential, end: until(end, now)}, nil
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
	if kept.timer != nil {
		kept.timer.Stop()
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
	done := make(chan struct{})
	if m.busy == nil {
		m.busy = map[chan struct{}]bool{}
	}
	m.busy[done] = true
	go func() {
		defer func() {
			_ = recover() // what it was leased from ends it
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.busy, done)
			close(done)
		}()
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		_ = closer.Close(ctx) // what it was leased from bounds it anyway
	}()
}

// close drops everything and waits until what is unused was given back, or ctx ends.
func (m *materials) close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	for _, kept := range m.lent {
		m.drop(kept)
	}
	busy := slices.Collect(maps.Keys(m.busy))
	m.mu.Unlock()
	for _, done := range busy {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
