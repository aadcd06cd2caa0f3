// Package held keeps bytes that can be taken back: they are overwritten when the last who
// uses them has left, and not under his hands.
package held

import (
	"crypto/sha256"
	"crypto/subtle"
	"math"
	"sync"
	"sync/atomic"
)

// taken is far below what users can add up to.
const taken = math.MinInt64 / 2

// Bytes are lent until they are wiped. Safe for concurrent use.
type Bytes struct {
	b     []byte
	users atomic.Int64 // below zero: they are taken back
	wiped sync.Once
}

// New takes b over.
func New(b []byte) *Bytes { return &Bytes{b: b} }

// Use lends the bytes until fn returns; gone, without calling it, if they are taken back.
// Where the runtime can, what fn makes of them is erased.
func (h *Bytes) Use(fn func(b []byte) error, gone error) (err error) {
	defer h.leave()
	if h.users.Add(1) < 0 {
		return gone
	}
	erase(func() { err = fn(h.b) })
	return err
}

// Equal compares in constant time, whatever the lengths. What is taken back equals nothing.
func (h *Bytes) Equal(other []byte) bool {
	defer h.leave()
	if h.users.Add(1) < 0 {
		return false
	}
	mine, theirs := sha256.Sum256(h.b), sha256.Sum256(other)
	return subtle.ConstantTimeCompare(mine[:], theirs[:]) == 1
}

// Wipe takes the bytes back. It does not wait for those who use them.
func (h *Bytes) Wipe() {
	for {
		users := h.users.Load()
		if users < 0 {
			return
		}
		if h.users.CompareAndSwap(users, users+1+taken) {
			h.leave() // a user itself until here, so that one of all is the last
			return
		}
	}
}

// leave overwrites what nobody uses any more. Those who came too late are counted, too.
func (h *Bytes) leave() {
	if h.users.Add(-1) == taken {
		h.wiped.Do(func() { clear(h.b) })
	}
}
