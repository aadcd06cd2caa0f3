package verify_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

const other = "acme.example/hr/b"

func many(t *testing.T, expected []string, logs ...verify.Log) verify.Reports {
	t.Helper()
	r, err := verify.Logs(context.Background(), logs, expected, nil)
	if err != nil || len(r.Logs) != len(logs) {
		t.Fatal(r, err)
	}
	return r
}

func TestLogs(t *testing.T) {
	a, b, c := newSigner(t, origin, 1), newSigner(t, other, 1), newSigner(t, "acme.example/hr/c", 1)
	keys := []string{a.vkey, b.vkey, c.vkey}
	log := func(w *writer) verify.Log { return verify.Log{FS: w.files(), Keys: keys} }
	one, two, three := log(small(t, a)), log(rotated(t, b)), log(small(t, c))
	both := []string{origin, other}

	if r := many(t, both, one, two); !r.Clean() || r.String() != "2 logs verified" || len(r.Unknown) != 0 {
		t.Errorf("both: got %v", r)
	}
	if r := many(t, both, one); r.Clean() || !slices.Equal(r.Unknown, []string{other}) || len(r.Logs[0].Findings) != 0 || !strings.Contains(r.String(), other) {
		t.Errorf("one is missing: got %v", r)
	}
	if r := many(t, both); r.Clean() || !slices.Equal(r.Unknown, both) {
		t.Errorf("both are missing: got %v", r)
	}
	stranger := verify.Finding{Code: "origin", File: segment, Index: 0}
	if r := many(t, both, one, two, three); r.Clean() || first(t, r.Logs[2]) != stranger || r.String() != stranger.String() {
		t.Errorf("one too many: got %v", r)
	}
	named := three
	named.Origin = origin
	if r := many(t, append(both, "acme.example/hr/c"), one, two, named); r.Clean() || first(t, r.Logs[2]) != stranger {
		t.Errorf("another log where one was named: got %v", r)
	}
	if r := many(t, []string{origin, origin}, one, one); !r.Clean() {
		t.Errorf("the same twice: got %v", r)
	}
	if r := (verify.Reports{}); r.Clean() || r.String() != "nothing was verified" {
		t.Error("nothing is clean")
	}
	if r := many(t, []string{origin}, verify.Log{FS: fstest.MapFS{}, Keys: keys}); r.Clean() || !slices.Equal(r.Unknown, []string{origin}) {
		t.Errorf("an empty folder: got %v", r)
	}
	foreign := verify.Log{FS: small(t, newSigner(t, origin, 9)).files(), Keys: keys}
	if r := many(t, []string{origin}, foreign); r.Clean() || !slices.Equal(r.Unknown, []string{origin}) || first(t, r.Logs[0]).Code != "key" {
		t.Errorf("a log with another key: got %v", r)
	}
	damaged := small(t, b).files()
	damaged[segment].Data[300] ^= 1
	if r := many(t, both, one, verify.Log{FS: damaged, Keys: keys}); r.Clean() || len(r.Logs[0].Findings) != 0 || len(r.Logs[1].Findings) == 0 {
		t.Errorf("one that is damaged: got %v", r)
	}
}

// TestForks: two logs of one origin, each right by itself.
func TestForks(t *testing.T) {
	key := newSigner(t, origin, 1)
	log := func(w *writer) verify.Log { return verify.Log{FS: w.files(), Keys: []string{key.vkey}} }
	expected := []string{origin}
	long := func(n int, at int64) *writer { // another line at an index; -1: none
		w := newWriter(t, key)
		w.genesis()
		for w.size() < int64(n) {
			if w.size() == at {
				w.denied()
			} else {
				w.grant()
			}
		}
		w.commit()
		return w
	}
	honest := log(long(600, -1))
	for _, n := range []int{2, 255, 256, 257, 599, 600, 700} {
		if r := many(t, expected, honest, log(long(n, -1))); !r.Clean() {
			t.Errorf("a copy of %d lines: got %v", n, r)
		}
	}
	for _, at := range []int64{1, 255, 256, 300, 511, 512, 599} {
		want := verify.Finding{Code: "fork", File: segment, Index: at}
		for _, n := range []int{600, 650, 700} {
			if r := many(t, expected, honest, log(long(n, at))); r.Clean() || first(t, r.Logs[1]) != want || len(r.Logs[0].Findings) != 0 {
				t.Errorf("%d lines, another one at %d: got %v", n, at, r)
			}
		}
		if at < 512 {
			if r := many(t, expected, log(long(600, at)), honest, log(long(600, at))); first(t, r.Logs[1]) != want || first(t, r.Logs[2]) != want {
				t.Errorf("three of them: got %v", r)
			}
		}
	}
	if r := many(t, expected, log(long(300, -1)), log(long(600, 299))); r.Clean() {
		t.Error("a fork in the last line of the shorter one")
	}
	if r := many(t, expected, log(long(300, -1)), log(long(600, 300))); !r.Clean() {
		t.Errorf("they go on differently only behind the shorter one: got %v", r)
	}
	second := newSigner(t, origin, 2)
	both := []string{key.vkey, second.vkey}
	r := many(t, expected, log(small(t, key)), verify.Log{FS: small(t, second).files(), Keys: both[1:]})
	if r.Clean() || first(t, r.Logs[1]) != (verify.Finding{Code: "fork", File: segment, Index: 0}) {
		t.Errorf("two keys of one origin: got %v", r)
	}
	r = many(t, expected, verify.Log{FS: small(t, key).files(), Keys: both}, verify.Log{FS: small(t, second).files(), Keys: both})
	for i, l := range r.Logs {
		if r.Clean() || first(t, l) != (verify.Finding{Code: "rekey", File: segment, Index: 0}) {
			t.Errorf("log %d was never under the other key: got %v", i, l.Findings)
		}
	}
}

func TestLogsNeedOriginsAndKeys(t *testing.T) {
	key := newSigner(t, origin, 1)
	good := verify.Log{FS: small(t, key).files(), Keys: []string{key.vkey}}
	for _, expected := range [][]string{nil, {}, {origin, ""}} {
		if r, err := verify.Logs(context.Background(), []verify.Log{good}, expected, nil); !errors.Is(err, verify.ErrNoOrigin) || r.Clean() {
			t.Errorf("%q: got %v, %v", expected, r, err)
		}
	}
	for _, c := range []struct {
		log  verify.Log
		want error
	}{
		{verify.Log{FS: good.FS}, verify.ErrNoKey},
		{verify.Log{FS: good.FS, Keys: []string{"x"}}, verify.ErrBadKey},
		{verify.Log{FS: os.DirFS(path.Join(t.TempDir(), "none")), Keys: good.Keys}, fs.ErrNotExist},
	} {
		r, err := verify.Logs(context.Background(), []verify.Log{good, c.log}, []string{origin, other}, nil)
		if !errors.Is(err, c.want) || r.Clean() || len(r.Logs) != 2 || len(r.Logs[0].Findings) != 0 || r.Logs[0].Events == 0 || !slices.Equal(r.Unknown, []string{other}) {
			t.Errorf("got %v, %v; want %v, and the other one", r, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := verify.Logs(ctx, []verify.Log{good}, []string{origin}, nil); !errors.Is(err, context.Canceled) || r.Clean() {
		t.Errorf("got %v, %v", r, err)
	}
	if r, err := (verify.Log{Keys: good.Keys}).Verify(context.Background(), nil); err == nil {
		t.Errorf("no log: got %v", r)
	}
	if r, err := (verify.Log{Origin: other, FS: good.FS, Keys: good.Keys}).Verify(context.Background(), nil); err != nil || first(t, r).Code != "origin" {
		t.Errorf("one log of another origin: got %v, %v", r, err)
	}
}

// TestProgress: over all segments of all logs, never back, and to the end.
func TestProgress(t *testing.T) {
	a, b := newSigner(t, origin, 1), newSigner(t, other, 1)
	w := large(t, b, 2000)
	w.rotate()
	w.grant()
	w.commit()
	logs := []verify.Log{{FS: rotated(t, a).files(), Keys: []string{a.vkey}}, {FS: w.files(), Keys: []string{b.vkey}}}
	var want int64
	for _, l := range logs {
		for name, f := range l.FS.(fstest.MapFS) {
			if strings.HasPrefix(name, "seg/") {
				want += int64(len(f.Data))
			}
		}
	}
	var calls, last int64
	o := &verify.Options{Progress: func(done, total int64) {
		if calls++; done < last || done > total || total != want {
			t.Errorf("%d of %d after %d, want %d in all", done, total, last, want)
		}
		last = done
	}}
	r, err := verify.Logs(context.Background(), logs, []string{origin, other}, o)
	if err != nil || !r.Clean() || last != want || calls < 5 {
		t.Errorf("%v, %v: %d calls, %d of %d", r, err, calls, last, want)
	}
	// A log that is not read to its end counts as read when the next one begins.
	bad := rotated(t, a).files()
	bad[segment].Data[20] ^= 1
	logs[0].FS = bad
	calls, last = 0, 0
	if r, err = verify.Logs(context.Background(), logs, []string{origin, other}, o); err != nil || r.Clean() || last != want {
		t.Errorf("%v, %v: %d of %d", r, err, last, want)
	}
	calls, last, want = 0, 0, int64(w.seg.Len())
	if r, err := logs[1].Verify(context.Background(), o); err != nil || len(r.Findings) != 0 || last != want {
		t.Errorf("%v, %v: %d of %d", r, err, last, want)
	}
}
