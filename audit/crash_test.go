package audit_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// crashed is a log whose last lines no checkpoint covers: what is on the disk when the
// power goes right after the last Append returned.
func crashed(t *testing.T, events int) (dir string, receipts []audit.Receipt) {
	t.Helper()
	live := create(t)
	l := open(t, live)
	for range events {
		receipts = append(receipts, add(t, l, answer()))
	}
	return clone(t, live), receipts
}

// TestCutAtEveryByteOfTheLastBatches: whatever stands behind the last whole commit
// goes, everything before it stays, and what a checkpoint signed cannot be cut at all.
func TestCutAtEveryByteOfTheLastBatches(t *testing.T) {
	dir, receipts := crashed(t, 2)
	whole := read(t, segmentOf(dir))
	signed := endOfCommits(whole)[1] // genesis and first checkpoint are covered
	for cut := len(whole); cut >= 0; cut-- {
		c := clone(t, dir)
		write(t, segmentOf(c), whole[:cut])
		r, err := reopens(t, c)
		if cut < signed {
			if err == nil {
				t.Fatalf("cut at %d, below the signed checkpoint, opened", cut)
			}
			if got := read(t, segmentOf(c)); !bytes.Equal(got, whole[:cut]) {
				t.Fatalf("cut at %d: a log that does not open was changed", cut)
			}
			if signed-cut > 300 { // the rest is the same, and slow
				cut -= 7
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		last := signed
		for i, end := range endOfCommits(whole)[2:] {
			if end <= cut {
				last = end
				if !holds(t, c, receipts[i]) {
					t.Fatalf("cut at %d: lost line %d", cut, receipts[i].Index)
				}
			}
		}
		if r.Torn != int64(cut-last) {
			t.Fatalf("cut at %d: %d bytes torn, want %d", cut, r.Torn, cut-last)
		}
	}
}

// endOfCommits is where each batch ends.
func endOfCommits(b []byte) (ends []int) {
	at := 0
	for line := range bytes.Lines(b) {
		if at += len(line); bytes.HasPrefix(line, []byte(`{"commit":`)) {
			ends = append(ends, at)
		}
	}
	return ends
}

// TestEveryFlippedBitRefuses: in a log that was closed, and in one that crashed, where
// a flipped bit must not make acknowledged lines look torn.
func TestEveryFlippedBitRefuses(t *testing.T) {
	closed := create(t)
	dirty, _ := crashed(t, 1)
	for name, dir := range map[string]string{"closed": closed, "crashed": dirty} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					flipAll(t, dir, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func flipAll(t *testing.T, dir, path string) {
	t.Helper()
	good := read(t, path)
	for i := range good {
		for bit := range 8 {
			if os.Getenv("CARNET_FULL") == "" && bit != i%8 && len(good) > 300 {
				continue
			}
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			write(t, path, b)
			if l, err := audit.Open(t.Context(), dir, nil); err == nil {
				shut(t, l)
				t.Fatalf("%s: bit %d of byte %d flipped, and it opened", filepath.Base(path), bit, i)
			}
			if got := read(t, path); !bytes.Equal(got, b) {
				t.Fatalf("%s: byte %d: a log that does not open was changed", filepath.Base(path), i)
			}
		}
	}
	write(t, path, good)
}

// TestAPowerCutLosesAnySubsetOfUnsyncedBlocks walks a small history write by write,
// and for each write every set of its blocks and every length that a power cut could
// leave. What was acknowledged before is there, and the log opens.
func TestAPowerCutLosesAnySubsetOfUnsyncedBlocks(t *testing.T) {
	live := create(t)
	d := &segmenttest.Disk{}
	type moment struct {
		dir   string // as it was before the write
		acked []audit.Receipt
	}
	var mu sync.Mutex
	var moments []moment
	var acked []audit.Receipt
	d.Hook = func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		if step == "write" {
			moments = append(moments, moment{clone(t, live), append([]audit.Receipt(nil), acked...)})
		}
		return nil
	}
	l := openOn(t, live, d)
	long := answer()
	for range 8 {
		long.Scopes = append(long.Scopes, strings.Repeat("scope", 20))
	}
	for _, e := range []audit.Event{answer(), long, answer(), long} {
		r := add(t, l, e)
		mu.Lock()
		acked = append(acked, r)
		mu.Unlock()
	}
	shut(t, l) // writes the checkpoint line
	var writes [][]byte
	for _, s := range d.Trace() {
		if s.Name == "write" {
			writes = append(writes, s.Data)
		}
	}
	if len(writes) != 5 || len(moments) != 5 {
		t.Fatalf("%d writes, %d moments", len(writes), len(moments))
	}
	images := 0
	for i, m := range moments {
		old := read(t, segmentOf(m.dir))
		for image := range segmenttest.Images(old, writes[i]) {
			images++
			c := clone(t, m.dir)
			write(t, segmentOf(c), image)
			if _, err := reopens(t, c); err != nil {
				t.Fatalf("write %d: %v", i, err)
			}
			for _, r := range m.acked {
				if !holds(t, c, r) {
					t.Fatalf("write %d: lost line %d", i, r.Index)
				}
			}
			if _, err := reopens(t, c); err != nil {
				t.Fatalf("write %d, opened again: %v", i, err)
			}
		}
	}
	if images < 100 {
		t.Errorf("only %d images", images)
	}
}

// TestDamageBeforeTheLastCommitRefuses: lines behind it prove that no crash did it.
func TestDamageBeforeTheLastCommitRefuses(t *testing.T) {
	dir, receipts := crashed(t, 3)
	whole := read(t, segmentOf(dir))
	ends := endOfCommits(whole)
	last := ends[len(ends)-1]
	for name, damage := range map[string]func(b []byte) []byte{
		"a line changed": func(b []byte) []byte { b[ends[1]+20] ^= 1; return b },
		"a line removed": func(b []byte) []byte { return append(b[:ends[1]:ends[1]], b[ends[2]:]...) },
		"batches swapped": func(b []byte) []byte {
			return bytes.Join([][]byte{b[:ends[1]], b[ends[2]:ends[3]], b[ends[1]:ends[2]], b[ends[3]:]}, nil)
		},
		"a line twice":       func(b []byte) []byte { return append(b, b[ends[3]:ends[4]]...) },
		"a commit line only": func(b []byte) []byte { return append(b, b[ends[3]+bytes.Index(b[ends[3]:], []byte(`{"commit"`)):]...) },
		"a foreign line":     func(b []byte) []byte { return append(b, "hello\n"...) },
		"a foreign tail":     func(b []byte) []byte { return append(b, "hello"...) },
		"an empty line":      func(b []byte) []byte { return append(b, '\n') },
		"a long line":        func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 70_000)...) },
		"zeros without end":  func(b []byte) []byte { return append(b, make([]byte, audit.TornMax+1)...) },
		"zeros, no block":    func(b []byte) []byte { clear(b[last-100 : last-90]); return b },
		"zeros, and more":    func(b []byte) []byte { n := (ends[2] + 511) / 512 * 512; clear(b[ends[2]:n]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			c := clone(t, dir)
			b := damage(bytes.Clone(whole))
			write(t, segmentOf(c), b)
			if r, err := reopens(t, c); err == nil {
				t.Errorf("opened, %d bytes cut, line kept: %t", r.Torn, holds(t, c, receipts[2]))
			}
			if !bytes.Equal(read(t, segmentOf(c)), b) {
				t.Error("it was changed")
			}
		})
	}
}

// TestWhatWasCutIsRecorded: a torn tail is an event, once.
func TestWhatWasCutIsRecorded(t *testing.T) {
	dir, _ := crashed(t, 2)
	whole := read(t, segmentOf(dir))
	write(t, segmentOf(dir), whole[:len(whole)-10])
	l := open(t, dir)
	if l.Recovery().Torn == 0 {
		t.Error("nothing cut")
	}
	shut(t, l)
	text := read(t, segmentOf(dir))
	want := fmt.Sprintf(`"torn":%d}`, l.Recovery().Torn)
	if n := bytes.Count(text, []byte(`"operation":"audit.recovered"`)); n != 1 || !bytes.Contains(text, []byte(want)) {
		t.Errorf("%d events, want one with %s", n, want)
	}
	if r, err := reopens(t, dir); err != nil || r != (audit.Recovery{}) {
		t.Errorf("again: %v, %v", r, err)
	}
	if !bytes.Equal(read(t, segmentOf(dir)), text) {
		t.Error("an idle log got new lines")
	}
}

// TestWhatACrashLeftIsWrittenAgain: after a failed sync the kernel shows pages that
// are not on the disk, so what no checkpoint covers is written once more by Open.
func TestWhatACrashLeftIsWrittenAgain(t *testing.T) {
	dir, receipts := crashed(t, 2)
	c := clone(t, dir)
	d := &segmenttest.Disk{}
	l := openOn(t, c, d)
	if d.Count("rewrite") != 1 {
		t.Errorf("%d rewrites, want 1", d.Count("rewrite"))
	}
	shut(t, l)
	if !holds(t, c, receipts[0]) || !holds(t, c, receipts[1]) {
		t.Error("it was not written as it was")
	}
	l = openOn(t, c, d)
	shut(t, l)
	if d.Count("rewrite") != 1 {
		t.Error("what a checkpoint covers was written again")
	}
	for _, step := range []string{"rewrite", "write"} {
		d := &segmenttest.Disk{}
		d.Fail(step, 1, syscall.EIO)
		if _, err := audit.OpenOn(t.Context(), clone(t, dir), nil, d); err == nil {
			t.Errorf("opened although %s fails", step)
		}
	}
	write(t, segmentOf(dir), append(read(t, segmentOf(dir)), `{"act`...))
	d = &segmenttest.Disk{}
	d.Fail("truncate", 1, syscall.EIO)
	if _, err := audit.OpenOn(t.Context(), dir, nil, d); err == nil {
		t.Error("opened although the tail cannot be cut")
	}
}

// TestACrashBetweenTilesAndCheckpoint: the files of a publication that did not end are
// explained by the lines, whichever of them are there.
func TestACrashBetweenTilesAndCheckpoint(t *testing.T) {
	dir := create(t)
	before := clone(t, dir)
	l := open(t, dir)
	var receipts []audit.Receipt
	for range 300 { // across the border of a tile
		receipts = append(receipts, add(t, l, answer()))
	}
	shut(t, l)
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "tile"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for n := range len(files) + 1 {
		c := clone(t, before)
		write(t, segmentOf(c), read(t, segmentOf(dir)))
		for _, name := range files[:n] {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(c, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(c, name), read(t, filepath.Join(dir, name)))
		}
		if _, err := reopens(t, c); err != nil {
			t.Fatalf("with %d tiles: %v", n, err)
		}
		if !holds(t, c, receipts[len(receipts)-1]) || !bytes.Equal(read(t, segmentOf(c)), read(t, segmentOf(dir))) {
			t.Errorf("with %d tiles: the lines are others", n)
		}
		for _, name := range files {
			if !bytes.Equal(read(t, filepath.Join(c, name)), read(t, filepath.Join(dir, name))) {
				t.Errorf("with %d tiles: %s was not written again", n, name)
			}
		}
	}
}

// child appends from many goroutines and prints what was acknowledged, until it dies.
func child(dir string) {
	ctx := context.Background()
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for range 8 {
		go func() {
			for {
				r, err := l.Append(ctx, answer())
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(r.Index, hex.EncodeToString(r.Leaf[:]))
				out.Unlock()
			}
		}()
	}
	select {}
}

// TestSIGKILLLosesNothingAcknowledged kills a writer at random moments.
func TestSIGKILLLosesNothingAcknowledged(t *testing.T) {
	kills := 5
	switch {
	case os.Getenv("CARNET_FULL") != "":
		kills = 200
	case os.Getenv("CI") != "":
		kills = 50
	}
	dir := filepath.Join(t.TempDir(), "audit") // a real disk, where writes take time
	if err := audit.Create(t.Context(), dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	acked := map[int64][32]byte{}
	for range kills {
		w := work(t, dir)
		w.begun(t)
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		for _, r := range w.end(t) {
			acked[r.Index] = r.Leaf
		}
	}
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	if _, err := reopens(t, dir); err != nil {
		t.Fatal(err)
	}
	list := lines(read(t, segmentOf(dir)))
	for index, want := range acked {
		if index >= int64(len(list)) {
			t.Fatalf("line %d is lost", index)
		}
		if tlog.RecordHash(list[index]) != want {
			t.Fatalf("line %d is another one", index)
		}
	}
}
