package failsafe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
)

// hires are hire-1 to hire-n; below 0 without end.
func hires(n int) iter.Seq2[string, hire] {
	return func(yield func(string, hire) bool) {
		for i := 1; n < 0 || i <= n; i++ {
			if !yield(fmt.Sprint("hire-", i), hire{Name: fmt.Sprint("n-", i)}) {
				return
			}
		}
	}
}

// all is what a batch yields, in its order.
func all(batch iter.Seq2[failsafe.Result[hire], error]) (got []string, errs []error) {
	for result, err := range batch {
		got, errs = append(got, result.Run+" "+result.End.String()), append(errs, err)
	}
	return got, errs
}

// heard keeps what Progress was told.
type heard struct{ all []failsafe.Progress }

func (h *heard) hear(p failsafe.Progress) { h.all = append(h.all, p) }

func (h *heard) last() failsafe.Progress {
	if len(h.all) == 0 {
		return failsafe.Progress{}
	}
	return h.all[len(h.all)-1]
}

// one is a flow of a local step.
func (o *office) one(do func(ctx context.Context, h *hire) error) *failsafe.Flow[hire] {
	o.t.Helper()
	return o.compile(failsafe.Step[hire]{Name: "one", Do: func(ctx context.Context, _ failsafe.Crossing, h *hire) error { return do(ctx, h) }})
}

// TestBatchTellsEachEnd, of items that are done, rolled back, parked and refused.
func TestBatchTellsEachEnd(t *testing.T) {
	o := newOffice(t)
	flow := o.compile(o.step("dir", "set", failsafe.Limits{}), o.step("erp", "put", failsafe.Limits{}))
	o.fails("do dir", nil, says("denied"))
	o.fails("do erp", nil, maybe{"unknown"})
	items := func(yield func(string, hire) bool) {
		_ = yield("hire-1", hire{}) && yield("hire-2", hire{}) && yield("hire-3", hire{}) &&
			yield("hire-1", hire{}) && yield("hire-1", hire{Name: "other"}) && yield("Hire 4", hire{})
	}
	var h heard
	got, errs := all(flow.Batch(t.Context(), o.alice(), items, &failsafe.BatchOptions{Total: 6, Progress: h.hear}))
	want := "hire-1 done, hire-2 rolled back, hire-3 parked, hire-1 done, hire-1 parked, Hire 4 parked"
	if text := strings.Join(got, ", "); text != want {
		t.Fatalf("got  %s\nwant %s", text, want)
	}
	for i, want := range []string{"", "denied", "unknown", ""} {
		stopped, ok := errors.AsType[*failsafe.StoppedError](errs[i])
		if ok != (want != "") || ok && stopped.Cause != want {
			t.Errorf("%s: %v", got[i], errs[i])
		}
	}
	if errs[4] != failsafe.ErrConflict || !errors.Is(errs[5], auth.ErrInvalid) {
		t.Errorf("refused: %v, %v", errs[4], errs[5])
	}
	if got, want := h.last().String(), "done 2, rolled back 1, parked 1 (hire-3), failed 2 of 6"; got != want || !h.last().Over || len(h.all) != 7 {
		t.Errorf("got %s, %d times; want %s", got, len(h.all), want)
	}
	if h.all[2].String() != "done 1, rolled back 1, parked 1 (hire-3), failed 0 of 6" || h.all[2].Run != "hire-3" || h.all[2].Over {
		t.Errorf("after three: %+v", h.all[2])
	}
}

// TestBatchIsBounded: as many at once as may be, and no more.
func TestBatchIsBounded(t *testing.T) {
	for _, parallel := range []int{0, 1, 3, 256} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			o := newOffice(t)
			want := min(max(parallel, 1), 8)
			var mu sync.Mutex
			now, most, full := 0, 0, make(chan struct{})
			flow := o.one(func(ctx context.Context, _ *hire) error {
				mu.Lock()
				now++
				if most = max(most, now); now == want && want < 8 || most == 8 {
					select {
					case <-full:
					default:
						close(full)
					}
				}
				mu.Unlock()
				select {
				case <-full:
				case <-ctx.Done():
				}
				mu.Lock()
				defer mu.Unlock()
				now--
				return ctx.Err()
			})
			got, errs := all(flow.Batch(t.Context(), o.alice(), hires(8), &failsafe.BatchOptions{Parallel: parallel}))
			if len(got) != 8 || most != want || errors.Join(errs...) != nil {
				t.Errorf("%d at once, want %d: %v, %v", most, want, got, errs)
			}
		})
	}
}

// TestABatchThatIsBrokenOff pulls no more, lets nothing begin, and waits for what is under
// way: none of it is cut.
func TestABatchThatIsBrokenOff(t *testing.T) {
	o := newOffice(t)
	flow := o.one(func(ctx context.Context, h *hire) error {
		if h.Name != "n-1" {
			select {
			case <-time.After(30 * time.Millisecond):
			case <-ctx.Done():
				t.Error("cancelled")
			}
		}
		return o.enter(h.Name)
	})
	var h heard
	for result, err := range flow.Batch(t.Context(), o.alice(), hires(-1), &failsafe.BatchOptions{Parallel: 3, Progress: h.hear}) {
		if result.Run != "hire-1" || err != nil {
			t.Errorf("%+v, %v", result, err)
		}
		break
	}
	if p := h.last(); p.Done != 3 || !p.Over || p.Total != 0 || o.times("n-2") != 1 || o.times("n-4") != 0 {
		t.Errorf("%v after %s", p, o.called())
	}
	for range o.runner.Unfinished(t.Context()) {
		t.Error("unfinished")
	}
}

// TestABatchThatIsCancelled: what is under way ends as Run's does, and the rest does not
// begin.
func TestABatchThatIsCancelled(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithCancel(t.Context())
	both := make(chan struct{}, 2)
	flow := o.one(func(ctx context.Context, _ *hire) error {
		if both <- struct{}{}; len(both) == 2 {
			cancel()
		}
		<-ctx.Done()
		return ctx.Err()
	})
	got, errs := all(flow.Batch(ctx, o.alice(), hires(-1), &failsafe.BatchOptions{Parallel: 2}))
	if len(got) != 3 || errs[2] != context.Canceled || got[2] != " parked" {
		t.Fatalf("%q, %v", got, errs)
	}
	for _, err := range errs[:2] {
		if stopped, ok := errors.AsType[*failsafe.StoppedError](err); !ok || stopped.Cause != "unknown" && stopped.Cause != "halted" {
			t.Errorf("under way: %v", err)
		}
	}
	if got, errs = all(flow.Batch(ctx, o.alice(), hires(3), nil)); len(got) != 1 || errs[0] != context.Canceled {
		t.Errorf("begun by nobody: %q, %v", got, errs)
	}
}

// TestTheSameIDTwiceInABatch is the same run, and no panic.
func TestTheSameIDTwiceInABatch(t *testing.T) {
	o := newOffice(t)
	told := make(chan struct{})
	flow := o.one(func(ctx context.Context, _ *hire) error {
		select {
		case <-told:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	twice := func(yield func(string, hire) bool) {
		for range 2 {
			if !yield("hire-1", hire{}) {
				return
			}
		}
	}
	var errs []error
	for _, err := range flow.Batch(t.Context(), o.alice(), twice, &failsafe.BatchOptions{Parallel: 2}) {
		if errs = append(errs, err); len(errs) == 1 {
			close(told)
		}
	}
	if len(errs) != 2 || errs[0] != failsafe.ErrRunning || errs[1] != nil {
		t.Errorf("%v", errs)
	}
}

// TestABatchGoesOnAfterACrash: the same ids again; what was done is told, not done again.
func TestABatchGoesOnAfterACrash(t *testing.T) {
	for frames := range 14 {
		o := newOffice(t)
		o.crashAfter(frames, func(*failsafe.Runner) {
			for range o.compile(o.step("dir", "add", failsafe.Limits{})).Batch(t.Context(), o.alice(), hires(3), nil) {
			}
		})
		before := o.times("do dir")
		flow := o.compile(o.step("dir", "add", failsafe.Limits{}))
		var h heard
		got, errs := all(flow.Batch(t.Context(), o.alice(), hires(3), &failsafe.BatchOptions{Parallel: 2, Total: 3, Progress: h.hear}))
		if len(got) != 3 || errors.Join(errs...) != nil || h.last().Done != 3 {
			t.Errorf("%d frames: %q, %v", frames, got, errs)
		}
		if n := o.times("do dir"); n != 3 || frames < 10 && before == 3 {
			t.Errorf("%d frames: done %d times, %d of them before", frames, n, before)
		}
		o.close()
	}
}

// TestItemsThatPanic are heard of, after the runs under way have ended.
func TestItemsThatPanic(t *testing.T) {
	o := newOffice(t)
	flow := o.one(func(_ context.Context, h *hire) error {
		time.Sleep(10 * time.Millisecond)
		return o.enter(h.Name)
	})
	items := func(yield func(string, hire) bool) {
		_ = yield("hire-1", hire{Name: "n-1"})
		panic("items")
	}
	defer func() {
		if v := recover(); v != "items" || o.called() != "n-1" {
			t.Errorf("recovered %v after %s", v, o.called())
		}
	}()
	for range flow.Batch(t.Context(), o.alice(), items, &failsafe.BatchOptions{Parallel: 2}) {
		t.Error("yielded")
	}
}

// bomb is a state whose marshaller panics once it is lit.
type bomb string

func (b bomb) MarshalText() ([]byte, error) {
	if b != "" {
		panic("bomb")
	}
	return nil, nil
}

// TestAStateThatPanics panics where somebody may recover, and not in a goroutine of ours.
func TestAStateThatPanics(t *testing.T) {
	o := newOffice(t)
	flow, err := failsafe.Compile(o.runner, failsafe.Workflow[bomb]{Name: "bomb", Version: "1", Steps: []failsafe.Step[bomb]{
		{Name: "one", Do: func(context.Context, failsafe.Crossing, *bomb) error { return nil }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if v := recover(); v != "bomb" {
			t.Errorf("recovered %v", v)
		}
	}()
	for range flow.Batch(t.Context(), o.alice(), func(yield func(string, bomb) bool) { yield("b", bomb("lit")) }, nil) {
		t.Error("yielded")
	}
}

// TestARunnerThatCannotGoOn ends a batch: what has not begun is not begun.
func TestARunnerThatCannotGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(o *office)
		want error
		ends int // what is yielded
	}{
		"closed": {func(o *office) { go o.runner.Close(context.Background()) }, failsafe.ErrStopped, 1},
		"frozen": {func(o *office) { _ = o.gate.Freeze(t.Context()) }, failsafe.ErrStopped, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			pulled := 0
			flow := o.compile(
				failsafe.Step[hire]{Name: "one", Undo: func(context.Context, failsafe.Crossing, *hire) error { return nil }, Do: func(ctx context.Context, _ failsafe.Crossing, _ *hire) error {
					c.stop(o)
					select {
					case <-ctx.Done():
					case <-time.After(50 * time.Millisecond):
					}
					return nil
				}},
				failsafe.Step[hire]{Name: "two", Do: func(context.Context, failsafe.Crossing, *hire) error { return o.enter("two") }},
			)
			items := func(yield func(string, hire) bool) {
				for id, h := range hires(-1) {
					if pulled++; !yield(id, h) {
						return
					}
				}
			}
			var h heard
			alice := o.alice()
			got, errs := all(flow.Batch(t.Context(), alice, items, &failsafe.BatchOptions{Progress: h.hear}))
			if len(got) != c.ends || !errors.Is(errs[0], c.want) || pulled != 1 || o.called() != "" || h.last().Failed != 1 {
				t.Errorf("%q, %v, %d pulled, called %s", got, errs, pulled, o.called())
			}
			if name == "frozen" {
				got, errs = all(flow.Batch(t.Context(), alice, items, nil))
				if len(got) != 1 || errs[0] != failsafe.ErrStopped || pulled != 1 {
					t.Errorf("another batch: %q, %v, %d pulled", got, errs, pulled)
				}
			}
		})
	}
}

// TestAJournalThatTakesNothing ends a batch.
func TestAJournalThatTakesNothing(t *testing.T) {
	o := newOffice(t)
	o.close()
	journal, err := failsafe.OpenJournal(t.Context(), o.dir+"/journal")
	if err != nil {
		t.Fatal(err)
	}
	o.on(&refusing{Journal: journal, left: 6})
	pulled := 0
	items := func(yield func(string, hire) bool) {
		for id, h := range hires(-1) {
			if pulled++; !yield(id, h) {
				return
			}
		}
	}
	got, errs := all(o.one(func(context.Context, *hire) error { return nil }).Batch(t.Context(), o.alice(), items, nil))
	last := len(got) - 1
	if last < 1 || pulled != len(got) || !errors.Is(errs[last], failsafe.ErrJournal) || errors.Join(errs[:last]...) != nil {
		t.Errorf("%q, %v, %d pulled", got, errs, pulled)
	}
}

// refusing is a journal that takes so many frames.
type refusing struct {
	failsafe.Journal
	mu   sync.Mutex
	left int
}

func (r *refusing) Append(ctx context.Context, f failsafe.Frame) error {
	r.mu.Lock()
	r.left--
	refuse := r.left < 0
	r.mu.Unlock()
	if refuse {
		return failsafe.ErrJournal
	}
	return r.Journal.Append(ctx, f)
}

func TestBatchesThatNobodyCanRun(t *testing.T) {
	o := newOffice(t)
	flow := o.one(func(context.Context, *hire) error { return o.enter("do") })
	for name, batch := range map[string]iter.Seq2[failsafe.Result[hire], error]{
		"no items":          flow.Batch(t.Context(), o.alice(), nil, nil),
		"too many at once":  flow.Batch(t.Context(), o.alice(), hires(1), &failsafe.BatchOptions{Parallel: 257}),
		"fewer than none":   flow.Batch(t.Context(), o.alice(), hires(1), &failsafe.BatchOptions{Parallel: -1}),
		"less than nothing": flow.Batch(t.Context(), o.alice(), hires(1), &failsafe.BatchOptions{Total: -1}),
		"no principal":      flow.Batch(t.Context(), auth.Principal{}, hires(1), nil),
	} {
		if got, errs := all(batch); len(got) != 1 || !errors.Is(errs[0], auth.ErrInvalid) {
			t.Errorf("%s: %q, %v", name, got, errs)
		}
	}
	for _, zero := range []*failsafe.Flow[hire]{nil, {}} {
		if got, errs := all(zero.Batch(t.Context(), o.alice(), hires(1), nil)); len(got) != 1 || errs[0] == nil {
			t.Errorf("%q, %v", got, errs)
		}
	}
	batch := flow.Batch(t.Context(), o.alice(), hires(2), nil)
	for range 2 { // each loop is a batch of its own
		if got, errs := all(batch); len(got) != 2 || errors.Join(errs...) != nil {
			t.Errorf("%q, %v", got, errs)
		}
	}
	if o.called() != "do, do" {
		t.Errorf("called %s", o.called())
	}
}

// TestProgressOfABatch: the time it took, and at most a line a second.
func TestProgressOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		flow := o.one(func(_ context.Context, h *hire) error { time.Sleep(400 * time.Millisecond); return nil })
		var out bytes.Buffer
		var h heard
		show := failsafe.ProgressTo(&out)
		got, errs := all(flow.Batch(t.Context(), o.alice(), hires(6), &failsafe.BatchOptions{Total: 6, Progress: func(p failsafe.Progress) { h.hear(p); show(p) }}))
		if len(got) != 6 || errors.Join(errs...) != nil || h.last().Elapsed != 2400*time.Millisecond || h.all[0].Elapsed != 400*time.Millisecond {
			t.Errorf("%q, %v, %v", got, errs, h.last().Elapsed)
		}
		want := "done 3, rolled back 0, parked 0, failed 0 of 6\ndone 6, rolled back 0, parked 0, failed 0 of 6\ndone 6, rolled back 0, parked 0, failed 0 of 6\n"
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
	failsafe.ProgressTo(nil)(failsafe.Progress{Over: true})
}

// TestManyThatWait are counted, and the first are named.
func TestManyThatWait(t *testing.T) {
	o := newOffice(t)
	flow := o.one(func(context.Context, *hire) error { return says("unknown") })
	var h heard
	for range flow.Batch(t.Context(), o.alice(), hires(1010), &failsafe.BatchOptions{Parallel: 128, Progress: h.hear}) {
	}
	p := h.last()
	if p.Parked != 1010 || len(p.Waiting) != 1000 || !strings.Contains(p.String(), ", …), failed 0") || strings.Count(p.String(), "hire-") != 8 {
		t.Errorf("%d parked, %d named: %s", p.Parked, len(p.Waiting), p)
	}
	p.Waiting[0] = "x"
	if h.all[3].Waiting[0] == "x" {
		t.Error("one hears changes what another has")
	}
	for i, p := range h.all[:20] {
		if len(p.Waiting) != i+1 || p.Waiting[i] != p.Run {
			t.Errorf("after %d: %v", i+1, p.Waiting)
		}
	}
}
