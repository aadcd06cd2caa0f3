package verify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

// Of forgotten: the sizes of the tree under each key, and the first line that is there.
type sizes struct{ a, b, first int64 }

// forgotten is a log that went from a over b to c, and gave up the lines that say so.
func forgotten(t testing.TB, a, b, c signer) (*writer, sizes) {
	var at sizes
	w := small(t, a)
	at.a = w.size()
	w.rekey(b)
	w.more()
	at.b = w.size()
	w.rekey(c)
	w.more()
	at.first = w.size()
	w.rotate()
	w.retain(at.first)
	w.more()
	return w, at
}

// signed is a note of a key over the first lines.
func (w *writer) signed(by signer, size int64) []byte {
	now := w.key
	w.key = by
	defer func() { w.key = now }()
	return []byte(w.note(size))
}

// codes are those of the findings, in order.
func codes(r verify.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Code)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestKnownOfAKeyWhoseRekeyIsGone: what was kept of a key that was replaced is still good, given as
// known or beside the log, if that key is given; and nothing else is.
func TestKnownOfAKeyWhoseRekeyIsGone(t *testing.T) {
	a, b, c := abc(t)
	x, far := newSigner(t, origin, 4), newSigner(t, "acme.example/hr/b", 1)
	w, at := forgotten(t, a, b, c)
	log := dropped(w.files(), at.first)
	fork := newWriter(t, a)
	fork.genesis()
	for fork.size() < at.a {
		fork.denied()
	}
	all := []string{a.vkey, b.vkey, c.vkey}
	for name, k := range map[string]struct {
		keys  []string
		known [][]byte
		want  string
	}{
		"the first key's":             {all, [][]byte{w.signed(a, at.a)}, ""},
		"the second's":                {all, [][]byte{w.signed(b, at.b)}, ""},
		"the last's":                  {all, [][]byte{w.signed(c, at.first), w.signed(c, w.size())}, ""},
		"of each":                     {all, [][]byte{w.signed(c, at.first), w.signed(a, at.a), w.signed(b, at.b)}, ""},
		"and the one between is not":  {[]string{a.vkey, c.vkey}, [][]byte{w.signed(a, at.a)}, ""},
		"of a key that is not given":  {[]string{a.vkey, c.vkey}, [][]byte{w.signed(b, at.b)}, "known"},
		"the last alone is given":     {[]string{c.vkey}, [][]byte{w.signed(a, at.a)}, "known"},
		"of no line":                  {all, [][]byte{w.signed(a, 0)}, "known"},
		"of other lines":              {all, [][]byte{fork.signed(a, at.a)}, "history"},
		"behind the first line":       {all, [][]byte{w.signed(b, at.first+1)}, "known"},
		"at the end":                  {all, [][]byte{w.signed(a, w.size())}, "known"},
		"behind its replacement":      {all, [][]byte{w.signed(b, at.b-1), w.signed(a, at.b)}, "known"},
		"of a key that is none of it": {append(slices.Clone(all), far.vkey), [][]byte{w.signed(far, at.a)}, "known"},
		"of a stranger":               {all, [][]byte{w.signed(x, at.a)}, "known"},
	} {
		if r := verifyWith(t, log, k.keys, k.known...); codes(r) != k.want {
			t.Errorf("%s: got %v, want %q", name, r.Findings, k.want)
		}
		beside := clone(log)
		beside["cosigned"] = &fstest.MapFile{Data: k.known[len(k.known)-1]}
		if r := verifyWith(t, beside, k.keys, k.known[:len(k.known)-1]...); codes(r) != k.want {
			t.Errorf("%s, beside the log: got %v, want %q", name, r.Findings, k.want)
		}
	}
	// Where the line is still there, it says more than what is carried.
	between := dropped(w.files(), at.b)
	for size, want := range map[int64]string{at.a: "", at.b: "", at.b + 1: "known"} {
		if r := verifyWith(t, between, all, w.signed(a, size)); codes(r) != want {
			t.Errorf("from the second rekey on, of %d lines: got %v, want %q", size, r.Findings, want)
		}
	}
	if r := verifyWith(t, between, []string{c.vkey}, w.signed(b, at.b)); codes(r) != "" {
		t.Errorf("of the key that the line names, who gives the next: got %v", r.Findings)
	}
	if r := verifyWith(t, between, all, w.signed(b, at.b+3)); codes(r) != "" {
		t.Errorf("over the line that replaces it: got %v", r.Findings)
	}
}

// TestKeysWhoseRekeyIsGone: those that a log carries count as its own for who gives the one that it
// is under too, and in that order.
func TestKeysWhoseRekeyIsGone(t *testing.T) {
	a, b, c := abc(t)
	x := newSigner(t, origin, 4)
	w, at := forgotten(t, a, b, c)
	log := dropped(w.files(), at.first)
	for _, keys := range [][]signer{{c}, {a, c}, {b, c}, {a, b, c}, {b, a, c}} {
		if r := verifyWith(t, log, vkeys(keys)); codes(r) != "" || r.Key != c.vkey {
			t.Errorf("%d keys: got %v", len(keys), r.Findings)
		}
	}
	want := verify.Finding{Code: "rekey", File: segmentName(at.first), Index: at.first}
	for _, keys := range [][]signer{{c, a}, {a, c, b}, {c, b, a}, {a, x, c}, {x, c}, {c, x}} {
		if r := verifyWith(t, log, vkeys(keys)); !slices.Contains(r.Findings, want) {
			t.Errorf("%d keys, in another order or of others: got %v", len(keys), r.Findings)
		}
	}
	for _, keys := range [][]signer{{a}, {b}, {a, b}, {b, a}} {
		if r := verifyWith(t, log, vkeys(keys)); codes(r) == "" {
			t.Errorf("%d old keys: it passes", len(keys))
		}
	}
	// A key that was carried does not come back, and with an old key alone nobody is led on.
	w.rekey(a)
	w.more()
	for _, keys := range [][]signer{{c}, {a, c}} {
		if r := verifyWith(t, dropped(w.files(), at.first), vkeys(keys)); !strings.Contains(codes(r), "rekey") || r.Key != c.vkey {
			t.Errorf("one that comes back: got %v, under %s", r.Findings, r.Key)
		}
	}
	on, at := forgotten(t, a, b, c)
	on.rekey(x)
	on.more()
	log = dropped(on.files(), at.first)
	if r := verifyWith(t, log, vkeys([]signer{c})); codes(r) != "" || r.Key != x.vkey {
		t.Errorf("from the key that is told: got %v", r.Findings)
	}
	if r := verifyWith(t, log, vkeys([]signer{a, c})); codes(r) != "" || r.Key != x.vkey {
		t.Errorf("from that, with one that is only carried: got %v", r.Findings)
	}
	for _, keys := range [][]signer{{a}, {a, b}, {c, a}} {
		if r := verifyWith(t, log, vkeys(keys)); !strings.Contains(codes(r), "rekey") && !strings.Contains(codes(r), "checkpoint") {
			t.Errorf("%d that are only carried, or in another order: got %v", len(keys), r.Findings)
		}
	}
}

func vkeys(of []signer) (list []string) {
	for _, k := range of {
		list = append(list, k.vkey)
	}
	return list
}

// carrying is a log of one key that says others were before it, and has given up its first lines.
func carrying(t testing.TB, key signer, former ...string) (fstest.MapFS, int64) {
	t.Helper()
	w := small(t, key)
	first := w.size()
	w.former = former
	w.rotate()
	w.retain(first)
	w.more()
	return dropped(w.files(), first), first
}

// TestTheOldKeyCarriesTheNewOneAsReplaced: who has stolen a key that was replaced signs what he
// likes, and says that the newer ones were before it.
func TestTheOldKeyCarriesTheNewOneAsReplaced(t *testing.T) {
	a, b, c := abc(t)
	for _, former := range [][]string{nil, {b.vkey}, {c.vkey, b.vkey}, {b.vkey, c.vkey, a.vkey}} {
		log, _ := carrying(t, a, former...)
		for _, keys := range [][]signer{{a, b}, {a, b, c}, {a, c}} {
			if r := verifyWith(t, log, vkeys(keys)); !strings.Contains(codes(r), "rekey") {
				t.Errorf("%d carried, %d keys: got %v", len(former), len(keys), r.Findings)
			}
		}
		if r := verifyWith(t, log, vkeys([]signer{b})); codes(r) == "" {
			t.Errorf("%d carried, the new key alone: it passes", len(former))
		}
	}
	// Who says himself that the old one is the newer one has nothing else to go by: the package
	// documentation has it among the limits.
	w := small(t, a)
	first := w.size()
	w.former = []string{b.vkey}
	w.rotate()
	w.retain(first)
	if r := verifyWith(t, dropped(w.files(), first), vkeys([]signer{b, a})); r.Key != a.vkey {
		t.Errorf("got %v, under %s", r.Findings, r.Key)
	}
	// Nor does a key of his own help, or one of both in a line that nobody has signed.
	x := newSigner(t, origin, 4)
	w = small(t, x)
	first = w.size()
	w.former = []string{a.vkey, b.vkey}
	w.rotate()
	w.retain(first)
	for _, keys := range [][]signer{{a, b}, {b, a}, {a}, {b}} {
		if r := verifyWith(t, dropped(w.files(), first), vkeys(keys), w.signed(a, 3)); codes(r) == "" || r.Key != "" {
			t.Errorf("a stranger's log: got %v", r)
		}
	}
	unsigned := small(t, b)
	log := unsigned.files()
	first = unsigned.size()
	unsigned.former = []string{a.vkey}
	unsigned.rotate()
	unsigned.retain(first)
	later := dropped(unsigned.files(), first)
	later["checkpoint"] = log["checkpoint"]
	later = unsigned.at(first, later)
	if r := verifyWith(t, later, vkeys([]signer{a, b}), unsigned.signed(a, 3)); !strings.Contains(codes(r), "unsigned") {
		t.Errorf("nobody has signed what is carried: got %v", r.Findings)
	}
}

// TestFormerKeysThatAreNone: no key, one of another log, or one twice; and another list for who
// reads it a second time.
func TestFormerKeysThatAreNone(t *testing.T) {
	a, b, c := abc(t)
	far := newSigner(t, "acme.example/hr/b", 1)
	for name, former := range map[string][]string{
		"no key": {a.vkey, "x"}, "another name of one": {upper(a.vkey)}, "another log's": {far.vkey}, "twice": {a.vkey, b.vkey, a.vkey},
		"the log's own between": {c.vkey, a.vkey}, "the log's own twice": {c.vkey, c.vkey},
	} {
		files, first := carrying(t, c, former...)
		want := []verify.Finding{{Code: "rekey", File: segmentName(first), Index: first}}
		if r := verifyWith(t, files, []string{c.vkey}); !slices.Equal(r.Findings, want) {
			t.Errorf("%s: got %v, want %v", name, r.Findings, want)
		}
	}
	log1, first := carrying(t, c)
	forged, _ := carrying(t, c, a.vkey)
	name := segmentName(first)
	honest := log1[name].Data
	log1[name] = forged[name]
	found := 0
	for opens := range 4 { // each time it is opened, to look what it announces and carries, and then for its lines
		if r := verifyWith(t, &twoFaced{log1, name, honest, -opens}, []string{a.vkey, c.vkey}); codes(r) == "" {
			t.Errorf("others after %d times: it passes", opens)
		}
		if r := verifyWith(t, &twoFaced{log1, name, honest, -opens}, []string{c.vkey}); codes(r) == "rekey" {
			found++
		}
	}
	if found != 1 {
		t.Errorf("what is carried is not what was looked at: found %d times", found)
	}
	none := rekeyed(t, a, b, func(k *takeover) { k.from = "x" })
	if r := verifyWith(t, dropped(none.files(), rekeyFirst), []string{b.vkey}); codes(r) == "" || r.Origin != "" || r.Key != "" {
		t.Errorf("from what is no key: got %v, of %q, under %q", r.Findings, r.Origin, r.Key)
	}
	odd := small(t, c)
	at := odd.size()
	odd.rotateWith(fmt.Sprintf(`{"previous":0,"size":%d,"root":"%s"}`, at, odd.root(at)))
	odd.retain(at)
	odd.inband()
	files := dropped(odd.files(), at)
	if r := verifyWith(t, files, []string{c.vkey}); len(r.Findings) != 0 {
		t.Errorf("nothing is carried of it: got %v", r.Findings)
	}
}
