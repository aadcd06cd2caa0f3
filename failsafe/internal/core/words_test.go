package core

import (
	"testing"
)

// TestEventsInWords are all told apart, and whatever a journal holds has one.
func TestEventsInWords(t *testing.T) {
	seen := map[string]Event{}
	for what := Began; what <= Poisoned; what++ {
		for _, yes := range []bool{false, true} {
			e := Event{What: what, Yes: yes}
			text := e.String()
			if other, ok := seen[text]; text == "" || ok && other.What != what {
				t.Errorf("%d is %q, and so is %d", what, text, other.What)
			}
			seen[text] = e
		}
	}
	if len(seen) != int(Poisoned)+3 { // an answer of two kinds, from a step and from a person
		t.Errorf("%d words", len(seen))
	}
	if got := (Event{What: 200}).String(); got != "poison" {
		t.Errorf("an unknown one is %q", got)
	}
}
