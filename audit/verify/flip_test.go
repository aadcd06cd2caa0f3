package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

// parallel runs f for 0 to n-1 on all processors.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for k := range workers {
		wg.Go(func() {
			for i := k; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

// badIndex is the index that damage at an offset of a file must name.
func badIndex(w *writer, name string, offset int) int64 {
	switch {
	case name == segment:
		i := slices.IndexFunc(w.marks, func(m mark) bool { return offset < m.end })
		return w.marks[i].index
	case name == "checkpoint":
		return w.size() - 1 // all but the last line stand in the last checkpoint event
	case strings.HasPrefix(name, "tile/0/"):
		return int64(offset / 32)
	}
	return -2
}

// TestEveryBitFlipNamesFirstBadIndex flips each bit of a log of two lines, and one bit of each
// byte of a log of each kind of line; with CARNET_FULL, all bits of that one too.
func TestEveryBitFlipNamesFirstBadIndex(t *testing.T) {
	key := newSigner(t, origin, 1)
	tiny := newWriter(t, key)
	tiny.genesis()
	tiny.commit()
	tiny.inband()
	for _, c := range []struct {
		name string
		w    *writer
		bits int // of each byte
	}{
		{"tiny", tiny, 8},
		{"small", small(t, key), 1},
	} {
		if os.Getenv("CARNET_FULL") != "" {
			c.bits = 8
		}
		log := c.w.files()
		for _, name := range slices.Sorted(maps.Keys(log)) {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				parallel(len(log[name].Data)*c.bits, func(i int) {
					at := i / c.bits
					flip(t, c.w, log, key.vkey, name, at, (at+i%c.bits)%8)
				})
			})
		}
	}
}

// flip flips one bit and compares the first finding with the line that it stands in.
func flip(t *testing.T, w *writer, log fstest.MapFS, vkey, name string, at, bit int) {
	bad := maps.Clone(log)
	data := bytes.Clone(log[name].Data)
	data[at] ^= 1 << bit
	bad[name] = &fstest.MapFile{Data: data}
	r, err := verify.Dir(context.Background(), bad, []string{vkey})
	if err != nil || len(r.Findings) == 0 {
		t.Errorf("byte %d, bit %d: %v, %v; want a finding", at, bit, r, err)
		return
	}
	if f, want := r.Findings[0], badIndex(w, name, at); f.Index != want || f.File != name {
		t.Errorf("byte %d, bit %d: got %v, want index %d in %s", at, bit, f, want, name)
	}
}

func TestTileFlipsOfEveryLevel(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := large(t, key, 600)
	log := w.files()
	for name, span := range map[string]struct {
		first, each int64
		hashes      int
	}{
		"tile/0/000":      {0, 1, 256},
		"tile/0/001":      {256, 1, 256},
		"tile/0/002.p/88": {512, 1, 88},
		"tile/1/000.p/2":  {0, 256, 2},
	} {
		if len(log[name].Data) != 32*span.hashes {
			t.Fatalf("%s has %d bytes", name, len(log[name].Data))
		}
		for i := 0; i < span.hashes; i += max(1, span.hashes/5) {
			bad := clone(log)
			bad[name].Data[i*32+7] ^= 4
			f := first(t, dir(t, bad, key.vkey))
			if want := (verify.Finding{Code: "tile", File: name, Index: span.first + int64(i)*span.each}); f != want {
				t.Errorf("got %v, want %v", f, want)
			}
		}
	}
}

func TestTailCutAtEveryByte(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := small(t, key)
	log := w.files()
	data := log[segment].Data
	parallel(len(data), func(n int) {
		bad := clone(log)
		bad[segment].Data = data[:n]
		r, err := verify.Dir(context.Background(), bad, []string{key.vkey})
		if err != nil || len(r.Findings) == 0 {
			t.Errorf("cut at %d: %v, %v; want a finding", n, r, err)
			return
		}
		at := slices.IndexFunc(w.marks, func(m mark) bool { return n < m.end })
		m := w.marks[at]
		want := m.index
		if m.commit && n < m.start+len(`{"commit":`) && at < len(w.marks)-1 {
			want = w.marks[at-1].index + 1 // nothing tells that this was to be a commit line
		}
		if r.Findings[0].Index != want {
			t.Errorf("cut at %d: got %v, want index %d", n, r.Findings, want)
		}
	})
}

func TestTileCutAtEveryByte(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := small(t, key)
	log := w.files()
	for name := range log {
		if !strings.HasPrefix(name, "tile/") && name != "checkpoint" {
			continue
		}
		for n := range log[name].Data {
			bad := clone(log)
			bad[name].Data = bad[name].Data[:n]
			if f := first(t, dir(t, bad, key.vkey)); f.Index != badIndex(w, name, n) || f.File != name {
				t.Errorf("%s cut at %d: got %v", name, n, f)
			}
		}
		for _, more := range []string{"\x00", "\n", string(make([]byte, 32))} {
			bad := clone(log)
			bad[name].Data = append(bad[name].Data, more...)
			if f := first(t, dir(t, bad, key.vkey)); f.File != name {
				t.Errorf("%s and %q: got %v", name, more, f)
			}
		}
	}
}

// lines cuts a segment at its newlines.
func lines(log fstest.MapFS) [][]byte {
	var out [][]byte
	for line := range strings.Lines(string(log[segment].Data)) {
		out = append(out, []byte(line))
	}
	return out
}

func withLines(log fstest.MapFS, lines [][]byte) fstest.MapFS {
	bad := clone(log)
	bad[segment].Data = slices.Concat(lines...)
	return bad
}

func TestEveryLineDeletedDoubledSwapped(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := small(t, key)
	log := w.files()
	all := lines(log)
	for i, m := range w.marks {
		next := m.index + 1 // the batch that a second commit line would end
		if m.commit {
			next = w.marks[i-1].index + 1
		}
		for _, c := range []struct {
			name  string
			lines [][]byte
			want  int64
		}{
			{"deleted", slices.Delete(slices.Clone(all), i, i+1), m.index},
			{"doubled", slices.Insert(slices.Clone(all), i, all[i]), next},
			{"swapped", swap(all, i), swapped(w.marks, i)},
		} {
			t.Run(fmt.Sprintf("%s/%d", c.name, i), func(t *testing.T) {
				r := dir(t, withLines(log, c.lines), key.vkey)
				if m.commit && c.name == "deleted" && i < len(all)-1 {
					if want := dir(t, log, key.vkey); r.String() != want.String() {
						t.Errorf("got %v; two batches without the commit line between are one batch", r)
					}
					return
				}
				if f := first(t, r); f.Index != c.want {
					t.Errorf("got %v, want index %d", f, c.want)
				}
			})
		}
	}
}

func swap(all [][]byte, i int) [][]byte {
	out := slices.Clone(all)
	j := (i + 1) % len(out)
	out[i], out[j] = out[j], out[i]
	return out
}

// swapped is the first index that is wrong when line i and the next one, or the first for
// the last, change places. A line behind its commit line is missing before it; a commit line
// behind a line of the next batch is wrong itself.
func swapped(marks []mark, i int) int64 {
	if i == len(marks)-1 {
		return 0
	}
	return marks[i].index
}
