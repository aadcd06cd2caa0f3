package verify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

// takeover is how a log goes on under another key: all of it may be said otherwise.
type takeover struct {
	next      signer
	from, to  string
	origin    string // what is signed
	size      int64
	root      string
	by        signer
	signature func(string) string
	member    func(string) string // JSON of the statement
	before    func()              // lines between what is carried and it
	cover     func()              // lines behind it
}

// rekey begins a segment as a writer does who changes the key.
func (w *writer) rekey(next signer, changes ...func(*takeover)) {
	w.t.Helper()
	w.commitOpen()
	size := w.size()
	root := w.root(size).String()
	old := w.key
	k := &takeover{
		next: next, from: old.vkey, to: next.vkey, origin: old.Name(), size: size, root: root, by: next,
		signature: func(s string) string { return s }, member: func(s string) string { return s }, before: func() {},
	}
	k.cover = func() {
		w.note1(w.note(w.size()))
		w.key = next
		w.note1(w.note(w.size()))
		w.commit()
	}
	for _, change := range changes {
		change(k)
	}
	w.former = append(w.former, old.vkey)
	w.header(fmt.Sprintf(`{"previous":%d,"size":%d,"root":"%s"}`, w.newest(), size, root))
	k.before()
	text := fmt.Sprintf("carnet audit: the log goes on under another key, version 1\x00%s\n%d\n%s\n%s\n%s\n", k.origin, k.size, k.root, k.from, k.to)
	sig, err := k.by.Sign([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	said := fmt.Sprintf(`{"from_key":"%s","to_key":"%s","proof":"%s"}`, k.from, k.to, k.signature(base64.StdEncoding.EncodeToString(sig)))
	w.line(`{"class_uid":6002,"carnet":{"rekey":%s}}`, k.member(said))
	k.cover()
}

// header begins a segment, and leaves its batch open.
func (w *writer) header(text string) {
	w.bounds = append(w.bounds, bound{w.seg.Len(), w.size()})
	carried := w.carried()
	w.line(`{"class_uid":6003,"carnet":{"segment":%s}}`, text)
	for _, text := range carried {
		w.line(`{"class_uid":6003,"carnet":{"carried":%s}}`, text)
	}
}

// note1 adds a checkpoint event to the batch.
func (w *writer) note1(text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		w.t.Fatal(err)
	}
	w.line(`{"class_uid":6003,"carnet":{"checkpoint":%s}}`, quoted)
}

// more adds a batch of two lines and a checkpoint event.
func (w *writer) more() {
	w.grant()
	w.denied()
	w.commit()
	w.inband()
}

// Of rekeyed: where its segment begins, the line that names the new key, and the last line.
const (
	rekeyFirst = 8
	rekeyLine  = rekeyFirst + 2
	rekeyEnd   = 15
)

// rekeyed is a log that went from one key to another one.
func rekeyed(t testing.TB, old, next signer, changes ...func(*takeover)) *writer {
	w := small(t, old)
	w.rekey(next, changes...)
	w.more()
	return w
}

func verifyWith(t testing.TB, log fs.FS, keys []string, known ...[]byte) verify.Report {
	t.Helper()
	r, err := verify.Dir(context.Background(), log, keys, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// abc are three keys of one log.
func abc(t testing.TB) (a, b, c signer) {
	return newSigner(t, origin, 1), newSigner(t, origin, 2), newSigner(t, origin, 3)
}

// TestRekeyIsFollowed, by who has the old key, the new one, or both, in any order; over two of
// them, and where older segments were given up.
func TestRekeyIsFollowed(t *testing.T) {
	a, b, c := abc(t)
	one := rekeyed(t, a, b)
	two := rekeyed(t, a, b)
	two.rekey(c)
	two.more()
	for _, keys := range [][]string{{a.vkey}, {b.vkey}, {a.vkey, b.vkey}, {b.vkey, a.vkey}} {
		if r := verifyWith(t, one.files(), keys); len(r.Findings) != 0 || r.Key != b.vkey || r.Origin != origin || r.Root != one.root(one.size()) {
			t.Errorf("%d keys: got %v, %v, under %s", len(keys), r, r.Findings, r.Key)
		}
	}
	for _, keys := range [][]string{{a.vkey}, {b.vkey}, {c.vkey}, {a.vkey, b.vkey}, {b.vkey, c.vkey}, {a.vkey, c.vkey}, {c.vkey, b.vkey, a.vkey}} {
		if r := verifyWith(t, two.files(), keys); len(r.Findings) != 0 || r.Key != c.vkey {
			t.Errorf("%d keys, twice: got %v, %v, under %s", len(keys), r, r.Findings, r.Key)
		}
	}
	again := small(t, a)
	again.rekey(b)
	again.rekey(c) // there is nothing between the two
	if r := verifyWith(t, again.files(), []string{a.vkey}); len(r.Findings) != 0 || r.Key != c.vkey {
		t.Errorf("one after the other: got %v", r.Findings)
	}
	before := small(t, a)
	if r := verifyWith(t, before.files(), []string{a.vkey}); len(r.Findings) != 0 || r.Key != a.vkey {
		t.Errorf("a copy from before: got %v, under %s", r.Findings, r.Key)
	}
	if f := first(t, verifyWith(t, before.files(), []string{b.vkey})); f != (verify.Finding{Code: "key", File: segment, Index: 0}) {
		t.Errorf("a copy from before, and the new key: got %v", f)
	}
	other := newSigner(t, "acme.example/hr/b", 9)
	if r := verifyWith(t, one.files(), []string{other.vkey, a.vkey}); len(r.Findings) != 0 || r.Key != b.vkey {
		t.Errorf("a key of another log beside it: got %v", r.Findings)
	}
}

// TestRekeyAfterRetention: what is left still tells, where the line with the new key is there.
func TestRekeyAfterRetention(t *testing.T) {
	a, b, c := abc(t)
	w := small(t, a)
	w.rotate() // 8
	w.more()
	second := w.size()
	w.rekey(b)
	w.more()
	third := w.size()
	w.rotate()
	w.more()
	w.rekey(c)
	w.retain(third)
	w.inband()
	log := w.files()
	for _, from := range []int64{0, first1, second} {
		for _, k := range []signer{a, b, c} {
			if r := verifyWith(t, dropped(log, from), []string{k.vkey}); len(r.Findings) != 0 || r.Key != c.vkey || r.Origin != origin || r.First != from {
				t.Errorf("from %d: got %v, %v", from, r, r.Findings)
			}
		}
	}
	for _, k := range []signer{b, c} {
		if r := verifyWith(t, dropped(log, third), []string{k.vkey}); len(r.Findings) != 0 || r.Key != c.vkey {
			t.Errorf("without the first rekey: got %v", r.Findings)
		}
	}
	if r := verifyWith(t, dropped(log, third), []string{a.vkey}); len(r.Findings) == 0 {
		t.Error("a key of which nothing is left passes")
	}
}

// TestEachHalfOfARekey: everything else is right, and signed by whoever has to.
func TestEachHalfOfARekey(t *testing.T) {
	a, b, x := abc(t)
	other := newSigner(t, "acme.example/hr/b", 2)
	member := func(old, text string) func(k *takeover) {
		return func(k *takeover) {
			k.member = func(s string) string {
				if !strings.Contains(s, old) {
					panic(s)
				}
				return strings.Replace(s, old, text, 1)
			}
		}
	}
	covers := func(do func(w *writer)) func(w *writer) func(k *takeover) {
		return func(w *writer) func(k *takeover) {
			return func(k *takeover) {
				k.cover = func() {
					do(w)
					w.commit()
				}
			}
		}
	}
	plain := func(change func(k *takeover)) func(w *writer) func(k *takeover) {
		return func(*writer) func(k *takeover) { return change }
	}
	for name, c := range map[string]struct {
		change func(w *writer) func(k *takeover)
		want   verify.Finding
	}{
		"from another":       {plain(func(k *takeover) { k.from = x.vkey }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"from itself":        {plain(func(k *takeover) { k.from = b.vkey }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"to itself":          {plain(func(k *takeover) { k.to, k.by = a.vkey, a }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"to another":         {plain(func(k *takeover) { k.to = x.vkey }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"to another log's":   {plain(func(k *takeover) { k.to, k.by = other.vkey, other }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"to none":            {plain(func(k *takeover) { k.to = "" }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"to a second name":   {plain(func(k *takeover) { k.to = upper(k.to) }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"from a second name": {plain(func(k *takeover) { k.from = upper(k.from) }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"of another origin":  {plain(func(k *takeover) { k.origin = "acme.example/hr/b" }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"of another size":    {plain(func(k *takeover) { k.size-- }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"of another root":    {plain(func(k *takeover) { k.root = k.root[1:] + "=" }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"signed by the old":  {plain(func(k *takeover) { k.by = a }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"signed by others":   {plain(func(k *takeover) { k.by = x }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"not signed":         {plain(func(k *takeover) { k.signature = func(string) string { return "" } }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"no base64":          {plain(func(k *takeover) { k.signature = func(s string) string { return "!" + s[1:] } }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"stray bits":         {plain(func(k *takeover) { k.signature = func(s string) string { return stray(t, s) } }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"a newline":          {plain(func(k *takeover) { k.signature = func(s string) string { return s[:4] + `\n` + s[4:] } }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"no from":            {plain(member(`"from_key"`, `"form_key"`)), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"no to":              {plain(member(`"to_key"`, `"tp_key"`)), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"no signature":       {plain(member(`"proof"`, `"prof"`)), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"twice":              {plain(member(`{`, `{"from_key":"`+a.vkey+`",`)), verify.Finding{Code: "json", Index: rekeyLine}},
		"a number":           {plain(member(`"from_key":"`+a.vkey+`"`, `"from_key":1`)), verify.Finding{Code: "json", Index: rekeyLine}},
		"no object":          {plain(func(k *takeover) { k.member = func(string) string { return `"x"` } }), verify.Finding{Code: "json", Index: rekeyLine}},
		"nothing":            {plain(func(k *takeover) { k.member = func(string) string { return `{}` } }), verify.Finding{Code: "rekey", Index: rekeyLine}},
		"no old checkpoint": {covers(func(w *writer) {
			w.key = b
			w.note1(w.note(w.size()))
		}), verify.Finding{Code: "rekey", Index: rekeyLine + 1}},
		"no checkpoint": {covers(func(w *writer) { w.key = b; w.grant() }), verify.Finding{Code: "rekey", Index: rekeyLine + 1}},
		"an old checkpoint later": {covers(func(w *writer) {
			w.grant()
			w.note1(w.note(w.size()))
			w.key = b
		}), verify.Finding{Code: "rekey", Index: rekeyLine + 1}},
		"an old checkpoint over less": {covers(func(w *writer) {
			w.note1(w.note(w.size() - 1))
			w.key = b
		}), verify.Finding{Code: "rekey", Index: rekeyLine + 1}},
		"the old key goes on": {covers(func(w *writer) {
			w.note1(w.note(w.size()))
			w.note1(w.note(w.size()))
			w.key = b
		}), verify.Finding{Code: "inband", Index: rekeyLine + 2}},
		"the new key is early": {func(w *writer) func(k *takeover) {
			return func(k *takeover) {
				k.before = func() {
					w.key = b
					w.note1(w.note(w.size()))
					w.key = a
				}
			}
		}, verify.Finding{Code: "inband", Index: rekeyLine}},
		"in a second batch": {func(w *writer) func(k *takeover) {
			return func(k *takeover) { k.before = func() { w.commit() } }
		}, verify.Finding{Code: "rekey", Index: rekeyLine}},
		"later in the batch": {func(w *writer) func(k *takeover) {
			return func(k *takeover) { k.before = func() { w.grant() } }
		}, verify.Finding{}},
		"in another order": {plain(func(k *takeover) {
			k.member = func(s string) string { return `{ "x" : [1] ,` + s[1:] }
		}), verify.Finding{}},
	} {
		w := small(t, a)
		w.rekey(b, c.change(w))
		w.more()
		for _, keys := range [][]string{{a.vkey}, {b.vkey}, {a.vkey, b.vkey}} {
			r := verifyWith(t, w.files(), keys)
			if c.want == (verify.Finding{}) {
				if len(r.Findings) != 0 {
					t.Errorf("%s, %d keys: got %v", name, len(keys), r.Findings)
				}
				continue
			}
			c.want.File = segmentName(rekeyFirst)
			if len(keys) == 2 && !slices.Contains(r.Findings, c.want) || len(r.Findings) == 0 {
				t.Errorf("%s, %d keys: got %v, want %v", name, len(keys), r.Findings, c.want)
			}
		}
	}
}

// upper is another name of a key: its hash in upper case, or with a stray bit.
func upper(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	if up := strings.ToUpper(parts[1]); up != parts[1] {
		parts[1] = up
	} else {
		parts[1] = "0" + parts[1]
	}
	return strings.Join(parts, "+")
}

// TestRekeyWithoutTheOldKey: a stranger, with a key of his own, and all else as it must be.
func TestRekeyWithoutTheOldKey(t *testing.T) {
	a, b, x := abc(t)
	byStranger := func(w *writer) func(k *takeover) {
		return func(k *takeover) {
			k.cover = func() {
				w.key = x
				w.note1(w.note(w.size()))
				w.note1(w.note(w.size()))
				w.commit()
			}
		}
	}
	w := small(t, a)
	w.rekey(x, byStranger(w))
	w.more()
	for _, keys := range [][]string{{a.vkey}, {a.vkey, b.vkey}, {b.vkey}} {
		if r := verifyWith(t, w.files(), keys); len(r.Findings) == 0 || r.Key == x.vkey {
			t.Errorf("%d keys: got %v, under %s", len(keys), r, r.Key)
		}
	}
	want := verify.Finding{Code: "rekey", File: segmentName(rekeyFirst), Index: rekeyLine + 1}
	if r := verifyWith(t, w.files(), []string{a.vkey}); !slices.Contains(r.Findings, want) {
		t.Errorf("got %v, want %v", r.Findings, want)
	}
	if f := first(t, verifyWith(t, rekeyed(t, x, b).files(), []string{a.vkey})); f != (verify.Finding{Code: "key", File: segment, Index: 0}) {
		t.Errorf("a log of others: got %v", f)
	}
	// Who has the old key can make a log that goes to his own. Who knows the right one too is
	// not led there.
	fork := rekeyed(t, a, x)
	if r := verifyWith(t, fork.files(), []string{a.vkey}); len(r.Findings) != 0 || r.Key != x.vkey {
		t.Errorf("the old key alone: got %v", r.Findings)
	}
	want.Index = rekeyLine
	for _, keys := range [][]string{{a.vkey, b.vkey}, {b.vkey, a.vkey}} {
		if r := verifyWith(t, fork.files(), keys); !slices.Equal(r.Findings, []verify.Finding{want}) {
			t.Errorf("both keys: got %v, want %v", r.Findings, want)
		}
	}
	// He who has the new key only does not take another log for his own.
	forged := rekeyed(t, x, b, func(k *takeover) { k.by = x })
	if r := verifyWith(t, forged.files(), []string{b.vkey}); len(r.Findings) == 0 {
		t.Error("what the new key has not signed passes")
	}
	other := newSigner(t, "acme.example/hr/b", 7)
	elsewhere := rekeyed(t, other, newSigner(t, "acme.example/hr/b", 8), func(k *takeover) { k.to, k.by = b.vkey, b })
	if r := verifyWith(t, elsewhere.files(), []string{b.vkey}); len(r.Findings) == 0 {
		t.Error("another origin passes")
	}
}

// TestTheOldKeyIsUsedAfterARekey, in the log, beside it, and by those who keep checkpoints.
func TestTheOldKeyIsUsedAfterARekey(t *testing.T) {
	a, b, _ := abc(t)
	both := []string{a.vkey, b.vkey}
	w := rekeyed(t, a, b)
	old := func(size int64) []byte {
		w.key = a
		defer func() { w.key = b }()
		return []byte(w.note(size))
	}
	thief := rekeyed(t, a, b)
	thief.grant()
	thief.commit()
	thief.key = a
	thief.inband()
	thief.key = b
	if f := first(t, verifyWith(t, thief.files(), both)); f != (verify.Finding{Code: "inband", File: segmentName(rekeyFirst), Index: rekeyEnd + 2}) {
		t.Errorf("in the log: got %v", f)
	}
	for _, keys := range [][]string{both, {a.vkey}, {b.vkey}} {
		log := w.files()
		log["checkpoint"].Data = old(w.size())
		if r := verifyWith(t, log, keys); !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Code == "checkpoint" }) {
			t.Errorf("beside it: got %v", r.Findings)
		}
		longer := rekeyed(t, a, b)
		longer.more()
		longer.key = a
		log["checkpoint"].Data = []byte(longer.note(longer.size()))
		if r := verifyWith(t, log, keys); !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Code == "checkpoint" }) {
			t.Errorf("beside it, of more lines: got %v", r.Findings)
		}
		for _, size := range []int64{rekeyFirst, rekeyLine + 1} { // as a crash leaves it
			log["checkpoint"].Data = old(size)
			log = w.at(size, log)
			r := verifyWith(t, log, keys)
			if f := first(t, r); f != (verify.Finding{Code: "unsigned", File: segmentName(rekeyFirst), Index: size}) || r.Key != b.vkey {
				t.Errorf("of %d lines: got %v", size, r.Findings)
			}
		}
	}
	for _, c := range []struct {
		note []byte
		want string
	}{
		{old(5), ""}, {old(rekeyFirst), ""}, {old(rekeyLine), ""}, {old(rekeyLine + 1), ""},
		{old(rekeyLine + 2), "known"}, {old(rekeyEnd), "known"},
		{[]byte(w.note(rekeyEnd)), ""}, {[]byte(w.note(rekeyLine + 2)), ""},
		{[]byte(w.note(rekeyLine + 1)), "known"}, {[]byte(w.note(rekeyFirst)), "known"}, {[]byte(w.note(3)), "known"},
	} {
		for _, keys := range [][]string{both, {a.vkey}, {b.vkey}} {
			got := ""
			if r := verifyWith(t, w.files(), keys, c.note); len(r.Findings) > 0 {
				got = r.Findings[0].Code
			}
			if got != c.want {
				t.Errorf("%d keys, %.40q: got %q, want %q", len(keys), c.note, got, c.want)
			}
			log := w.files()
			log["cosigned"] = &fstest.MapFile{Data: c.note}
			got = ""
			if r := verifyWith(t, log, keys); len(r.Findings) > 0 {
				got = r.Findings[0].Code
			}
			if got != c.want {
				t.Errorf("cosigned, %d keys, %.40q: got %q, want %q", len(keys), c.note, got, c.want)
			}
		}
	}
}

// TestALogGoesOnFromBeforeItsRekey: who has the old key takes the newest segments away, and signs
// what he likes behind the others. Who gives the new key, first or last, is not led there.
func TestALogGoesOnFromBeforeItsRekey(t *testing.T) {
	a, b, c := abc(t)
	thief := small(t, a)
	thief.more()
	if r := verifyWith(t, thief.files(), []string{a.vkey}); len(r.Findings) != 0 {
		t.Fatal(r.Findings) // it is well made
	}
	want := []verify.Finding{{Code: "rekey", File: segment, Index: 0}}
	for _, keys := range [][]string{{a.vkey, b.vkey}, {b.vkey, a.vkey}} {
		if r := verifyWith(t, thief.files(), keys); !slices.Equal(r.Findings, want) {
			t.Errorf("%v: got %v, want %v", keys, r.Findings, want)
		}
	}
	between := rekeyed(t, a, b)
	want = []verify.Finding{{Code: "rekey", File: segmentName(rekeyFirst), Index: rekeyLine}}
	for _, keys := range [][]string{
		{a.vkey, c.vkey}, {c.vkey, a.vkey}, {b.vkey, c.vkey}, {c.vkey, b.vkey},
		{a.vkey, b.vkey, c.vkey}, {c.vkey, a.vkey, b.vkey}, {b.vkey, c.vkey, a.vkey}, {c.vkey, b.vkey, a.vkey},
	} {
		if r := verifyWith(t, between.files(), keys); !slices.Equal(r.Findings, want) {
			t.Errorf("%d keys: got %v, want %v", len(keys), r.Findings, want)
		}
	}
	if r := verifyWith(t, thief.files(), []string{b.vkey}); len(r.Findings) == 0 {
		t.Error("the new key alone: it passes")
	}
	rolled := rekeyed(t, a, b)
	if r := verifyWith(t, thief.files(), []string{a.vkey}, []byte(rolled.note(rolled.size()))); len(r.Findings) == 0 {
		t.Error("somebody kept a checkpoint of the new key: it passes")
	}
}

// TestARekeyIsTakenOut, or put back: the lines behind it are those that were there, or are signed
// again by who has the new key.
func TestARekeyIsTakenOut(t *testing.T) {
	a, b, _ := abc(t)
	for name, sign := range map[string]func(w *writer){
		"copied": func(w *writer) {
			right := rekeyed(t, a, b)
			for _, line := range right.lines[rekeyLine+1 : rekeyLine+3] {
				w.line("%s", line)
			}
			w.key = b
		},
		"signed by the new key":           func(w *writer) { w.key = b; w.note1(w.note(w.size())) },
		"signed by the old, then the new": func(w *writer) { w.note1(w.note(w.size())); w.key = b; w.note1(w.note(w.size())) },
		"nothing of it":                   func(w *writer) { w.key = b },
	} {
		w := small(t, a)
		w.header(fmt.Sprintf(`{"previous":%d,"size":%d,"root":"%s"}`, w.newest(), w.size(), w.root(w.size())))
		sign(w)
		w.commit()
		w.more()
		for _, keys := range [][]string{{a.vkey}, {b.vkey}, {a.vkey, b.vkey}} {
			if r := verifyWith(t, w.files(), keys); len(r.Findings) == 0 || r.Key == b.vkey {
				t.Errorf("%s, %d keys: got %v, under %s", name, len(keys), r.Findings, r.Key)
			}
		}
	}
}

// TestARekeyOfAnotherLogIsReplayed: what two keys have said of one log, byte by byte, in another
// one of the same keys, of another origin or the same one.
func TestARekeyOfAnotherLogIsReplayed(t *testing.T) {
	a, b, _ := abc(t)
	elsewhere := small(t, newSigner(t, "acme.example/hr/b", 1))
	elsewhere.rekey(newSigner(t, "acme.example/hr/b", 2))
	longer := small(t, a)
	longer.more()
	longer.rekey(b)
	other := newSigner(t, "acme.example/hr/b", 2)
	away := rekeyed(t, a, b, func(k *takeover) { k.to, k.by = other.vkey, other })
	line := verify.Finding{Code: "rekey", File: segmentName(rekeyFirst), Index: rekeyLine}
	if r := verifyWith(t, away.files(), []string{a.vkey, b.vkey, other.vkey}); !slices.Contains(r.Findings, line) {
		t.Errorf("to the key of another log: got %v", r.Findings)
	}
	for name, from := range map[string]*writer{"of another origin": elsewhere, "of another place": longer} {
		lines := from.lines[len(from.lines)-3:]
		if !bytes.Contains(lines[0], []byte(`"rekey"`)) {
			t.Fatalf("%s: %s", name, lines[0])
		}
		w := small(t, a)
		w.header(fmt.Sprintf(`{"previous":%d,"size":%d,"root":"%s"}`, w.newest(), w.size(), w.root(w.size())))
		w.line("%s", lines[0])
		w.note1(w.note(w.size())) // even if the old key signed over it
		w.key = b
		w.commit()
		w.more()
		want := verify.Finding{Code: "rekey", File: segmentName(rekeyFirst), Index: rekeyLine}
		for _, keys := range [][]string{{a.vkey}, {a.vkey, b.vkey}} {
			if r := verifyWith(t, w.files(), keys); !slices.Contains(r.Findings, want) || r.Key == b.vkey {
				t.Errorf("%s, %d keys: got %v, under %s", name, len(keys), r.Findings, r.Key)
			}
		}
	}
}

// TestAKeyDoesNotComeBack, not even where both keys say so.
func TestAKeyDoesNotComeBack(t *testing.T) {
	a, b, c := abc(t)
	w := rekeyed(t, a, b)
	at := w.size() + 2
	w.rekey(a)
	w.more()
	want := verify.Finding{Code: "rekey", File: segmentName(at - 2), Index: at}
	for _, keys := range [][]string{{a.vkey}, {b.vkey}, {a.vkey, b.vkey}, {b.vkey, a.vkey}} {
		if r := verifyWith(t, w.files(), keys); !slices.Contains(r.Findings, want) || r.Key != b.vkey {
			t.Errorf("%d keys: got %v, under %s", len(keys), r.Findings, r.Key)
		}
	}
	w = rekeyed(t, a, b)
	w.rekey(c)
	at = w.size() + 2
	w.rekey(a)
	want = verify.Finding{Code: "rekey", File: segmentName(at - 2), Index: at}
	if r := verifyWith(t, w.files(), []string{a.vkey}); !slices.Contains(r.Findings, want) {
		t.Errorf("over two: got %v", r.Findings)
	}
}

// at is a log whose tiles are those of a smaller tree.
func (w *writer) at(size int64, log fstest.MapFS) fstest.MapFS {
	log = clone(log)
	maps.DeleteFunc(log, func(name string, _ *fstest.MapFile) bool { return strings.HasPrefix(name, "tile/") })
	w.tiles(log, size)
	return log
}

// TestALogThatEndsWithItsRekey: the line is there, and nobody has signed for it.
func TestALogThatEndsWithItsRekey(t *testing.T) {
	a, b, _ := abc(t)
	w := small(t, a)
	w.rekey(b, func(k *takeover) { k.cover = func() { w.commit() } })
	for _, keys := range [][]string{{a.vkey}, {a.vkey, b.vkey}} {
		if f := first(t, verifyWith(t, w.files(), keys)); f != (verify.Finding{Code: "rekey", File: segmentName(rekeyFirst), Index: rekeyLine}) {
			t.Errorf("got %v", f)
		}
	}
}

// TestARekeyWhereNoSegmentBegins: nor in the first one, nor twice in one.
func TestARekeyWhereNoSegmentBegins(t *testing.T) {
	a, b, c := abc(t)
	said := func(w *writer, size int64, from, to signer) {
		text := fmt.Sprintf("carnet audit: the log goes on under another key, version 1\x00%s\n%d\n%s\n%s\n%s\n", origin, size, w.root(size), from.vkey, to.vkey)
		sig, err := to.Sign([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		w.line(`{"class_uid":6002,"carnet":{"rekey":{"from_key":"%s","to_key":"%s","proof":"%s"}}}`, from.vkey, to.vkey, base64.StdEncoding.EncodeToString(sig))
		w.note1(w.note(w.size()))
		w.key = to
	}
	w := newWriter(t, a)
	w.genesis()
	said(w, 0, a, b)
	w.commit()
	w.inband()
	if r := verifyWith(t, w.files(), []string{a.vkey, b.vkey}); !slices.Contains(r.Findings, verify.Finding{Code: "rekey", File: segment, Index: 1}) {
		t.Errorf("in the first segment: got %v", r.Findings)
	}
	w = small(t, a)
	w.rekey(b, func(k *takeover) {
		k.cover = func() {
			w.note1(w.note(w.size()))
			w.key = b
			said(w, rekeyFirst, b, c)
			w.commit()
		}
	})
	w.inband()
	if r := verifyWith(t, w.files(), []string{a.vkey, b.vkey, c.vkey}); !slices.Contains(r.Findings, verify.Finding{Code: "rekey", File: segmentName(rekeyFirst), Index: rekeyLine + 2}) {
		t.Errorf("twice: got %v", r.Findings)
	}
}

// TestBitFlipsInARekey name the line that they stand in.
func TestBitFlipsInARekey(t *testing.T) {
	a, b, _ := abc(t)
	w := rekeyed(t, a, b)
	log := w.files()
	name := segmentName(rekeyFirst)
	offset := w.bounds[0].offset
	for _, keys := range [][]string{{a.vkey, b.vkey}, {b.vkey}, {a.vkey}} {
		parallel(len(log[name].Data)/stride(), func(at int) {
			at *= stride()
			bad := maps.Clone(log)
			data := bytes.Clone(log[name].Data)
			data[at] ^= 1 << (at % 8)
			bad[name] = &fstest.MapFile{Data: data}
			r, err := verify.Dir(context.Background(), bad, keys)
			want := w.marks[slices.IndexFunc(w.marks, func(m mark) bool { return offset+at < m.end })].index
			if err != nil || len(r.Findings) == 0 {
				t.Errorf("byte %d: got %v, %v", at, r, err)
				return
			}
			// Who has one of the keys needs that line to read what is signed by the other one.
			named := slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Index == want && f.File == name })
			if exact := r.Findings[0].Index == want && r.Findings[0].File == name; !exact && (len(keys) > 1 || !named) {
				t.Errorf("byte %d, %d keys: got %v; want index %d", at, len(keys), r.Findings, want)
			}
		})
	}
}

// TestProofsAfterARekey are under the new key: who has the old one only learns it from Report.Key.
func TestProofsAfterARekey(t *testing.T) {
	a, b, _ := abc(t)
	w := rekeyed(t, a, b)
	for _, index := range []int64{0, 4, rekeyLine, rekeyEnd} {
		proof := w.proof(index)
		if err := verify.Proof(proof, w.lines[index], []string{a.vkey}); !errors.Is(err, verify.ErrProof) {
			t.Errorf("line %d, the old key: got %v", index, err)
		}
		key := verifyWith(t, w.files(), []string{a.vkey}).Key
		if err := verify.Proof(proof, w.lines[index], []string{key}); err != nil {
			t.Errorf("line %d: got %v", index, err)
		}
	}
}

// twoFaced is a log that shows another segment to who reads it a second time.
type twoFaced struct {
	fstest.MapFS
	name string
	then []byte
	seen int
}

func (l *twoFaced) Open(name string) (fs.File, error) {
	if name == l.name {
		if l.seen++; l.seen > 1 {
			return fstest.MapFS{name: {Data: l.then}}.Open(name)
		}
	}
	return l.MapFS.Open(name)
}

// TestALogThatAnnouncesWhatItDoesNotHave: the keys that are read first prove nothing.
func TestALogThatAnnouncesWhatItDoesNotHave(t *testing.T) {
	a, _, x := abc(t)
	right := small(t, x)
	right.rotate()
	right.more()
	log := right.files()
	name := segmentName(rekeyFirst)
	honest := log[name].Data
	log[name].Data = rekeyed(t, x, a).files()[name].Data
	r := verifyWith(t, &twoFaced{log, name, honest, 0}, []string{a.vkey})
	if len(r.Findings) == 0 {
		t.Errorf("got %v, under %s", r, r.Key)
	}
}
