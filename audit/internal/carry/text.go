package carry

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// TextBytes is the longest text: a line has some hundred bytes more.
const TextBytes = 60_000

// MostKeys is how many keys a log may have been under: one text has all of them.
const MostKeys = 128

// Text is the member "carried" of one line. Texts of one segment add up.
type Text struct {
	Origin string   `json:"origin,omitempty"`
	Key    string   `json:"key,omitempty"`    // the verifier key
	Former []string `json:"former,omitempty"` // verifier keys that were replaced, the oldest first
	Tenant string   `json:"tenant,omitempty"`
	Kept   int64    `json:"kept,omitempty"`     // first line that retention kept
	Erased int64    `json:"erased,omitempty"`   // newest generation of the table of people
	From   int64    `json:"earliest,omitempty"` // time in the segment before; 0: not known
	Until  int64    `json:"latest,omitempty"`
	Newest []Last   `json:"newest,omitempty"`
	Open   []Entry  `json:"open,omitempty"`
	Closed []Entry  `json:"closed,omitempty"`
}

// Last is the newest line of an action.
type Last struct {
	Action string `json:"action"`
	Index  int64  `json:"index"`
}

// Entry is a grant.
type Entry struct {
	ID     string `json:"grant"`
	Action string `json:"action"`
	Index  int64  `json:"index"`
}

var errText = errors.New("audit: what a segment carries over is malformed; the log was not changed")

// entryBytes is more than an entry, or an action with its line, takes.
const entryBytes = 192

// Texts are the state, and the times of the segment that ends, for the lines of the next.
func (s *State) Texts(before Times) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	now := Text{Origin: s.origin, Key: s.key, Former: s.former, Tenant: s.tenant, Kept: s.kept, Erased: s.erased, From: before.From, Until: before.Until}
	var texts []string
	flush := func() {
		b, _ := json.Marshal(now) // texts and numbers: it cannot fail
		texts, now = append(texts, string(b)), Text{}
	}
	const most = TextBytes / entryBytes
	count := 8 + 2*len(s.former) // what stands before
	next := func() {
		if count++; count > most {
			flush()
			count = 1
		}
	}
	for _, action := range slices.Sorted(maps.Keys(s.newest)) {
		next()
		now.Newest = append(now.Newest, Last{action, s.newest[action]})
	}
	for _, e := range entries(s.open) {
		next()
		now.Open = append(now.Open, e)
	}
	for _, e := range entries(s.closed) {
		next()
		now.Closed = append(now.Closed, e)
	}
	flush()
	return texts
}

// entries are grants, the oldest first.
func entries(grants map[string]Grant) []Entry {
	var list []Entry
	for id, g := range grants {
		list = append(list, Entry{id, g.Action, g.Index})
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// Parse reads the member of a line.
func Parse(line []byte) (Text, error) {
	var w struct{ Carnet struct{ Carried *Text } }
	if json.Unmarshal(line, &w) != nil || w.Carnet.Carried == nil {
		return Text{}, errText
	}
	return *w.Carnet.Carried, nil
}

// Is says whether texts are what Texts makes of the state, under the keys of a log: who takes them
// knows the same. Times may cover more than before has: they hide no line.
func (s *State) Is(texts []Text, keys []string, before Times) bool {
	said, entries := New(s.origin, ""), 0
	for i, t := range texts {
		if first := i == 0; first != (t.Origin != "") || !first && (t.Key != "" || t.Former != nil || t.Tenant != "" || t.Kept != 0 || t.Erased != 0 || t.From != 0) {
			return false
		}
		said.Take(t)
		entries += len(t.Newest) + len(t.Open) + len(t.Closed)
	}
	if len(texts) == 0 || texts[0].Origin != s.origin || !slices.Equal(append(slices.Clip(texts[0].Former), texts[0].Key), keys) {
		return false
	}
	if t := texts[0]; t.From != 0 && (t.From > before.From || t.Until < before.Until) {
		return false
	}
	if entries != len(said.newest)+len(said.open)+len(said.closed) { // one stands there twice
		return false
	}
	return said.tenant == s.tenant && said.kept == s.Kept() && said.erased == s.Erased() &&
		maps.Equal(said.Newest(), s.Newest()) && maps.Equal(said.open, s.Open()) && maps.Equal(said.closed, s.Closed())
}

// Take adds what a line carries.
func (s *State) Take(t Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Tenant != "" {
		s.tenant = t.Tenant
	}
	s.kept = max(s.kept, t.Kept)
	s.erased = max(s.erased, t.Erased)
	for _, l := range t.Newest {
		s.saw(l.Action, l.Index)
	}
	for _, e := range t.Open {
		s.open[e.ID] = Grant{e.Action, e.Index}
	}
	for _, e := range t.Closed {
		s.closed[e.ID] = Grant{e.Action, e.Index}
	}
	s.waiting.Store(int64(len(s.closed)))
}
