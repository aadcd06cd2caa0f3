package failsafe_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

func (o *office) lease() *auth.Lease { return auth.NewLease("l-1", o.key, nil) }

// journal is what is committed in the office's journal.
func (o *office) journal() iter.Seq2[failsafe.Frame, error] {
	return failsafe.ReadJournal(o.t.Context(), o.dir+"/journal")
}

// listed is what Inspect yields, a line each.
func listed(journal iter.Seq2[failsafe.Frame, error], key *auth.Lease, tenant string) (all []string, errs []error) {
	for p, err := range failsafe.Inspect(journal, key, tenant) {
		all, errs = append(all, strings.TrimSpace(fmt.Sprint(p.Run, " ", p.Workflow, " ", p.Version, " ", p.Parked, " ", p.Step))), append(errs, err)
	}
	return all, errs
}

// marks are what Trail yields, a line each, without times.
func marks(t *testing.T, journal iter.Seq2[failsafe.Frame, error], key *auth.Lease, run string) (all []string, err error) {
	t.Helper()
	for m, e := range failsafe.Trail(journal, key, "acme", run) {
		if e != nil {
			err = e
			continue
		}
		if !m.At.IsZero() && time.Since(m.At).Abs() > time.Hour {
			t.Errorf("%s at %v", m.What, m.At)
		}
		line := m.What
		for _, part := range []string{m.Step, m.Phase, m.Why} {
			if part != "" {
				line += " " + part
			}
		}
		if m.Attempt > 0 {
			line += fmt.Sprint(" ", m.Attempt)
		}
		all = append(all, line)
	}
	return all, err
}

// fourRuns is an office with a run that is done, one that is rolled back, one that is
// parked and one under way, whose release lets it end.
func fourRuns(t *testing.T) (o *office, release func()) {
	t.Helper()
	o = newOffice(t)
	under, let, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow := o.step("crm", "set", failsafe.Limits{})
	do := slow.Do
	slow.Do = func(ctx context.Context, x failsafe.Crossing, h *hire) error {
		if h.Name == "slow" {
			close(under)
			<-let
		}
		return do(ctx, x, h)
	}
	flow := o.compile(o.step("erp", "put", failsafe.Limits{}), slow)
	o.fails("do erp", nil, nil, says("denied"), maybe{"unknown"})
	run := func(id, name string) { _, _ = flow.Run(t.Context(), o.alice(), id, hire{Name: name, Note: canary}) }
	run("hire-1", "")
	go func() { run("hire-2", "slow"); close(ended) }()
	<-under
	run("hire-3", "")
	run("hire-4", "")
	return o, func() { close(let); <-ended }
}

// TestInspectWhileTheServiceRuns: no lock, no gate, and nothing is changed.
func TestInspectWhileTheServiceRuns(t *testing.T) {
	o, release := fourRuns(t)
	before, err := os.ReadFile(o.dir + "/journal/frames")
	if err != nil {
		t.Fatal(err)
	}
	got, errs := listed(o.journal(), o.lease(), "acme")
	if want := []string{"hire-2 new-hire 1  crm", "hire-4 new-hire 1 unknown erp"}; !slices.Equal(got, want) || errors.Join(errs...) != nil {
		t.Errorf("got %q, %v, want %q", got, errs, want)
	}
	if after, err := os.ReadFile(o.dir + "/journal/frames"); err != nil || string(after) != string(before) {
		t.Errorf("it was changed: %v", err)
	}
	release()
	if got, _ := listed(o.journal(), o.lease(), "acme"); len(got) != 1 {
		t.Errorf("afterwards %q", got)
	}
	// An order of a person is no run, and a key that was changed opens what it sealed.
	if err := o.runner.Pause(t.Context(), o.alice()); err != nil {
		t.Fatal(err)
	}
	renewed := auth.NewLease("l-2", map[string]auth.Secret{"key": auth.NewSecret([]byte(strings.Repeat("n", 32))), "previous": o.key["key"]}, nil)
	if got, errs := listed(o.journal(), renewed, "acme"); len(got) != 1 || errs[0] != nil {
		t.Errorf("with a new key %q, %v", got, errs)
	}
}

// TestTrailOfARun: what happened, without the state.
func TestTrailOfARun(t *testing.T) {
	o, release := fourRuns(t)
	release()
	for run, want := range map[string][]string{
		"hire-1": {"begun new-hire 1", "tried erp do 1", "worked erp do", "tried crm do 1", "worked crm do", "done"},
		"hire-3": {"begun new-hire 1", "tried erp do 1", "failed erp do denied", "alert erp rolled-back.denied", "delivered", "rolled back erp denied"},
		"hire-4": {"begun new-hire 1", "tried erp do 1", "failed erp do unknown", "alert erp unknown", "delivered"},
		"hire-5": nil,
	} {
		if got, err := marks(t, o.journal(), o.lease(), run); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s: %v\ngot  %q\nwant %q", run, err, got, want)
		}
	}
	for m, err := range failsafe.Trail(o.journal(), o.lease(), "acme", "hire-4") {
		if text := fmt.Sprintf("%+v", m); strings.Contains(text, canary) || err != nil {
			t.Errorf("%s, %v", text, err)
		}
		break
	}
}

// TestTrailOfPersons: what they were asked, and what they said, and that it was resumed.
func TestTrailOfPersons(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(2, func(*failsafe.Runner) {
		_, _ = o.compile(o.step("erp", "add", failsafe.Limits{})).Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	flow := o.compile(o.step("erp", "add", failsafe.Limits{}))
	o.fails("ask erp", says("denied"))
	resumed(t, flow)
	if _, err := flow.Settle(t.Context(), o.alice(), "hire-1", true); err != nil {
		t.Fatal(err)
	}
	got, err := marks(t, o.journal(), o.lease(), "hire-1")
	want := []string{
		"begun new-hire 1", "tried erp do 1", "again", "failed erp do unknown", "tried erp ask 1", "failed erp ask denied", "alert erp unknown", "delivered",
		"told yes erp", "done",
	}
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
}

// TestDamageIsFound, and told of the run that it is in.
func TestDamageIsFound(t *testing.T) {
	o, release := fourRuns(t)
	release()
	var frames []failsafe.Frame
	for f, err := range o.journal() {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
	of := func(run string, n int) int {
		for i, f := range frames {
			if f.Run == run && int(f.Sequence) == n {
				return i
			}
		}
		t.Fatalf("no frame %d of %s", n, run)
		return 0
	}
	for name, change := range map[string]func(all []failsafe.Frame) []failsafe.Frame{
		"a bit": func(all []failsafe.Frame) []failsafe.Frame {
			f := &all[of("hire-4", 2)]
			f.Sealed = append([]byte(nil), f.Sealed...)
			f.Sealed[9] ^= 1
			return all
		},
		"left out": func(all []failsafe.Frame) []failsafe.Frame { i := of("hire-4", 2); return slices.Delete(all, i, i+1) },
		"of another run": func(all []failsafe.Frame) []failsafe.Frame {
			f := all[of("hire-1", 2)]
			f.Run = "hire-4"
			all[of("hire-4", 2)] = f
			return all
		},
	} {
		t.Run(name, func(t *testing.T) {
			forged := change(slices.Clone(frames))
			journal := func(yield func(failsafe.Frame, error) bool) {
				for _, f := range forged {
					if !yield(f, nil) {
						return
					}
				}
			}
			got, errs := listed(journal, o.lease(), "acme")
			if !slices.Equal(got, []string{"hire-4"}) || errs[0] != failsafe.ErrDamaged {
				t.Errorf("%q, %v", got, errs)
			}
			if got, err := marks(t, journal, o.lease(), "hire-4"); err != failsafe.ErrDamaged || !slices.Equal(got, []string{"begun new-hire 1"}) {
				t.Errorf("trail %q, %v", got, err)
			}
			if _, err := marks(t, journal, o.lease(), "hire-1"); err != nil {
				t.Errorf("of another run: %v", err)
			}
			for range failsafe.Inspect(journal, o.lease(), "acme") {
				break
			}
		})
	}
	t.Run("behind the end", func(t *testing.T) {
		journal := func(yield func(failsafe.Frame, error) bool) {
			for _, f := range append(slices.Clone(frames), frames[of("hire-1", 1)]) {
				if !yield(f, nil) {
					return
				}
			}
		}
		if got, errs := listed(journal, o.lease(), "acme"); len(got) != 2 || got[1] != "hire-1" || errs[1] != failsafe.ErrDamaged {
			t.Errorf("%q, %v", got, errs)
		}
		for range failsafe.Inspect(journal, o.lease(), "acme") {
			break
		}
	})
}

// TestAnotherKeyOpensNothing, and is told apart from damage to a run.
func TestAnotherKeyOpensNothing(t *testing.T) {
	o, release := fourRuns(t)
	release()
	other := auth.NewLease("l-3", map[string]auth.Secret{"key": auth.NewSecret([]byte(strings.Repeat("o", 32)))}, nil)
	short := auth.NewLease("l-4", map[string]auth.Secret{"key": auth.NewSecret([]byte("short"))}, nil)
	old := auth.NewLease("l-5", map[string]auth.Secret{"key": o.key["key"], "previous": auth.NewSecret([]byte("short"))}, nil)
	for name, c := range map[string]struct {
		key    *auth.Lease
		tenant string
		want   error
	}{
		"another key":    {other, "acme", failsafe.ErrDamaged},
		"another tenant": {o.lease(), "emca", failsafe.ErrDamaged},
		"a short key":    {short, "acme", nil},
		"a short old":    {old, "acme", nil},
		"no key":         {auth.NewLease("l-6", nil, nil), "acme", auth.ErrUndeclared},
		"no lease":       {nil, "acme", auth.ErrExpired},
	} {
		got, errs := listed(o.journal(), c.key, c.tenant)
		if len(got) != 1 || got[0] != "" || errs[0] == nil || c.want != nil && !errors.Is(errs[0], c.want) {
			t.Errorf("%s: %q, %v", name, got, errs)
		}
		if name == "another key" && !strings.Contains(errs[0].Error(), "its key or tenant is another") {
			t.Errorf("%s: %v", name, errs[0])
		}
	}
	if got, err := marks(t, o.journal(), other, "hire-4"); len(got) != 0 || !errors.Is(err, failsafe.ErrDamaged) {
		t.Errorf("trail %q, %v", got, err)
	}
}

func TestReadJournal(t *testing.T) {
	o, release := fourRuns(t)
	release()
	for range o.journal() {
		break
	}
	o.close()
	for f, err := range o.journal() { // closed too
		if err != nil || f.Run == "" || f.Sequence == 0 {
			t.Errorf("%+v, %v", f, err)
		}
	}
	file := o.dir + "/journal/frames"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	other := t.TempDir()
	for name, c := range map[string]struct {
		ctx  context.Context
		dir  string
		put  string
		want error
	}{
		"none":            {t.Context(), t.TempDir(), "", failsafe.ErrJournal},
		"damaged":         {t.Context(), other, string(text[:100]) + "x" + string(text[101:]), failsafe.ErrDamaged},
		"another version": {t.Context(), other, strings.Replace(string(text), "journal 1", "journal 2", 1), failsafe.ErrDamaged},
		"whoever leaves":  {gone, o.dir + "/journal", "", context.Canceled},
	} {
		if c.put != "" {
			if err := os.WriteFile(c.dir+"/frames", []byte(c.put), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for _, err := range failsafe.ReadJournal(c.ctx, c.dir) {
			if n++; !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d times", name, n)
		}
		if got, errs := listed(failsafe.ReadJournal(c.ctx, c.dir), o.lease(), "acme"); len(got) != 1 || !errors.Is(errs[0], c.want) {
			t.Errorf("%s: %q, %v", name, got, errs)
		}
	}
}

// TestRunsThatEndedLongAgo: of them the journal keeps the end alone.
func TestRunsThatEndedLongAgo(t *testing.T) {
	o, release := fourRuns(t)
	release()
	short := func(yield func(failsafe.Frame, error) bool) {
		for f := range o.journal() {
			if (f.Run != "hire-1" || f.Last) && !yield(f, nil) {
				return
			}
		}
	}
	if got, err := marks(t, short, o.lease(), "hire-1"); !slices.Equal(got, []string{"done"}) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
