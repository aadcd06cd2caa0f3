package verify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

// Lines that say something of the log's state, as the format has them.
const (
	lineOf     = `{"class_uid":6003,"api":{"operation":"%s"},"metadata":{"tenant_uid":"acme"},"status_id":%s,"carnet":{%s}}`
	lineClosed = `{"class_uid":6003,"actor":{"app_name":"carnet"},"api":{"operation":"%s"},"status_code":"interrupted","status_id":0,"carnet":{"grant":"%s"}}`
)

// stated is a log of one segment whose lines come to a state of each kind.
func stated(t testing.TB, key signer) *writer {
	w := newWriter(t, key)
	w.genesis() // 0
	opens := func(action, id string) { w.line(lineOf, action, "1", `"decision":"allowed","grant":"`+id+`"`) }
	opens("crm.read", "done") // 1
	opens("crm.read", "open")
	opens("crm.read", "doubt")
	opens("crm.read", "lost")
	opens("crm.read", "late")
	w.line(lineOf, "gate.freeze", "1", `"x":1`)                                                                                                           // 6
	w.line(lineOf, "crm.read", "1", `"grant":"done"`)                                                                                                     // answered
	w.line(lineOf, "crm.read", `0,"status_code":"timeout"`, `"grant":"doubt"`)                                                                            // and nobody knows how
	w.line(lineOf, "vault.lease", "1", `"grant":"open"`)                                                                                                  // for another action
	w.line(lineOf, "crm.read", "0", `"grant":"open"`)                                                                                                     // 10: says nothing
	w.line(lineOf, "crm.read", "1", `"decision":"denied","grant":"open"`)                                                                                 // is no answer
	w.line(lineClosed, "crm.read", "lost")                                                                                                                // 12
	w.line(lineClosed, "crm.read", "late")                                                                                                                // 13
	w.line(lineOf, "crm.read", "1", `"grant":"late"`)                                                                                                     // answered after all
	w.line(lineOf, "crm.read", `0,"status_code":"timeout"`, `"grant":"lost"`)                                                                             // 15: which is no answer
	w.line(`{"class_uid":2004,"finding_info":{"title":"x"},"api":{"operation":"run.park"},"status_id":1,"carnet":{"decision":"allowed","grant":"find"}}`) // 16
	w.line(`{"class_uid":2004,"api":{"operation":"run.park"},"status_id":1,"status_code":"x","carnet":{"grant":"find","outcome_id":0}}`)
	w.line(`{"class_uid":2004,"api":{"operation":"run.park"},"status_id":1,"carnet":{"decision":"allowed","grant":"found"}}`) // 18
	w.line(`{"class_uid":2004,"api":{"operation":"run.park"},"status_id":0,"carnet":{"grant":"found","outcome_id":1}}`)
	w.line(`{"class_uid":6002,"api":{"operation":"gate.open"},"status_code":"interrupted","status_id":0,"carnet":{"grant":"own"}}`) // 20
	w.inband()                                                                                                                      // 21
	return w
}

const (
	statedNewest = `{"action":"crm.read","index":15},{"action":"gate.freeze","index":6},{"action":"gate.open","index":20},{"action":"run.park","index":19},{"action":"vault.lease","index":9}`
	statedOpen   = `{"grant":"open","action":"crm.read","index":2}`
	statedClosed = `{"grant":"lost","action":"crm.read","index":12},{"grant":"own","action":"gate.open","index":20}`
	statedText   = `{"origin":"` + origin + `","tenant":"acme","newest":[` + statedNewest + `],"open":[` + statedOpen + `],"closed":[` + statedClosed + `]}`
)

// turn begins a segment that carries texts.
func (w *writer) turn(texts ...string) {
	w.commitOpen()
	header := fmt.Sprintf(`{"previous":%d,"size":%d,"root":"%s"}`, w.newest(), w.size(), w.root(w.size()))
	w.bounds = append(w.bounds, bound{w.seg.Len(), w.size()})
	w.line(`{"class_uid":6002,"api":{"operation":"audit.segment"},"carnet":{"segment":%s}}`, header)
	for _, text := range texts {
		w.line(`{"class_uid":6002,"api":{"operation":"audit.carried"},"carnet":{"carried":%s}}`, text)
	}
	w.commit()
}

// fork is a copy that goes on in its own way.
func (w *writer) fork() *writer {
	c := &writer{t: w.t, key: w.key, marks: slices.Clone(w.marks), hashes: slices.Clone(w.hashes), lines: slices.Clone(w.lines), first: w.first, bounds: slices.Clone(w.bounds), former: slices.Clone(w.former), kept: w.kept}
	c.seg.Write(w.seg.Bytes())
	return c
}

// TestWhatASegmentCarriesIsWhatTheLinesSay: Open believes it and reads no older line, so that a
// lie there unfreezes a gate, or takes an older copy of a store. All the rest is right, and signed.
func TestWhatASegmentCarriesIsWhatTheLinesSay(t *testing.T) {
	key := newSigner(t, origin, 1)
	replaced := func(old, by string) []string {
		text := strings.Replace(statedText, old, by, 1)
		if text == statedText {
			t.Fatalf("%s is not there", old)
		}
		return []string{text}
	}
	for name, c := range map[string]struct {
		texts []string
		right bool
	}{
		"the state":             {[]string{statedText}, true},
		"in several lines":      {[]string{`{"origin":"` + origin + `","open":[` + statedOpen + `]}`, `{"tenant":"acme","newest":[` + statedNewest + `]}`, `{"closed":[` + statedClosed + `]}`}, true},
		"times, and more":       {replaced(`"tenant"`, `"key":"k","earliest":5,"latest":9,"x":{},"tenant"`), true},
		"nothing":               {[]string{`{}`}, false},
		"no line":               {nil, false},
		"no object":             {[]string{`7`}, false},
		"another origin":        {replaced(origin, "acme.example/hr/z"), false},
		"another tenant":        {replaced("acme\"", "other\""), false},
		"no tenant":             {replaced(`"tenant":"acme",`, ``), false},
		"no freeze":             {replaced(`{"action":"gate.freeze","index":6},`, ``), false},
		"an older freeze":       {replaced(`"gate.freeze","index":6`, `"gate.freeze","index":5`), false},
		"a thaw":                {replaced(`{"action":"gate.freeze"`, `{"action":"gate.thaw","index":7},{"action":"gate.freeze"`), false},
		"no open grant":         {replaced(statedOpen, ``), false},
		"an open grant more":    {replaced(statedOpen, statedOpen+`,{"grant":"done","action":"crm.read","index":1}`), false},
		"an open grant in line": {replaced(`"crm.read","index":2`, `"crm.read","index":3`), false},
		"of another action":     {replaced(`"open","action":"crm.read"`, `"open","action":"crm.write"`), false},
		"no closed grant":       {replaced(`{"grant":"lost","action":"crm.read","index":12},`, ``), false},
		"a closed grant more":   {replaced(`"closed":[`, `"closed":[{"grant":"late","action":"crm.read","index":13},`), false},
		"kept, and nothing was": {replaced(`"tenant"`, `"kept":9,"tenant"`), false},
		"an action twice":       {replaced(statedNewest, statedNewest+`,{"action":"crm.read","index":15}`), false},
		"a grant twice":         {replaced(statedOpen, statedOpen+`,`+statedOpen), false},
		"a closed grant twice":  {replaced(statedClosed, statedClosed+`,{"grant":"lost","action":"crm.read","index":12}`), false},
		"two origins":           {[]string{statedText, `{"origin":"` + origin + `"}`}, false},
		"two tenants":           {[]string{statedText, `{"tenant":"acme"}`}, false},
		"tenant in two halves":  {[]string{strings.Replace(statedText, `"acme"`, `"ac"`, 1), `{"tenant":"me"}`}, false},
		"one that is none":      {[]string{`7`, statedText}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := stated(t, key)
			first := w.size()
			w.turn(c.texts...)
			w.grant()
			w.inband()
			r := dir(t, w.files(), key.vkey)
			want := verify.Finding{Code: "carried", File: segmentName(first), Index: first}
			if c.right && len(r.Findings) != 0 || !c.right && (len(r.Findings) == 0 || r.Findings[0] != want) {
				t.Errorf("got %v", r.Findings)
			}
		})
	}
}

// TestErasuresAreCarried: the newest table of people, so that no older one opens.
func TestErasuresAreCarried(t *testing.T) {
	key := newSigner(t, origin, 1)
	for carried, right := range map[string]bool{`,"erased":12`: true, ``: false, `,"erased":0`: false, `,"erased":2`: false, `,"erased":13`: false} {
		w := newWriter(t, key)
		w.genesis()
		for _, count := range []string{"2", "12", "7"} {
			w.line(lineOf, "audit.erased", "1", `"count":`+count)
			w.line(lineOf, "audit.behind", "1", `"count":99`)
		}
		w.inband()
		first := w.size()
		w.turn(`{"origin":"` + origin + `","tenant":"acme","newest":[{"action":"audit.erased","index":5},{"action":"audit.behind","index":6}]` + carried + `}`)
		w.inband()
		r := dir(t, w.files(), key.vkey)
		want := verify.Finding{Code: "carried", File: segmentName(first), Index: first}
		if right && len(r.Findings) != 0 || !right && (len(r.Findings) == 0 || r.Findings[0] != want) {
			t.Errorf("%s: got %v", carried, r.Findings)
		}
	}
}

// TestWhatIsCarriedOnAndOn: over three segments, when the first is gone, and in lines that may not.
func TestWhatIsCarriedOnAndOn(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := stated(t, key)
	w.turn(statedText)                                                                  // 22, 23
	w.line(lineOf, "crm.read", "1", `"grant":"lost"`)                                   // 24
	w.line(lineOf, "crm.read", "1", `"grant":"open"`)                                   // 25
	w.line(`{"api":{"operation":"audit.retained"},"carnet":{"retained":{"first":22}}}`) // 26
	w.commit()
	second := func(kept string) string {
		return `{"origin":"` + origin + `"` + kept + `,"tenant":"acme","newest":[{"action":"crm.read","index":25},{"action":"gate.freeze","index":6},{"action":"gate.open","index":20},{"action":"run.park","index":19},` +
			`{"action":"vault.lease","index":9},{"action":"audit.segment","index":22},{"action":"audit.carried","index":23},{"action":"audit.retained","index":26}],"closed":[{"grant":"own","action":"gate.open","index":20}]}`
	}
	for kept, want := range map[string]string{`,"kept":22`: "", ``: "carried", `,"kept":21`: "carried", `,"kept":23`: "carried"} {
		w := w.fork()
		w.turn(second(kept))
		w.inband()
		for _, from := range []int64{0, 22} {
			codes := ""
			for _, f := range dir(t, dropped(w.files(), from), key.vkey).Findings {
				codes += f.Code
			}
			if codes != want {
				t.Errorf("kept %q, from line %d: %q, want %q", kept, from, codes, want)
			}
		}
	}
	w.line(`{"carnet":{"carried":{}}}`)
	w.commit()
	if f := first(t, dir(t, w.files(), key.vkey)); f.Code != "carried" || f.Index != w.size()-1 {
		t.Errorf("where no segment begins: %v", f)
	}
	w = stated(t, key)
	w.commitOpen()
	w.bounds = append(w.bounds, bound{w.seg.Len(), w.size()})
	w.line(`{"carnet":{"segment":{"previous":0,"size":%d,"root":"%s"},"carried":%s}}`, w.size(), w.root(w.size()), statedText)
	w.commit()
	if f := first(t, dir(t, w.files(), key.vkey)); f.Code != "carried" {
		t.Errorf("in the header itself: %v", f)
	}
}

// TestOnlySoMuchIsCarried: as many actions and closed grants as the writer keeps, those that came
// last, and what is kept for ever.
func TestOnlySoMuchIsCarried(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := newWriter(t, key)
	w.genesis()
	w.line(lineOf, "vault.generation-a", "1", `"x":1`)
	w.line(lineOf, "gate.thaw", "1", `"x":1`)
	const actions, grants = 2200, 4100
	for i := range actions {
		w.line(lineOf, fmt.Sprint("crm.a", i), "1", `"x":1`)
	}
	closed := w.size()
	for i := range grants {
		w.line(lineClosed, "crm.last", fmt.Sprint("g", i))
	}
	text := func(oldest int, kept string) []string {
		newest := []string{fmt.Sprintf(`{"action":"crm.last","index":%d}`, w.size()-1)}
		for i := oldest; i < actions; i++ {
			newest = append(newest, fmt.Sprintf(`{"action":"crm.a%d","index":%d}`, i, i+3))
		}
		texts := []string{`{"origin":"` + origin + `","tenant":"acme","newest":[` + kept + strings.Join(newest, ",") + `]}`}
		var list []string
		for i := grants - 4096; i < grants; i++ {
			list = append(list, fmt.Sprintf(`{"grant":"g%d","action":"crm.last","index":%d}`, i, closed+int64(i)))
		}
		for some := range slices.Chunk(list, 500) {
			texts = append(texts, `{"closed":[`+strings.Join(some, ",")+`]}`)
		}
		return texts
	}
	both := `{"action":"vault.generation-a","index":1},{"action":"gate.thaw","index":2},`
	for _, c := range []struct {
		name   string
		oldest int
		kept   string
		want   int
	}{
		{"the newest", actions - 255, both, 0},
		{"one more", actions - 256, both, 1},
		{"one less", actions - 254, both, 1},
		{"without a store", actions - 255, `{"action":"gate.thaw","index":2},`, 1},
		{"without the gate", actions - 255, `{"action":"vault.generation-a","index":1},`, 1},
	} {
		w := w.fork()
		w.turn(text(c.oldest, c.kept)...)
		w.inband()
		if r := dir(t, w.files(), key.vkey); len(r.Findings) != c.want {
			t.Errorf("%s: %v", c.name, r.Findings)
		}
	}
}
