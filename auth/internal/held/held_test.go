package held_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/held"
)

var errGone = errors.New("gone")

func zero(b []byte) bool { return bytes.Equal(b, make([]byte, len(b))) }

func TestWipe(t *testing.T) {
	b := []byte("secret")
	h := held.New(b)
	if !h.Equal([]byte("secret")) || h.Equal([]byte("secret!")) || h.Equal(nil) {
		t.Error("Equal is wrong")
	}
	h.Wipe()
	h.Wipe()
	if !zero(b) {
		t.Error("not overwritten")
	}
	err := h.Use(func([]byte) error { t.Error("lent"); return nil }, errGone)
	if err != errGone {
		t.Errorf("got %v", err)
	}
	if h.Equal(make([]byte, len(b))) {
		t.Error("what is gone equals zeroes")
	}
}

// TestWipeWaitsForUsers: who has the bytes has them whole, to the end, and also when he
// panics they are overwritten.
func TestWipeWaitsForUsers(t *testing.T) {
	b := []byte("secret")
	h := held.New(b)
	func() {
		defer func() { _ = recover() }()
		_ = h.Use(func(lent []byte) error {
			h.Wipe()
			if h.Use(func([]byte) error { return nil }, errGone) != errGone {
				t.Error("lent anew")
			}
			if string(lent) != "secret" {
				t.Error("overwritten under the hands of its user")
			}
			panic("user")
		}, errGone)
	}()
	if !zero(b) {
		t.Error("not overwritten")
	}
}

// TestWipeRaces: nobody sees half of them, under the race detector nobody reads what is
// overwritten.
func TestWipeRaces(t *testing.T) {
	for range 200 {
		b := []byte("secret")
		h := held.New(b)
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				if n == 3 {
					h.Wipe()
				}
				err := h.Use(func(lent []byte) error {
					if string(lent) != "secret" {
						t.Error("half")
					}
					return nil
				}, errGone)
				if n == 3 && err != errGone {
					t.Errorf("after: %v", err)
				}
			})
		}
		all.Wait()
		if !zero(b) {
			t.Fatal("not overwritten")
		}
	}
}
