package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/carnet-go/carnet/audit/internal/reach"
)

// Events reads back what was on the disk when it was called, oldest first, in
// constant memory: the n-th event is the line with index n, the log's own among them.
// Subjects are pseudonyms. An error is the last that it yields; a zero Log yields one.
func (l *Log) Events(ctx context.Context) iter.Seq2[Event, error] { return l.EventsFrom(ctx, 0) }

// EventsFrom is Events from the line with index first on; those before are not looked at.
// It is ErrNotKept where Retain gave that line up.
func (l *Log) EventsFrom(ctx context.Context, first int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for w, err := range l.Read(ctx, Query{From: first}) {
			if !yield(w.Event, err) {
				return
			}
		}
	}
}

// Query is which events Read yields: those that everything holds for which is set. The
// zero Query is all that are on the disk.
type Query struct {
	Since, Until time.Time // of Event.Time: from Since on, and before Until; zero: any
	// Actor is who, as Append takes it or as Events shows it; zero: anybody. Chain and For
	// are not looked at. Of somebody who was erased only the pseudonym finds anything.
	Actor  Actor
	System string // exactly; empty: any
	Grant  string
	Run    string
	Action string
	From   int64 // the first line that is looked at; ErrNotKept where it is before [Log.Kept]
	Follow bool  // when all was read, wait for more until ctx ends or the log is closed
}

// Written is an event that is in the log.
type Written struct {
	Index int64
	Event Event
}

// Read yields the events that a query asks for, oldest first, in constant memory.
// Subjects are pseudonyms. Lines are looked through before they are decoded, and whole
// segments left out by the times that the log knows of them. An error is the last that it
// yields; that ctx ended while it followed is one too. A zero Log yields one.
func (l *Log) Read(ctx context.Context, q Query) iter.Seq2[Written, error] {
	return func(yield func(Written, error) bool) {
		g, err := l.open()
		if err != nil {
			yield(Written{}, err)
			return
		}
		if err := g.search(q).run(ctx, yield); err != nil {
			yield(Written{}, err)
		}
	}
}

// search is a query with what to look for in a line.
type search struct {
	Query
	log    *log
	person string // the pseudonym of Actor; empty: he has none
	window reach.Window
	texts  [][]byte // that stand in each line that matches, as values without escapes do
}

func (g *log) search(q Query) *search {
	s := &search{Query: q, log: g, window: reach.Window{Since: q.Since, Until: q.Until}}
	if n, ok := g.people.Find(q.Actor.Issuer, q.Actor.Subject); ok {
		s.person = n.String()
	}
	for _, text := range [...]string{q.System, q.Grant, q.Run, q.Action, q.Actor.Issuer} {
		if text != "" {
			s.texts = append(s.texts, []byte(`"`+text+`"`))
		}
	}
	return s
}

// run ends with an error that was not yielded yet.
func (s *search) run(ctx context.Context, yield func(Written, error) bool) error {
	c, end := s.log.durable.From(s.From), s.log.durable.Lines()
	defer c.Close()
	if err := ctx.Err(); err != nil {
		return err
	}
	for s.Follow || c.Index() < end {
		s.window.Leap(ctx, c)
		line, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			if !s.Follow {
				return nil
			}
			if err = c.Wait(ctx); err == nil {
				continue
			}
			if errors.Is(err, io.EOF) {
				return nil // the log was closed
			}
		}
		if err != nil {
			return err
		}
		e, ok, err := s.take(line.Text)
		if err != nil {
			return err
		}
		if ok && !yield(Written{line.Index, e}, nil) {
			return nil
		}
	}
	return nil
}

// take decodes a line that may match, and says whether it does.
func (s *search) take(text []byte) (Event, bool, error) {
	for _, t := range s.texts {
		if !bytes.Contains(text, t) {
			return Event{}, false, nil
		}
	}
	e, err := decode(text)
	return e, err == nil && s.matches(&e), err
}

func (s *search) matches(e *Event) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	return is(s.System, e.System) && is(s.Grant, e.Grant) && is(s.Run, e.Run) && is(s.Action, e.Action) &&
		(s.Actor == (Actor{}) || s.Actor.Issuer == e.Actor.Issuer && (e.Actor.Subject == s.person || e.Actor.Subject == s.Actor.Subject)) &&
		(s.Since.IsZero() || !e.Time.Before(s.Since)) && (s.Until.IsZero() || e.Time.Before(s.Until))
}
