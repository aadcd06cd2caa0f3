package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// TestRun: what the maker of the system changes is found on its twin, and the system itself
// is not called.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	const want = `the lab is as it was declared: 3 crossings, 0 notes left
  alert: note at put: rolled-back.drift
the lab withdraws a permission: 1 crossings, 0 notes left
  finding: W122 was not accepted at /steps/0/do
  failsafe: rolled back at put: drift
  alert: note at put: rolled-back.drift
the lab says otherwise that it has deleted: 3 crossings, 0 notes left
  finding: W127 was answered with another status than the last time at /steps/0/undo
  failsafe: rolled back at put: drift
  alert: note at put: drift.unknown
the lab answers one field more: 3 crossings, 0 notes left
  finding: W123 was sent, or answered, what does not fit at /steps/0/ask
  failsafe: parked at put: unknown
the crm was called 0 times
`
	if out.String() != want {
		t.Errorf("printed:\n%s", out.String())
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
