package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/queue"
)

// ErrNobody is Erase's answer where the log has no pseudonym for somebody.
var ErrNobody = errors.New("audit: the log knows nobody of this issuer and subject")

// reasonAnew is of a table that was begun because none could be used: it forgets everybody.
const reasonAnew = "anew"

// spare is how much of the disk newcomers leave to those whose events matter more.
const spare = 4096

// who are the people of a line.
type who struct {
	actor, whom people.Name
	chain       []people.Name
}

// meet finds the pseudonyms of an event. Somebody new has one on the disk then, before a line
// has it.
func (l *line) meet(ctx context.Context, e *Event, t *people.Table, class queue.Class) (err error) {
	name := func(a Actor) (n people.Name) {
		if err == nil && a != (Actor{}) {
			n, err = t.Name(ctx, a.Issuer, a.Subject, spare*int64(class))
		}
		return n
	}
	l.who.actor, l.who.whom, l.who.chain = name(e.Actor), name(e.For), l.who.chain[:0]
	for _, a := range e.Chain {
		l.who.chain = append(l.who.chain, name(a))
	}
	return err
}

// Pseudonym is how the log writes somebody, "p-" and 32 hex digits; empty: it has not met him, or
// he was erased, or it is a zero Log or Actor. It looks up and never makes one: an event does.
// Pseudonyms are random, and nobody can tell that two logs mean the same person.
func (l *Log) Pseudonym(a Actor) string {
	g, err := l.open()
	if err != nil {
		return ""
	}
	n, ok := g.people.Find(a.Issuer, a.Subject)
	if !ok {
		return ""
	}
	return n.String()
}

// Erase forgets whose a pseudonym was; who comes again gets another. What it is in stays, so
// every line and proof does. An event, audit.erased, says that somebody was erased, and not who:
// its Count is how often the table of people was replaced. When Erase returned nil the table and
// the event are on the disk. An event that is being appended meanwhile may still have the old
// pseudonym.
//
// ErrNobody: there is nobody to erase. ErrNotRecorded: nothing was erased. ErrIndeterminate: it
// may be, and may not be in the log yet, where Open or the next Erase write it; whoever erases
// again gets nil or ErrNobody.
func (l *Log) Erase(ctx context.Context, a Actor) error {
	g, err := l.open()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	err = g.people.Erase(ctx, a.Issuer, a.Subject)
	switch {
	case err == nil:
	case errors.Is(err, people.ErrNobody):
		err = ErrNobody
	case errors.Is(err, people.ErrUnknown) || ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return fmt.Errorf("%w: %w", ErrIndeterminate, err)
	default:
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	if e, unsaid := g.erased(); unsaid {
		if serr := g.say(ctx, e); serr != nil {
			return serr
		}
	}
	return err
}

// erased is the event of the newest table, and whether the log has not got it yet.
func (g *log) erased() (Event, bool) {
	now, born := g.people.Generation()
	said := g.state.Erased()
	e := Event{Action: actionErased, Outcome: OutcomeSuccess, Count: int(now)}
	if born > said {
		e.Reason = reasonAnew
	}
	return e, now > said
}

// say records that somebody was erased, who is by now.
func (g *log) say(ctx context.Context, e Event) error {
	e.Time = time.Now()
	_, err := g.put(ctx, encoded(g.key, &e, extra{}), queue.Item{Fact: factOf(&e)})
	if err != nil && !errors.Is(err, ErrIndeterminate) {
		// Not the error's own meaning: somebody was erased.
		return fmt.Errorf("%w: the person is erased, and the log does not say so yet", ErrIndeterminate)
	}
	return err
}
