package oidcauth

import (
	"testing"
	"time"
)

func TestAgeGoesByEitherClock(t *testing.T) {
	const day = 24 * time.Hour
	for name, m := range map[string]moment{
		"both":           {thisMoment().wall.Add(-day), thisMoment().running.Add(-day)},
		"wall set back":  {thisMoment().wall.Add(day), thisMoment().running.Add(-day)},
		"machine asleep": {thisMoment().wall.Add(-day), thisMoment().running},
		"never":          {},
	} {
		if age := m.age(); age < day {
			t.Errorf("%s: %v", name, age)
		}
	}
	if age := thisMoment().age(); age > time.Hour {
		t.Errorf("now: %v", age)
	}
}
