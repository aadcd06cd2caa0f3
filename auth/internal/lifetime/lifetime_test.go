package lifetime_test

import (
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

// TestEitherClockEnds sets the wall clock, which synctest cannot: a time without a
// monotonic reading stands for a clock that was set.
func TestEitherClockEnds(t *testing.T) {
	now := time.Now()
	end := lifetime.Until(now.Add(time.Minute), now)
	for name, c := range map[string]struct {
		at   time.Time
		over bool
	}{
		"before":           {now.Add(59 * time.Second), false},
		"after":            {now.Add(time.Minute), true},
		"wall set forward": {now.Round(0).Add(2 * time.Minute), true},
	} {
		if got := end.Over(c.at); got != c.over {
			t.Errorf("%s: over = %v", name, got)
		}
	}
	// The wall clock was set back by an hour since: its end moved away, the running
	// one did not.
	back := lifetime.End{Wall: end.Wall.Add(time.Hour), Running: end.Running}
	if !back.Over(now.Add(time.Minute)) {
		t.Error("a clock that is set back keeps the dead alive")
	}
	if (lifetime.End{}).Over(now) || lifetime.Until(time.Time{}, now).Set() {
		t.Error("no end is over")
	}
}

func TestEarliest(t *testing.T) {
	now := time.Now()
	if got := lifetime.Earliest(time.Time{}, now.Add(time.Hour), now, now.Add(time.Second)); !got.Equal(now) {
		t.Errorf("%v", got)
	}
	if !lifetime.Earliest().IsZero() || !lifetime.Earliest(time.Time{}).IsZero() {
		t.Error("nothing has an end")
	}
}
