// Package held keeps bytes that can be taken back.
//
//	err := h.Use(func(b []byte) error { … }, errGone)
//	h.Wipe()
//
// # Guarantees
//
// Bytes that are taken back are lent to nobody any more, and overwritten when the last who uses
// them has left, also by a panic, and not under his hands.
//
// # Limits
//
// What a user makes of the bytes is erased only where the runtime does that
// (GOEXPERIMENT=runtimesecret).
//
// # Errors
//
// None of its own: Use returns what its caller calls gone.
//
// # Concurrency
//
// Bytes are safe for concurrent use. Wipe waits for nobody.
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

// Equal takes a time that says nothing of the content: how long b is, it may. What is taken
// back equals nothing.
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
