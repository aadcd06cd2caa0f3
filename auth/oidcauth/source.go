package oidcauth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/carnet-go/carnet/internal/flight"
)

// How old keys may be.
const (
	refreshAfter = 5 * time.Minute  // a withdrawn key stops within it
	expireAfter  = 24 * time.Hour   // without a good answer
	fetchEvery   = 30 * time.Second // at most, whoever asks for whatever reason
)

// source has the newest good answer of an issuer's key endpoint.
type source struct {
	client *http.Client
	url    string
	flight flight.Group[struct{}, struct{}]

	mu       sync.Mutex
	set      *keySet   // nil: there never was one
	fetched  moment    // when set was
	tried    time.Time // when the newest fetch began
	fetching bool      // it has not ended
	failed   bool      // the newest that ended was no good
}

// verify asks for other keys, at most once, where those at hand do not do.
func (s *source) verify(ctx context.Context, t token) error {
	set := s.current(ctx)
	err := set.check(t)
	if err == nil {
		return nil
	}
	s.refresh(ctx)
	if newest := s.usable(); newest != set {
		return newest.check(t)
	}
	if err == errKey && s.unsure(ctx) {
		return errNoKeys // it may be a key that the issuer has and could not show
	}
	return err
}

// check is verify where there may be no keys at all.
func (s *keySet) check(t token) error {
	if s == nil {
		return errNoKeys
	}
	return s.verify(t)
}

// current waits for a refresh that is due, except where the one before failed:
// an issuer that hangs must not hold up those whose tokens can be verified.
func (s *source) current(ctx context.Context) *keySet {
	s.mu.Lock()
	fresh := s.set != nil && s.fetched.age() < refreshAfter
	set, failed := s.set, s.failed
	s.mu.Unlock()
	if fresh {
		return set
	}
	if usable := s.usable(); failed && usable != nil {
		if s.due() {
			go s.refresh(context.Background())
		}
		return usable
	}
	s.refresh(ctx)
	return s.usable()
}

// usable is nil where the keys are too old to be believed.
func (s *source) usable() *keySet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil || s.fetched.age() >= expireAfter {
		return nil
	}
	return s.set
}

func (s *source) unsure(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed || ctx.Err() != nil
}

// refresh waits for the fetch under way, or for a new one where it is time. Who
// waits may leave: the fetch belongs to nobody.
func (s *source) refresh(ctx context.Context) {
	if s.due() {
		_, _ = s.flight.Do(ctx, struct{}{}, fetchTimeout, s.fetch)
	}
}

// due says whether there is a fetch to wait for.
func (s *source) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetching || s.mayFetch()
}

func (s *source) mayFetch() bool { return s.tried.IsZero() || time.Since(s.tried) >= fetchEvery }

// fetch keeps the last good keys, whatever else is answered.
func (s *source) fetch(ctx context.Context) (struct{}, error) {
	if !s.begin() {
		return struct{}{}, nil // it was fetched while the caller made up its mind
	}
	var set *keySet
	defer func() { s.end(set) }()
	if body, err := fetch(ctx, s.client, s.url); err == nil {
		set = parseKeys(body)
	}
	return struct{}{}, nil
}

func (s *source) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mayFetch() {
		return false
	}
	s.tried, s.fetching = time.Now(), true
	return true
}

func (s *source) end(set *keySet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching, s.failed = false, set == nil
	if set != nil {
		s.set, s.fetched = set, thisMoment()
	}
}

// moment is a time by both clocks. Its age goes by whichever runs ahead: a wall
// clock that is set back must not keep old keys, and neither must a machine that slept.
type moment struct{ wall, running time.Time }

func thisMoment() moment {
	now := time.Now()
	return moment{now.Round(0), now}
}

func (m moment) age() time.Duration {
	now := thisMoment()
	return max(now.running.Sub(m.running), now.wall.Sub(m.wall))
}
