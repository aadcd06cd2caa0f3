package replay_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

func keyOf(t *testing.T, n byte) *key.Key {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	k, err := key.New("o", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signs adds a checkpoint of all lines so far.
func (l *log) signs(t *testing.T, k *key.Key) {
	t.Helper()
	c, err := k.Checkpoint(l.t.Size, l.t.Root())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(c.Note))
	if err != nil {
		t.Fatal(err)
	}
	l.add(line(replay.ActionCheckpoint, `"checkpoint":`+string(text)))
}

// signedUpTo is a replay of a log whose newest checkpoint a key has signed.
func signedUpTo(t *testing.T, before tree.Tree, k *key.Key, keys ...*key.Key) *replay.Replay {
	t.Helper()
	r := &replay.Replay{Tiles: &tree.Folder{Dir: t.TempDir()}, State: carry.New("o", k.Verifier()), Under: &k.Public, Keys: keys}
	r.Now = key.Checkpoint{Size: before.Size, Root: before.Root()}
	r.Begin(&before)
	return r
}

// behind is a replay of a log that is signed, for what comes behind it.
func (l *log) behind(t *testing.T, k *key.Key, keys ...*key.Key) *replay.Replay {
	t.Helper()
	r := signedUpTo(t, tree.Tree{}, k, keys...)
	r.Now = key.Checkpoint{Size: l.t.Size, Root: l.t.Root()}
	return r
}

func (l *log) read(t *testing.T, r *replay.Replay, first int64) error {
	t.Helper()
	return r.Segment(t.Context(), bytes.NewReader(l.text), reach.Part{First: first, Bytes: int64(len(l.text))}, 0)
}

// TestWhichKeyALogIsUnder: a rekey counts with its commit, where both keys agree; and behind it
// the new key seals and signs, and the old one does not.
func TestWhichKeyALogIsUnder(t *testing.T) {
	a, b, x := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3)
	var before log
	for range 5 {
		before.add(line("a", ""))
	}
	before.commit()
	said, err := b.TakeOver(&a.Public, before.t.Size, before.t.Root())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	retained := func(k *key.Key) string {
		return line(replay.ActionRetained, fmt.Sprintf(`"retained":{"first":3,"seal":"%s"}`, replay.SealOf(k, 3)))
	}
	rekeyed := line(replay.ActionRekeyed, `"rekey":`+string(text))
	carried := func(origin string, k *key.Key, former ...*key.Key) string {
		text := carry.Text{Origin: origin, Key: k.Verifier(), Newest: []carry.Last{{Action: "a", Index: 4}}}
		for _, k := range former {
			text.Former = append(text.Former, k.Verifier())
		}
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return line(replay.ActionCarried, `"carried":`+string(b))
	}
	var back []byte // by whoever stole the key that the log had first
	if said, err = x.TakeOver(&a.Public, before.t.Size, before.t.Root()); err == nil {
		back, err = json.Marshal(said)
	}
	if err != nil {
		t.Fatal(err)
	}
	stays, goes, none := carried("o", a, x), carried("o", b, x, a), ""
	for name, c := range map[string]struct {
		carries string
		write   func(l *log)
		want    string
		err     error
	}{
		"nothing":       {stays, func(l *log) { l.add(line("a", "")) }, a.Verifier(), nil},
		"its own":       {stays, func(l *log) { l.signs(t, a); l.add(retained(a)) }, a.Verifier(), nil},
		"another's":     {stays, func(l *log) { l.signs(t, b) }, "", replay.ErrDamage},
		"another":       {stays, func(l *log) { l.add(retained(b)) }, "", replay.ErrDamage},
		"rekeyed":       {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.signs(t, b) }, b.Verifier(), nil},
		"and sealed":    {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.commit(); l.add(retained(b)); l.signs(t, b) }, b.Verifier(), nil},
		"by the old":    {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.commit(); l.add(retained(a)) }, "", replay.ErrDamage},
		"signed by":     {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.commit(); l.signs(t, a) }, "", replay.ErrDamage},
		"in one":        {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.signs(t, a) }, "", replay.ErrDamage},
		"a stranger":    {goes, func(l *log) { l.add(rekeyed); l.signs(t, x) }, "", replay.ErrDamage},
		"nobody":        {goes, func(l *log) { l.add(rekeyed) }, "", replay.ErrDamage},
		"too late":      {goes, func(l *log) { l.add(rekeyed); l.add(line("a", "")); l.signs(t, a) }, "", replay.ErrDamage},
		"twice":         {goes, func(l *log) { l.add(rekeyed); l.add(rekeyed); l.signs(t, a) }, "", replay.ErrDamage},
		"and again":     {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.commit(); l.add(rekeyed); l.signs(t, b) }, "", replay.ErrDamage},
		"later":         {stays, func(l *log) { l.commit(); l.add(rekeyed); l.signs(t, a) }, "", replay.ErrDamage},
		"backwards":     {carried("o", x, x, a), func(l *log) { l.add(line(replay.ActionRekeyed, `"rekey":`+string(back))); l.signs(t, a); l.signs(t, x) }, "", replay.ErrDamage},
		"carries":       {stays, func(l *log) {}, a.Verifier(), nil},
		"and goes on":   {goes, func(l *log) { l.add(rekeyed); l.signs(t, a); l.signs(t, b) }, b.Verifier(), nil},
		"says b":        {goes, func(l *log) {}, "", replay.ErrDamage},
		"says a":        {stays, func(l *log) { l.add(rekeyed); l.signs(t, a) }, "", replay.ErrDamage},
		"forgets":       {carried("o", a), func(l *log) {}, "", replay.ErrDamage},
		"elsewhere":     {carried("p", a, x), func(l *log) {}, "", replay.ErrDamage},
		"says nothing":  {none, func(l *log) {}, "", replay.ErrDamage},
		"says it twice": {stays, func(l *log) { l.add(stays) }, "", replay.ErrDamage},
		"no member":     {stays, func(l *log) { l.add(line(replay.ActionRekeyed, "")); l.signs(t, a) }, "", replay.ErrDamage},
		"no JSON":       {stays, func(l *log) { l.add(line(replay.ActionRekeyed, "{")); l.signs(t, a) }, "", replay.ErrDamage},
		"no note":       {stays, func(l *log) { l.add(line(replay.ActionCheckpoint, "")) }, "", replay.ErrDamage},
		"not written":   {stays, func(l *log) { l.commit(); l.add(rekeyed); l.signs(t, x); l.add(retained(x)) }, a.Verifier(), nil},
	} {
		l := log{t: before.t}
		l.add(line(replay.ActionSegment, `"segment":`+replay.SegmentText(0, 5, before.t.Root().String())))
		if c.carries != none {
			l.add(c.carries)
		}
		c.write(&l)
		if name != "not written" {
			l.commit()
		}
		r := before.behind(t, a, a, b)
		r.State = carry.New("o", a.Verifier(), x.Verifier())
		if err := before.read(t, r, 0); err != nil {
			t.Fatal(err)
		}
		if err := l.read(t, r, 5); !errors.Is(err, c.err) || err == nil && r.Current() != c.want {
			t.Errorf("%s: under %q, %v", name, r.Current(), err)
		}
	}
	if got := (&replay.Replay{}).Current(); got != "" {
		t.Errorf("nothing: under %q", got)
	}
}

// TestASegmentWithNothingBeforeIt is believed where a checkpoint covers it, and only there.
func TestASegmentWithNothingBeforeIt(t *testing.T) {
	a := keyOf(t, 1)
	var before log
	before.add(line("a", ""))
	l := log{t: before.t}
	l.add(line(replay.ActionSegment, `"segment":`+replay.SegmentText(0, 1, before.t.Root().String())))
	l.add(line(replay.ActionCarried, fmt.Sprintf(`"carried":{"origin":"o","key":%q}`, a.Verifier())))
	l.commit()
	r := signedUpTo(t, before.t, a, a)
	if err := l.read(t, r, 1); !errors.Is(err, replay.ErrDamage) {
		t.Errorf("not covered: %v", err)
	}
	r = signedUpTo(t, before.t, a, a)
	r.Now = key.Checkpoint{Size: l.t.Size, Root: l.t.Root()}
	if err := l.read(t, r, 1); err != nil {
		t.Errorf("covered: %v", err)
	}
}

// TestWhatIsSignedIsNotJudgedAgain: lines that the newest checkpoint covers have been, when an
// older key signed and sealed.
func TestWhatIsSignedIsNotJudgedAgain(t *testing.T) {
	a, c := keyOf(t, 1), keyOf(t, 3)
	var l log
	for range 5 {
		l.add(line("a", ""))
	}
	l.signs(t, a)
	l.add(line(replay.ActionRetained, fmt.Sprintf(`"retained":{"first":3,"seal":"%s"}`, replay.SealOf(a, 3))))
	l.commit()
	for name, size := range map[string]int64{"signed": l.t.Size, "not signed": 1} {
		r := signedUpTo(t, tree.Tree{}, c, c)
		r.Now.Size, r.Now.Root = size, l.t.Root()
		if size == 1 {
			r.Now.Size = -1
		}
		if err := l.read(t, r, 0); (err == nil) != (name == "signed") || err == nil && r.State.Kept() != 3 {
			t.Errorf("%s: kept %d, %v", name, r.State.Kept(), err)
		}
	}
	late := log{}
	late.add(line("a", ""))
	late.add(line(replay.ActionRetained, `"retained":{"first":3,"seal":""}`)) // of lines that come later
	late.commit()
	r := signedUpTo(t, tree.Tree{}, c, c)
	r.Now.Size, r.Now.Root = late.t.Size, late.t.Root()
	if err := late.read(t, r, 0); !errors.Is(err, replay.ErrDamage) {
		t.Errorf("got %v", err)
	}
}

// TestATornLineOfTheLogIsTorn: without its commit line nothing is said, whatever it holds; with it,
// it is damage.
func TestATornLineOfTheLogIsTorn(t *testing.T) {
	var before log
	before.add(line("a", ""))
	before.commit()
	a := keyOf(t, 1)
	for name, action := range map[string]string{"carried": replay.ActionCarried, "retained": replay.ActionRetained, "rekeyed": replay.ActionRekeyed} {
		for _, whole := range []bool{false, true} {
			l := log{t: before.t}
			l.add(line(replay.ActionSegment, `"segment":`+replay.SegmentText(0, 1, before.t.Root().String())))
			l.add(line(replay.ActionCarried, fmt.Sprintf(`"carried":{"origin":"o","key":%q,"newest":[{"action":"a","index":0}]}`, a.Verifier())))
			l.add(line(action, `"carried":{"newest":`+string(make([]byte, 512))))
			if whole {
				l.commit()
			}
			r := before.behind(t, a, a)
			if err := before.read(t, r, 0); err != nil {
				t.Fatal(err)
			}
			if err := l.read(t, r, 1); (err != nil) != whole || r.Good != 0 {
				t.Errorf("%s, whole: %t: %v", name, whole, err)
			}
		}
	}
}
