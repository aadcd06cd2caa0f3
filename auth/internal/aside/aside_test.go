package aside_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth/internal/aside"
)

var errPanicked, errOwn = errors.New("panicked"), errors.New("own")

func TestAsk(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(context.Context) (int, error)
		want int
		err  error
	}{
		"answers": {func(context.Context) (int, error) { return 7, nil }, 7, nil},
		"refuses": {func(context.Context) (int, error) { return 0, errOwn }, 0, errOwn},
		"panics":  {func(context.Context) (int, error) { panic("secret") }, 0, errPanicked},
		"is asked with the caller's context": {func(ctx context.Context) (int, error) {
			_, ok := ctx.Deadline()
			return map[bool]int{true: 1}[ok], nil
		}, 1, nil},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if got, err := aside.Ask(ctx, 0, errPanicked, c.ask); got != c.want || err != c.err {
			t.Errorf("%s: %d, %v", name, got, err)
		}
		cancel()
	}
}

// TestTheCallerLeaves, whatever the one who is asked does; and who answers later keeps
// nobody.
func TestTheCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		got, err := aside.Ask(ctx, 0, errPanicked, func(context.Context) (int, error) { time.Sleep(time.Hour); return 7, nil })
		if got != 0 || err != context.DeadlineExceeded || time.Since(began) != time.Second {
			t.Errorf("%d, %v after %v", got, err, time.Since(began))
		}
		time.Sleep(time.Hour) // its goroutine ends: synctest would say so
	})
}
