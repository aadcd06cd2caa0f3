package audit_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// TestEventsFromManyLines: what remembers places along the way finds the same lines by
// them, before, at and behind each.
func TestEventsFromManyLines(t *testing.T) {
	const n = 2*4096 + 100
	l := open(t, create(t))
	var wg sync.WaitGroup
	for worker := range 64 {
		wg.Go(func() {
			for i := worker; i < n; i += 64 {
				e := answer()
				e.Run = fmt.Sprintf("run-%d", i)
				if _, err := l.Append(t.Context(), e); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	var runs []string
	for e, err := range l.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, e.Run)
	}
	if len(runs) < n {
		t.Fatalf("%d lines", len(runs))
	}
	for _, first := range []int{8193, 4096, 8192, 4095, 1, 8191, 4097, len(runs) - 1} {
		at := first
		for e, err := range l.EventsFrom(t.Context(), int64(first)) {
			if err != nil || e.Run != runs[at] {
				t.Fatalf("from %d, line %d: %s, want %s, %v", first, at, e.Run, runs[at], err)
			}
			if at++; at == min(first+10, len(runs)) { // what is behind came meanwhile
				break
			}
		}
		if at == first {
			t.Errorf("from %d: nothing", first)
		}
	}
}

// TestClaim is true once, for an open log.
func TestClaim(t *testing.T) {
	l := open(t, create(t))
	if !l.Claim() || l.Claim() {
		t.Error("not once")
	}
	if new(audit.Log).Claim() {
		t.Error("a zero log")
	}
}

// TestCheckIsWhatAppendSays, before anything is appended.
func TestCheckIsWhatAppendSays(t *testing.T) {
	l := open(t, create(t))
	good, bad := answer(), answer()
	bad.Action = "no action"
	for _, e := range []audit.Event{good, bad, {}} {
		_, err := l.Append(t.Context(), e)
		if check := e.Check(); (check == nil) != (err == nil) {
			t.Errorf("Check says %v, and Append %v", check, err)
		}
	}
}
