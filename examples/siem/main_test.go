package main

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

const want = `hook is dead (unavailable): the service works on, syslog has everything, the hook 0 lines
a line that the hook has is proven to be in the log
missing: 0 lines of syslog, 0 of the hook; the outage is in the log: true
the log, with the checkpoint that the hook received: verifies
an older copy in its place, by itself: verifies
an older copy in its place, with that checkpoint: does not verify: history
`

// TestRun: one receiver dies and comes back, nothing is missing, and what it has received
// convicts whoever puts an older log in the place of this one.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("printed:\n%s", &out)
	}
}

// TestElsewhere: a receiver in the US of a log in the EU gets nothing.
func TestElsewhere(t *testing.T) {
	far, err := newFar()
	if err != nil {
		t.Fatal(err)
	}
	defer far.close()
	dir := t.TempDir() + "/audit"
	if err := audit.Create(t.Context(), dir, "acme.example/crm/a", nil); err != nil {
		t.Fatal(err)
	}
	o := options(far)
	o.Feeds[1].Jurisdictions = []string{"us"}
	if _, err := audit.Open(t.Context(), dir, o); !errors.Is(err, audit.ErrFeed) || far.posted.has() != 0 || far.logged.has() != 0 {
		t.Error(err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
