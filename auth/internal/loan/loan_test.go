package loan_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth/internal/loan"
)

type cache = loan.Cache[string, string]

// maker makes things that live for a time, and counts what comes back.
type maker struct{ made, back atomic.Int32 }

func (m *maker) produce(life time.Duration) func(context.Context) (loan.Made[string], error) {
	return func(context.Context) (loan.Made[string], error) {
		n := m.made.Add(1)
		return loan.Made[string]{Value: strconv.Itoa(int(n)), Ends: time.Now().Add(life), Close: func(context.Context) error {
			m.back.Add(1)
			return nil
		}}, nil
	}
}

func lend(t *testing.T, c *cache, key string, m *maker, life time.Duration) *loan.Item[string, string] {
	t.Helper()
	item, err := c.Lend(t.Context(), key, m.produce(life))
	if err != nil {
		t.Fatal(err)
	}
	return item
}

func TestEverythingComesBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cache
		var m maker
		first := lend(t, &c, "a", &m, time.Minute)
		if again := lend(t, &c, "a", &m, time.Minute); again != first {
			t.Error("made twice")
		}
		c.Back(first, true)
		synctest.Wait()
		if m.back.Load() != 0 {
			t.Error("given back while it is used")
		}
		c.Back(first, false)
		synctest.Wait()
		if m.made.Load() != 1 || m.back.Load() != 1 {
			t.Errorf("spent: made %d, back %d", m.made.Load(), m.back.Load())
		}
		c.Back(lend(t, &c, "a", &m, time.Minute), false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if m.made.Load() != 2 || m.back.Load() != 2 {
			t.Errorf("ended: made %d, back %d", m.made.Load(), m.back.Load())
		}
		c.Back(lend(t, &c, "a", &m, time.Minute), false)
		if err := c.Close(t.Context()); err != nil || m.back.Load() != 3 {
			t.Errorf("closed: back %d, %v", m.back.Load(), err)
		}
		if _, err := c.Lend(t.Context(), "a", m.produce(time.Minute)); !errors.Is(err, loan.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		synctest.Wait()
		if m.back.Load() != 4 {
			t.Errorf("too late: back %d", m.back.Load())
		}
	})
}

func TestFailuresAreKeptBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied, other := errors.New("denied"), errors.New("other")
		c := cache{Brief: func(err error) time.Duration {
			if errors.Is(err, denied) {
				return time.Second
			}
			return 0
		}}
		tried := 0
		fail := func(err error) func(context.Context) (loan.Made[string], error) {
			return func(context.Context) (loan.Made[string], error) { tried++; return loan.Made[string]{}, err }
		}
		for range 3 {
			_, _ = c.Lend(t.Context(), "a", fail(denied))
			_, _ = c.Lend(t.Context(), "b", fail(other))
		}
		if tried != 4 {
			t.Errorf("tried %d times", tried)
		}
		time.Sleep(time.Second)
		if _, err := c.Lend(t.Context(), "a", fail(denied)); !errors.Is(err, denied) || tried != 5 {
			t.Errorf("later: %v, tried %d times", err, tried)
		}
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cache
		var m maker
		c.Back(lend(t, &c, "first to end", &m, time.Minute), false)
		for i := range 10_000 {
			c.Back(lend(t, &c, strconv.Itoa(i), &m, time.Hour), false)
		}
		synctest.Wait()
		if m.back.Load() != 1 {
			t.Errorf("%d came back", m.back.Load())
		}
		if again := lend(t, &c, "first to end", &m, time.Minute); again.Value == "1" {
			t.Error("what ends first was kept")
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestPanicsAndHangs: of whoever makes, and of whoever takes back.
func TestPanicsAndHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cache
		if _, err := c.Lend(t.Context(), "a", func(context.Context) (loan.Made[string], error) { panic("s3cret") }); err == nil {
			t.Error("a panic made something")
		}
		for key, closer := range map[string]func(context.Context) error{
			"panics": func(context.Context) error { panic("s3cret") },
			"hangs":  func(ctx context.Context) error { <-ctx.Done(); return nil },
		} {
			item, err := c.Lend(t.Context(), key, func(context.Context) (loan.Made[string], error) {
				return loan.Made[string]{Ends: time.Now().Add(time.Hour), Close: closer}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			c.Back(item, false)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkLend(b *testing.B) {
	var c cache
	var m maker
	produce := m.produce(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		item, err := c.Lend(b.Context(), "a", produce)
		if err != nil {
			b.Fatal(err)
		}
		c.Back(item, false)
	}
}
