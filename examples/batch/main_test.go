package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestRun: what can be closed is, and the summary says what is not.
func TestRun(t *testing.T) {
	far := newFar()
	defer far.Close()
	var out, progress bytes.Buffer
	if err := run(t.Context(), &out, &progress, far, options{dir: t.TempDir(), n: 60, parallel: 8}); err != nil {
		t.Fatal(err)
	}
	const want = `leaver-50: rolled back, denied
done 59, rolled back 1, parked 0, failed 0 of 60
closed 59 accounts, by 60 requests of this process
`
	if out.String() != want {
		t.Errorf("printed:\n%s", out.String())
	}
	if !strings.Contains(progress.String(), "done 59, rolled back 1") {
		t.Errorf("progress:\n%s", progress.String())
	}
}

// TestGoesOn: a process that ends in the middle leaves the rest to the next one, which
// does nothing twice that has ended.
func TestGoesOn(t *testing.T) {
	far := newFar()
	defer far.Close()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	far.each = func(calls int) {
		if calls == 20 {
			cancel()
		}
	}
	if err := run(ctx, io.Discard, nil, far, options{dir: dir, n: 60, parallel: 4}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before := far.requests()
	if before >= 60 || far.closed() < 15 {
		t.Fatalf("%d requests, %d closed", before, far.closed())
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, nil, far, options{dir: dir, n: 60, parallel: 4}); err != nil {
		t.Fatal(err)
	}
	if far.closed() != 59 || far.requests() != 60 || !strings.Contains(out.String(), "done 59, rolled back 1") {
		t.Errorf("%d closed by %d requests; printed:\n%s", far.closed(), far.requests(), out.String())
	}
}
