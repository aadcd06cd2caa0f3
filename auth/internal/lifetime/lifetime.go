// Package lifetime ends things by whichever clock gets there first.
//
//	end := lifetime.Until(token.Expires, time.Now())
//	if end.Over(time.Now()) { … }
//
// # Guarantees
//
// A wall clock that is set back does not bring the dead to life; one that is set
// forward, or a machine that slept, does not keep them.
//
// # Limits
//
// Both readings are of one process: an End cannot be stored.
//
// # Errors
//
// None.
//
// # Concurrency
//
// An End is a value.
package lifetime

import "time"

// End is when something ends. The zero End is never.
type End struct {
	Wall    time.Time // as was said
	Running time.Time // the same moment, with a monotonic reading
}

// Until is the end at wall, as seen from now; zero: never.
func Until(wall, now time.Time) End {
	if wall.IsZero() {
		return End{}
	}
	return End{wall.Round(0), now.Add(wall.Sub(now.Round(0)))}
}

// Set says whether there is an end.
func (e End) Set() bool { return !e.Running.IsZero() }

// Over says whether it has come.
func (e End) Over(now time.Time) bool {
	return e.Set() && (!now.Before(e.Running) || !now.Round(0).Before(e.Wall))
}

// Earliest is the first of the moments that are not zero.
func Earliest(moments ...time.Time) time.Time {
	var first time.Time
	for _, m := range moments {
		if !m.IsZero() && (first.IsZero() || m.Before(first)) {
			first = m
		}
	}
	return first
}
