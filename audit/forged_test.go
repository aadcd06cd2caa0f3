package audit_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
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

// TestAStrangerForgetsNoFreeze: a segment behind the checkpoint says nothing of the lines before it
// that these have not said.
func TestAStrangerForgetsNoFreeze(t *testing.T) {
	dir := frozen(t)
	s := newStranger(t, dir)
	names := segments(t, dir)
	var previous int64
	if _, err := fmt.Sscanf(names[len(names)-1], "%d.jsonl", &previous); err != nil {
		t.Fatal(err)
	}
	at := s.size
	header := own("audit.segment", fmt.Sprintf(`"segment":{"previous":%d,"size":%d,"root":"%s"}`, previous, at, s.root()))
	carried := own("audit.carried", `"carried":{"tenant":"other","newest":[{"action":"gate.freeze","index":-1}],"open":[{"grant":"g","action":"a","index":1}]}`)
	if err := os.WriteFile(filepath.Join(dir, "seg", fmt.Sprintf("%020d.jsonl", at)), []byte(s.batch(header, carried)), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		return // that is right as well
	}
	defer shut(t, l)
	if l.Newest("gate.freeze") < 0 || l.Recovery().Orphans != 0 {
		t.Errorf("freeze at %d, %d orphans", l.Newest("gate.freeze"), l.Recovery().Orphans)
	}
}
