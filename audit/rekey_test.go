package audit_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// private is the n-th key of the tests.
func private(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

func public(t testing.TB, k ed25519.PrivateKey) string {
	t.Helper()
	vkey, err := note.NewEd25519VerifierKey(origin, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// vkeyOf is what DIR.vkey has.
func vkeyOf(t testing.TB, dir string) string {
	t.Helper()
	return strings.TrimSpace(string(read(t, dir+".vkey")))
}

func rekey(t testing.TB, dir string, old, next crypto.Signer) string {
	t.Helper()
	vkey, err := audit.Rekey(t.Context(), dir, next, &audit.Options{Signer: old})
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// signed is a log of some lines under a key that does not stand beside it.
func signed(t testing.TB, k crypto.Signer) string {
	t.Helper()
	dir := filepath.Join(scratch(t), "audit")
	if err := audit.Create(t.Context(), dir, origin, &audit.Options{Signer: k}); err != nil {
		t.Fatal(err)
	}
	used(t, dir, k, 3)
	return dir
}

// used opens a log, adds lines and closes it.
func used(t testing.TB, dir string, k crypto.Signer, n int) (receipts []audit.Receipt) {
	t.Helper()
	l := openWith(t, dir, &audit.Options{Signer: k}, nil)
	for range n {
		receipts = append(receipts, add(t, l, answer()))
	}
	shut(t, l)
	return receipts
}

// opens is Open's error; what it opens is closed.
func opens(t testing.TB, dir string, k crypto.Signer) error {
	t.Helper()
	l, err := audit.Open(t.Context(), dir, &audit.Options{Signer: k, NewPeople: true}) // so that the table alone refuses nobody
	if err == nil {
		shut(t, l)
	}
	return err
}

// clean verifies a log with some keys, and is the one that it is under.
func clean(t testing.TB, dir string, keys ...string) string {
	t.Helper()
	r, err := verify.Dir(t.Context(), os.DirFS(dir), keys)
	if err != nil || len(r.Findings) > 0 {
		t.Fatalf("%v, %v", r.Findings, err)
	}
	return r.Key
}

// content is all files below a folder.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all[strings.TrimPrefix(path, dir)] = string(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unchanged does something to a log that must leave everything as it is.
func unchanged(t testing.TB, dir string, do func()) {
	t.Helper()
	before := content(t, filepath.Dir(dir))
	do()
	after := content(t, filepath.Dir(dir))
	for name, data := range before {
		if after[name] != data {
			t.Errorf("%s was changed", name)
		}
		delete(after, name)
	}
	for name := range after {
		t.Errorf("%s was made", name)
	}
}

// TestRekeyOfTheKeyBesideTheLog: the log goes on, under the new key only.
func TestRekeyOfTheKeyBesideTheLog(t *testing.T) {
	dir := create(t)
	before := used(t, dir, nil, 1)[0]
	old, oldFile := vkeyOf(t, dir), read(t, dir+".key")
	vkey := rekey(t, dir, nil, nil)
	if vkey == old || vkeyOf(t, dir) != vkey {
		t.Fatalf("%s, %s", vkey, vkeyOf(t, dir))
	}
	former := dir + ".key." + strings.Split(old, "+")[1]
	if !bytes.Equal(read(t, former), oldFile) || bytes.Equal(read(t, dir+".key"), oldFile) {
		t.Error("the keys are not where they belong")
	}
	for _, path := range []string{former, dir + ".key"} {
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("others may read a key: %v", err)
		}
	}
	if _, err := os.Lstat(dir + ".key.next"); err == nil {
		t.Error("a key is left")
	}
	for range 3 {
		l := open(t, dir)
		if l.Key() != vkey || l.Recovery() != (audit.Recovery{}) {
			t.Errorf("%s, %+v", l.Key(), l.Recovery())
		}
		r := add(t, l, answer())
		for _, index := range []int64{before.Index, r.Index} {
			proof, err := l.Proof(t.Context(), index)
			if err != nil {
				t.Fatal(err)
			}
			line := leaves(t, dir)[index]
			if err := verify.Proof(proof, line, []string{vkey}); err != nil {
				t.Error(err)
			}
			if err := verify.Proof(proof, line, []string{old}); !errors.Is(err, verify.ErrProof) {
				t.Errorf("under the old key: %v", err)
			}
		}
		shut(t, l)
	}
	wellFormed(t, dir)
	if !kept(t, dir, before) {
		t.Error("a line is lost")
	}
	for _, keys := range [][]string{{old}, {vkey}, {old, vkey}} {
		if got := clean(t, dir, keys...); got != vkey {
			t.Errorf("%d keys: under %s", len(keys), got)
		}
	}
	write(t, dir+".key", oldFile)
	unchanged(t, dir, func() {
		if err := opens(t, dir, nil); !errors.Is(err, audit.ErrRekeyed) {
			t.Errorf("the old key: %v", err)
		}
	})
}

// TestRekeyOfSigners: from one that stands elsewhere to another, and between them and files.
func TestRekeyOfSigners(t *testing.T) {
	a, b := private(1), private(2)
	dir := signed(t, a)
	if vkey := rekey(t, dir, a, b); vkey != public(t, b) || vkeyOf(t, dir) != vkey || clean(t, dir, public(t, a)) != vkey {
		t.Errorf("under %s", vkey)
	}
	for name, c := range map[string]struct {
		k    crypto.Signer
		want error
	}{"old": {a, audit.ErrRekeyed}, "new": {b, nil}} {
		if err := opens(t, dir, c.k); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, k := range []crypto.Signer{nil, private(3)} {
		if err := opens(t, dir, k); err == nil || errors.Is(err, audit.ErrRekeyed) {
			t.Errorf("a key that it never had: %v", err)
		}
	}
	if _, err := os.Lstat(dir + ".key"); err == nil {
		t.Error("a key stands beside the log")
	}
	vkey := rekey(t, dir, b, nil)
	used(t, dir, nil, 1)
	if clean(t, dir, public(t, a)) != vkey {
		t.Error("another key")
	}
	if rekey(t, dir, nil, private(4)) != public(t, private(4)) {
		t.Error("another key")
	}
	if err := opens(t, dir, nil); err == nil {
		t.Error("it opens without the signer")
	}
	if _, err := os.Lstat(dir + ".key." + strings.Split(vkey, "+")[1]); err != nil {
		t.Error("the old key is lost")
	}
	used(t, dir, private(4), 1)
	for _, k := range []string{public(t, a), public(t, b), vkey, public(t, private(4))} {
		if clean(t, dir, k) != public(t, private(4)) {
			t.Error("another key")
		}
	}
	wellFormed(t, dir)
}

// fickle is a signer that fails after a while.
type fickle struct {
	ed25519.PrivateKey
	left int
}

func (f *fickle) Sign(r io.Reader, text []byte, o crypto.SignerOpts) ([]byte, error) {
	if f.left--; f.left < 0 {
		return nil, errors.New("secret")
	}
	return f.PrivateKey.Sign(r, text, o)
}

// TestRekeyRefuses, and then everything is as it was.
func TestRekeyRefuses(t *testing.T) {
	a, b, c := private(1), private(2), private(3)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := signed(t, a)
	rekey(t, dir, a, b)
	for name, c := range map[string]struct {
		old, next crypto.Signer
		want      error
	}{
		"the same key":          {b, b, nil},
		"a key from before":     {b, a, nil},
		"not Ed25519":           {b, curve, nil},
		"from the old key":      {a, c, audit.ErrRekeyed},
		"from another key":      {c, private(4), nil},
		"from no key":           {nil, c, nil},
		"it fails at once":      {b, &fickle{c, 0}, nil},
		"it fails at the first": {b, &fickle{c, 2}, nil},
		"at the second":         {b, &fickle{c, 3}, nil},
		"at the third":          {b, &fickle{c, 4}, nil},
	} {
		unchanged(t, dir, func() {
			vkey, err := audit.Rekey(t.Context(), dir, c.next, &audit.Options{Signer: c.old})
			if err == nil || vkey != "" || c.want != nil && !errors.Is(err, c.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %q, %v", name, vkey, err)
			}
		})
	}
	used(t, dir, b, 1)
	unchanged(t, dir, func() {
		if _, err := audit.Rekey(t.Context(), dir, c, &audit.Options{Signer: &fickle{b, 4}}); err == nil { // two each time that it is read
			t.Error("the old key has not signed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := audit.Rekey(ctx, dir, c, &audit.Options{Signer: b}); !errors.Is(err, context.Canceled) {
			t.Errorf("ended: %v", err)
		}
	})
	if _, err := audit.Rekey(t.Context(), dir+"x", c, &audit.Options{Signer: b}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
	write(t, dir+".key", []byte("of somebody"))
	unchanged(t, dir, func() {
		if _, err := audit.Rekey(t.Context(), dir, nil, &audit.Options{Signer: b}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("another key stands there: %v", err)
		}
	})
	if err := opens(t, dir, b); err != nil {
		t.Error(err)
	}
	clean(t, dir, public(t, a))
}

// TestRekeyOfALogInUse, by this process or another one.
func TestRekeyOfALogInUse(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	if _, err := audit.Rekey(t.Context(), dir, nil, nil); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	shut(t, l)
	w := work(t, dir)
	w.begun(t)
	if _, err := audit.Rekey(t.Context(), dir, nil, nil); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("another process: got %v", err)
	}
	w.end(t)
	old := vkeyOf(t, dir)
	if rekey(t, dir, nil, nil) != clean(t, dir, old) {
		t.Error("another key")
	}
}

// TestRekeyAgain: one after the other, with lines between them and without, over segments and
// after Retain; who ever had a key is told.
func TestRekeyAgain(t *testing.T) {
	dir := signed(t, private(1))
	o := func(n byte) *audit.Options { return &audit.Options{Signer: private(n), SegmentBytes: 6000} }
	for n := byte(1); n < 6; n++ {
		if n != 3 {
			l := openWith(t, dir, o(n), nil)
			for range 2 {
				fill(t, l, dir)
			}
			shut(t, l)
		}
		rekey(t, dir, private(n), private(n+1))
	}
	wellFormed(t, dir)
	for n := byte(1); n <= 6; n++ {
		if clean(t, dir, public(t, private(n))) != public(t, private(6)) {
			t.Error("another key")
		}
	}
	l := openWith(t, dir, o(6), nil)
	for range 3 {
		fill(t, l, dir)
	}
	if err := l.Retain(t.Context(), l.Health().Lines); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	for n := byte(1); n <= 6; n++ {
		if err := opens(t, dir, private(n)); n < 6 && !errors.Is(err, audit.ErrRekeyed) || n == 6 && err != nil {
			t.Errorf("key %d: %v", n, err)
		}
	}
	clean(t, dir, public(t, private(6)))
	r, err := verify.Dir(t.Context(), os.DirFS(dir), []string{public(t, private(1))})
	if err != nil || len(r.Findings) == 0 {
		t.Errorf("who has a key of which nothing is left: %v, %v", r, err)
	}
}

// TestWhatIsKeptAfterARekey: what the old key sealed is believed where it is signed, although
// nobody can seal so any more; and what he seals later who has it lets nothing go.
func TestWhatIsKeptAfterARekey(t *testing.T) {
	a, b := private(1), private(2)
	dir := signed(t, a)
	l := openWith(t, dir, &audit.Options{Signer: a, SegmentBytes: 6000}, nil)
	for range 4 {
		fill(t, l, dir)
	}
	if err := l.Retain(t.Context(), l.Health().Lines); err != nil {
		t.Fatal(err)
	}
	kept := l.Kept()
	shut(t, l)
	crashed, _ := half(t, dir, a, b) // the segment that says it is read again
	for name, dir := range map[string]string{"whole": dir, "crashed": crashed} {
		if !bytes.Contains(bytes.Join(leaves(t, dir), nil), []byte(audit.SealOf(origin, a, kept))) {
			t.Fatal("the old key has sealed nothing")
		}
		for range 2 {
			l = openWith(t, dir, &audit.Options{Signer: b}, nil)
			if l.Kept() != kept || kept == 0 {
				t.Errorf("%s: kept from %d, want %d", name, l.Kept(), kept)
			}
			shut(t, l)
		}
		clean(t, dir, public(t, b))
	}
}

// TestFloorsAfterARekey: an older checkpoint is one, whichever key signed it by then.
func TestFloorsAfterARekey(t *testing.T) {
	a, b, c := private(1), private(2), private(3)
	dir := signed(t, a)
	floors := map[string][]byte{"of the old key": read(t, filepath.Join(dir, "checkpoint"))}
	beside := clone(t, dir)
	used(t, beside, a, 1)
	twin := clone(t, dir)
	rekey(t, dir, a, b)
	before := clone(t, dir)
	used(t, dir, b, 1)
	floors["of the new key"] = read(t, filepath.Join(dir, "checkpoint"))
	o := &audit.Options{Signer: b, SegmentBytes: 6000}
	l := openWith(t, dir, o, nil)
	for range 3 {
		fill(t, l, dir)
	}
	shut(t, l)
	rekey(t, twin, a, c)
	bad := map[string][]byte{
		"of another history": read(t, filepath.Join(beside, "checkpoint")),
		"of another rekey":   read(t, filepath.Join(twin, "checkpoint")),
	}
	for name, floor := range floors {
		if l, err := audit.Open(t.Context(), dir, &audit.Options{Signer: b, Floor: floor}); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			shut(t, l)
		}
	}
	for name, floor := range bad {
		if _, err := audit.Open(t.Context(), dir, &audit.Options{Signer: b, Floor: floor}); err == nil || !strings.Contains(err.Error(), "Options.Floor") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := audit.Open(t.Context(), before, &audit.Options{Signer: b, Floor: floors["of the new key"]}); err == nil {
		t.Error("a log that was set back opens")
	}
}

// TestSinksAfterARekey get what they have not, once, the line with the new key among it.
func TestSinksAfterARekey(t *testing.T) {
	a, b := private(1), private(2)
	dir := signed(t, a)
	var got []int64
	sink := sinkFunc(func(_ context.Context, batch []audit.Entry) (int, error) {
		for _, e := range batch {
			got = append(got, e.Index)
		}
		return len(batch), nil
	})
	o := func(k crypto.Signer) *audit.Options {
		return &audit.Options{Signer: k, Jurisdictions: []string{"*"}, Feeds: []audit.Feed{{Name: "siem", To: sink, Jurisdictions: []string{"eu"}, Clearance: "internal"}}}
	}
	l := openWith(t, dir, o(a), nil)
	add(t, l, answer())
	shut(t, l)
	cursor := filepath.Join(dir, "sink", "siem.cursor")
	stolen := read(t, cursor)
	rekey(t, dir, a, b)
	if bytes.Equal(read(t, cursor), stolen) {
		t.Error("the cursor is sealed with the old key")
	}
	l = openWith(t, dir, o(b), nil)
	add(t, l, answer())
	shut(t, l)
	for i, index := range got {
		if int64(i) != index {
			t.Fatalf("got %v", got)
		}
	}
	if len(got) != len(leaves(t, dir)) {
		t.Errorf("%d lines of %d", len(got), len(leaves(t, dir)))
	}
	if names := content(t, filepath.Join(dir, "sink")); len(names) != 1 {
		t.Errorf("%d files", len(names))
	}
	clean(t, dir, public(t, a))
	write(t, cursor, stolen) // who has the old key cannot say how far a sink is
	got = nil
	l = openWith(t, dir, o(b), nil)
	shut(t, l)
	if len(got) != len(leaves(t, dir)) || last(t, openWith(t, dir, &audit.Options{Signer: b}, nil)).Action == "" {
		t.Errorf("%d lines", len(got))
	}
}

type sinkFunc func(context.Context, []audit.Entry) (int, error)

func (f sinkFunc) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	return f(ctx, batch)
}

// half is a log as a crash leaves it that comes right behind the commit of a rekey, and as it was
// before. Where the keys are files both are there.
func half(t testing.TB, dir string, old, next crypto.Signer) (crashed, before string) {
	t.Helper()
	if err := opens(t, dir, old); err != nil {
		t.Fatal(err)
	}
	before, crashed = clone(t, dir), clone(t, dir)
	rekey(t, dir, old, next)
	names := segments(t, dir)
	newest := names[len(names)-1]
	write(t, filepath.Join(crashed, "seg", newest), read(t, filepath.Join(dir, "seg", newest)))
	write(t, filepath.Join(crashed, "people.next"), read(t, filepath.Join(dir, "people")))
	if next == nil {
		write(t, crashed+".key.next", read(t, dir+".key"))
	}
	return crashed, before
}

// TestACrashRightAfterTheCommitOfARekey: the log is under the new key, and Open does what is left.
func TestACrashRightAfterTheCommitOfARekey(t *testing.T) {
	a, b := private(1), private(2)
	crashed, before := half(t, signed(t, a), a, b)
	unchanged(t, crashed, func() {
		for name, k := range map[string]crypto.Signer{"old": a, "another": private(3), "none": nil} {
			if err := opens(t, crashed, k); err == nil || errors.Is(err, audit.ErrRekeyed) != (name == "old") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	floor := read(t, filepath.Join(before, "checkpoint"))
	l := openWith(t, clone(t, crashed), &audit.Options{Signer: b, Floor: floor}, nil)
	shut(t, l)
	used(t, crashed, b, 1)
	if clean(t, crashed, public(t, a)) != public(t, b) || vkeyOf(t, crashed) != public(t, b) {
		t.Error("another key")
	}
	if err := opens(t, before, b); err == nil || errors.Is(err, audit.ErrRekeyed) {
		t.Errorf("the new key, before: %v", err)
	}

	dir := create(t)
	crashed, _ = half(t, dir, nil, nil)
	old := vkeyOf(t, crashed)
	used(t, crashed, nil, 1)
	if got := clean(t, crashed, old); got != vkeyOf(t, dir) || vkeyOf(t, crashed) != got {
		t.Errorf("under %s", got)
	}
	want := content(t, filepath.Dir(dir))
	for name := range content(t, filepath.Dir(crashed)) {
		if _, ok := want[name]; !ok && !strings.HasPrefix(name, "/audit/") {
			t.Errorf("%s is left", name)
		}
	}
	for name, text := range want {
		if !strings.HasPrefix(name, "/audit/") && string(read(t, filepath.Join(filepath.Dir(crashed), name))) != text {
			t.Errorf("%s differs", name)
		}
	}
}

// TestEveryChangeOfARekey: each byte of what was written in that one commit, when nothing else of
// the new key is there yet; and then nothing is changed.
func TestEveryChangeOfARekey(t *testing.T) {
	a, b := private(1), private(2)
	crashed, _ := half(t, signed(t, a), a, b)
	names := segments(t, crashed)
	newest := filepath.Join(crashed, "seg", names[len(names)-1])
	good := read(t, newest)
	for i := 0; i < len(good); i += oneImageIn {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i / oneImageIn % 8)
		write(t, newest, bad)
		for name, k := range map[string]crypto.Signer{"old": a, "new": b} {
			if err := opens(t, crashed, k); err == nil {
				t.Fatalf("byte %d: it opens under the %s key", i, name)
			}
		}
		if !bytes.Equal(read(t, newest), bad) {
			t.Fatalf("byte %d: a log that does not open was changed", i)
		}
	}
	write(t, newest, good)
	used(t, crashed, b, 1)
}

// TestATornRekeyHasNotHappened: what a power cut leaves of its one write, be it its beginning or
// blocks that are missing inside of a line, is under the old key.
func TestATornRekeyHasNotHappened(t *testing.T) {
	a, b := private(1), private(2)
	crashed, _ := half(t, signed(t, a), a, b)
	names := segments(t, crashed)
	good := read(t, filepath.Join(crashed, "seg", names[len(names)-1]))
	var torn [][]byte
	for cut := 0; cut < len(good); cut += 61 {
		torn = append(torn, good[:cut])
	}
	for from := 0; from < len(good); from += 512 {
		bad := bytes.Clone(good)
		clear(bad[from:min(from+512, len(bad))])
		torn = append(torn, bad)
	}
	if len(torn) < 20 {
		t.Fatalf("%d images", len(torn))
	}
	for i, text := range torn {
		c := clone(t, crashed)
		write(t, filepath.Join(c, "seg", names[len(names)-1]), text)
		unchanged(t, c, func() {
			if err := opens(t, c, b); err == nil || errors.Is(err, audit.ErrRekeyed) {
				t.Errorf("image %d, the new key: %v", i, err)
			}
		})
		if err := opens(t, c, a); err != nil {
			t.Errorf("image %d: %v", i, err)
		}
		clean(t, c, public(t, a))
	}
}

// TestACrashAtAnyStepOfARekey that touches the segments: a copy of the log at each is under one of
// two keys, which both stand beside it.
func TestACrashAtAnyStepOfARekey(t *testing.T) {
	for name, c := range map[string]struct {
		steps []string
		d     *segmenttest.Disk
	}{
		"linux":     {[]string{"open", "reserve", "sync names", "write", "sync"}, &segmenttest.Disk{}},
		"elsewhere": {[]string{"open", "sync names", "write", "sync"}, &segmenttest.Disk{}},
	} {
		if name == "elsewhere" {
			c.d.Fail("reserve", 1, errors.ErrUnsupported)
		}
		s := stake(t)
		old := keyIn(t, s.dir+".key")
		type moment struct{ dir, step string }
		var moments []moment
		c.d.Hook = func(step string) error {
			moments = append(moments, moment{clone(t, s.dir), step})
			return nil
		}
		vkey, err := audit.RekeyOn(t.Context(), s.dir, nil, nil, c.d)
		if err != nil {
			t.Fatal(err)
		}
		next, unders, steps := keyIn(t, s.dir+".key"), map[string]int{}, map[string]int{}
		moments = append(moments, moment{s.dir, "done"})
		for i, m := range moments {
			under, err := s.settled(m.dir, m.step == "done", next)
			if err != nil {
				t.Errorf("%s, step %d, %s: %v", name, i, m.step, err)
			}
			unders[under]++
			steps[m.step]++
		}
		for _, step := range c.steps {
			if steps[step] == 0 && runtime.GOOS == "linux" {
				t.Errorf("%s: no crash at %q: %v", name, step, steps)
			}
		}
		if unders[vkey] == 0 || unders[s.old] == 0 || len(unders) != 2 || old.Equal(next) {
			t.Errorf("%s: %v", name, unders)
		}
	}
}

// TestARekeyThatFails says whether it is known under which key the log goes on, and then that is
// so; it can be done again.
func TestARekeyThatFails(t *testing.T) {
	try := &segmenttest.Disk{}
	try.Fail("unnamed", 1, errors.ErrUnsupported)
	if _, err := audit.RekeyOn(t.Context(), stake(t).dir, nil, nil, try); err != nil {
		t.Fatal(err)
	}
	last := map[string]int{"open": try.Count("open"), "sync names": try.Count("sync names")}
	for _, c := range []struct {
		step    string
		err     error
		unknown bool
	}{
		{"open", syscall.ENOSPC, false}, {"open", syscall.EMFILE, false}, {"reserve", syscall.ENOSPC, false},
		{"write", syscall.ENOSPC, false}, {"write", syscall.EIO, true}, {"sync", syscall.EIO, true}, {"sync names", syscall.EIO, true},
	} {
		s := stake(t)
		d := &segmenttest.Disk{}
		d.Fail("unnamed", 1, errors.ErrUnsupported)
		if c.step == "open" || c.step == "sync names" { // the last one is the new segment's
			d.Fail(c.step, last[c.step], c.err)
		} else {
			d.FailNew(c.step, c.err)
		}
		vkey, err := audit.RekeyOn(t.Context(), s.dir, nil, nil, d)
		if err == nil || errors.Is(err, audit.ErrIndeterminate) != c.unknown || strings.Contains(err.Error(), s.dir) || (vkey != "") != c.unknown {
			t.Errorf("%s, %v: %q, %v", c.step, c.err, vkey, err)
		}
		next := private(9)
		if c.unknown {
			next = keyIn(t, s.dir+".key.next")
		} else if _, err := os.Lstat(s.dir + ".key.next"); err == nil {
			t.Errorf("%s, %v: a key is left", c.step, c.err)
		}
		if under, err := s.settled(s.dir, false, next); err != nil || !c.unknown && under != s.old {
			t.Errorf("%s, %v: %v", c.step, c.err, err)
		}
		if clean(t, s.dir, s.old) == s.old {
			rekey(t, s.dir, nil, nil)
		}
		used(t, s.dir, nil, 1)
	}
}

// TestWhatStandsBesideALogAfterARekey and cannot be replaced is told, and the next Open does it.
func TestWhatStandsBesideALogAfterARekey(t *testing.T) {
	s := stake(t)
	if err := os.Remove(s.dir + ".vkey"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.dir+".vkey", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	vkey, err := audit.Rekey(t.Context(), s.dir, nil, nil)
	if err == nil || errors.Is(err, audit.ErrIndeterminate) || vkey == "" {
		t.Errorf("%q, %v", vkey, err)
	}
	if err := opens(t, s.dir, nil); err == nil {
		t.Error("it opens, and DIR.vkey is the old one")
	}
	if err := os.RemoveAll(s.dir + ".vkey"); err != nil {
		t.Fatal(err)
	}
	if under, err := s.settled(s.dir, true, keyIn(t, s.dir+".key")); err != nil || under != vkey {
		t.Errorf("%s, %v", under, err)
	}
}

// statement is a member "rekey".
type statement struct {
	From      string `json:"from_key"`
	To        string `json:"to_key"`
	Signature string `json:"proof"`
}

// turn is the beginning of a segment in which a log goes on under another key, as somebody makes
// it who may write the files and has some keys.
type turn struct {
	s    *stranger
	said statement
	by   ed25519.PrivateKey
	size int64
	root string
	of   string // origin
}

func (x *turn) sign(t testing.TB) {
	t.Helper()
	text := fmt.Sprintf("carnet audit: the log goes on under another key, version 1\x00%s\n%d\n%s\n%s\n%s\n", x.of, x.size, x.root, x.said.From, x.said.To)
	sig, err := x.by.Sign(rand.Reader, []byte(text), crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(sig)
	if err != nil {
		t.Fatal(err)
	}
	x.said.Signature = strings.Trim(string(b), `"`)
}

// checkpointOf is a line with a checkpoint of all lines so far.
func (s *stranger) checkpointOf(k ed25519.PrivateKey, size int64) string {
	s.t.Helper()
	seed := append([]byte{1}, k.Seed()...)
	b, err := json.Marshal(seed)
	if err != nil {
		s.t.Fatal(err)
	}
	parts := strings.Split(public(s.t, k), "+")
	by, err := note.NewSigner("PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + strings.Trim(string(b), `"`))
	if err != nil {
		s.t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, s.root())}, by)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := json.Marshal(string(msg))
	if err != nil {
		s.t.Fatal(err)
	}
	return own("audit.checkpoint", `"checkpoint":`+string(text))
}

// statementIn is what the line says with which a log of another origin goes from one key to another.
func statementIn(t *testing.T, origin string, old, next crypto.Signer) (said statement) {
	t.Helper()
	dir := filepath.Join(scratch(t), "audit")
	if err := audit.Create(t.Context(), dir, origin, &audit.Options{Signer: old}); err != nil {
		t.Fatal(err)
	}
	rekey(t, dir, old, next)
	for _, line := range leaves(t, dir) {
		var w struct{ Carnet struct{ Rekey *statement } }
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatal(err)
		}
		if w.Carnet.Rekey != nil {
			return *w.Carnet.Rekey
		}
	}
	t.Fatal("it says nothing")
	return statement{}
}

// carriedIn is the line that says what a log comes to, and under which key it goes on.
func carriedIn(t *testing.T, dir, now string, former ...string) string {
	t.Helper()
	state, reader := carry.New(origin, now, former...), new(carry.Reader)
	for i, line := range leaves(t, dir) {
		state.Apply(int64(i), []carry.Fact{reader.Read(line)})
	}
	texts := state.Texts(carry.Times{})
	if len(texts) != 1 {
		t.Fatalf("%d lines", len(texts))
	}
	return own("audit.carried", `"carried":`+texts[0])
}

// TestEachHalfOfARekeyIsNeeded: everything else is right. Neither key opens what one of them has
// not signed, and nothing is changed.
func TestEachHalfOfARekeyIsNeeded(t *testing.T) {
	a, b, x := private(1), private(2), private(3)
	good := signed(t, a)
	from, err := key.New(origin, a)
	if err != nil {
		t.Fatal(err)
	}
	into, err := key.New(origin, b)
	if err != nil {
		t.Fatal(err)
	}
	if err := people.Reseal(good, from, into); err != nil {
		t.Fatal(err)
	}
	elsewhere := statementIn(t, "acme.example/hr/b", a, b)
	for name, c := range map[string]struct {
		change  func(*turn)        // before it is signed
		late    func(*turn)        // after that
		old     ed25519.PrivateKey // who signs over the line; nil: nobody
		over    int64              // how many lines less
		before  func(*turn) []string
		opens   bool
		without func(line string) bool
	}{
		"right":                 {old: a, opens: true},
		"no old checkpoint":     {},
		"of the new key":        {old: b},
		"of a stranger":         {old: x},
		"over less":             {old: a, over: 1},
		"from another":          {old: a, change: func(k *turn) { k.said.From = public(t, x) }},
		"to another":            {old: a, late: func(k *turn) { k.said.To = public(t, x) }},
		"signed by another":     {old: a, change: func(k *turn) { k.by = x }},
		"signed by the old":     {old: a, change: func(k *turn) { k.by = a }},
		"of another origin":     {old: a, change: func(k *turn) { k.of = "acme.example/hr/b" }},
		"of another size":       {old: a, change: func(k *turn) { k.size-- }},
		"of another root":       {old: a, change: func(k *turn) { k.root = strings.Repeat("A", 43) + "=" }},
		"not signed":            {old: a, late: func(k *turn) { k.said.Signature = "" }},
		"stray bits":            {old: a, late: func(k *turn) { k.said.Signature = k.said.Signature[:85] + "B==" }},
		"the line is taken out": {old: a, without: func(line string) bool { return strings.Contains(line, `"rekey":`) }},
		"so are checkpoints": {without: func(line string) bool {
			return !strings.Contains(line, `"carried":`) && !strings.Contains(line, `"segment":`)
		}},
		"of another log":       {old: a, late: func(k *turn) { k.said = elsewhere }},
		"behind another batch": {old: a, before: func(k *turn) []string { return nil }},
	} {
		dir := clone(t, good)
		s := newStranger(t, dir)
		k := &turn{s: s, by: b, size: s.size, root: s.root(), of: origin, said: statement{From: public(t, a), To: public(t, b)}}
		names := segments(t, dir)
		var previous int64
		if _, err := fmt.Sscanf(names[len(names)-1], "%d.jsonl", &previous); err != nil {
			t.Fatal(err)
		}
		size := s.size
		head := []string{
			own("audit.segment", fmt.Sprintf(`"segment":{"previous":%d,"size":%d,"root":"%s"}`, previous, size, s.root())),
			carriedIn(t, dir, public(t, b), public(t, a)),
		}
		if c.change != nil {
			c.change(k)
		}
		k.sign(t)
		if c.late != nil {
			c.late(k)
		}
		text := ""
		if c.before != nil {
			text, head = s.batch(head...), nil
		}
		said, err := json.Marshal(k.said)
		if err != nil {
			t.Fatal(err)
		}
		lines := append(head, own("audit.rekeyed", `"rekey":`+string(said)))
		if c.without != nil {
			lines = slices.DeleteFunc(lines, c.without)
		}
		covering := newStrangerAt(t, s, lines)
		if c.old != nil {
			lines = append(lines, covering.checkpointOf(c.old, covering.size-c.over))
			covering.leaf([]byte(lines[len(lines)-1]))
		}
		lines = append(lines, covering.checkpointOf(b, covering.size))
		if c.without != nil {
			lines = slices.DeleteFunc(lines, c.without)
		}
		text += s.batch(lines...)
		write(t, filepath.Join(dir, "seg", fmt.Sprintf("%020d.jsonl", size)), []byte(text))
		unchanged(t, dir, func() {
			for whose, by := range map[string]crypto.Signer{"old": a, "stranger's": x} {
				if err := opens(t, dir, by); err == nil {
					t.Errorf("%s: the %s key opens it", name, whose)
				} else if whose == "old" && errors.Is(err, audit.ErrRekeyed) != c.opens {
					t.Errorf("%s: the old key: %v", name, err)
				}
			}
			if c.opens {
				return
			}
			if err := opens(t, dir, b); err == nil {
				t.Errorf("%s: the new key opens it", name)
			}
		})
		if c.opens {
			used(t, dir, b, 1)
			clean(t, dir, public(t, a))
		}
	}
}

// newStrangerAt goes on from s with more lines, and leaves s where it is.
func newStrangerAt(t *testing.T, s *stranger, lines []string) *stranger {
	c := &stranger{t: t, dir: s.dir, size: s.size, tree: slices.Clone(s.tree)}
	for _, line := range lines {
		c.leaf([]byte(line))
	}
	return c
}

// TestTheOldKeyIsUsedAfterARekey by a thief: neither in the log nor beside it does it count.
func TestTheOldKeyIsUsedAfterARekey(t *testing.T) {
	a, b := private(1), private(2)
	dir := signed(t, a)
	early := read(t, filepath.Join(dir, "checkpoint"))
	rekey(t, dir, a, b)
	used(t, dir, b, 2)
	back := clone(t, dir)
	write(t, filepath.Join(back, "checkpoint"), early) // that is how a crash leaves it
	if err := opens(t, back, a); !errors.Is(err, audit.ErrRekeyed) {
		t.Errorf("an older checkpoint beside it: %v", err)
	}
	for name, thief := range map[string]func(s *stranger){
		"a checkpoint in the log": func(s *stranger) { s.write(s.batch(s.checkpointOf(a, s.size))) },
		"lines, and a checkpoint": func(s *stranger) {
			s.write(s.batch(own("gate.open", `"count":1`)))
			s.write(s.batch(s.checkpointOf(a, s.size)))
		},
		"a checkpoint beside it": func(s *stranger) { s.beside(a) },
		"lines, signed beside it": func(s *stranger) {
			s.write(s.batch(own("gate.open", `"count":1`)))
			s.beside(a)
		},
		"another rekey": func(s *stranger) {
			x := private(3)
			k := &turn{s: s, by: x, size: s.size, root: s.root(), of: origin, said: statement{From: public(t, a), To: public(t, x)}}
			k.sign(t)
			said, err := json.Marshal(k.said)
			if err != nil {
				t.Fatal(err)
			}
			at, root := s.size, s.root()
			lines := []string{
				own("audit.segment", fmt.Sprintf(`"segment":{"previous":%d,"size":%d,"root":"%s"}`, firsts(t, s.dir)[1], at, root)),
				carriedIn(t, s.dir, public(t, x)),
				own("audit.rekeyed", `"rekey":`+string(said)),
			}
			lines = append(lines, newStrangerAt(t, s, lines).checkpointOf(a, at+3))
			write(t, filepath.Join(s.dir, "seg", fmt.Sprintf("%020d.jsonl", at)), []byte(s.batch(lines...)))
		},
		"back to it, with both keys": func(s *stranger) {
			k := &turn{s: s, by: a, size: s.size, root: s.root(), of: origin, said: statement{From: public(t, b), To: public(t, a)}}
			k.sign(t)
			said, err := json.Marshal(k.said)
			if err != nil {
				t.Fatal(err)
			}
			at := s.size
			lines := []string{
				own("audit.segment", fmt.Sprintf(`"segment":{"previous":%d,"size":%d,"root":"%s"}`, firsts(t, s.dir)[1], at, s.root())),
				carriedIn(t, s.dir, public(t, a), public(t, a), public(t, b)),
				own("audit.rekeyed", `"rekey":`+string(said)),
			}
			lines = append(lines, newStrangerAt(t, s, lines).checkpointOf(b, at+3))
			lines = append(lines, newStrangerAt(t, s, lines).checkpointOf(a, at+4))
			write(t, filepath.Join(s.dir, "seg", fmt.Sprintf("%020d.jsonl", at)), []byte(s.batch(lines...)))
		},
		"what is kept": func(s *stranger) {
			s.write(s.batch(own("audit.retained", `"retained":{"first":4,"seal":"`+audit.SealOf(origin, a, 4)+`"}`)))
		},
	} {
		c := clone(t, dir)
		thief(newStranger(t, c))
		unchanged(t, c, func() {
			for _, k := range []crypto.Signer{a, b, private(3)} {
				if err := opens(t, c, k); err == nil {
					t.Errorf("%s: it opens", name)
				}
			}
		})
		r, err := verify.Dir(t.Context(), os.DirFS(c), []string{public(t, a), public(t, b)})
		if err != nil || len(r.Findings) == 0 || r.Findings[0].Code == "carried" {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

// beside writes DIR/checkpoint.
func (s *stranger) beside(k ed25519.PrivateKey) {
	s.t.Helper()
	var l struct{ Carnet struct{ Checkpoint string } }
	if err := json.Unmarshal([]byte(s.checkpointOf(k, s.size)), &l); err != nil {
		s.t.Fatal(err)
	}
	write(s.t, filepath.Join(s.dir, "checkpoint"), []byte(l.Carnet.Checkpoint))
}

// TestPseudonymsAfterARekey are the same ones, also where it is done again after a crash, and
// fingerprints are others. An old table has no use any more.
func TestPseudonymsAfterARekey(t *testing.T) {
	dir := signed(t, private(1))
	l := openWith(t, dir, &audit.Options{Signer: private(1)}, nil)
	add(t, l, by(alice))
	pseudonym, digest := l.Pseudonym(alice), l.Fingerprint([]byte("x"))
	shut(t, l)
	before := read(t, filepath.Join(dir, "people"))
	for next := range byte(2) {
		rekey(t, dir, private(next+1), private(next+2))
		l = openWith(t, dir, &audit.Options{Signer: private(next + 2)}, nil)
		if l.Pseudonym(alice) != pseudonym || l.Pseudonym(bob) != "" {
			t.Errorf("alice is %q now, and was %q", l.Pseudonym(alice), pseudonym)
		}
		if l.Fingerprint([]byte("x")) == digest {
			t.Error("fingerprints are those of the old key")
		}
		shut(t, l)
	}
	if err := os.WriteFile(filepath.Join(dir, "people"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := audit.Open(t.Context(), dir, &audit.Options{Signer: private(3)}); err == nil || !strings.Contains(err.Error(), "table of people") {
		t.Errorf("%v, %v", l, err)
	}
}

// TestRekeyOfALogThatWasSetBack: the new key would sign what is left of it.
func TestRekeyOfALogThatWasSetBack(t *testing.T) {
	a, b := private(1), private(2)
	dir := signed(t, a)
	before := clone(t, dir)
	used(t, dir, a, 3)
	floor := read(t, filepath.Join(dir, "checkpoint"))
	unchanged(t, before, func() {
		for name, floor := range map[string][]byte{"newer": floor, "empty": {}, "none": []byte("x")} {
			if vkey, err := audit.Rekey(t.Context(), before, b, &audit.Options{Signer: a, Floor: floor}); err == nil {
				t.Errorf("%s: under %s", name, vkey)
			}
		}
	})
	// It is set back between the repair and the change.
	folders := 0
	late := clone(t, dir)
	_, err := audit.RekeyOn(t.Context(), late, b, &audit.Options{Signer: a, Floor: floor}, &segmenttest.Disk{Hook: func(step string) error {
		if step != "folder" {
			return nil
		}
		if folders++; folders == 2 {
			if err := os.RemoveAll(late); err != nil {
				return err
			}
			return os.CopyFS(late, os.DirFS(before))
		}
		return nil
	}})
	if err == nil || folders < 2 {
		t.Errorf("%v, after %d folders", err, folders)
	}
	if vkey, err := audit.Rekey(t.Context(), dir, b, &audit.Options{Signer: a, Floor: floor}); err != nil || vkey != public(t, b) {
		t.Errorf("%s, %v", vkey, err)
	}
}

// TestSoManyKeysAndNoMore: all of them stand in one line of each segment, which has a longest.
func TestSoManyKeysAndNoMore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	longest := strings.Repeat(strings.Repeat("a", 63)+"/", 3) + strings.Repeat("a", 63)
	if err := audit.Create(t.Context(), dir, longest, &audit.Options{Signer: private(1)}); err != nil {
		t.Fatal(err)
	}
	const most = 128
	for n := byte(1); n < most; n++ {
		rekey(t, dir, private(n), private(n+1))
	}
	unchanged(t, dir, func() {
		if _, err := audit.Rekey(t.Context(), dir, private(most+1), &audit.Options{Signer: private(most)}); err == nil {
			t.Error("another one")
		}
	})
	l := openWith(t, dir, &audit.Options{Signer: private(most), SegmentBytes: 1}, nil)
	for range 3 {
		add(t, l, grant("g"))
	}
	now := l.Key()
	shut(t, l)
	if got := clean(t, dir, now); got != now || !strings.HasPrefix(got, longest) {
		t.Error(got)
	}
}

// TestRekeyClosesWhatNobodyAnswered, as Open does, and the new key resolves it.
func TestRekeyClosesWhatNobodyAnswered(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	add(t, l, grant("lost"))
	crashed := clone(t, dir)
	shut(t, l)
	rekey(t, crashed, nil, nil)
	l = open(t, crashed)
	if l.Recovery().Orphans != 0 {
		t.Errorf("%+v", l.Recovery())
	}
	late := answer()
	late.Grant = "lost"
	add(t, l, late)
	if last(t, l).Resolves == 0 {
		t.Error("it is not known any more")
	}
	shut(t, l)
}
