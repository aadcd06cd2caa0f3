package core

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// TestTranscripts plays testdata/transcripts.txt: what is to be done, and what came of it,
// line by line to the end of a run.
func TestTranscripts(t *testing.T) {
	text, err := os.ReadFile("testdata/transcripts.txt")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	if len(blocks) < 10 {
		t.Fatalf("%d transcripts", len(blocks))
	}
	for _, block := range blocks {
		lines := strings.Split(block, "\n")
		t.Run(strings.TrimPrefix(lines[0], "# "), func(t *testing.T) { play(t, lines[1], lines[2:]) })
	}
}

func play(t *testing.T, plan string, lines []string) {
	p := planOf(t, plan)
	s := p.Start()
	for _, line := range lines {
		want, came, _ := strings.Cut(line, ": ")
		if got := wants(p, s); got != want {
			t.Fatalf("%s, and here %s: %+v", line, got, s)
		}
		for word := range strings.FieldsSeq(came) {
			s = p.Apply(s, eventOf(t, word, p.Next(s)))
		}
	}
	if kind := p.Next(s).Kind; kind != TheEnd && kind != Wait {
		t.Errorf("it goes on with %s", wants(p, s))
	}
}

// wants is what is to be done, in words; at the end, what is left.
func wants(p Plan, s State) string {
	a := p.Next(s)
	switch {
	case a.Kind == Try:
		return fmt.Sprintf("%v %d attempt %d", a.Phase, a.Step+1, a.Attempt)
	case a.Kind == Wait:
		return fmt.Sprintf("%s at %d", s.Parked, a.Step+1)
	case a.Kind == Pending:
		return fmt.Sprintf("wait for %v %d", a.Phase, a.Step+1)
	case s.Mode == Done:
		return "done"
	}
	return "rolled back, " + s.Cause
}

// planOf reads steps such as once,undo,ask.
func planOf(t *testing.T, text string) (p Plan) {
	t.Helper()
	for one := range strings.FieldsSeq(text) {
		step := Step{Attempts: 3, UndoAttempts: 3, AskAttempts: 3, UndoAgain: true}
		for word := range strings.SplitSeq(one, ",") {
			switch word {
			case "reads":
				step.Harmless = true
			case "idempotent":
				step.Repeatable = true
			case "once":
			case "undo":
				step.Undo = true
			case "ask":
				step.Ask = true
			case "privileged":
				step.Single = true
			default:
				t.Fatalf("step %s", one)
			}
		}
		p = append(p, step)
	}
	return p
}

// eventOf is an event in a word: what came of an attempt, or what somebody did.
func eventOf(t *testing.T, word string, a Action) Event {
	t.Helper()
	if e, ok := map[string]Event{
		"began": {What: Began}, "worked": {What: Worked}, "yes": {What: Answered, Yes: true}, "no": {What: Answered},
		"halted": {What: Halted}, "needed": {What: Needed}, "resumed": {What: Resumed}, "poisoned": {What: Poisoned}, "gave-up": {What: GaveUp},
		"told-yes": {What: Told, Yes: true}, "told-no": {What: Told},
	}[word]; ok {
		e.Phase = a.Phase
		return e
	}
	for class := guard.Permanent; class <= guard.Cancelled; class++ {
		if class.String() == word {
			return Event{What: Failed, Phase: a.Phase, Class: class}
		}
	}
	t.Fatalf("event %s", word)
	return Event{}
}
