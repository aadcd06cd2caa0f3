package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// TestRun: the certificate is replaced in time, and nobody is shown one that has ended.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, t.TempDir(), settings{role: "web", ttl: 4 * time.Second}); err != nil {
		t.Fatal(err)
	}
	const want = `web.acme.example shows a certificate that is valid: true
web.acme.example shows a certificate that is valid: true
another one: true, while the one before is still valid: true
`
	if out.String() != want {
		t.Errorf("printed:\n%s", out.String())
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), t.TempDir(), settings{role: "web", ttl: 4 * time.Second}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
