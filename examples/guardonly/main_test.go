package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// TestRun: three attempts fail, the fourth opens the breaker, the far side is left alone
// and, once it is well again, is found out by one probe.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	const begins, then = "503\ncrm: closed, now open\n503\nrejected\n", "crm: open, now half-open\ncrm: half-open, now closed\n200\n"
	if !strings.HasPrefix(got, begins) || !strings.Contains(got, then) || !strings.HasSuffix(got, "200\n") {
		t.Errorf("printed:\n%s", got)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := run(t.Context(), new(bytes.Buffer), []string{"a", "b"}); err == nil {
		t.Error("two URLs")
	}
}
