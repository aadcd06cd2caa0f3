package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// TestAFullDiskHasShares: what was denied is refused first, then what begins, then what
// revokes or undoes, and what ends last.
func TestAFullDiskHasShares(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openOn(t, dir, d)
	add(t, l, answer())
	d.Fail("reserve", 1, syscall.ENOSPC)
	undo := grant("g-2")
	undo.Phase = audit.PhaseUndo
	events := []struct {
		name string
		e    audit.Event
	}{
		{"denial", audit.Event{Action: "crm.contact.read", Decision: "denied", Outcome: audit.OutcomeFailure}},
		{"needs", audit.Event{Action: "crm.contact.read", Decision: "needs"}},
		{"crossing", grant("g-1")},
		{"use", audit.Event{Action: "crm.contact.read", Grant: "g-1", Use: 1, UsedAt: time.Now()}},
		{"undo", undo},
		{"revocation", audit.Event{Action: "vault.revoke", Lease: "l-1"}},
		{"unknown", audit.Event{Action: "crm.contact.read", Grant: "g-1", Reason: "timeout"}},
		{"outcome", answer()},
	}
	refused := map[string]int{} // in which round
	pad := answer()
	for range 16 {
		pad.Scopes = append(pad.Scopes, strings.Repeat("s", 255))
	}
	for round := 1; round <= 2000 && len(refused) < len(events); round++ {
		for _, e := range events {
			if refused[e.name] > 0 {
				continue
			}
			if _, err := l.Append(t.Context(), e.e); err != nil {
				if !errors.Is(err, audit.ErrNotRecorded) || errors.Is(err, audit.ErrIndeterminate) {
					t.Fatal(e.name, err)
				}
				refused[e.name] = round
			}
		}
		_, _ = l.Append(t.Context(), pad)
	}
	for _, c := range [][2]string{{"denial", "crossing"}, {"needs", "use"}, {"crossing", "undo"}, {"use", "revocation"}, {"undo", "unknown"}, {"revocation", "outcome"}} {
		if first, then := refused[c[0]], refused[c[1]]; first == 0 || then < first+5 {
			t.Errorf("%s was refused in round %d, and %s in round %d", c[0], first, c[1], then)
		}
	}
	d.Fail("reserve", 0, nil)
	eventually(t, func() error { _, err := l.Append(t.Context(), events[0].e); return err })
	shut(t, l)
}

// TestLinesAtTheLimit: the longest line is written and read by everybody, and what is
// longer by a byte or by far is refused where it is appended.
func TestLinesAtTheLimit(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, small, nil)
	line := func(n int) []byte {
		head := `{"activity_id":99,"carnet":{"x":"`
		return []byte(head + strings.Repeat("x", n-len(head)-len(`"}}`)) + `"}}`)
	}
	r, err := l.AppendLine(t.Context(), line(65_535))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{65_536, 20 << 20} {
		if _, err := l.AppendLine(t.Context(), line(n)); !errors.Is(err, audit.ErrNotRecorded) || !strings.Contains(err.Error(), "longer") {
			t.Errorf("%d bytes: %v", n, err)
		}
		e := answer()
		e.Scopes = []string{strings.Repeat("s", n)}
		if _, err := l.Append(t.Context(), e); !errors.Is(err, audit.ErrNotRecorded) {
			t.Errorf("a field of %d bytes: %v", n, err)
		}
	}
	add(t, l, answer())
	read := 0
	for _, err := range l.Events(t.Context()) {
		if read++; err != nil {
			t.Fatal(err)
		}
	}
	if _, got, err := audit.Prove(t.Context(), l.Files(), 0); err != nil || len(got) == 0 {
		t.Error(err)
	}
	shut(t, l)
	if all := leaves(t, dir); !bytes.Equal(all[r.Index], line(65_535)) || read < 4 {
		t.Error("it is not there")
	}
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
	wellFormed(t, dir)
}

// TestAClockThatStepsWhileTheLogIsOpen: the order is that of the indexes, whatever the
// times say, and the log opens again.
func TestAClockThatStepsWhileTheLogIsOpen(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, &audit.Options{SegmentBytes: 6000, SegmentAge: time.Hour}, nil)
	now := time.Now()
	var runs []string
	for i, step := range []time.Duration{0, -time.Hour, 48 * time.Hour, -365 * 24 * time.Hour, time.Second, 0} {
		for n := range 5 {
			e := answer()
			e.Time, e.Run = now.Add(step), fmt.Sprintf("run-%d-%d", i, n)
			runs = append(runs, e.Run)
			add(t, l, e)
		}
	}
	for range 2 {
		at := 0
		for w, err := range l.Read(t.Context(), audit.Query{System: "crm"}) {
			if err != nil || w.Event.Run != runs[at] {
				t.Fatalf("line %d: %s, want %s, %v", w.Index, w.Event.Run, runs[at], err)
			}
			at++
		}
		if at != len(runs) {
			t.Errorf("%d lines of %d", at, len(runs))
		}
		shut(t, l)
		l = openWith(t, dir, small, nil)
	}
	shut(t, l)
	wellFormed(t, dir)
}

// TestWhatIsRememberedIsWhatTheLineSays: a log that goes on and one that is opened know the
// same of each event.
func TestWhatIsRememberedIsWhatTheLineSays(t *testing.T) {
	l := open(t, create(t))
	rapid.Check(t, func(rt *rapid.T) {
		var e audit.Event
		values(rt, reflect.ValueOf(&e).Elem(), "Event")
		for name, clear := range map[string]func(){
			"decision": func() { e.Decision = "" }, "grant": func() { e.Grant = "" }, "reason": func() { e.Reason = "" },
			"actor": func() { e.Actor = audit.Actor{} }, "outcome": func() { e.Outcome = audit.OutcomeUnknown },
			"interrupted": func() { e.Reason = "interrupted" }, "tenant": func() { e.Tenant = "" },
		} {
			if rapid.Bool().Draw(rt, name) {
				clear()
			}
		}
		if rapid.Bool().Draw(rt, "of the table") {
			e.Action = rapid.SampledFrom([]string{"gate.freeze", "gate.thaw", "gate.open", "gate.admit", "vault.refuse", "run.park", "run.settle", "crm.read"}).Draw(rt, "action")
		}
		if written, read := l.Facts(e); written != read {
			rt.Fatalf("%+v, and its line %+v", written, read)
		}
	})
}
