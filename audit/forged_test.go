package audit_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
)

// stranger is somebody who may write the files, and has not the key.
type stranger struct {
	t    *testing.T
	dir  string
	size int64
	tree hashes
}

func newStranger(t *testing.T, dir string) *stranger {
	t.Helper()
	s := &stranger{t: t, dir: dir}
	for _, line := range leaves(t, dir) {
		s.leaf(bytes.TrimSuffix(line, []byte("\n")))
	}
	return s
}

func (s *stranger) leaf(line []byte) {
	s.t.Helper()
	more, err := tlog.StoredHashesForRecordHash(s.size, tlog.RecordHash(line), &s.tree)
	if err != nil {
		s.t.Fatal(err)
	}
	s.tree = append(s.tree, more...)
	s.size++
}

func (s *stranger) root() string {
	s.t.Helper()
	root, err := tlog.TreeHash(s.size, &s.tree)
	if err != nil {
		s.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(root[:])
}

// batch is lines with the commit line that belongs behind them.
func (s *stranger) batch(lines ...string) (text string) {
	for _, line := range lines {
		s.leaf([]byte(line))
		text += line + "\n"
	}
	return text + fmt.Sprintf(`{"commit":{"size":%d,"root":"%s"}}`, s.size, s.root()) + "\n"
}

// write appends to the newest segment.
func (s *stranger) write(text string) {
	s.t.Helper()
	names := segments(s.t, s.dir)
	f, err := os.OpenFile(filepath.Join(s.dir, "seg", names[len(names)-1]), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// own is a line as the log itself writes them.
func own(action, members string) string {
	return fmt.Sprintf(`{"activity_id":99,"app":{"name":"carnet","uid":"acme.example/hr/a","vendor_name":"carnet"},"category_uid":6,"class_uid":6002,"metadata":{"version":"1.6.0"},"severity_id":1,"status_id":1,"time":%d,"type_uid":600299,"carnet":{"operation":%q,%s}}`, time.Now().UnixMilli(), action, members)
}

// frozen is a log of some segments, in the first of which a gate was frozen.
func frozen(t *testing.T) string {
	t.Helper()
	dir := create(t)
	l := openWith(t, dir, small, nil)
	add(t, l, audit.Event{Action: "gate.freeze", Outcome: audit.OutcomeSuccess})
	for range 60 {
		add(t, l, answer())
	}
	shut(t, l)
	if n := len(segments(t, dir)); n < 4 {
		t.Fatalf("%d segments", n)
	}
	return dir
}

// TestAStrangerLetsNoLineGo: who can write a line behind the checkpoint, and has not the key, does
// not make the log give up what it has signed; neither does one that was written once repeat.
func TestAStrangerLetsNoLineGo(t *testing.T) {
	for name, first := range map[string]string{"some": "%d", "all": "999999999", "none": "0", "below": "-1"} {
		dir := frozen(t)
		names := segments(t, dir)
		var at int
		if _, err := fmt.Sscanf(names[2], "%d.jsonl", &at); err != nil {
			t.Fatal(err)
		}
		if name == "some" {
			first = fmt.Sprintf(first, at)
		}
		s := newStranger(t, dir)
		s.write(s.batch(own("audit.retained", `"retained":{"first":`+first+`,"seal":"`+fmt.Sprintf("%064d", 0)+`"}`)))
		l, err := audit.Open(t.Context(), dir, nil)
		if err == nil {
			shut(t, l)
		}
		if err == nil || len(segments(t, dir)) != len(names) {
			t.Errorf("%s: %v, %d segments of %d", name, err, len(segments(t, dir)), len(names))
		}
	}
}

// segment adds one that carries a text.
func (s *stranger) segment(carried any) {
	s.t.Helper()
	starts := firsts(s.t, s.dir)
	text, err := json.Marshal(carried)
	if err != nil {
		s.t.Fatal(err)
	}
	at := s.size
	header := own("audit.segment", fmt.Sprintf(`"segment":{"previous":%d,"size":%d,"root":"%s"}`, starts[len(starts)-1], at, s.root()))
	write(s.t, filepath.Join(s.dir, "seg", fmt.Sprintf("%020d.jsonl", at)), []byte(s.batch(header, own("audit.carried", `"carried":`+string(text)))))
}

// carried is what a segment behind the last line would carry, of a log without grants.
func (s *stranger) carried() map[string]any {
	s.t.Helper()
	newest, erased := map[string]int{}, 0
	for i, line := range leaves(s.t, s.dir) {
		e, err := audit.Decode(line)
		if err != nil {
			s.t.Fatal(err)
		}
		newest[e.Action] = i
		if e.Action == "audit.erased" {
			erased = e.Count
		}
	}
	list := []any{}
	for action, index := range newest {
		list = append(list, map[string]any{"action": action, "index": index})
	}
	key := strings.TrimSpace(string(read(s.t, s.dir+".vkey")))
	return map[string]any{"origin": origin, "key": key, "erased": erased, "newest": list}
}

// TestAStrangerForgetsNothing: a whole segment behind the checkpoint takes no key, and the second
// Open would begin there. It says of the lines before it what they say, or the log does not open.
func TestAStrangerForgetsNothing(t *testing.T) {
	type text = map[string]any
	dir := frozen(t)
	l := openWith(t, dir, small, nil)
	freeze := l.Newest("gate.freeze")
	who := audit.Actor{Issuer: "https://idp.acme.example", Subject: "u-1"}
	add(t, l, audit.Event{Action: "crm.read", Actor: who, Outcome: audit.OutcomeSuccess})
	older := read(t, filepath.Join(dir, "people"))
	if err := l.Erase(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	grants := []any{text{"grant": "g", "action": "a", "index": 1}}
	for name, lie := range map[string]func(c text){
		"nothing else": func(c text) { delete(c, "newest"); delete(c, "erased") },
		"no action":    func(c text) { delete(c, "newest") },
		"an action more": func(c text) {
			c["newest"] = append(c["newest"].([]any), text{"action": "gate.thaw", "index": freeze + 1})
		},
		"an older action":  func(c text) { c["newest"] = append(c["newest"].([]any), text{"action": "gate.freeze", "index": 0}) },
		"no erasure":       func(c text) { delete(c, "erased") },
		"a later erasure":  func(c text) { c["erased"] = 99 },
		"lines let go":     func(c text) { c["kept"] = newStranger(t, dir).size },
		"a tenant":         func(c text) { c["tenant"] = "other" },
		"a grant":          func(c text) { c["open"] = grants },
		"a closed grant":   func(c text) { c["closed"] = grants },
		"another origin":   func(c text) { c["origin"] = "acme.example/hr/b" },
		"another key":      func(c text) { c["key"] = c["key"].(string) + "x" },
		"a key before it":  func(c text) { c["former"] = []any{c["key"]} },
		"times of no line": func(c text) { c["earliest"], c["latest"] = 1, 1 },
	} {
		dir := clone(t, dir)
		s := newStranger(t, dir)
		c := s.carried()
		lie(c)
		s.segment(c)
		names := segments(t, dir)
		for range 2 {
			if _, err := reopens(t, dir); err == nil || !strings.Contains(err.Error(), "damaged") || !slices.Equal(segments(t, dir), names) {
				t.Errorf("%s: %v, %d segments of %d", name, err, len(segments(t, dir)), len(names))
			}
		}
	}
	s := newStranger(t, dir)
	truth := s.carried()
	truth["earliest"], truth["latest"] = 1, int64(1)<<45 // which hides no line
	s.segment(truth)
	for range 2 {
		l := open(t, dir)
		if l.Newest("gate.freeze") != freeze || l.Kept() != 0 || l.Pseudonym(who) != "" {
			t.Errorf("freeze at %d, kept from %d", l.Newest("gate.freeze"), l.Kept())
		}
		shut(t, l)
	}
	write(t, filepath.Join(dir, "people"), older)
	if _, err := reopens(t, dir); err == nil {
		t.Error("an older table opens")
	}
}

// TestAStrangersSegmentAlone: where all others were removed nothing tells whether what it carries
// is right, and no checkpoint covers it.
func TestAStrangersSegmentAlone(t *testing.T) {
	dir := frozen(t)
	s := newStranger(t, dir)
	c := s.carried()
	c["kept"], c["newest"] = s.size, []any{}
	names := segments(t, dir)
	s.segment(c)
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, "seg", name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := reopens(t, dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}
