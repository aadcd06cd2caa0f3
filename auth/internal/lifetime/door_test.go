package lifetime_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

func TestDoorWaitsForThoseInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d lifetime.Door
		if !d.Enter() {
			t.Fatal("the zero Door is shut")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Shut(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shut = %v with one inside", err)
		}
		if d.Enter() {
			t.Error("one came in after it was shut")
		}
		time.AfterFunc(time.Minute, d.Leave)
		began := time.Now()
		if err := d.Shut(t.Context()); err != nil || time.Since(began) != time.Minute {
			t.Errorf("Shut = %v after %v", err, time.Since(began))
		}
	})
}

func TestUnderEndsWithTheFirst(t *testing.T) {
	type key struct{}
	for name, c := range map[string]struct {
		end, first, second time.Duration // of the context, and of the others
		want               time.Duration
	}{
		"its own end": {time.Second, time.Minute, time.Minute, time.Second},
		"the first":   {time.Minute, time.Second, time.Minute, time.Second},
		"the second":  {time.Minute, time.Minute, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, cancelOne := context.WithTimeout(context.WithValue(t.Context(), key{}, "secret"), c.first)
				two, cancelTwo := context.WithCancel(t.Context())
				defer cancelOne()
				defer time.AfterFunc(c.second, cancelTwo).Stop()
				defer cancelTwo()
				left, began := 0, time.Now()
				under, leave := lifetime.Under(began.Add(c.end), func() { left++ }, one, two)
				if under.Value(key{}) != nil {
					t.Error("it holds a value of the caller's")
				}
				<-under.Done()
				if since := time.Since(began); since != c.want {
					t.Errorf("ended after %v", since)
				}
				leave()
				leave()
				if left != 1 {
					t.Errorf("left %d times", left)
				}
			})
		})
	}
	under, leave := lifetime.Under(time.Now().Add(time.Hour), func() {}, t.Context())
	if leave(); under.Err() == nil {
		t.Error("it goes on after leave")
	}
}

func TestCloserClosesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong, calls := errors.New("wrong"), 0
		c := lifetime.NewCloser(func(context.Context) error { calls++; time.Sleep(time.Minute); return wrong })
		if !c.Open() {
			t.Error("closed before it was")
		}
		first := make(chan error, 1)
		go func() { first <- c.Close(t.Context()) }()
		synctest.Wait()
		if c.Open() {
			t.Error("open while it is being closed")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); err != context.DeadlineExceeded {
			t.Errorf("a second Close waits on: %v", err)
		}
		if err := <-first; err != wrong {
			t.Errorf("Close = %v", err)
		}
		if err := c.Close(t.Context()); err != wrong || calls != 1 {
			t.Errorf("Close = %v, released %d times", err, calls)
		}
	})
	var none *lifetime.Closer
	if none.Open() || none.Close(t.Context()) != nil {
		t.Error("a nil Closer is open")
	}
	if c := lifetime.NewCloser(nil); c.Close(t.Context()) != nil || c.Open() {
		t.Error("with nothing to release it does not close")
	}
}
