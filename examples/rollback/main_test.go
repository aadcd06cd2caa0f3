package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// TestRun: both, or neither, whatever the bank does.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), &out, dir); err != nil {
		t.Fatal(err)
	}
	const want = `the bank is well: done; goods 1, money 1
the bank denies: rolled back; goods 0, money 0
the bank forgets to answer: done; goods 1, money 1
the bank loses the request: rolled back; goods 0, money 0
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
