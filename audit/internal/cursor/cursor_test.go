package cursor_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit/internal/cursor"
)

// A refusal has a class and a delay, and text that no log should have.
type refusal struct {
	class string
	delay time.Duration
}

func (refusal) Error() string                          { return "canary-4711" }
func (r refusal) FailureClass() string                 { return r.class }
func (r refusal) FailureDelay() time.Duration          { return r.delay }
func dead(context.Context, []cursor.Line) (int, error) { return 0, refusal{"unavailable", 0} }

func hole(ctx context.Context, _ []cursor.Line) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestEverythingArrivesInOrder, what was there before and what comes, in few batches.
func TestEverythingArrivesInOrder(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.log.add(3000)
		last := int64(-1)
		s.sink.bend(func(_ context.Context, batch []cursor.Line) (int, error) {
			for _, l := range batch {
				if l.Index != last+1 {
					t.Errorf("%d comes after %d", l.Index, last)
				}
				last = l.Index
			}
			return len(batch), nil
		})
		g := s.start(t)
		time.Sleep(3 * time.Second / 2) // the cursor is saved
		s.whole(t, 3000)
		for range 100 { // within a linger
			s.log.add(1)
			time.Sleep(time.Microsecond)
		}
		time.Sleep(time.Second)
		if !g.Drain() {
			t.Error("something is left")
		}
		s.whole(t, 3100)
		if want := []int{1024, 1024, 952, 100}; !slices.Equal(s.sink.batches, want) {
			t.Errorf("batches %v, want %v", s.sink.batches, want)
		}
		if n := s.book.notices(); n != nil {
			t.Errorf("told %v", n)
		}
	})
}

// TestWhatASinkTookIsNotSentAgain, of a batch that it took in part.
func TestWhatASinkTookIsNotSentAgain(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.log.add(10)
		var firsts []int64
		s.sink.bend(func(_ context.Context, batch []cursor.Line) (int, error) {
			firsts = append(firsts, batch[0].Index)
			if batch[0].Index == 3 && len(firsts) < 3 {
				return 2, refusal{"throttled", 0}
			}
			return min(3, len(batch)), nil
		})
		g := s.start(t)
		time.Sleep(time.Minute)
		g.Drain()
		s.whole(t, 10)
		if want := []int64{0, 3, 5, 8}; !slices.Equal(firsts, want) {
			t.Errorf("deliveries from %v, want %v", firsts, want)
		}
	})
}

// TestBackOff is longer each time, has jitter, heeds what the sink asks, and ends.
func TestBackOff(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.log.add(1)
		s.sink.bend(dead)
		g := s.start(t)
		time.Sleep(10 * time.Minute)
		s.sink.mu.Lock()
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(s.sink.when); i++ {
			gap, most := s.sink.when[i].Sub(s.sink.when[i-1]), min(100*time.Millisecond<<(i-1), 30*time.Second)
			if gap < most/2 || gap > most+10*time.Millisecond {
				t.Errorf("pause %d is %v, want %v to %v", i, gap, most/2, most)
			}
			gaps[gap] = true
		}
		if len(s.sink.when) < 25 || len(s.sink.when) > 55 || len(gaps) < len(s.sink.when)/2 {
			t.Errorf("%d tries with %d different pauses", len(s.sink.when), len(gaps))
		}
		s.sink.mu.Unlock()
		s.sink.bend(func(context.Context, []cursor.Line) (int, error) { return 0, refusal{"throttled", time.Hour} })
		time.Sleep(time.Minute)
		_, before := s.sink.count()
		time.Sleep(4 * time.Minute)
		if _, after := s.sink.count(); after != before {
			t.Errorf("tried %d times while it asked to be left alone", after-before)
		}
		s.sink.bend(nil)
		time.Sleep(2 * time.Minute) // never longer than five
		s.whole(t, 3)               // with that it lagged, and that it caught up
		time.Sleep(time.Second)
		if !g.Drain() {
			t.Error("something is left")
		}
	})
}

// TestLagIsToldOnce for each crossing, with its class and no text, and a log that is idle
// stays idle.
func TestLagIsToldOnce(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.sink.bend(dead)
		s.bent = func(c *cursor.Config) { c.Refuse = true }
		g := s.start(t)
		s.log.add(7)
		time.Sleep(5*time.Minute - time.Millisecond)
		if g.Refuses() || s.book.notices() != nil {
			t.Error("late before its time")
		}
		time.Sleep(10 * time.Millisecond)
		if !g.Refuses() {
			t.Error("not late")
		}
		if st := g[0].Status(); !st.Late || st.Next != 0 || st.Failure != "unavailable" || st.Lag < 5*time.Minute {
			t.Errorf("status %+v", st)
		}
		time.Sleep(24 * time.Hour)
		want := []cursor.Notice{{What: cursor.Lag, Feed: "siem", Reason: "unavailable", Count: 7}}
		if got := s.book.notices(); !reflect.DeepEqual(got, want) {
			t.Errorf("told %+v, want %+v", got, want)
		}
		s.sink.bend(nil)
		time.Sleep(time.Hour)
		if g.Refuses() || g[0].Status().Late || g[0].Status().Lag != 0 {
			t.Error("still late")
		}
		got := s.book.notices()
		if len(got) != 2 || got[1].What != cursor.CaughtUp || got[1].Took < 24*time.Hour || got[1].Reason != "" {
			t.Errorf("told %+v", got)
		}
		if !g.Drain() {
			t.Error("something is left")
		}
		s.whole(t, 9)
	})
}

// TestASinkOnTheEdgeTellsLittle: one that is back below the line by a moment, again and
// again, has not caught up.
func TestASinkOnTheEdgeTellsLittle(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.bent = func(c *cursor.Config) { c.MaxLag = 10 * time.Second }
		s.sink.bend(func(_ context.Context, batch []cursor.Line) (int, error) {
			if time.Since(batch[0].Time) > 10*time.Second {
				return 1, refusal{"throttled", 0}
			}
			return 0, refusal{"throttled", 0}
		})
		g := s.start(t)
		for range 600 {
			s.log.add(1)
			time.Sleep(time.Second)
		}
		if lines, _ := s.sink.count(); lines < 400 {
			t.Errorf("%d lines of 600", lines)
		}
		if n := s.book.notices(); len(n) != 1 {
			t.Errorf("told %d times", len(n))
		}
		g.Drain()
	})
}

// TestLagIsNoticedDuringADelivery, and one that does not return is told, once.
func TestLagIsNoticedDuringADelivery(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s.sink.bend(func(context.Context, []cursor.Line) (int, error) { <-free; return 0, errors.New("late") })
		g := s.start(t)
		s.log.add(1)
		time.Sleep(time.Hour)
		want := []cursor.Notice{
			{What: cursor.Abandoned, Feed: "siem", Reason: "deadline"},
			{What: cursor.Lag, Feed: "siem", Reason: "abandoned", Count: 2},
		}
		if got := s.book.notices(); !reflect.DeepEqual(got, want) {
			t.Errorf("told %+v, want %+v", got, want)
		}
		if _, calls := s.sink.count(); calls != 1 {
			t.Errorf("called %d times at once", calls)
		}
		begun := time.Now()
		if g.Drain() {
			t.Error("nothing is left")
		}
		if took := time.Since(begun); took > 12*time.Second {
			t.Errorf("closing took %v", took)
		}
		close(free)
	})
}

// TestDeadlines: a sink that heeds its context is let go, and asked again.
func TestDeadlines(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.bent = func(c *cursor.Config) { c.Within = time.Second }
		s.sink.bend(hole)
		g := s.start(t)
		s.log.add(1)
		time.Sleep(5 * time.Second)
		if _, calls := s.sink.count(); calls < 3 || g[0].Status().Failure != "timeout" {
			t.Errorf("%d calls, %+v", calls, g[0].Status())
		}
		s.sink.bend(nil)
		time.Sleep(5 * time.Second)
		if st := g[0].Status(); st.Failure != "" || st.Next != 1 {
			t.Errorf("%+v", st)
		}
		g.Drain()
	})
}

// TestWhatASinkMayDoWrong is a failure with a class, and moves nothing.
func TestWhatASinkMayDoWrong(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(context.Context, []cursor.Line) (int, error)
		want string
	}{
		"panics":        {func(context.Context, []cursor.Line) (int, error) { panic("canary-4711") }, "panic"},
		"too many":      {func(_ context.Context, b []cursor.Line) (int, error) { return len(b) + 1, nil }, "invalid"},
		"less than 0":   {func(context.Context, []cursor.Line) (int, error) { return -1, nil }, "invalid"},
		"nothing":       {func(context.Context, []cursor.Line) (int, error) { return 0, nil }, "stalled"},
		"a text":        {func(context.Context, []cursor.Line) (int, error) { return 0, errors.New("canary-4711") }, "failed"},
		"a class":       {func(context.Context, []cursor.Line) (int, error) { return 0, fmt.Errorf("x: %w", refusal{"denied", 0}) }, "denied"},
		"no class":      {func(context.Context, []cursor.Line) (int, error) { return 0, refusal{"canary-4711", 0} }, "failed"},
		"a nil pointer": {func(context.Context, []cursor.Line) (int, error) { return 0, (*refusal)(nil) }, "panic"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			synctest.Test(t, func(t *testing.T) {
				s.sink.bend(c.bend)
				g := s.start(t)
				s.log.add(3)
				time.Sleep(6 * time.Minute)
				if st := g[0].Status(); st.Failure != c.want || st.Next != 0 {
					t.Errorf("%+v", st)
				}
				if g.Drain() {
					t.Error("nothing is left")
				}
				if n := s.book.notices(); len(n) != 1 || n[0].Reason != c.want || strings.Contains(fmt.Sprintf("%+v", n), "4711") {
					t.Errorf("told %+v", n)
				}
			})
		})
	}
}

// TestNoticesAreKept while the log takes none.
func TestNoticesAreKept(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.book.refuse(errors.New("full"))
		s.sink.bend(dead)
		g := s.start(t)
		s.log.add(1)
		time.Sleep(time.Hour)
		s.sink.bend(nil)
		time.Sleep(time.Hour)
		s.book.refuse(nil)
		time.Sleep(time.Minute)
		g.Drain()
		if n := s.book.notices(); len(n) != 2 || n[0].What != cursor.Lag || n[1].What != cursor.CaughtUp {
			t.Errorf("told %+v", n)
		}
	})
}

// TestALogThatCannotBeRead is behind like any other.
func TestALogThatCannotBeRead(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		g := s.start(t)
		s.log.set(func() { s.log.blind = true })
		s.log.add(1)
		time.Sleep(6 * time.Minute)
		if st := g[0].Status(); st.Failure != "unreadable" || !st.Late {
			t.Errorf("%+v", st)
		}
		s.log.set(func() { s.log.blind = false })
		time.Sleep(time.Minute)
		if !g.Drain() {
			t.Error("something is left")
		}
		s.whole(t, 3) // with that it lagged, and that it caught up
	})
}

// TestDrain: what there is when the log closes is delivered within the deadline of one
// delivery, a sink that fails has one more try, and what is left is said.
func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		bend  func(context.Context, []cursor.Line) (int, error)
		whole bool
		most  time.Duration
	}{
		"well": {nil, true, 0},
		"dead": {dead, false, time.Second},
		"hole": {hole, false, 11 * time.Second},
		"slow": {func(_ context.Context, b []cursor.Line) (int, error) {
			time.Sleep(100 * time.Millisecond)
			return len(b), nil
		}, true, time.Second},
		"snail": {func(_ context.Context, b []cursor.Line) (int, error) { time.Sleep(3 * time.Second); return 1, nil }, false, 11*time.Second + time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			synctest.Test(t, func(t *testing.T) {
				s.sink.bend(dead)
				g := s.start(t)
				s.log.add(5000)
				time.Sleep(time.Minute)
				s.sink.bend(c.bend)
				begun := time.Now()
				if got := g.Drain(); got != c.whole {
					t.Errorf("everything: %v, want %v", got, c.whole)
				}
				if took := time.Since(begun); took > c.most {
					t.Errorf("took %v, want at most %v", took, c.most)
				}
				time.Sleep(time.Minute) // a sink that has not returned does
			})
		})
	}
}

// TestMemoryIsBounded: 1 GiB behind, and one batch in memory.
func TestMemoryIsBounded(t *testing.T) {
	s := newSite(t)
	s.bent = func(c *cursor.Config) { c.Within = time.Second }
	s.log.size = 16 << 10
	s.log.add(64 << 10)
	held := make(chan int)
	s.sink.bend(func(ctx context.Context, batch []cursor.Line) (int, error) {
		size := 0
		for _, l := range batch {
			size += len(l.Text)
		}
		select {
		case held <- size:
		case <-ctx.Done():
		}
		return 0, refusal{"unavailable", 0}
	})
	g := s.start(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 3 {
		if size := <-held; size > 1<<20+s.log.size {
			t.Errorf("a batch of %d bytes", size)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
	s.sink.bend(dead)
	g.Drain()
}
