package audit_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit"
)

// refuses expects Open to fail with a message, to say no path, and to change nothing.
func refuses(t *testing.T, dir string, o *audit.Options, want string) {
	t.Helper()
	var before []byte
	if fi, err := os.Stat(segmentOf(dir)); err == nil && fi.Mode().IsRegular() {
		before = read(t, segmentOf(dir))
	}
	l, err := audit.Open(t.Context(), dir, o)
	if err == nil {
		shut(t, l)
		t.Fatalf("opened, want %q", want)
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), filepath.Dir(dir)) {
		t.Errorf("got %v, want %q", err, want)
	}
	if before != nil && !bytes.Equal(before, read(t, segmentOf(dir))) {
		t.Error("the log was changed")
	}
}

func TestALogInUseDoesNotOpen(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	refuses(t, dir, nil, "in use")
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, nil, "in use") // the segment is locked too
	shut(t, l)
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}

func TestKeysThatDoNotOpen(t *testing.T) {
	other := create(t)
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil  func(dir string) error
		signer crypto.Signer
		want   string
	}{
		"missing":        {spoil: func(dir string) error { return os.Remove(dir + ".key") }, want: "key is missing"},
		"another log's":  {spoil: func(dir string) error { return os.WriteFile(dir+".key", read(t, other+".key"), 0o600) }, want: "not of this log and key"},
		"another origin": {spoil: func(dir string) error { return os.WriteFile(dir+".key", keyOf(t, "acme.example/hr/b"), 0o600) }, want: "not of this log and key"},
		"renamed": {spoil: func(dir string) error {
			return os.WriteFile(dir+".key", renamed(t, read(t, dir+".key"), "acme.example/hr/b"), 0o600)
		}, want: "not of this log and key"},
		"signer": {signer: private, want: "not of this log and key"},
		"moody":  {signer: &moody{private, 0}, want: "not deterministic"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := create(t)
			if c.spoil != nil {
				if err := c.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			refuses(t, dir, &audit.Options{Signer: c.signer}, c.want)
		})
	}
}

// renamed is the same key under another origin.
func renamed(t *testing.T, text []byte, origin string) []byte {
	t.Helper()
	encoded := strings.SplitN(strings.TrimSpace(string(text)), "+", 5)[4]
	seed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.SplitN(vkey, "+", 3)[1]
	return []byte("PRIVATE+KEY+" + origin + "+" + hash + "+" + encoded + "\n")
}

func keyOf(t *testing.T, origin string) []byte {
	t.Helper()
	text, _, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text + "\n")
}

// TestFloor: a checkpoint from elsewhere refuses a log that is behind or beside it.
func TestFloor(t *testing.T) {
	dir := create(t)
	old := clone(t, dir)
	l := open(t, dir)
	add(t, l, answer())
	shut(t, l)
	floor := read(t, filepath.Join(dir, "checkpoint"))
	first := read(t, filepath.Join(old, "checkpoint"))

	for name, f := range map[string][]byte{"newest": floor, "older": first} {
		l, err := audit.Open(t.Context(), dir, &audit.Options{Floor: f})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		shut(t, l)
	}
	beside := clone(t, old) // the same log, going on in another way: a restored snapshot
	l = open(t, beside)
	e := answer()
	e.Outcome = audit.OutcomeFailure
	add(t, l, e)
	shut(t, l)
	for name, c := range map[string]struct {
		dir   string
		floor []byte
	}{
		"behind":      {old, floor},
		"beside":      {beside, floor},
		"foreign":     {dir, read(t, filepath.Join(create(t), "checkpoint"))},
		"empty":       {dir, []byte{}},
		"altered":     {dir, bytes.Replace(floor, []byte("\n4\n"), []byte("\n3\n"), 1)},
		"no newlines": {dir, []byte("x")},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, c.dir, &audit.Options{Floor: c.floor}, "Options.Floor") })
	}
}

func TestFilesThatDoNotOpen(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	for range 300 {
		add(t, l, answer())
	}
	shut(t, l)
	first := create(t)
	filling := partial(t, dir)
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"checkpoint gone": {func(dir string) error { return os.Remove(filepath.Join(dir, "checkpoint")) }, "checkpoint cannot be read"},
		"foreign checkpoint": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "checkpoint"), read(t, filepath.Join(first, "checkpoint")), 0o600)
		}, "not signed by the log's key"},
		"two signatures": {func(dir string) error { return doubled(t, filepath.Join(dir, "checkpoint")) }, "malformed"},
		"lines gone": {func(dir string) error {
			return os.Truncate(segmentOf(dir), int64(endOfCommits(read(t, segmentOf(dir)))[5]))
		}, "shorter than its signed checkpoint"},
		"segment empty": {func(dir string) error { return os.Truncate(segmentOf(dir), 0) }, "first line"},
		"segment gone":  {func(dir string) error { return os.Remove(segmentOf(dir)) }, "there is no log"},
		"another segment": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "seg", "00000000000000000300.jsonl"), nil, 0o600)
		}, "no crash explains"},
		"something else among the segments": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "seg", "notes.txt"), nil, 0o600)
		}, "among the segments"},
		"full tile differs":    {func(dir string) error { return flip(t, filepath.Join(dir, "tile/0/000")) }, "tile/0/000 differs from the lines; tiles are derived from them: remove it"},
		"partial tile differs": {func(dir string) error { return flip(t, filepath.Join(dir, filling)) }, filling + " differs"},
		"level 1 differs":      {func(dir string) error { return flip(t, filepath.Join(dir, "tile/1/000.p/1")) }, "tile/1/000.p/1 differs"},
		"tile of no lines": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "tile/0/002"), make([]byte, 8192), 0o600)
		}, "covers lines that the log does not have"},
		"level of no lines": {func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "tile/2"), 0o700), os.WriteFile(filepath.Join(dir, "tile/2/000"), nil, 0o600))
		}, "covers lines"},
		"lock is a folder": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "LOCK")), os.Mkdir(filepath.Join(dir, "LOCK"), 0o700))
		}, "cannot be read"},
		"lines replaced": {func(dir string) error { return os.WriteFile(segmentOf(dir), read(t, segmentOf(first)), 0o600) }, "not of this log and key"},
	} {
		t.Run(name, func(t *testing.T) {
			d := clone(t, dir)
			if err := c.spoil(d); err != nil {
				t.Fatal(err)
			}
			refuses(t, d, nil, c.want)
		})
	}
}

// partial is the tile of the last lines, of more than 256.
func partial(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "tile/0/001.p"))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	return "tile/0/001.p/" + entries[0].Name()
}

func flip(t *testing.T, path string) error {
	b := read(t, path)
	b[len(b)/2] ^= 1
	return os.WriteFile(path, b, 0o600)
}

// doubled adds the log's signature once more, which note.Open accepts.
func doubled(t *testing.T, path string) error {
	b := read(t, path)
	return os.WriteFile(path, append(b, b[bytes.Index(b, []byte("— ")):]...), 0o600)
}

// TestTheSameLinesUnderAnotherCheckpoint: a history that was rewritten with correct
// commit lines is not the one that was signed.
func TestTheSameLinesUnderAnotherCheckpoint(t *testing.T) {
	dir := create(t)
	fork := clone(t, dir)
	for d, outcome := range map[string]audit.Outcome{dir: audit.OutcomeSuccess, fork: audit.OutcomeFailure} {
		l := open(t, d)
		e := answer()
		e.Outcome = outcome
		add(t, l, e)
		shut(t, l)
	}
	write(t, filepath.Join(dir, "checkpoint"), read(t, filepath.Join(fork, "checkpoint")))
	refuses(t, dir, nil, "not those that its checkpoint signs")
}

func TestTilesThatAreMissingAreWrittenAgainAndLeftoversRemoved(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	for range 300 {
		add(t, l, answer())
	}
	shut(t, l)
	text := read(t, segmentOf(dir))
	tiles := []string{"tile/0/000", partial(t, dir), "tile/1/000.p/1"}
	for _, gone := range append([]string{"tile"}, tiles...) {
		d := clone(t, dir)
		if err := os.RemoveAll(filepath.Join(d, gone)); err != nil {
			t.Fatal(err)
		}
		partial := filepath.Join(d, "tile/0/000.p/7") // superseded, of lines that are there
		if err := os.MkdirAll(filepath.Dir(partial), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, partial, read(t, filepath.Join(dir, "tile/0/000"))[:7*32])
		temps := []string{".atomicfile-1", "seg/.atomicfile-2", "tile/.atomicfile-3", "tile/0/.atomicfile-4"}
		for _, name := range temps {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(d, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(d, name), []byte("half"))
		}
		if _, err := reopens(t, d); err != nil {
			t.Fatalf("without %s: %v", gone, err)
		}
		for _, name := range tiles {
			if !bytes.Equal(read(t, filepath.Join(d, name)), read(t, filepath.Join(dir, name))) {
				t.Errorf("without %s: %s is not what it was", gone, name)
			}
		}
		for _, name := range append(temps, "tile/0/000.p") {
			if _, err := os.Stat(filepath.Join(d, name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there", name)
			}
		}
		if !bytes.Equal(read(t, segmentOf(d)), text) {
			t.Error("an idle log got new lines")
		}
	}
}

// TestAClockThatWentBackDoesNotOpen: what has ended would live again.
func TestAClockThatWentBackDoesNotOpen(t *testing.T) {
	dir := create(t)
	synctest.Test(t, func(t *testing.T) { // its clock begins in the year 2000
		refuses(t, dir, nil, "clock is more than a minute behind")
	})
	synctest.Test(t, func(t *testing.T) {
		young := create(t)
		time.Sleep(time.Hour)
		l := open(t, young)
		add(t, l, answer())
		shut(t, l)
	})
}

// TestOrphansAreClosedOnce: a grant that nobody answered ends as unknown.
func TestOrphansAreClosedOnce(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	e := grant("lost")
	e.Tenant, e.Run, e.Step, e.Attempt = "acme", "hire-4711", "payroll", 2
	e.Actor = audit.Actor{Issuer: "i", Subject: "s"}
	add(t, l, e)
	add(t, l, grant("done"))
	add(t, l, audit.Event{Action: "crm.contact.read", Grant: "done", Use: 1, Outcome: audit.OutcomeFailure})
	add(t, l, audit.Event{Action: "crm.contact.read", Grant: "denied", Decision: "denied"})
	add(t, l, grant("unknown"))
	add(t, l, audit.Event{Action: "crm.contact.read", Grant: "unknown", Use: 1, Reason: "timeout"}) // on record
	add(t, l, audit.Event{Action: "crm.contact.read", Grant: "lost", Use: 1})                       // no answer
	add(t, l, audit.Event{Action: "vault.lease", Grant: "lost", Outcome: audit.OutcomeSuccess})     // no end
	shut(t, l)

	l = open(t, dir)
	if r := l.Recovery(); r != (audit.Recovery{Orphans: 1}) {
		t.Fatalf("%+v", r)
	}
	got := last(t, l)
	want := audit.Event{
		Time: got.Time, Tenant: "acme", Action: "crm.contact.read", System: "crm",
		Run: "hire-4711", Step: "payroll", Attempt: 2, Grant: "lost", Reason: "interrupted",
	}
	if got.Outcome != audit.OutcomeUnknown || got.Grant != want.Grant || got.Reason != want.Reason || got.Run != want.Run ||
		got.Step != want.Step || got.Attempt != want.Attempt || got.Tenant != want.Tenant || got.Actor != want.Actor || got.Resolves != 0 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	shut(t, l)
	text := read(t, segmentOf(dir))
	if r, err := reopens(t, dir); err != nil || r != (audit.Recovery{}) {
		t.Errorf("again: %+v, %v", r, err)
	}
	if !bytes.Equal(text, read(t, segmentOf(dir))) {
		t.Error("an idle log got new lines")
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	dir := create(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := audit.Open(ctx, dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}
