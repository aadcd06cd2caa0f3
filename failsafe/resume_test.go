package failsafe_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

// crashing is a journal whose process ends at a frame: what is appended from then on is
// never written, and whoever waits for it never hears of it.
type crashing struct {
	failsafe.Journal
	mu   sync.Mutex
	left int // frames that are still written
}

var errCrash = errors.New("crash")

func (c *crashing) Append(ctx context.Context, f failsafe.Frame) error {
	c.mu.Lock()
	c.left--
	crash := c.left < 0
	c.mu.Unlock()
	if crash {
		return errCrash
	}
	return c.Journal.Append(ctx, f)
}

// crashAfter runs a workflow whose process ends after so many frames, and starts the next.
func (o *office) crashAfter(frames int, run func(*failsafe.Runner)) {
	o.t.Helper()
	o.close()
	journal, err := failsafe.OpenJournal(o.t.Context(), o.dir+"/journal")
	if err != nil {
		o.t.Fatal(err)
	}
	o.on(&crashing{Journal: journal, left: frames})
	run(o.runner)
	o.close()
	o.open()
}

// resumed is what Resume yields.
func resumed(t *testing.T, flow *failsafe.Flow[hire]) (all []failsafe.Result[hire], errs []error) {
	t.Helper()
	for result, err := range flow.Resume(t.Context()) {
		all, errs = append(all, result), append(errs, err)
	}
	return all, errs
}

// unattended lets the service go forward for others, or not.
func unattended(yes bool) decide {
	return func(f auth.Facts) auth.Decision {
		if f.Who != nil && f.Self && f.Errand != nil && f.Errand.For != nil && f.Errand.Phase == 1 && !yes {
			return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedUnattended}}}
		}
		return everybody(f)
	}
}

// TestCrashAtEachFrame: wherever its process ends, a run is finished by the next one, or
// undone where policy does not let the service go forward; and nothing that must happen
// once happens twice (pitfall 14).
func TestCrashAtEachFrame(t *testing.T) {
	for _, forward := range []bool{true, false} {
		frames := 0
		for ; frames < 20; frames++ {
			o := newOffice(t)
			o.crashAfter(frames, func(*failsafe.Runner) {
				if _, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{}); err == nil {
					frames = 100
				}
			})
			if frames >= 100 {
				o.close()
				break
			}
			o.policyIs(unattended(forward))
			before := o.called()
			results, errs := resumed(t, o.three())
			left := o.stands()
			switch {
			case len(results) == 0: // it never began
				if before != "" || frames != 0 {
					t.Errorf("%d frames: forgotten after %s", frames, before)
				}
			case forward && (results[0].End != failsafe.Done || left != "dir 1, erp 1, crm 1") && left != "dir 1, erp 2, crm 1" && left != "dir 1, erp 1, crm 2":
				t.Errorf("%d frames: %v, %v, left %q after %s", frames, results[0].End, errs[0], left, o.called())
			case !forward && results[0].End != failsafe.Done && (results[0].End != failsafe.RolledBack || left != ""):
				t.Errorf("%d frames: %v, %v, left %q after %s", frames, results[0].End, errs[0], left, o.called())
			}
			if n := o.times("do dir"); n > 1 {
				t.Errorf("%d frames: once was %d times: %s", frames, n, o.called())
			}
			for range o.runner.Unfinished(t.Context()) {
				t.Errorf("%d frames: unfinished", frames)
			}
			if again, _ := resumed(t, o.three()); len(again) != 0 {
				t.Errorf("%d frames: resumed again", frames)
			}
			o.close()
		}
		if frames < 100 {
			t.Error("it never ends")
		}
	}
}

// TestResultSurvives: who asks again after a crash is told how it ended.
func TestResultSurvives(t *testing.T) {
	o := newOffice(t)
	flow := o.three()
	o.fails("do crm", says("denied"))
	if _, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{}); err == nil {
		t.Fatal("no error")
	}
	if _, err := flow.Run(t.Context(), o.alice(), "hire-2", hire{Name: "Zoë"}); err != nil {
		t.Fatal(err)
	}
	o.close()
	o.open()
	flow = o.three()
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	stopped, ok := errors.AsType[*failsafe.StoppedError](err)
	if !ok || stopped.Cause != "denied" || stopped.Step != "crm" || result.End != failsafe.RolledBack || errors.Unwrap(err) != nil {
		t.Errorf("%+v, %v", result, err)
	}
	result, err = flow.Run(t.Context(), o.alice(), "hire-2", hire{Name: "Zoë"})
	if err != nil || result.End != failsafe.Done || len(result.State.Trail) != 3 {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := flow.Run(t.Context(), o.alice(), "hire-2", hire{}); err != failsafe.ErrConflict {
		t.Error(err)
	}
}

// TestComeBack: whoever began a run that a crash has left goes on with it himself.
func TestComeBack(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(3, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	o.policyIs(unattended(false))
	result, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	if err != nil || result.End != failsafe.Done || o.times("do dir") != 1 {
		t.Errorf("%+v, %v after %s", result, err, o.called())
	}
}

// TestPoison: a run that ends its process again and again waits for a person (pitfall
// 20).
func TestPoison(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(2, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	for n := range 3 {
		o.crashAfter(1, func(*failsafe.Runner) { // the note that it is resumed, and not a frame more
			_, errs := resumed(t, o.three())
			if len(errs) != 1 || errs[0] == nil {
				t.Errorf("%d: %v", n, errs)
			}
		})
	}
	results, errs := resumed(t, o.three())
	stopped, ok := errors.AsType[*failsafe.StoppedError](errs[0])
	if !ok || stopped.Cause != "poison" || results[0].End != failsafe.Parked {
		t.Errorf("%v", errs)
	}
	if again, _ := resumed(t, o.three()); len(again) != 0 {
		t.Error("resumed although it waits for a person")
	}
	result, err := o.three().Retry(t.Context(), o.alice(), "hire-1")
	if err != nil || result.End != failsafe.Done || o.times("do dir") > 1 {
		t.Errorf("%+v, %v after %s", result, err, o.called())
	}
}

// TestPoisonIsOfOneStep: a person who has looked at it, and a step that was taken, begin
// to count anew.
func TestPoisonIsOfOneStep(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(2, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	for range 3 {
		o.crashAfter(1, func(*failsafe.Runner) { resumed(t, o.three()) })
	}
	if _, errs := resumed(t, o.three()); len(errs) != 1 {
		t.Errorf("%v", errs)
	}
	o.crashAfter(1, func(*failsafe.Runner) { _, _ = o.three().Retry(t.Context(), o.alice(), "hire-1") })
	for range 2 {
		o.crashAfter(1, func(*failsafe.Runner) { resumed(t, o.three()) })
	}
	o.crashAfter(4, func(*failsafe.Runner) { resumed(t, o.three()) }) // dir was not there, and is now
	o.crashAfter(1, func(*failsafe.Runner) { resumed(t, o.three()) })
	results, errs := resumed(t, o.three())
	if len(results) != 1 || errs[0] != nil || results[0].End != failsafe.Done || o.times("do dir") != 1 {
		t.Errorf("%v, %v after %s", results, errs, o.called())
	}
}

// TestParkedSurvives: who is waited for is still waited for after a crash, is told of, and
// may settle it.
func TestParkedSurvives(t *testing.T) {
	for name, c := range map[string]struct {
		happened bool
		end      failsafe.End
		calls    string
	}{
		"it has happened":     {true, failsafe.Done, "do dir, do erp, do crm"},
		"it has not happened": {false, failsafe.Done, "do dir, do erp, do erp, do crm"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			build := func() *failsafe.Flow[hire] {
				return o.compile(o.step("dir", "add", failsafe.Limits{}), o.step("erp", "put", failsafe.Limits{}), o.step("crm", "set", failsafe.Limits{}))
			}
			o.fails("do erp", says("unknown"))
			if _, err := build().Run(t.Context(), o.alice(), "hire-1", hire{}); err == nil {
				t.Fatal("no error")
			}
			o.close()
			o.open()
			flow := build()
			if results, _ := resumed(t, flow); len(results) != 0 {
				t.Errorf("resumed: %v", results)
			}
			if _, err := flow.Retry(t.Context(), o.alice(), "hire-1"); err == nil { // which is no answer
				t.Error("retried what is unknown")
			}
			if got := o.called(); got != "do dir, do erp" {
				t.Errorf("called %s", got)
			}
			o.policyIs(func(f auth.Facts) auth.Decision {
				if f.Operation.Name == "self.run.resume" {
					return auth.Decision{Rule: "not-you"}
				}
				return everybody(f)
			})
			if _, err := flow.Settle(t.Context(), o.alice(), "hire-1", c.happened); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("settled by whom nobody permits: %v", err)
			}
			o.policyIs(everybody)
			result, err := flow.Settle(t.Context(), o.alice(), "hire-1", c.happened)
			if err != nil || result.End != c.end || o.called() != c.calls {
				t.Errorf("%+v, %v after %s", result, err, o.called())
			}
			if _, err := flow.Settle(t.Context(), o.alice(), "hire-1", true); err != failsafe.ErrConflict {
				t.Errorf("settled twice: %v", err)
			}
			var said []string
			for e, err := range o.log.Events(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Action == "run.settle" || e.Action == "run.retry" {
					said = append(said, strings.Join([]string{e.Action, e.Run, e.Step, e.Reason}, " "))
					if e.Actor != (audit.Actor{Issuer: alice.Issuer, Subject: o.log.Pseudonym(audit.Actor{Issuer: alice.Issuer, Subject: alice.Subject})}) {
						t.Errorf("the log does not tell who said so: %+v", e.Actor)
					}
				}
			}
			answer := map[bool]string{true: "happened", false: "not-happened"}[c.happened]
			if want := []string{"run.retry hire-1 erp ", "run.settle hire-1 erp " + answer}; !slices.Equal(said, want) {
				t.Errorf("the log tells %q, want %q", said, want)
			}
		})
	}
}

// frames is a journal in memory, for those who change what is in it.
type frames struct {
	mu  sync.Mutex
	all []failsafe.Frame
}

func (j *frames) Append(_ context.Context, f failsafe.Frame) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, f)
	return nil
}

func (j *frames) Frames(context.Context) iter.Seq2[failsafe.Frame, error] {
	return func(yield func(failsafe.Frame, error) bool) {
		j.mu.Lock()
		all := append([]failsafe.Frame(nil), j.all...)
		j.mu.Unlock()
		for _, f := range all {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (*frames) Close(context.Context) error { return nil }

// TestForgedJournal: what somebody has changed, left out, moved or made is not run
// (attack 5).
func TestForgedJournal(t *testing.T) {
	o := newOffice(t)
	o.close()
	j := &frames{}
	o.on(j)
	build := func() *failsafe.Flow[hire] {
		return o.compile(o.step("dir", "add", failsafe.Limits{}), o.step("erp", "put", failsafe.Limits{}))
	}
	o.fails("do erp", says("unknown"), says("unknown"))
	for _, id := range []string{"hire-1", "hire-2"} {
		_, _ = build().Run(t.Context(), o.alice(), id, hire{Name: id})
	}
	o.close()
	whole := j.all
	try := func(all []failsafe.Frame) error {
		runner, err := failsafe.New(t.Context(), o.gate, &frames{all: all}, o.source(), o.options())
		if err == nil {
			_ = runner.Close(t.Context())
		}
		return err
	}
	if err := try(whole); err != nil {
		t.Fatal(err)
	}
	of := func(run string) (all []int) {
		for i, f := range whole {
			if f.Run == run {
				all = append(all, i)
			}
		}
		return all
	}
	changed := func(change func(all []failsafe.Frame) []failsafe.Frame) []failsafe.Frame {
		all := append([]failsafe.Frame(nil), whole...)
		for i := range all {
			all[i].Sealed = append([]byte(nil), all[i].Sealed...)
		}
		return change(all)
	}
	first := of("hire-1")
	for name, all := range map[string][]failsafe.Frame{
		"a bit": changed(func(all []failsafe.Frame) []failsafe.Frame { all[1].Sealed[20] ^= 1; return all }),
		"left out": changed(func(all []failsafe.Frame) []failsafe.Frame {
			return append(all[:first[1]:first[1]], all[first[1]+1:]...)
		}),
		"the other way round": changed(func(all []failsafe.Frame) []failsafe.Frame {
			all[first[1]], all[first[2]] = all[first[2]], all[first[1]]
			return all
		}),
		"twice": changed(func(all []failsafe.Frame) []failsafe.Frame { return append(all, all[len(all)-1]) }),
		"another run's": changed(func(all []failsafe.Frame) []failsafe.Frame {
			all[first[1]].Sealed = all[of("hire-2")[1]].Sealed
			return all
		}),
		"under another run's name":   changed(func(all []failsafe.Frame) []failsafe.Frame { all[0].Run = "hire-9"; return all[:1] }),
		"called the last":            changed(func(all []failsafe.Frame) []failsafe.Frame { all[0].Last = true; return all[:1] }),
		"without its beginning":      changed(func(all []failsafe.Frame) []failsafe.Frame { return all[first[1]:] }),
		"made without the key":       {{Run: "hire-3", Sequence: 1, Sealed: []byte(strings.Repeat("x", 64))}},
		"an order without the key":   {{Run: "_control", Sequence: 1, Sealed: []byte(strings.Repeat("x", 64))}},
		"an order of a run's frames": changed(func(all []failsafe.Frame) []failsafe.Frame { all[0].Run = "_control"; return all[:1] }),
	} {
		if err := try(all); !errors.Is(err, failsafe.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := map[string]auth.Secret{"key": auth.NewSecret([]byte(strings.Repeat("x", 32)))}
	if _, err := failsafe.New(t.Context(), o.gate, j, keyed{other}, o.options()); !errors.Is(err, failsafe.ErrDamaged) {
		t.Errorf("with another key: %v", err)
	}
	other["previous"] = o.key["key"]
	runner, err := failsafe.New(t.Context(), o.gate, j, keyed{other}, o.options())
	if err != nil {
		t.Errorf("with the key that it had before: %v", err)
	} else {
		_ = runner.Close(t.Context())
	}
}

// TestJournalOfYesterday: a run that has ended does not live again when an older journal
// is put in place, and one that no log has witnessed does not begin.
func TestJournalOfYesterday(t *testing.T) {
	o := newOffice(t)
	o.close()
	j := &frames{}
	o.on(j)
	if _, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{}); err != nil {
		t.Fatal(err)
	}
	o.close()
	for n := 1; n < len(j.all); n++ {
		o.on(&frames{all: j.all[:n]})
		results, errs := resumed(t, o.three())
		if n == len(j.all)-1 { // only the last frame is missing: its process ended there
			if len(results) != 1 || errs[0] != nil || results[0].End != failsafe.Done {
				t.Errorf("%d frames: %v, %v", n, results, errs)
			}
		} else if stopped, ok := errors.AsType[*failsafe.StoppedError](errors.Join(errs...)); !ok || stopped.Cause != "foreign" {
			t.Errorf("%d frames: %v", n, errs)
		} else if _, err := o.three().Retry(t.Context(), o.alice(), "hire-1"); err != failsafe.ErrConflict {
			t.Errorf("%d frames: retried, %v", n, err)
		} else if _, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{}); err != failsafe.ErrConflict {
			t.Errorf("%d frames: %v", n, err)
		}
		for p := range o.runner.Unfinished(t.Context()) {
			if p.Parked != "foreign" {
				t.Errorf("%d frames: unfinished %+v", n, p)
			}
		}
		o.close()
	}
	if got := o.called(); got != "do dir, do erp, do crm" {
		t.Errorf("called %s", got)
	}
	elsewhere := newOffice(t) // with the same key, and another log
	elsewhere.close()
	elsewhere.on(&frames{all: j.all[:3]})
	_, errs := resumed(t, elsewhere.three())
	if stopped, ok := errors.AsType[*failsafe.StoppedError](errors.Join(errs...)); !ok || stopped.Cause != "foreign" || elsewhere.called() != "" {
		t.Errorf("in another log: %v", errs)
	}
}

// TestJournalOfBefore: a run that the journal has lost does not begin again, and one that
// has lost its last attempts does not go on from there.
func TestJournalOfBefore(t *testing.T) {
	o := newOffice(t)
	o.close()
	j := &frames{}
	o.on(j)
	dir := o.step("dir", "put", failsafe.Limits{})
	do := dir.Do
	dir.Do = func(ctx context.Context, x failsafe.Crossing, h *hire) error {
		sent := x.Grant.Event("dir.entry.put") // as a broker records it
		sent.Use, sent.Outcome = 1, audit.OutcomeSuccess
		_, err := o.log.Append(ctx, sent)
		return errors.Join(err, do(ctx, x, h))
	}
	build := func() *failsafe.Flow[hire] { return o.compile(dir, o.step("erp", "put", failsafe.Limits{})) }
	o.fails("do erp", says("unknown"))
	if _, err := build().Run(t.Context(), o.alice(), "hire-1", hire{}); err == nil {
		t.Fatal("not parked")
	}
	o.close()
	for n := range 2 {
		o.on(&frames{all: j.all[:n]})
		results, errs := resumed(t, build())
		if stopped, ok := errors.AsType[*failsafe.StoppedError](errors.Join(errs...)); len(results) != n || n == 1 && (!ok || stopped.Cause != "foreign") {
			t.Errorf("%d frames: %v, %v", n, results, errs)
		}
		for range 2 {
			if _, err := build().Run(t.Context(), o.alice(), "hire-1", hire{}); err != failsafe.ErrConflict {
				t.Errorf("%d frames: %v", n, err)
			}
		}
		if _, err := build().Settle(t.Context(), o.alice(), "hire-1", true); err != failsafe.ErrConflict {
			t.Errorf("%d frames: settled, %v", n, err)
		}
		o.close()
	}
	if got := o.called(); got != "do dir, do erp" {
		t.Errorf("called %s", got)
	}
	o.on(j)
	if _, err := build().Settle(t.Context(), o.alice(), "hire-1", true); err != nil {
		t.Errorf("the journal that it is: %v", err)
	}
}

// TestCrashBehindTheEnd: a run of which the log knows the end, and the journal not yet, is
// still that run when it was resumed in between.
func TestCrashBehindTheEnd(t *testing.T) {
	o := newOffice(t)
	o.close()
	j := &crashing{Journal: openJournal(t, t.TempDir()), left: 100}
	o.on(j)
	if _, err := o.three().Run(t.Context(), o.alice(), "hire-0", hire{}); err != nil {
		t.Fatal(err)
	}
	frames := 100 - j.left
	o.crashAfter(frames-1, func(*failsafe.Runner) {
		if _, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{}); !errors.Is(err, failsafe.ErrJournal) {
			t.Error(err)
		}
	})
	flow := o.three()
	if err := o.gate.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, errs := resumed(t, flow); len(errs) != 1 || !errors.Is(errs[0], failsafe.ErrStopped) { // and a frame more
		t.Errorf("%v", errs)
	}
	o.close()
	o.open()
	for p := range o.runner.Unfinished(t.Context()) {
		if p.Run != "hire-1" || p.Parked != "" {
			t.Errorf("%+v", p)
		}
	}
}

// TestCodeChanged: another version does not finish what it did not begin, unless it says
// that it may (pitfall 19).
func TestCodeChanged(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(3, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	version := func(v string, continues ...string) *failsafe.Flow[hire] {
		f, err := failsafe.Compile(o.runner, failsafe.Workflow[hire]{Name: "new-hire", Version: v, Continues: continues, Steps: []failsafe.Step[hire]{
			o.step("dir", "add", failsafe.Limits{}), o.step("erp", "set", failsafe.Limits{}), o.step("crm", "set", failsafe.Limits{}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	before := o.called()
	_, errs := resumed(t, version("2"))
	if stopped, ok := errors.AsType[*failsafe.StoppedError](errors.Join(errs...)); !ok || stopped.Cause != "changed" || o.called() != before {
		t.Errorf("%v", errs)
	}
	if _, err := version("2").Run(t.Context(), o.alice(), "hire-1", hire{}); err != failsafe.ErrConflict {
		t.Errorf("%v", err)
	}
	results, errs := resumed(t, version("2", "1"))
	if len(results) != 1 || errs[0] != nil || results[0].End != failsafe.Done {
		t.Errorf("%v, %v", results, errs)
	}
}

// TestJournalThatFails: what cannot be remembered does not begin, and a run that cannot
// go on here is not called done (pitfall 17).
func TestJournalThatFails(t *testing.T) {
	for n := range 5 {
		o := newOffice(t)
		o.close()
		j := &crashing{Journal: &frames{}, left: n}
		o.on(j)
		result, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
		if err == nil || result.End == failsafe.Done {
			t.Errorf("%d frames: %+v, %v", n, result, err)
		}
		if n == 0 && !errors.Is(err, errCrash) || n > 0 && !errors.Is(err, failsafe.ErrJournal) {
			t.Errorf("%d frames: %v", n, err)
		}
		if calls := len(strings.Split(o.called(), ", ")); n > 0 && n < 4 && calls > n-1 && o.called() != "" {
			t.Errorf("%d frames, and %s", n, o.called())
		}
	}
}

// TestJournalThatFailsAnywhere: whatever was to come of a run, one that the journal does
// not take is not called ended, and the next process brings it to its end.
func TestJournalThatFailsAnywhere(t *testing.T) {
	for name, c := range map[string]struct {
		undo error
		end  failsafe.End
		left string
	}{
		"rolled back": {nil, failsafe.RolledBack, ""},
		"parked":      {says("denied"), failsafe.Parked, "dir 1"},
	} {
		for n := 1; ; n++ {
			o := newOffice(t)
			o.fails("do erp", says("denied"), says("denied"), says("denied"))
			o.fails("undo dir", c.undo, c.undo, c.undo)
			failed := true
			o.crashAfter(n, func(*failsafe.Runner) {
				result, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
				failed = errors.Is(err, failsafe.ErrJournal)
				if failed && result.End != failsafe.Parked || !failed && result.End != c.end {
					t.Errorf("%s, %d frames: %+v, %v", name, n, result, err)
				}
			})
			for range 2 {
				resumed(t, o.three())
			}
			pending := 0
			for range o.runner.Unfinished(t.Context()) {
				pending++
			}
			if parked := c.end == failsafe.Parked; o.stands() != c.left || parked != (pending == 1) {
				t.Errorf("%s, %d frames: %d pending, left %q after %s", name, n, pending, o.stands(), o.called())
			}
			if got := o.alerts.reasons(); len(got) == 0 {
				t.Errorf("%s, %d frames: nobody was told", name, n)
			}
			o.close()
			if !failed {
				break
			}
			if n > 20 {
				t.Fatal("it never ends")
			}
		}
	}
}

// TestLists: the oldest first, and no longer than somebody reads.
func TestLists(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(3, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-2", hire{})
	})
	o.crashAfter(3, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	var all []string
	for p := range o.runner.Unfinished(t.Context()) {
		all = append(all, p.Run)
	}
	if strings.Join(all, " ") != "hire-2 hire-1" {
		t.Errorf("unfinished %q", all)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for p, err := range o.runner.Unfinished(ended) {
		if p.Run != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", p, err)
		}
	}
	for range o.runner.Unfinished(t.Context()) {
		break
	}
	before := o.called()
	for result, err := range o.three().Resume(ended) {
		if result.Run != "" || !errors.Is(err, context.Canceled) || o.called() != before {
			t.Errorf("%+v, %v after %s", result, err, o.called())
		}
	}
	for result, err := range o.three().Resume(t.Context()) {
		if result.Run != "hire-2" || err != nil {
			t.Errorf("%+v, %v", result, err)
		}
		break
	}
	all = nil
	for p := range o.runner.Unfinished(t.Context()) {
		all = append(all, p.Run)
	}
	if strings.Join(all, " ") != "hire-1" {
		t.Errorf("unfinished %q", all)
	}
}

// TestListsWhileRunsBegin: what is only being asked for, and may never begin, is nobody's
// to see, and nobody who lists or resumes stumbles over it.
func TestListsWhileRunsBegin(t *testing.T) {
	o := newOffice(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.Errand == nil || f.Operation.Name != "dir.entry.add" {
			return everybody(f)
		}
		o.mu.Unlock()
		defer o.mu.Lock()
		asked <- struct{}{}
		<-answer
		return auth.Decision{Rule: "not-you"}
	})
	flow, alice := o.three(), o.alice()
	done := make(chan error)
	go func() {
		_, err := flow.Run(t.Context(), alice, "hire-1", hire{})
		done <- err
	}()
	<-asked
	for p := range o.runner.Unfinished(t.Context()) {
		t.Errorf("%+v", p)
	}
	answer <- struct{}{}
	if err := <-done; !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	o.policyIs(everybody)
	go func() {
		defer close(done)
		for i := range 20 {
			_, _ = flow.Run(t.Context(), alice, fmt.Sprintf("hire-%d", i+2), hire{})
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
		}
		for range o.runner.Unfinished(t.Context()) {
		}
		for result, err := range flow.Resume(t.Context()) {
			t.Errorf("%+v, %v", result, err)
		}
	}
}

// TestNothingReadable: neither the journal nor an error or an alert holds what a run is
// about (pitfall 21).
func TestNothingReadable(t *testing.T) {
	o := newOffice(t)
	o.fails("do crm", errors.New(canary))
	_, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{Name: canary, Note: canary})
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("%v", err)
	}
	o.close()
	raw, err := os.ReadFile(o.dir + "/journal/frames")
	if err != nil || len(raw) < 1000 || strings.Contains(string(raw), canary) || strings.Contains(string(raw), "alice") || strings.Contains(string(raw), "crm") {
		t.Errorf("the journal of %d bytes can be read: %v", len(raw), err)
	}
	for _, a := range o.alerts.reasons() {
		if strings.Contains(a, canary) {
			t.Error(a)
		}
	}
}

// TestFreeze stops everything, the way back too, and leaves the run as it was (pitfall
// 25); once it is lifted, the run goes on.
func TestFreeze(t *testing.T) {
	o := newOffice(t)
	frozen := o.step("erp", "set", failsafe.Limits{})
	frozen.Do = func(ctx context.Context, x failsafe.Crossing, _ *hire) error {
		_ = o.enter("do erp")
		_ = o.gate.Freeze(ctx)
		return x.Grant.Live()
	}
	flow := o.compile(o.step("dir", "add", failsafe.Limits{}), frozen, o.step("crm", "set", failsafe.Limits{}))
	result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	if !errors.Is(err, failsafe.ErrStopped) || result.End != failsafe.Parked || o.called() != "do dir, do erp" || o.stands() != "dir 1" {
		t.Errorf("%+v, %v after %s", result, err, o.called())
	}
	pending := 0
	for p, err := range o.runner.Unfinished(t.Context()) {
		if pending++; err != nil || p.Run != "hire-1" || p.Parked != "" || p.Step != "erp" || p.Workflow != "new-hire" || p.Version != "1" || time.Since(p.Since) > time.Minute {
			t.Errorf("%+v, %v", p, err)
		}
	}
	if pending != 1 {
		t.Errorf("%d unfinished", pending)
	}
	if err := o.gate.Thaw(t.Context(), o.alice()); err != nil {
		t.Fatal(err)
	}
	results, errs := resumed(t, o.three())
	if len(results) != 1 || errs[0] != nil || o.stands() != "dir 1, erp 1, crm 1" || o.times("do dir") != 1 {
		t.Errorf("lifted: %v, %v, left %s after %s", results, errs, o.stands(), o.called())
	}
}

// TestFreezeWakes: a freeze ends what a step waits for, the wait between attempts and a
// pause.
func TestFreezeWakes(t *testing.T) {
	for name, wait := range map[string]func(o *office, s *failsafe.Step[hire]){
		"between attempts": func(o *office, s *failsafe.Step[hire]) {
			o.fails("do dir", says("transient"))
			*s = waiting(*s)
		},
		"in a pause": func(o *office, _ *failsafe.Step[hire]) { _ = o.runner.Pause(t.Context(), o.alice()) },
		"in a step": func(o *office, s *failsafe.Step[hire]) {
			s.Do = func(ctx context.Context, _ failsafe.Crossing, _ *hire) error {
				<-ctx.Done()
				return ctx.Err()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			s := o.step("dir", "set", failsafe.Limits{Total: time.Hour, Attempt: time.Hour})
			wait(o, &s)
			flow, alice := o.compile(s), o.alice()
			time.AfterFunc(200*time.Millisecond, func() { _ = o.gate.Freeze(context.Background()) })
			began := time.Now()
			if result, err := flow.Run(t.Context(), alice, "hire-1", hire{}); !errors.Is(err, failsafe.ErrStopped) || result.End != failsafe.Parked {
				t.Errorf("%+v, %v", result, err)
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// TestBegunAndNotWitnessed: a run whose process ended before the log knew of it has not
// begun, and may begin under the same id; its frames go on from there.
func TestBegunAndNotWitnessed(t *testing.T) {
	first := newOffice(t)
	first.close()
	j := &frames{}
	first.on(j)
	if _, err := first.three().Run(t.Context(), first.alice(), "hire-1", hire{}); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t) // another log, with the same key
	o.close()
	begun := &frames{all: j.all[:1]}
	for _, name := range []string{"Zoë", "Zoë"} {
		o.on(begun)
		for p := range o.runner.Unfinished(t.Context()) {
			t.Errorf("unfinished: %+v", p)
		}
		if _, errs := resumed(t, o.three()); len(errs) != 0 {
			t.Errorf("resumed: %v", errs)
		}
		result, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{Name: name})
		if err != nil || result.State.Name != name {
			t.Errorf("%+v, %v", result, err)
		}
		o.close()
	}
	if o.called() != "do dir, do erp, do crm" {
		t.Errorf("called %s", o.called())
	}
}
