package failsafe_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

// holding is a step that waits until it is let go.
func (o *office) holding(name string, entered chan<- struct{}, release <-chan struct{}) failsafe.Step[hire] {
	s := o.step(name, "set", failsafe.Limits{})
	do := s.Do
	s.Do = func(ctx context.Context, x failsafe.Crossing, h *hire) error {
		if entered != nil {
			entered <- struct{}{}
		}
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
		return do(ctx, x, h)
	}
	return s
}

// TestHalt rolls back what is under way, and wakes whoever waits for another attempt
// (pitfalls 11 and 25).
func TestHalt(t *testing.T) {
	o := newOffice(t)
	flow := o.three()
	o.fails("do crm", says("transient"))
	waits := make(chan struct{})
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.Errand != nil && f.Operation.Name == "crm.entry.set" && f.Errand.Attempt == 1 && o.there["erp"] > 0 {
			select {
			case <-waits:
			default:
				close(waits)
			}
		}
		return everybody(f)
	})
	slow := o.compile(o.step("dir", "add", failsafe.Limits{}), o.step("erp", "set", failsafe.Limits{}), waiting(o.step("crm", "set", failsafe.Limits{Total: time.Hour})))
	_ = flow
	done := make(chan struct{})
	var result failsafe.Result[hire]
	var err error
	go func() {
		defer close(done)
		result, err = slow.Run(t.Context(), o.alice(), "hire-1", hire{})
	}()
	<-waits
	time.Sleep(50 * time.Millisecond) // it is in the wait of an hour now
	began := time.Now()
	if err := o.runner.Halt(t.Context(), o.alice(), "hire-1"); err != nil {
		t.Fatal(err)
	}
	<-done
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	o.ended(result, err, failsafe.RolledBack, "crm", "halted", "do dir, do erp, do crm, undo erp, undo dir, ask dir", "")
}

// waiting asks for half an hour before it is tried again.
func waiting(s failsafe.Step[hire]) failsafe.Step[hire] {
	do := s.Do
	s.Do = func(ctx context.Context, x failsafe.Crossing, h *hire) error {
		if err := do(ctx, x, h); err != nil {
			return errors.Join(err, later{})
		}
		return nil
	}
	return s
}

type later struct{}

func (later) Error() string               { return "later" }
func (later) FailureClass() string        { return "throttled" }
func (later) FailureDelay() time.Duration { return 30 * time.Minute }

// TestHaltOfWhatIsUnderWay cancels the attempt, and what it did is undone.
func TestHaltOfWhatIsUnderWay(t *testing.T) {
	o := newOffice(t)
	entered := make(chan struct{}, 1)
	flow := o.compile(o.step("dir", "add", failsafe.Limits{}), o.holding("erp", entered, nil), o.step("crm", "set", failsafe.Limits{}))
	done := make(chan error, 1)
	go func() {
		result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
		if result.End != failsafe.RolledBack {
			t.Errorf("%+v", result)
		}
		done <- err
	}()
	<-entered
	if _, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{}); err != failsafe.ErrRunning {
		t.Errorf("the same run twice at once: %v", err)
	}
	if err := o.runner.Halt(t.Context(), o.alice(), "hire-1"); err != nil {
		t.Fatal(err)
	}
	if stopped, ok := errors.AsType[*failsafe.StoppedError](<-done); !ok || stopped.Cause != "halted" {
		t.Errorf("%+v", stopped)
	}
	if o.stands() != "" {
		t.Errorf("left %s", o.stands())
	}
}

// TestPause lets nothing begin until it is over, also after a crash, and what waited goes
// on at once.
func TestPause(t *testing.T) {
	o := newOffice(t)
	if err := o.runner.Pause(t.Context(), o.alice()); err != nil {
		t.Fatal(err)
	}
	o.close()
	o.open()
	flow := o.three()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{}); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(100 * time.Millisecond)
	if o.called() != "" {
		t.Errorf("called %s", o.called())
	}
	if err := o.runner.Continue(t.Context(), o.alice()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if o.called() != "do dir, do erp, do crm" {
		t.Errorf("called %s", o.called())
	}
}

// TestLongPause: however long it takes, a pause is no failure, forward or back.
func TestLongPause(t *testing.T) {
	brief := failsafe.Limits{Total: 200 * time.Millisecond}
	for name, fail := range map[string]error{"forward": nil, "back": says("denied")} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			erp := o.step("erp", "put", brief)
			erp.Do = func(ctx context.Context, _ failsafe.Crossing, _ *hire) error {
				time.AfterFunc(time.Second, func() { _ = o.runner.Continue(context.Background(), o.alice()) })
				return errors.Join(o.runner.Pause(ctx, o.alice()), fail)
			}
			flow := o.compile(o.step("dir", "put", brief), erp, o.step("crm", "put", brief))
			result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
			if fail == nil {
				o.ended(result, err, failsafe.Done, "", "", "do dir, do crm", "dir 1, crm 1")
			} else {
				o.ended(result, err, failsafe.RolledBack, "erp", "denied", "do dir, undo dir", "")
			}
		})
	}
}

// TestOrdersNeedAPermit: whoever has the process has not its controls (attack 10).
func TestOrdersNeedAPermit(t *testing.T) {
	o := newOffice(t)
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.System.Name == auth.Self {
			return auth.Decision{Rule: "not-you"}
		}
		return everybody(f)
	})
	for name, err := range map[string]error{
		"pause": o.runner.Pause(t.Context(), o.alice()), "continue": o.runner.Continue(t.Context(), o.alice()),
		"halt": o.runner.Halt(t.Context(), o.alice(), "hire-1"), "nobody": o.runner.Pause(t.Context(), auth.Principal{}),
	} {
		if name == "nobody" && !errors.Is(err, auth.ErrForeign) || name != "nobody" && !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := o.runner.Halt(t.Context(), o.alice(), "Hire 1"); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	if _, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{}); err != nil {
		t.Error(err)
	}
}

// TestOrdersAreOfARun: the log says which run somebody has halted or let go on, and who may
// not is not told which there are.
func TestOrdersAreOfARun(t *testing.T) {
	o := newOffice(t)
	flow := o.three()
	ordered := func() {
		t.Helper()
		_ = o.runner.Halt(t.Context(), o.alice(), "hire-1")
		_, _ = flow.Retry(t.Context(), o.alice(), "hire-2")
		_, _ = flow.Settle(t.Context(), o.alice(), "hire-3", true)
	}
	o.policyIs(func(f auth.Facts) auth.Decision {
		if f.System.Name == auth.Self {
			return auth.Decision{Rule: "not-you"}
		}
		return everybody(f)
	})
	ordered()
	if _, err := flow.Retry(t.Context(), o.alice(), "hire-2"); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	o.policyIs(everybody)
	ordered()
	of := map[string]int{}
	for e, err := range o.log.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.System == auth.Self {
			of[e.Action+" "+e.Run]++
		}
	}
	want := map[string]int{"self.run.halt hire-1": 2, "self.run.resume hire-2": 3, "self.run.resume hire-3": 2}
	if !maps.Equal(of, want) {
		t.Errorf("%v", of)
	}
}

// TestHaltOutlivesTheProcess: what was ordered while a run had no process holds when it is
// resumed.
func TestHaltOutlivesTheProcess(t *testing.T) {
	o := newOffice(t)
	o.crashAfter(3, func(*failsafe.Runner) {
		_, _ = o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	})
	if err := o.runner.Halt(t.Context(), o.alice(), "hire-1"); err != nil {
		t.Fatal(err)
	}
	o.close()
	o.open()
	results, errs := resumed(t, o.three())
	if len(results) != 1 || results[0].End != failsafe.RolledBack || o.stands() != "" {
		t.Errorf("%v, %v, left %s", results, errs, o.stands())
	}
}

// TestCloseLeavesRunsAsTheyAre: whoever closes the runner undoes nothing.
func TestCloseLeavesRunsAsTheyAre(t *testing.T) {
	o := newOffice(t)
	entered := make(chan struct{}, 1)
	flow := o.compile(o.step("dir", "add", failsafe.Limits{}), o.holding("erp", entered, nil))
	done := make(chan error, 1)
	go func() {
		_, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{})
		done <- err
	}()
	<-entered
	runner := o.runner
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runner.Close(soon); !errors.Is(err, context.Canceled) {
		t.Errorf("did not wait: %v", err)
	}
	o.close()
	if err := <-done; !errors.Is(err, failsafe.ErrStopped) || o.stands() != "dir 1" {
		t.Errorf("%v, left %s", err, o.stands())
	}
	if _, err := flow.Run(t.Context(), o.alice(), "hire-2", hire{}); err != failsafe.ErrStopped {
		t.Error(err)
	}
	if err := runner.Close(t.Context()); err != nil {
		t.Error(err)
	}
	o.open()
	release := make(chan struct{})
	close(release)
	results, errs := resumed(t, o.compile(o.step("dir", "add", failsafe.Limits{}), o.holding("erp", nil, release)))
	if len(results) != 1 || errs[0] != nil || o.stands() != "dir 1, erp 1" {
		t.Errorf("%v, %v, left %s", results, errs, o.stands())
	}
}

// leaving is a journal whose callers leave while it writes.
type leaving struct {
	frames
	leave func()
}

func (l *leaving) Append(ctx context.Context, f failsafe.Frame) error {
	if l.leave != nil {
		l.leave()
	}
	if err := l.frames.Append(ctx, f); err != nil {
		return err
	}
	return ctx.Err() // nobody knows whether it was written
}

// TestCallersLeaveWhileItIsWritten: an order, or a run that begins, is there or is not,
// and the next one has its place.
func TestCallersLeaveWhileItIsWritten(t *testing.T) {
	o := newOffice(t)
	o.close()
	j := &leaving{}
	o.on(j)
	left := func() context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		j.leave = cancel
		return ctx
	}
	if err := o.runner.Pause(left(), o.alice()); err != nil {
		t.Error(err)
	}
	if err := o.runner.Continue(left(), o.alice()); err != nil {
		t.Error(err)
	}
	result, err := o.three().Run(left(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.RolledBack, "dir", "halted", "", "")
	j.leave = nil
	o.close()
	o.on(&frames{all: j.all})
	if result, err := o.three().Run(t.Context(), o.alice(), "hire-2", hire{}); err != nil || result.End != failsafe.Done {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestAlertsAreOwed until somebody has taken them, also after a crash, and by one id.
func TestAlertsAreOwed(t *testing.T) {
	o := newOffice(t)
	o.alerts.fail = errors.New("nobody is there")
	o.fails("do erp", says("denied"))
	o.fails("undo dir", says("denied"))
	if _, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{}); err == nil {
		t.Fatal("no error")
	}
	o.close()
	o.open()
	o.alerts.fail = nil
	for range 2 {
		resumed(t, o.three())
	}
	if got := o.alerts.reasons(); len(got) != 1 || got[0] != "hire-1 dir stuck" {
		t.Errorf("alerts %q", got)
	}
	one := o.alerts.all[0]
	if len(one.ID) != 52 || one.Workflow != "new-hire" || time.Since(one.Since) > time.Minute {
		t.Errorf("%+v", one)
	}
	for p, err := range o.runner.Unfinished(t.Context()) {
		if err != nil || p.Run != "hire-1" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

// TestAlertsOfWhatWasRolledBack are owed too: the run stays in the journal until then.
func TestAlertsOfWhatWasRolledBack(t *testing.T) {
	o := newOffice(t)
	o.alerts.fail = errors.New("nobody is there")
	o.fails("do erp", says("denied"))
	result, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.RolledBack, "erp", "denied", "do dir, do erp, undo dir, ask dir", "")
	o.close()
	o.open()
	o.alerts.fail = nil
	if results, errs := resumed(t, o.three()); len(results) != 1 || results[0].End != failsafe.RolledBack || errs[0] == nil {
		t.Errorf("%v, %v", results, errs)
	}
	if got := o.alerts.reasons(); len(got) != 1 || got[0] != "hire-1 erp rolled-back.denied" {
		t.Errorf("alerts %q", got)
	}
	if again, _ := resumed(t, o.three()); len(again) != 0 {
		t.Errorf("resumed again: %v", again)
	}
}

// TestAlertsHaveTheirOwnID: what stops a second time is news, although it is for the same
// reason; and whoever only asks again is no news.
func TestAlertsHaveTheirOwnID(t *testing.T) {
	o := newOffice(t)
	o.fails("do erp", says("denied"))
	o.fails("undo dir", says("denied"), says("denied"))
	flow := o.three()
	_, _ = flow.Run(t.Context(), o.alice(), "hire-1", hire{})
	_, _ = flow.Retry(t.Context(), o.alice(), "hire-1")
	for range 3 {
		if result, err := flow.Run(t.Context(), o.alice(), "hire-1", hire{}); err == nil || result.End != failsafe.Parked || result.Step != "dir" {
			t.Errorf("%+v, %v", result, err)
		}
	}
	if all := o.alerts.all; len(all) != 2 || all[0].ID == all[1].ID {
		t.Errorf("%+v", all)
	}
}

// TestAlertsOfWhatStopsWithTheRunner: a run that cannot go on just when its runner is
// closed is told of when it is resumed.
func TestAlertsOfWhatStopsWithTheRunner(t *testing.T) {
	o := newOffice(t)
	dir := o.step("dir", "put", failsafe.Limits{})
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	dir.Undo = func(context.Context, failsafe.Crossing, *hire) error {
		_ = o.runner.Close(soon)
		return says("denied")
	}
	build := func() *failsafe.Flow[hire] { return o.compile(dir, o.step("erp", "put", failsafe.Limits{})) }
	o.fails("do erp", says("denied"))
	if _, err := build().Run(t.Context(), o.alice(), "hire-1", hire{}); !errors.Is(err, failsafe.ErrStopped) {
		t.Error(err)
	}
	o.close()
	o.open()
	results, errs := resumed(t, build())
	if stopped, ok := errors.AsType[*failsafe.StoppedError](errors.Join(errs...)); !ok || len(results) != 1 || stopped.Cause != "stuck" || stopped.Step != "dir" {
		t.Errorf("%v, %v", results, errs)
	}
	if again, _ := resumed(t, build()); len(again) != 0 {
		t.Errorf("resumed again: %v", again)
	}
	for p := range o.runner.Unfinished(t.Context()) {
		if p.Parked != "stuck" || p.Step != "dir" {
			t.Errorf("%+v", p)
		}
	}
	if got := o.alerts.reasons(); len(got) != 1 || got[0] != "hire-1 dir stuck" {
		t.Errorf("alerts %q", got)
	}
}

// hanging is a journal on a disk that hangs, once it does.
type hanging struct {
	frames
	entered, hangs chan struct{} // closed: it hangs, and it goes on
}

func (h *hanging) Append(ctx context.Context, f failsafe.Frame) error {
	if f.Run == "_control" {
		close(h.entered)
		<-h.hangs
	}
	return h.frames.Append(ctx, f)
}

// TestAnOrderThatHangs holds up nobody but whoever gave it.
func TestAnOrderThatHangs(t *testing.T) {
	o := newOffice(t)
	o.close()
	j := &hanging{entered: make(chan struct{}), hangs: make(chan struct{})}
	o.on(j)
	ordered := make(chan error, 1)
	go func() { ordered <- o.runner.Halt(t.Context(), o.alice(), "hire-7") }()
	<-j.entered
	result, err := o.three().Run(t.Context(), o.alice(), "hire-1", hire{})
	o.ended(result, err, failsafe.Done, "", "", "do dir, do erp, do crm", "dir 1, erp 1, crm 1")
	close(j.hangs)
	if err := <-ordered; err != nil {
		t.Error(err)
	}
}
