package aside_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/aside"
)

var errOwn = errors.New("its own")

// TestCall: whatever is called, somebody comes back in time, and says what is known.
func TestCall(t *testing.T) {
	for name, tt := range map[string]struct {
		fn      func(context.Context) error
		want    []error // each is in what comes back; nil: nothing does
		wantMsg string
		after   time.Duration // at the latest
		gone    int
	}{
		"works":              {func(context.Context) error { return nil }, nil, "", 0, 0},
		"fails":              {func(context.Context) error { return errOwn }, []error{errOwn}, "its own", 0, 0},
		"panics":             {func(context.Context) error { panic("s3cret") }, []error{aside.Lapse("panicked")}, "failsafe: a step panicked", 0, 0},
		"exits":              {func(context.Context) error { runtime.Goexit(); return nil }, []error{aside.Lapse("ended its goroutine")}, "failsafe: a step ended its goroutine", 0, 0},
		"is late, and works": {func(ctx context.Context) error { <-ctx.Done(); return nil }, []error{context.DeadlineExceeded}, "", time.Second, 0},
		"is late, and fails": {func(ctx context.Context) error { <-ctx.Done(); return errOwn }, []error{errOwn, context.DeadlineExceeded}, "", time.Second, 0},
		"forgets":            {func(context.Context) error { time.Sleep(time.Minute); return nil }, []error{context.DeadlineExceeded}, "", 1100 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls aside.Calls
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := calls.Call(ctx, tt.fn)
				if (err == nil) != (len(tt.want) == 0) || tt.wantMsg != "" && err.Error() != tt.wantMsg {
					t.Errorf("%v", err)
				}
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("%v is not %v", err, want)
					}
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("came back after %v", took)
				}
				if calls.Gone() != tt.gone {
					t.Errorf("%d have gone", calls.Gone())
				}
				time.Sleep(time.Hour)
				if calls.Gone() != 0 {
					t.Error("never came back")
				}
			})
		})
	}
	if aside.Lapse("").FailureClass() != "unknown" {
		t.Error("a lapse is known to have happened, or not to")
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if !aside.Sleep(ctx, time.Millisecond) || aside.Sleep(ctx, time.Hour) {
			t.Error("slept too long, or not at all")
		}
	})
}
