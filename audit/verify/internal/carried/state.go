// Package carried is what a segment must say of those before it, so that whoever opens a log reads
// no older one.
//
//	var s carried.State
//	ok := s.Take(carried.Line{Index: index, Fact: carried.Read(line, named), …})
//	ok = s.End(origin, kept) // with each commit line, and before each line that neither begins a segment nor carries
//
// # Guarantees
//
// It reads lines by the format alone, and shares no line with what writes logs. What is held for
// each grant without an answer is some bytes; of actions and of closed grants it is as much as
// the writer keeps.
//
// # Limits
//
// What the first segment that is there carries is taken: nobody can tell any more. Times and keys
// are not compared.
//
// # Errors
//
// There are none: an answer is yes or no.
//
// # Concurrency
//
// A State is one goroutine's. Read may be called from anywhere.
package carried

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// As many as the writer keeps.
const (
	mostActions = 256
	mostClosed  = 4096
)

// Line is one line, and what it is.
type Line struct {
	Index  int64
	Fact   Fact
	Begins bool   // a segment
	First  bool   // and that is the first one which is there
	Text   []byte // of its member "carried"; nil: it has none
}

// State is a log's, up to a line. The zero State is of no line.
type State struct {
	now, said known
	heads     known // what the lines that begin it say themselves
	kept      int64 // first line that was kept before there was a first segment
	first     bool
	carrying  bool
	odd       bool // a line cannot be read, or says something twice
}

// Take takes a line, and says whether it may stand where it does.
func (s *State) Take(l Line) bool {
	switch {
	case l.Begins:
		s.said, s.heads, s.first, s.carrying, s.odd = known{}, known{}, l.First, true, false
		s.heads.line(l.Index, &l.Fact)
		return l.Text == nil
	case l.Text != nil:
		s.odd = !s.said.add(l.Text) || s.odd
		s.heads.line(l.Index, &l.Fact)
		return s.carrying
	}
	s.now.line(l.Index, &l.Fact)
	return true
}

// End compares, behind the lines that a segment begins with, what they carried with what the
// lines before them said. Kept is the first line that these kept, as the newest of them
// that gave up lines says; an empty origin is not known.
func (s *State) End(origin string, kept int64) bool {
	if !s.carrying {
		return true
	}
	s.now.prune()
	same := !s.odd && (origin == "" || s.said.Origin == origin)
	if s.first {
		s.now, s.kept = s.said, s.said.Kept
	} else {
		same = same && s.said.Kept == max(kept, s.kept) && s.now.equal(&s.said)
	}
	s.carrying = false
	for action, index := range s.heads.newest {
		s.now.saw(action, index)
	}
	return same
}

// known is what lines come to, or what a segment says that they do.
type known struct {
	Origin, Tenant string
	Kept, Erased   int64
	newest         map[string]int64
	last           string // action: most lines have that of the one before
	open, closed   grants
}

// grants are those without an answer, or those that the log closed, by their ids.
type grants map[string]grant

type grant struct {
	action string
	index  int64
}

// line remembers what a line says.
func (k *known) line(index int64, f *Fact) {
	if k.Tenant == "" {
		k.Tenant = string(f.Tenant)
	}
	k.Erased = max(k.Erased, f.Erased)
	if len(f.Action) > 0 {
		if string(f.Action) != k.last {
			k.last = string(f.Action)
		}
		k.saw(k.last, index)
	}
	switch f.Kind {
	case Opens:
		k.open.put(string(f.Grant), grant{string(f.Action), index})
	case Answers:
		k.open.end(f)
		k.closed.end(f)
	case Doubts:
		k.open.end(f)
	case Closes:
		delete(k.open, string(f.Grant))
		k.closed.put(string(f.Grant), grant{string(f.Action), index})
		k.closed.forget()
	}
}

// saw remembers the newest line of an action.
func (k *known) saw(action string, index int64) {
	if k.newest == nil {
		k.newest = map[string]int64{}
	}
	if k.newest[action] = index; len(k.newest) > 8*mostActions {
		k.prune()
	}
}

// isKept says whether the newest line of an action is kept for ever.
func isKept(action string) bool {
	return action == "gate.freeze" || action == "gate.thaw" || strings.HasPrefix(action, "vault.generation")
}

// prune leaves those actions that came last.
func (k *known) prune() {
	var passing []int64
	for action, index := range k.newest {
		if !isKept(action) {
			passing = append(passing, index)
		}
	}
	if len(passing) <= mostActions {
		return
	}
	slices.Sort(passing)
	from := passing[len(passing)-mostActions]
	maps.DeleteFunc(k.newest, func(action string, index int64) bool { return index < from && !isKept(action) })
}

// equal says whether a segment says what the lines do.
func (k *known) equal(said *known) bool {
	return k.Tenant == said.Tenant && k.Erased == said.Erased && maps.Equal(k.newest, said.newest) && maps.Equal(k.open, said.open) && maps.Equal(k.closed, said.closed)
}

// add takes what a line carries, and says whether it can be read, and nothing stands there twice.
func (k *known) add(text []byte) bool {
	type entry struct {
		Grant, Action string
		Index         int64
	}
	var m struct {
		Origin, Tenant       string
		Kept, Erased         int64
		Newest, Open, Closed []entry
	}
	if json.Unmarshal(text, &m) != nil {
		return false
	}
	before := len(k.newest) + len(k.open) + len(k.closed)
	for _, e := range m.Newest {
		k.saw(e.Action, e.Index)
	}
	for _, e := range m.Open {
		k.open.put(e.Grant, grant{e.Action, e.Index})
	}
	for _, e := range m.Closed {
		k.closed.put(e.Grant, grant{e.Action, e.Index})
	}
	once := (k.Origin == "" || m.Origin == "") && (k.Tenant == "" || m.Tenant == "") && (k.Kept == 0 || m.Kept == 0) && (k.Erased == 0 || m.Erased == 0)
	k.Origin, k.Tenant, k.Kept = k.Origin+m.Origin, k.Tenant+m.Tenant, k.Kept+m.Kept
	k.Erased += m.Erased
	return once && len(k.newest)+len(k.open)+len(k.closed) == before+len(m.Newest)+len(m.Open)+len(m.Closed)
}

func (g *grants) put(id string, of grant) {
	if *g == nil {
		*g = grants{}
	}
	(*g)[id] = of
}

// end takes an answer: one for another action is none.
func (g grants) end(f *Fact) {
	if g[string(f.Grant)].action == string(f.Action) {
		delete(g, string(f.Grant))
	}
}

// forget gives up the oldest of too many.
func (g grants) forget() {
	if len(g) <= mostClosed {
		return
	}
	oldest := ""
	for id, of := range g {
		if oldest == "" || of.index < g[oldest].index {
			oldest = id
		}
	}
	delete(g, oldest)
}
