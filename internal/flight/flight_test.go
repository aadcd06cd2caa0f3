package flight_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/internal/flight"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errFetch = errors.New("fetch")

const key = "key"

// TestTenThousandCallersOneCall also with a call that fails: the herd gets one answer.
func TestTenThousandCallersOneCall(t *testing.T) {
	for _, wantErr := range []error{nil, errFetch} {
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group[string, int]
			var calls atomic.Int32
			var wg sync.WaitGroup
			for range 10_000 {
				wg.Go(func() {
					v, err := g.Do(t.Context(), key, time.Minute, func(context.Context) (int, error) {
						calls.Add(1)
						time.Sleep(time.Second)
						return 7, wantErr
					})
					if v != 7 || err != wantErr {
						t.Errorf("Do = %d, %v", v, err)
					}
				})
			}
			wg.Wait()
			if n := calls.Load(); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func TestKeysShareNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[int, int]
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 5 {
			wg.Go(func() {
				v, err := g.Do(t.Context(), i, time.Minute, func(context.Context) (int, error) {
					time.Sleep(time.Second)
					return i, nil
				})
				if v != i || err != nil {
					t.Errorf("Do(%d) = %d, %v", i, v, err)
				}
			})
		}
		wg.Wait()
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// TestFirstCallerCancels: the others do not notice, and the call goes on.
func TestFirstCallerCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
		fetch := func(ctx context.Context) (int, error) {
			select {
			case <-time.After(time.Second):
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := g.Do(first, key, time.Minute, fetch); err != context.Canceled {
				t.Errorf("first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if v, err := g.Do(t.Context(), key, time.Minute, fetch); v != 7 || err != nil {
				t.Errorf("second: %d, %v", v, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

// TestWaiterLeavesOnItsOwnDeadline to the nanosecond.
func TestWaiterLeavesOnItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := g.Do(ctx, key, time.Second, sleep(500*time.Millisecond))
		if err != context.DeadlineExceeded || time.Since(start) != 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		time.Sleep(time.Second) // the call ends before the bubble does
	})
}

func sleep(d time.Duration) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		time.Sleep(d)
		return 7, nil
	}
}

// TestCallOutlivesItsCallers: who asks meanwhile joins, who asks later begins anew.
func TestCallOutlivesItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
		calls := 0
		fetch := func(context.Context) (int, error) {
			calls++
			time.Sleep(time.Second)
			return calls, nil
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := g.Do(gone, key, time.Minute, fetch); err != context.DeadlineExceeded {
			t.Errorf("left with %v", err)
		}
		for want := 1; want <= 2; want++ {
			if v, err := g.Do(t.Context(), key, time.Minute, fetch); v != want || err != nil {
				t.Errorf("Do = %d, %v; want %d", v, err, want)
			}
		}
	})
}

func TestDeadlineFreesTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
		start := time.Now()
		_, err := g.Do(t.Context(), key, time.Second, sleep(time.Hour)) // ignores its context
		if err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if v, err := g.Do(t.Context(), key, time.Second, func(context.Context) (int, error) { return 8, nil }); v != 8 || err != nil {
			t.Errorf("next = %d, %v", v, err)
		}
		// The late 7 must not end the call that has the key now.
		var wg sync.WaitGroup
		time.Sleep(time.Hour - 2*time.Second)
		wg.Go(func() {
			v, err := g.Do(t.Context(), key, time.Minute, func(context.Context) (int, error) {
				time.Sleep(10 * time.Second)
				return 9, nil
			})
			if v != 9 || err != nil {
				t.Errorf("after the late one = %d, %v", v, err)
			}
		})
		wg.Wait()
	})
}

func TestPanicAndGoexitAreErrorsForAll(t *testing.T) {
	for name, fn := range map[string]func(){
		"panic":  func() { panic("s3cret") },
		"index":  func() { var none []int; none[len(none)]++ },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g flight.Group[string, int]
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						v, err := g.Do(t.Context(), key, time.Minute, func(context.Context) (int, error) {
							time.Sleep(time.Second)
							fn()
							return 7, nil
						})
						if v != 0 || err != flight.ErrAborted {
							t.Errorf("Do = %d, %v", v, err)
						}
					})
				}
				wg.Wait()
				if v, err := g.Do(t.Context(), key, time.Minute, sleep(1)); v != 7 || err != nil {
					t.Errorf("wedged: %d, %v", v, err)
				}
			})
		})
	}
}

func TestNilFunctionIsAborted(t *testing.T) {
	var g flight.Group[string, int]
	if _, err := g.Do(t.Context(), key, time.Minute, nil); err != flight.ErrAborted {
		t.Error(err)
	}
}

func TestRefusedBeforeItBegins(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx     context.Context
		timeout time.Duration
		wantErr error
	}{
		"ended context":    {ended, time.Minute, context.Canceled},
		"no timeout":       {t.Context(), 0, context.DeadlineExceeded},
		"negative timeout": {t.Context(), -1, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			var g flight.Group[string, int]
			_, err := g.Do(tt.ctx, key, tt.timeout, func(context.Context) (int, error) {
				t.Error("called")
				return 0, nil
			})
			if err != tt.wantErr {
				t.Error(err)
			}
		})
	}
}

// TestContextIsNobodys: what a caller's context holds, such as a client trace,
// would see the credentials of all.
func TestContextIsNobodys(t *testing.T) {
	type trace struct{}
	var g flight.Group[string, int]
	ctx := context.WithValue(t.Context(), trace{}, "mine")
	_, _ = g.Do(ctx, key, time.Minute, func(ctx context.Context) (int, error) {
		if ctx.Value(trace{}) != nil {
			t.Error("a caller's value")
		}
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > time.Minute || left < 50*time.Second {
			t.Errorf("deadline in %v, %v", left, ok)
		}
		return 0, nil
	})
}

func BenchmarkDo(b *testing.B) {
	var g flight.Group[string, int]
	b.ReportAllocs()
	for b.Loop() {
		_, _ = g.Do(b.Context(), key, time.Minute, func(context.Context) (int, error) { return 7, nil })
	}
}

func Example() {
	var flights flight.Group[string, string]
	token, err := flights.Do(context.Background(), "crm", time.Second, func(context.Context) (string, error) {
		return "fresh", nil
	})
	fmt.Println(token, err)
	// Output: fresh <nil>
}
