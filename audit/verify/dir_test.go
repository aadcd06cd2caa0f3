package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
	"golang.org/x/mod/sumdb/note"
)

func TestDirNeedsKeys(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := small(t, key).files()
	for _, c := range []struct {
		name string
		keys []string
		want error
	}{
		{"nil", nil, verify.ErrNoKey},
		{"none", []string{}, verify.ErrNoKey},
		{"empty", []string{""}, verify.ErrBadKey},
		{"not a key", []string{key.vkey, "x"}, verify.ErrBadKey},
		{"newline", []string{key.vkey + "\n"}, verify.ErrBadKey},
		{"upper-case hash", []string{upperHash(key.vkey)}, verify.ErrBadKey},
		{"newline in base64", []string{key.vkey[:len(key.vkey)-4] + "\n" + key.vkey[len(key.vkey)-4:]}, verify.ErrBadKey},
	} {
		r, err := verify.Dir(context.Background(), log, c.keys)
		if !errors.Is(err, c.want) || r.String() != "nothing was verified" {
			t.Errorf("%s: got %v, %v; want %v", c.name, r, err, c.want)
		}
	}
	if r, err := verify.Dir(context.Background(), nil, []string{key.vkey}); err == nil {
		t.Errorf("no log: got %v", r)
	}
}

func upperHash(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	if up := strings.ToUpper(parts[1]); up != parts[1] {
		return parts[0] + "+" + up + "+" + parts[2]
	}
	return "no letter in the hash" // not a key either
}

func TestZeroReportIsNotVerified(t *testing.T) {
	if got := (verify.Report{}).String(); got != "nothing was verified" {
		t.Errorf("got %q", got)
	}
	for f, want := range map[verify.Finding]string{
		{}:                                      `"known checkpoint": is not as it must be (), first bad index 0`,
		{Code: "stray", File: "x", Index: -1}:   `"x": does not belong to the log (stray)`,
		{Code: "line", File: segment, Index: 7}: `"` + segment + `": a line does not match its hash in the tree (line), first bad index 7`,
	} {
		if got := f.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestLogDoesNotVouchForItself: whoever rewrites the log with a new key has all but the key
// that the reader brings.
func TestLogDoesNotVouchForItself(t *testing.T) {
	key := newSigner(t, origin, 1)
	intruder, foreign := newSigner(t, origin, 2), newSigner(t, "acme.example/hr/b", 1)
	want := verify.Finding{Code: "key", File: segment, Index: 0}
	for name, w := range map[string]*writer{"same origin": small(t, intruder), "other origin": small(t, foreign)} {
		if f := first(t, dir(t, w.files(), key.vkey)); f != want {
			t.Errorf("%s: got %v, want %v", name, f, want)
		}
	}
	// The key of the log in its genesis event, and the intruder's everywhere else.
	w := small(t, key)
	w.key = intruder
	if f := first(t, dir(t, w.files(), key.vkey)); f.Code != "checkpoint" || f.Index != 7 {
		t.Errorf("got %v, want the checkpoint at index 7", f)
	}
	// Both keys are trusted, and the log is of one.
	r, err := verify.Dir(context.Background(), w.files(), []string{intruder.vkey, key.vkey})
	if err != nil || !slices.Contains(r.Findings, verify.Finding{Code: "checkpoint", File: "checkpoint", Index: 7}) {
		t.Errorf("got %v, %v, want the checkpoint at index 7", r.Findings, err)
	}
}

func TestRemovedFilesAndFolders(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := large(t, key, 600)
	log := w.files()
	for name, want := range map[string]verify.Finding{
		"checkpoint":      {Code: "missing", File: "checkpoint", Index: 599},
		"seg":             {Code: "missing", File: segment, Index: 0},
		segment:           {Code: "missing", File: segment, Index: 0},
		"tile":            {Code: "missing", File: "tile/0/000", Index: 0},
		"tile/0":          {Code: "missing", File: "tile/0/000", Index: 0},
		"tile/0/000":      {Code: "missing", File: "tile/0/000", Index: 0},
		"tile/0/001":      {Code: "missing", File: "tile/0/001", Index: 256},
		"tile/0/002.p":    {Code: "missing", File: "tile/0/002.p/88", Index: 512},
		"tile/0/002.p/88": {Code: "missing", File: "tile/0/002.p/88", Index: 512},
		"tile/1":          {Code: "missing", File: "tile/1/000.p/2", Index: 0},
		"tile/1/000.p/2":  {Code: "missing", File: "tile/1/000.p/2", Index: 0},
	} {
		bad := clone(log)
		maps.DeleteFunc(bad, func(file string, _ *fstest.MapFile) bool {
			return file == name || strings.HasPrefix(file, name+"/")
		})
		if len(bad) == len(log) {
			t.Fatalf("%s is not in the log", name)
		}
		if f := first(t, dir(t, bad, key.vkey)); f != want {
			t.Errorf("without %s: got %v, want %v", name, f, want)
		}
	}
	if f := first(t, dir(t, fstest.MapFS{}, key.vkey)); f.Code != "missing" || f.File != segment {
		t.Errorf("empty folder: got %v", f)
	}
	_, err := verify.Dir(context.Background(), os.DirFS(path.Join(t.TempDir(), "none")), []string{key.vkey})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
}

// TestCursorsOfSinksAreNotStray: they say nothing about the log.
func TestCursorsOfSinksAreNotStray(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := small(t, key).files()
	log["sink"] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
	for range 2 {
		if r := dir(t, log, key.vkey); len(r.Findings) > 0 {
			t.Errorf("got %v", r)
		}
		log["sink/siem-1.cursor"] = &fstest.MapFile{Data: []byte("carnet cursor 1\n")}
	}
}

// TestTheTableOfPeopleIsNoEvidence: what is in it, or that it is not there, is nothing to a
// verifier; but it hides no file that is longer than any table.
func TestTheTableOfPeopleIsNoEvidence(t *testing.T) {
	key := newSigner(t, origin, 1)
	const longest = 128 + 64*(1<<20+1<<10)
	for _, name := range []string{"people", "people.next"} {
		log := small(t, key).files()
		for _, size := range []int{0, 7, longest} {
			if log[name] = (&fstest.MapFile{Data: make([]byte, size)}); len(dir(t, log, key.vkey).Findings) > 0 {
				t.Errorf("%s of %d bytes: got %v", name, size, dir(t, log, key.vkey))
			}
		}
		log[name] = &fstest.MapFile{Data: make([]byte, longest+1)}
		if f := first(t, dir(t, log, key.vkey)); f != (verify.Finding{Code: "stray", File: name, Index: -1}) {
			t.Errorf("got %v", f)
		}
	}
}

func TestStrayFiles(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := large(t, key, 600).files()
	for _, name := range []string{
		"x", "key", "checkpoint.tmp", "seg/00000000000000000001.jsonl", "seg/x", "seg/a/b", "a/b", "LOCK2", "people.old", "people/x", "seg/people",
		"tile/x", "tile/0/x", "tile/0/003", "tile/0/000.p/3", "tile/0/002.p/87", "tile/0/002.p/089", "tile/0/002",
		"tile/2/000.p/1", "tile/data/000", "tile/00/000", "tile/0/x000/000", "tile/64/000", "tile/0/0000", "tile/8/0/000",
		"sink/siem.cursor", "sink/x", "sink/.cursor", "sink/SIEM.cursor", "sink/a/b.cursor", // a cursor is shorter than a tile
	} {
		bad := clone(log)
		bad[name] = &fstest.MapFile{Data: log["tile/0/000"].Data}
		want := verify.Finding{Code: "stray", File: name, Index: -1}
		if r := dir(t, bad, key.vkey); !slices.Contains(r.Findings, want) {
			t.Errorf("got %v, want %v", r, want)
		}
	}
	for _, name := range []string{"a", "seg/a", "tile/9", "tile/0/001.p"} {
		bad := clone(log)
		bad[name] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		want := verify.Finding{Code: "stray", File: name, Index: -1}
		if f := first(t, dir(t, bad, key.vkey)); f != want {
			t.Errorf("got %v, want %v", f, want)
		}
	}
	bad := clone(log)
	bad["LOCK"].Data = []byte("1")
	if f := first(t, dir(t, bad, key.vkey)); f != (verify.Finding{Code: "lock", File: "LOCK", Index: -1}) {
		t.Errorf("got %v", f)
	}
}

// TestIrregularFilesAreNotOpened: a pipe would wait for ever.
func TestIrregularFilesAreNotOpened(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := small(t, key).files()
	for _, mode := range []fs.FileMode{fs.ModeSymlink, fs.ModeNamedPipe, fs.ModeDevice, fs.ModeSocket} {
		for name := range log {
			bad := clone(log)
			bad[name].Mode = mode
			if f := first(t, dir(t, noOpen{bad, name}, key.vkey)); f != (verify.Finding{Code: "irregular", File: name, Index: -1}) {
				t.Errorf("%v as %v: got %v", name, mode, f)
			}
		}
	}
	t.Run("on disk", func(t *testing.T) {
		folder := t.TempDir()
		if err := os.CopyFS(folder, log); err != nil {
			t.Fatal(err)
		}
		real := path.Join(t.TempDir(), "seg")
		err := errors.Join(os.Rename(path.Join(folder, "seg"), real), os.Symlink(real, path.Join(folder, "seg")))
		if err != nil && runtime.GOOS == "windows" {
			return // links need a privilege there
		}
		if err != nil {
			t.Fatal(err)
		}
		if f := first(t, dir(t, os.DirFS(folder), key.vkey)); f != (verify.Finding{Code: "irregular", File: "seg", Index: -1}) {
			t.Errorf("got %v", f)
		}
	})
}

// noOpen is a file system in which one file must not be opened.
type noOpen struct {
	fs.FS
	name string
}

func (n noOpen) Open(name string) (fs.File, error) {
	if name == n.name {
		return nil, errors.New("opened")
	}
	return n.FS.Open(name)
}

func TestCheckpointOfEarlierSize(t *testing.T) {
	key := newSigner(t, origin, 1)
	for _, c := range []struct{ lines, size int64 }{{8, 4}, {8, 7}, {300, 201}, {600, 300}, {600, 512}} {
		w := small(t, key)
		if c.lines != 8 {
			w = large(t, key, int(c.lines))
		}
		want := verify.Finding{Code: "unsigned", File: segment, Index: c.size}
		log := w.files()
		log["checkpoint"].Data = []byte(w.note(c.size)) // an old one, put back
		f := first(t, dir(t, log, key.vkey))
		if f.Index != c.size {
			t.Errorf("checkpoint of %d put back in %d lines: got %v", c.size, c.lines, f)
		}
		if r := dir(t, log, key.vkey); !slices.Contains(r.Findings, want) {
			t.Errorf("got %v, want %v", r.Findings, want)
		}
		maps.DeleteFunc(log, func(name string, _ *fstest.MapFile) bool { return strings.HasPrefix(name, "tile/") })
		w.tiles(log, c.size) // so looks a log that is in use
		if f := first(t, dir(t, log, key.vkey)); f != want || !strings.Contains(f.String(), "in use or was not closed") {
			t.Errorf("log of %d lines, signed %d: got %v, want %v", c.lines, c.size, f, want)
		}
	}
}

func TestUnsignedLog(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := newWriter(t, key)
	w.genesis()
	w.grant()
	w.commit()
	log := w.files()
	delete(log, "checkpoint")
	if f := first(t, dir(t, log, key.vkey)); f != (verify.Finding{Code: "missing", File: "checkpoint", Index: 0}) {
		t.Errorf("got %v", f)
	}
	log["checkpoint"] = &fstest.MapFile{Data: []byte(strings.Split(w.note(2), "\n\n")[0] + "\n")}
	if f := first(t, dir(t, log, key.vkey)); f != (verify.Finding{Code: "checkpoint", File: "checkpoint", Index: 0}) {
		t.Errorf("got %v", f)
	}
}

// TestStrictNotes: what x/mod accepts, and this package does not.
func TestStrictNotes(t *testing.T) {
	key, other := newSigner(t, origin, 1), newSigner(t, origin, 2)
	unknown := newSigner(t, "witness.example", 3)
	w := newWriter(t, key)
	w.genesis()
	w.grant()
	w.commit()
	good := w.note(2)
	text, sigs, _ := strings.Cut(good, "\n\n")
	cosigned := func(s note.Signer) string {
		b, err := note.Sign(&note.Note{Text: text + "\n"}, key, s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	resigned := func(text string) string {
		b, err := note.Sign(&note.Note{Text: text}, key)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	fields := strings.Split(text, "\n")
	for name, bad := range map[string]string{
		"stray bits in the signature": text + "\n\n" + stray(t, sigs),
		"unknown signature line":      cosigned(unknown),
		"second key of the origin":    cosigned(other),
		"signature twice":             good + sigs,
		"newline at the end":          good + "\n",
		"extension line":              resigned(text + "\nx\n"),
		"stray bits in the root":      resigned(fields[0] + "\n2\n" + stray(t, fields[2]) + "\n"),
		"zero before the size":        resigned(fields[0] + "\n02\n" + fields[2] + "\n"),
		"sign before the size":        resigned(fields[0] + "\n+2\n" + fields[2] + "\n"),
		"negative size":               resigned(fields[0] + "\n-2\n" + fields[2] + "\n"),
		"other origin":                resigned("acme.example\n2\n" + fields[2] + "\n"),
		"no root":                     resigned(fields[0] + "\n2\n"),
		"short root":                  resigned(fields[0] + "\n2\nAAAA\n"),
		"other signature":             text + "\n\n" + strings.Replace(sigs, "A", "B", 1),
		"nothing":                     "",
		"too long":                    good + strings.Repeat(sigs, 50),
	} {
		t.Run(name, func(t *testing.T) {
			log := w.files()
			log["checkpoint"].Data = []byte(bad)
			if f := first(t, dir(t, log, key.vkey)); f != (verify.Finding{Code: "checkpoint", File: "checkpoint", Index: 0}) {
				t.Errorf("as checkpoint: got %v", f)
			}
			in := newWriter(t, key)
			in.genesis()
			in.grant()
			in.commit()
			in.inbandNote(bad)
			if f := first(t, dir(t, in.files(), key.vkey)); f != (verify.Finding{Code: "inband", File: segment, Index: 2}) {
				t.Errorf("as event: got %v", f)
			}
			if f := first(t, dir(t, w.files(), key.vkey, []byte(bad))); f != (verify.Finding{Code: "known", Index: -1}) {
				t.Errorf("as known checkpoint: got %v", f)
			}
		})
	}
	in := newWriter(t, key) // both keys are trusted, one is the log's
	in.genesis()
	in.key = other
	in.inbandNote(in.note(1))
	in.key = key
	r, err := verify.Dir(context.Background(), in.files(), []string{other.vkey, key.vkey})
	if err != nil || !slices.Contains(r.Findings, verify.Finding{Code: "inband", File: segment, Index: 1}) {
		t.Errorf("got %v, %v", r.Findings, err)
	}
}

// TestCheckpointEventOfOtherSize has the right root and says the wrong size.
func TestCheckpointEventOfOtherSize(t *testing.T) {
	key := newSigner(t, origin, 1)
	for _, size := range []int64{1, 3, 1 << 40} {
		w := newWriter(t, key)
		w.genesis()
		w.grant()
		w.commit()
		b, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, w.root(2))}, key)
		if err != nil {
			t.Fatal(err)
		}
		w.inbandNote(string(b))
		if f := first(t, dir(t, w.files(), key.vkey)); f != (verify.Finding{Code: "history", File: segment, Index: 0}) {
			t.Errorf("size %d: got %v", size, f)
		}
	}
}

// TestHistoryRewrittenWithoutTheKey: lines, commit lines and tiles agree, and checkpoints are
// the old ones.
func TestHistoryRewrittenWithoutTheKey(t *testing.T) {
	key := newSigner(t, origin, 1)
	honest := small(t, key)
	for _, c := range []struct {
		name  string
		write func(w *writer)
		want  verify.Finding
	}{
		{"changed line", func(w *writer) {
			w.denied()
			w.denied()
			w.commit()
			w.inbandNote(honest.note(3))
			w.grant()
		}, verify.Finding{Code: "history", File: segment, Index: 0}},
		{"removed line", func(w *writer) {
			w.grant()
			w.commit()
			w.inbandNote(honest.note(3))
		}, verify.Finding{Code: "history", File: segment, Index: 0}},
		{"changed after a checkpoint", func(w *writer) {
			w.grant()
			w.denied()
			w.commit()
			w.inbandNote(honest.note(3))
			w.denied()
			w.grant()
			w.denied()
			w.commit()
			w.inbandNote(honest.note(7))
		}, verify.Finding{Code: "history", File: segment, Index: 3}},
		{"copied checkpoint event", func(w *writer) {
			w.grant()
			w.denied()
			w.commit()
			w.inbandNote(honest.note(3))
			w.inbandNote(honest.note(3))
		}, verify.Finding{Code: "inband", File: segment, Index: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriter(t, key)
			w.genesis()
			w.commit()
			c.write(w)
			w.commitOpen()
			log := w.files()
			log["checkpoint"].Data = []byte(honest.note(8))
			if f := first(t, dir(t, log, key.vkey)); f != c.want {
				t.Errorf("got %v, want %v", f, c.want)
			}
		})
	}
}

func TestCheckpointOfOtherLines(t *testing.T) {
	key := newSigner(t, origin, 1)
	w, other := small(t, key), newWriter(t, key)
	other.genesis()
	for range 9 {
		other.denied()
	}
	log := w.files()
	log["checkpoint"].Data = []byte(other.note(8))
	if f := first(t, dir(t, log, key.vkey)); f != (verify.Finding{Code: "history", File: "checkpoint", Index: 7}) {
		t.Errorf("got %v", f)
	}
}

func TestKnownCheckpoints(t *testing.T) {
	key, foreign := newSigner(t, origin, 1), newSigner(t, "acme.example/hr/b", 4)
	w, fork := small(t, key), newWriter(t, key)
	fork.genesis()
	for range 9 {
		fork.denied()
	}
	note := func(w *writer, size int64) []byte { return []byte(w.note(size)) }
	for _, c := range []struct {
		name  string
		known [][]byte
		want  []verify.Finding
	}{
		{"each size", [][]byte{note(w, 8), note(w, 1), note(w, 5), note(w, 5)}, nil},
		{"of another history", [][]byte{note(w, 1), note(fork, 4)}, []verify.Finding{{Code: "history", Index: 1}}},
		{"of another history, before and after", [][]byte{note(fork, 2), note(w, 7)}, []verify.Finding{{Code: "history", Index: 0}}},
		{"of lines that were cut", [][]byte{note(fork, 9)}, []verify.Finding{{Code: "history", Index: 8}}},
		{"of nothing", [][]byte{nil}, []verify.Finding{{Code: "known", Index: -1}}},
		{"of an empty log", [][]byte{note(w, 0)}, []verify.Finding{{Code: "known", Index: -1}}},
	} {
		if r := dir(t, w.files(), key.vkey, c.known...); !slices.Equal(r.Findings, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, r.Findings, c.want)
		}
	}
	r, err := verify.Dir(context.Background(), w.files(), []string{key.vkey, foreign.vkey}, note(small(t, foreign), 3))
	if err != nil || !slices.Equal(r.Findings, []verify.Finding{{Code: "known", Index: -1}}) {
		t.Errorf("of another log that is trusted too: got %v, %v", r.Findings, err)
	}
}

// TestSignedNonsense: whoever has the key can sign anything, but not everything verifies.
func TestSignedNonsense(t *testing.T) {
	key := newSigner(t, origin, 1)
	genesis := fmt.Sprintf(`{"carnet":{"genesis":{"origin":"%s","key":"%s"}}}`, origin, key.vkey)
	long := func(n int) string { return `{"x":"` + strings.Repeat("a", n-8) + `"}` }
	for _, c := range []struct {
		name  string
		lines []string
		want  string // code; empty: verified
		index int64
	}{
		{"as it is", []string{genesis, `{"carnet":{}}`, `{}`, ` { } `}, "", 0},
		{"no genesis", []string{`{"class_uid":6003}`, `{}`}, "genesis", 0},
		{"second genesis", []string{genesis, `{}`, genesis}, "genesis", 2},
		{"late genesis", []string{`{}`, genesis}, "genesis", 0},
		{"genesis without key", []string{`{"carnet":{"genesis":{"origin":"` + origin + `"}}}`}, "key", 0},
		{"genesis of nothing", []string{`{"carnet":{"genesis":{}}}`}, "key", 0},
		{"genesis of another origin", []string{strings.Replace(genesis, `hr/a","key`, `hr/b","key`, 1)}, "key", 0},
		{"genesis of a shorter origin", []string{strings.Replace(genesis, origin+`","key`, `acme.example/hr","key`, 1)}, "key", 0},
		{"genesis that is text", []string{`{"carnet":{"genesis":"` + origin + `"}}`}, "json", 0},
		{"genesis whose origin is a number", []string{`{"carnet":{"genesis":{"origin":1}}}`}, "json", 0},
		{"index", []string{genesis, `{"metadata":{"sequence":1}}`, `{"metadata":{"sequence": 2 }}`}, "", 0},
		{"gap in index", []string{genesis, `{"metadata":{"sequence":1}}`, `{"metadata":{"sequence":3}}`}, "sequence", 2},
		{"index in words", []string{genesis, `{"metadata":{"sequence":"1"}}`}, "json", 1},
		{"negative index", []string{genesis, `{"metadata":{"sequence":-1}}`}, "json", 1},
		{"longest line", []string{genesis, long(65535)}, "", 0},
		{"line too long", []string{genesis, long(65536)}, "long", 1},
		{"line much too long", []string{genesis, `{}`, long(1 << 20)}, "long", 2},
		{"empty line", []string{genesis, ``}, "json", 1},
		{"not JSON", []string{genesis, `{"a":}`}, "json", 1},
		{"no closing brace", []string{genesis, `{"a":1`}, "json", 1},
		{"other closing brace", []string{genesis, `{"a":1]`}, "json", 1},
		{"other closing braces inside", []string{genesis, `{"a":[1},"b":{"c":2]}`}, "json", 1},
		{"no comma", []string{genesis, `{"a":1 "b":2}`}, "json", 1},
		{"comma at the end", []string{genesis, `{"a":1,}`}, "json", 1},
		{"comma at the end of an array", []string{genesis, `{"a":[1,]}`}, "json", 1},
		{"comma at the beginning", []string{genesis, `{,"a":1}`}, "json", 1},
		{"not an object", []string{genesis, `[]`}, "json", 1},
		{"two objects", []string{genesis, `{}{}`}, "json", 1},
		{"invalid UTF-8", []string{genesis, "{\"a\":\"\xff\"}"}, "json", 1},
		{"half a surrogate pair", []string{genesis, `{"a":"\ud800"}`}, "json", 1},
		{"NUL", []string{genesis, "{\"a\":\"\x00\"}"}, "json", 1},
		{"1e400", []string{genesis, `{"a":1e400}`}, "", 0}, // a number; nobody reads it here
		{"member twice", []string{genesis, `{"a":1,"a":2}`}, "json", 1},
		{"member twice in carnet", []string{genesis, `{"carnet":{"grant":"a","grant":"b"}}`}, "json", 1},
		{"member twice, once escaped", []string{genesis, `{"carnet":{"grant":"a","\u0067rant":"b"}}`}, "json", 1},
		{"carnet twice", []string{genesis, `{"carnet":{},"carnet":{}}`}, "json", 1},
		{"carnet that is no object", []string{genesis, `{"carnet":null}`}, "json", 1},
		{"grant that is a number", []string{genesis, `{"carnet":{"grant":1}}`}, "json", 1},
		{"decision that is a number", []string{genesis, `{"carnet":{"decision":1}}`}, "json", 1},
		{"checkpoint that is an object", []string{genesis, `{"carnet":{"checkpoint":{}}}`}, "json", 1},
		{"each kind of value", []string{genesis, `{"a":[null,true,false,"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t",-0.5e+9,1E2,0,{},[],{"b":{"c":[{}]}}]}`}, "", 0},
		{"false, cut", []string{genesis, `{"a":fals}`}, "json", 1},
		{"null, cut", []string{genesis, `{"a":nul}`}, "json", 1},
		{"word of nobody", []string{genesis, `{"a":none}`}, "json", 1},
		{"name without quotes", []string{genesis, `{"a":{b:1}}`}, "json", 1},
		{"name without value", []string{genesis, `{"a":{"b"}}`}, "json", 1},
		{"unknown escape", []string{genesis, `{"a":"\x"}`}, "json", 1},
		{"text without end", []string{genesis, `{"a":"`}, "json", 1},
		{"zero before a number", []string{genesis, `{"a":01}`}, "json", 1},
		{"number without digits", []string{genesis, `{"a":-}`}, "json", 1},
		{"fraction without digits", []string{genesis, `{"a":1.}`}, "json", 1},
		{"exponent without digits", []string{genesis, `{"a":1e}`}, "json", 1},
		{"very deep", []string{genesis, `{"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`}, "json", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriter(t, key)
			for _, line := range c.lines {
				w.line("%s", line)
				w.commit()
			}
			r := dir(t, w.files(), key.vkey)
			if c.want == "" {
				if len(r.Findings) > 0 {
					t.Errorf("got %v", r.Findings)
				}
				return
			}
			if f := first(t, r); f != (verify.Finding{Code: c.want, File: segment, Index: c.index}) {
				t.Errorf("got %v, want %s at %d", f, c.want, c.index)
			}
		})
	}
}

// TestLineNotUTF8SaysNothing but that it is not: it is no second genesis, and no grant.
func TestLineNotUTF8SaysNothing(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := newWriter(t, key)
	w.genesis()
	w.line("%s", `{"metadata":{"sequence":7},"carnet":{"genesis":{},"checkpoint":"","decision":"allowed","grant":"g"},"x":"`+"\xff"+`"}`)
	w.commit()
	want := []verify.Finding{{Code: "json", File: segment, Index: 1}}
	if r := dir(t, w.files(), key.vkey); r.Grants != 0 || !slices.Equal(r.Findings, want) {
		t.Errorf("got %d grants, %v", r.Grants, r.Findings)
	}
}

func TestGrantsAreCounted(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := newWriter(t, key)
	w.genesis()
	for _, line := range []string{
		`{"carnet":{"decision":"allowed","grant":"g1"}}`,
		`{"carnet":{"grant":"g2","x":[1],"decision":"allo\u0077ed"}}`,
		`{"carnet":{"decision":"allowed"}}`,            // no id
		`{"carnet":{"decision":"allowed","grant":""}}`, // no id
		`{"carnet":{"grant":"g1","use":1}}`,            // a use
		`{"carnet":{"decision":"denied","grant":"g1"}}`,
		`{"decision":"allowed","grant":"g1"}`,
	} {
		w.line("%s", line)
	}
	w.commit()
	if r := dir(t, w.files(), key.vkey); r.Grants != 2 || len(r.Findings) != 0 {
		t.Errorf("got %v, %v, want 2 grants", r, r.Findings)
	}
}

// TestTornTail: the writer is at work, or has died. What was signed holds.
func TestTornTail(t *testing.T) {
	key := newSigner(t, origin, 1)
	for name, c := range map[string]struct {
		tail string
		want string
	}{
		"part of a line":     {`{"class`, "torn"},
		"line":               {"{}\n", "torn"},
		"part of a commit":   {"{}\n{\"comm", "commit"},
		"endless line":       {strings.Repeat("x", 1<<20), "long"},
		"endless commit":     {"{}\n" + commitPrefix + strings.Repeat("x", 1<<20), "commit"},
		"endless commit, no": {commitPrefix + strings.Repeat("x", 1<<20), "commit"},
		"commit of nothing":  {commitPrefix + "}\n", "commit"},
	} {
		log := small(t, key).files()
		log[segment].Data = append(log[segment].Data, c.tail...)
		if f := first(t, dir(t, log, key.vkey)); f.Code != c.want || f.Index != 8 {
			t.Errorf("%s: got %v, want %s at 8", name, f, c.want)
		}
	}
}

const commitPrefix = `{"commit":`

// TestBothLineAndTileChanged: the commit line says that its batch is wrong. As whoever
// changes tiles can write commit lines too, only checkpoints tell where lines are right.
func TestBothLineAndTileChanged(t *testing.T) {
	key := newSigner(t, origin, 1)
	w, other := small(t, key), newWriter(t, key)
	other.genesis()
	other.commit()
	other.denied()
	other.denied()
	other.commit()
	log := w.files()
	changed := lines(log)
	copy(changed[2:4], lines(other.files())[2:4])
	bad := withLines(log, changed)
	copy(bad["tile/0/000.p/8"].Data, other.files()["tile/0/000.p/3"].Data)
	want := []verify.Finding{
		{Code: "history", File: segment, Index: 0},
		{Code: "history", File: "checkpoint", Index: 0},
		{Code: "commit", File: segment, Index: 1},
	}
	if r := dir(t, bad, key.vkey); !slices.Equal(r.Findings, want) {
		t.Errorf("got %v, want %v", r.Findings, want)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := small(t, key).files()
	for i := range 1000 {
		log[fmt.Sprintf("stray-%d", i)] = &fstest.MapFile{}
	}
	if r := dir(t, log, key.vkey); len(r.Findings) != 100 {
		t.Errorf("got %d findings, want 100", len(r.Findings))
	}
}

func TestDirEndsWithContext(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := large(t, key, 600).files()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := verify.Dir(ctx, log, []string{key.vkey}); !errors.Is(err, context.Canceled) || r.Events != 0 {
		t.Errorf("got %v, %v", r, err)
	}
	// It ends while it reads a log without end.
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	endless := endlessLog{small(t, key).files(), cancel}
	if _, err := verify.Dir(ctx, endless, []string{key.vkey}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// endlessLog has a segment that goes on with good lines for ever, and cancels after 4 MB.
type endlessLog struct {
	fstest.MapFS
	cancel func()
}

func (e endlessLog) Open(name string) (fs.File, error) {
	f, err := e.MapFS.Open(name)
	if name == segment && err == nil {
		return &endlessFile{File: f, cancel: e.cancel}, nil
	}
	return f, err
}

type endlessFile struct {
	fs.File
	n      int
	cancel func()
}

func (f *endlessFile) Read(p []byte) (int, error) {
	if n, err := f.File.Read(p); n > 0 || err == nil {
		return n, nil
	}
	if f.n += len(p); f.n > 4<<20 {
		f.cancel()
	}
	line := []byte(`{"x":"` + strings.Repeat("a", 1000) + `"}` + "\n")
	return copy(p, bytes.Repeat(line, len(p)/len(line)+1)), nil
}

func TestUnreadableFiles(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := large(t, key, 600).files()
	for name := range log {
		if name == "LOCK" {
			continue
		}
		for _, how := range []string{"open", "read"} {
			_, err := verify.Dir(context.Background(), broken{log, name, how}, []string{key.vkey})
			if !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s of %s: got %v", how, name, err)
			}
		}
	}
	if _, err := verify.Dir(context.Background(), broken{log, "tile", "open"}, []string{key.vkey}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	delete(log, "checkpoint")
	for _, how := range []string{"open", "read"} {
		if _, err := verify.Dir(context.Background(), broken{log, segment, how}, []string{key.vkey}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	}
}

// broken is a file system in which one name cannot be opened or read.
type broken struct {
	fstest.MapFS
	name, how string
}

func (b broken) err(op string) error {
	return &fs.PathError{Op: op, Path: "/secret/path", Err: fs.ErrPermission}
}

func (b broken) Open(name string) (fs.File, error) {
	f, err := b.MapFS.Open(name)
	switch {
	case name != b.name:
		return f, err
	case b.how == "open":
		return nil, b.err("open")
	}
	return brokenFile{f, b.err("read")}, err
}

func (b broken) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == b.name {
		return nil, b.err("open")
	}
	return b.MapFS.ReadDir(name)
}

type brokenFile struct {
	fs.File
	err error
}

func (f brokenFile) Read([]byte) (int, error) { return 0, f.err }
