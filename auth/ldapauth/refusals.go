package ldapauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	refusedFor   = 5 * time.Minute // a login is not tried again
	mostRefusals = 1000            // are remembered; then all are forgotten
	behind       = 2 * time.Second // one who hangs nobody waits longer
)

// refusals remembers the logins that a directory refused, by a keyed digest, and lets
// one bind happen at a time: of many callers who come with the same wrong password only
// the first sends it, while the directory answers. The zero value is ready.
type refusals struct {
	mu    sync.Mutex
	memo  *memo
	turns chan struct{}
}

// memo stands behind a pointer, where no verb of fmt goes.
type memo struct {
	key   [sha256.Size]byte
	until map[[sha256.Size]byte]time.Time
}

// turn waits until nobody else binds, or that has taken long; done ends it.
func (r *refusals) turn(ctx context.Context) (done func(), err error) {
	r.mu.Lock()
	if r.turns == nil {
		r.turns = make(chan struct{}, 1)
	}
	turns := r.turns
	r.mu.Unlock()
	long := time.NewTimer(behind)
	defer long.Stop()
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case <-long.C:
		return func() {}, nil
	case <-ctx.Done():
		return nil, unavailable(ctx)
	}
}

// refused says whether the login was refused lately.
func (r *refusals) refused(l login) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.memo != nil && time.Now().Before(r.memo.until[r.memo.digest(l)])
}

// remember that the login was refused.
func (r *refusals) remember(l login) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memo == nil || len(r.memo.until) >= mostRefusals {
		r.memo = &memo{until: map[[sha256.Size]byte]time.Time{}}
		_, _ = rand.Read(r.memo.key[:]) // never fails
	}
	r.memo.until[r.memo.digest(l)] = time.Now().Add(refusedFor)
}

func (m *memo) digest(l login) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, m.key[:])
	mac.Write([]byte(l.name))
	mac.Write([]byte{0}) // in neither of them
	mac.Write([]byte(l.password))
	mac.Sum(sum[:0])
	return sum
}
