// Package carry is what a log must know of its lines without reading all of them: which
// grants are open, whose log it is, and which line of an action is the newest. At the
// beginning of a segment all that is written down, so that whoever opens the log reads
// no older one.
//
//	state := carry.New()
//	state.Apply(first, facts)     // of each commit
//	texts := state.Texts(times)   // for the lines behind the first one of a segment
//	err := state.Take(text)       // when they are read back
//
// # Guarantees
//
// What Take reads of Texts is the state that Texts was called on. Of what may grow
// without end only so much is kept as [Most], [Actions] and [Stores] say: an action is text that
// callers choose. What somebody's safety hangs on is never given up for it.
//
// # Limits
//
// A grant is its id, its action and the index of its line; what else stands in the line
// is read there.
//
// # Errors
//
// Take speaks for package audit. It holds neither values nor positions.
//
// # Concurrency
//
// A State is safe for concurrent use.
package carry

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Most is how many grants that the log closed as unknown wait for an answer: of more, the
// oldest are given up, and their answers do not say what they resolve.
const Most = 4096

// Of the newest lines of actions are kept those of so many that came last, and besides them,
// for ever, those of gate.freeze, gate.thaw, and of what a vault knows of so many stores.
const (
	Actions = 256
	Stores  = 256
)

// Generations is how the actions begin whose newest line says what a store of a vault was: who
// forgets it takes an older copy.
const Generations = "vault.generation"

// isKept says whether the newest line of an action is kept for ever.
func isKept(action string) bool {
	return action == "gate.freeze" || action == "gate.thaw" || strings.HasPrefix(action, Generations)
}

// Grant is one that was given, or that the log closed.
type Grant struct {
	Action string
	Index  int64 // of that line
}

// Times are the earliest and the latest time of some lines, in milliseconds; zero: not
// known.
type Times struct{ From, Until int64 }

// Add takes the time of one more line.
func (t *Times) Add(ms int64) {
	if *t == (Times{}) {
		t.From, t.Until = ms, ms
	}
	t.From, t.Until = min(t.From, ms), max(t.Until, ms)
}

// Merge takes the times of more lines.
func (t *Times) Merge(more Times) {
	if more != (Times{}) {
		t.Add(more.From)
		t.Add(more.Until)
	}
}

// State is what is remembered.
type State struct {
	mu      sync.Mutex
	origin  string
	key     string
	former  []string
	tenant  string
	kept    int64
	erased  int64
	newest  map[string]int64
	passing int // how many of newest are not kept for ever
	stores  map[string]bool
	open    map[string]Grant // by id
	closed  map[string]Grant // by id
	waiting atomic.Int64     // how many are closed
}

// New is the state of a log without lines, under a verifier key that came after others.
func New(origin, key string, former ...string) *State {
	return &State{origin: origin, key: key, former: former, newest: map[string]int64{}, stores: map[string]bool{}, open: map[string]Grant{}, closed: map[string]Grant{}}
}

// Rekey says that the log goes on under another verifier key.
func (s *State) Rekey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.former, s.key = append(slices.Clip(s.former), s.key), key
}

// Was says whether the log is under a verifier key, or was.
func (s *State) Was(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return key == s.key || slices.Contains(s.former, key)
}

// Keys are those that the log was under, the one that it is under last.
func (s *State) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(slices.Clone(s.former), s.key)
}

// Apply takes lines that became durable, the first of which has an index.
func (s *State) Apply(first int64, facts []Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range facts {
		s.apply(first+int64(i), &facts[i])
	}
}

func (s *State) apply(index int64, f *Fact) {
	s.saw(f.Action, index)
	s.erased, s.kept = max(s.erased, f.Erased), max(s.kept, f.Kept)
	if s.tenant == "" {
		s.tenant = f.Tenant
	}
	switch f.Kind {
	case Opens:
		s.open[f.Grant] = Grant{f.Action, index}
	case Answers, Doubts:
		if s.open[f.Grant].Action == f.Action {
			delete(s.open, f.Grant)
		}
		if f.Kind == Answers && s.closed[f.Grant].Action == f.Action {
			delete(s.closed, f.Grant)
			s.waiting.Add(-1)
		}
	case Closes:
		delete(s.open, f.Grant)
		s.closed[f.Grant] = Grant{f.Action, index}
		s.limit()
	}
}

// saw remembers the newest line of an action.
func (s *State) saw(action string, index int64) {
	_, known := s.newest[action]
	s.newest[action] = index
	switch {
	case known:
	case strings.HasPrefix(action, Generations):
		s.stores[action] = true
	case !isKept(action):
		s.passing++
	}
	if s.passing > 2*Actions {
		s.prune()
	}
}

// prune forgets the oldest of too many actions. Which are left does not depend on when it is called.
func (s *State) prune() {
	if s.passing <= Actions {
		return
	}
	var passing []int64
	for action, index := range s.newest {
		if !isKept(action) {
			passing = append(passing, index)
		}
	}
	slices.Sort(passing)
	from := passing[len(passing)-Actions]
	maps.DeleteFunc(s.newest, func(action string, index int64) bool { return index < from && !isKept(action) })
	s.passing = Actions
}

// Takes says whether there is a place for an action, and keeps it: of those that are kept for
// ever there is one for so many.
func (s *State) Takes(action string) bool {
	if !strings.HasPrefix(action, Generations) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stores[action] && len(s.stores) >= Stores {
		return false
	}
	s.stores[strings.Clone(action)] = true
	return true
}

// limit gives up the oldest of too many.
func (s *State) limit() {
	if len(s.closed) > Most {
		var oldest string
		for id, g := range s.closed {
			if oldest == "" || g.Index < s.closed[oldest].Index {
				oldest = id
			}
		}
		delete(s.closed, oldest)
	}
	s.waiting.Store(int64(len(s.closed)))
}

// Closing is the line with which the log closed a grant of an action; 0: none, or it was
// answered.
func (s *State) Closing(grant, action string) int64 {
	if s.waiting.Load() == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.closed[grant]; g.Action == action {
		return g.Index
	}
	return 0
}

// Tenant is that of the first line that had one.
func (s *State) Tenant() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenant
}

// Newest is the newest line of each action that is kept.
func (s *State) Newest() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	return maps.Clone(s.newest)
}

// Open are the grants that nobody answered, by their ids.
func (s *State) Open() map[string]Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.open)
}

// Closed are the grants that the log closed and nobody has answered since, by their ids.
func (s *State) Closed() map[string]Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.closed)
}

// Kept is the first line that retention kept.
func (s *State) Kept() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// Erased is the newest generation of the table of people that a line has told of; 0: none has.
func (s *State) Erased() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.erased
}

// Needs is the oldest line that an open grant stands in, or that is the newest of an action with a
// prefix; -1: none.
func (s *State) Needs(prefix string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := int64(-1)
	for _, g := range s.open {
		if oldest < 0 || g.Index < oldest {
			oldest = g.Index
		}
	}
	for action, index := range s.newest {
		if strings.HasPrefix(action, prefix) && (oldest < 0 || index < oldest) {
			oldest = index
		}
	}
	return oldest
}
