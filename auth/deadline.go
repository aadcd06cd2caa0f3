package auth

import "time"

// deadline ends a lifetime on whichever clock gets there first: a wall clock that
// is set back must not bring the dead to life, and one that is set forward, or a
// machine that slept, must not keep them.
type deadline struct {
	wall    time.Time // as was said
	running time.Time // with a monotonic reading; zero: no deadline
}

// until is the deadline at wall, as seen from now; zero: none.
func until(wall, now time.Time) deadline {
	if wall.IsZero() {
		return deadline{}
	}
	return deadline{wall.Round(0), now.Add(wall.Sub(now.Round(0)))}
}

func (d deadline) set() bool { return !d.running.IsZero() }

func (d deadline) over(now time.Time) bool {
	return d.set() && (!now.Before(d.running) || !now.Round(0).Before(d.wall))
}

// earliest is the first of the moments that are not zero.
func earliest(moments ...time.Time) time.Time {
	var first time.Time
	for _, m := range moments {
		if !m.IsZero() && (first.IsZero() || m.Before(first)) {
			first = m
		}
	}
	return first
}
