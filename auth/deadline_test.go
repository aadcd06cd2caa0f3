package auth

import (
	"testing"
	"time"
)

// TestDeadlineEndsByEitherClock sets the wall clock, which synctest cannot: a time
// without a monotonic reading stands for a clock that was set.
func TestDeadlineEndsByEitherClock(t *testing.T) {
	now := time.Now()
	end := until(now.Add(time.Minute), now)
	for name, c := range map[string]struct {
		at   time.Time
		over bool
	}{
		"before":             {now.Add(59 * time.Second), false},
		"after":              {now.Add(time.Minute), true},
		"wall set forward":   {now.Round(0).Add(2 * time.Minute), true},
		"monotonic is ahead": {now.Add(2 * time.Minute), true},
	} {
		if got := end.over(c.at); got != c.over {
			t.Errorf("%s: over = %v", name, got)
		}
	}
	// The wall clock was set back by an hour after the lifetime began: its wall end
	// moved away, the running end did not.
	back := deadline{wall: end.wall.Add(time.Hour), running: end.running}
	if !back.over(now.Add(time.Minute)) {
		t.Error("a clock that is set back keeps the dead alive")
	}
	if (deadline{}).over(now) {
		t.Error("no deadline is over")
	}
}
