package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// small is a log whose segments hold a few lines.
var small = &audit.Options{SegmentBytes: 6000}

func openWith(t testing.TB, dir string, o *audit.Options, d segment.Disk) *audit.Log {
	t.Helper()
	l, err := audit.OpenOn(t.Context(), dir, o, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(t.Context()) })
	return l
}

// segments are the names of a log's segments.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "seg"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// leaves are the lines of all segments.
func leaves(t testing.TB, dir string) (all [][]byte) {
	t.Helper()
	for _, name := range segments(t, dir) {
		all = append(all, lines(read(t, filepath.Join(dir, "seg", name)))...)
	}
	return all
}

// kept says whether a log on the disk has what a receipt says.
func kept(t testing.TB, dir string, r audit.Receipt) bool {
	t.Helper()
	all := leaves(t, dir)
	return r.Index < int64(len(all)) && tlog.RecordHash(all[r.Index]) == tlog.Hash(r.Leaf)
}

// wellFormed compares each segment with what the format says, by another tree.
func wellFormed(t *testing.T, dir string) {
	t.Helper()
	var stored hashes
	previous, size := int64(-1), int64(0)
	for i, name := range segments(t, dir) {
		if want := fmt.Sprintf("%020d.jsonl", size); name != want {
			t.Fatalf("segment %d is %s, want %s", i, name, want)
		}
		first, ended := true, false
		for text := range bytes.Lines(read(t, filepath.Join(dir, "seg", name))) {
			if bytes.HasPrefix(text, []byte(`{"commit":`)) {
				ended = true
				continue
			}
			var l struct {
				Carnet struct {
					Operation string
					Segment   *struct {
						Previous, Size int64
						Root           string
					}
				}
			}
			if err := json.Unmarshal(text, &l); err != nil {
				t.Fatal(err)
			}
			if s := l.Carnet.Segment; (s != nil) != (first && i > 0) || (l.Carnet.Operation == "audit.segment") != (s != nil) {
				t.Fatalf("segment %d: %s", i, text)
			} else if s != nil {
				root, err := tlog.TreeHash(size, &stored)
				if err != nil || s.Previous != previous || s.Size != size || s.Root != root.String() {
					t.Fatalf("segment %d says %+v, want size %d and root %v", i, s, size, root)
				}
			}
			more, err := tlog.StoredHashes(size, text[:len(text)-1], &stored)
			if err != nil {
				t.Fatal(err)
			}
			stored, size, first, ended = append(stored, more...), size+1, false, false
		}
		if !ended {
			t.Fatalf("segment %d does not end with a commit", i)
		}
		_, _ = fmt.Sscanf(name, "%d", &previous)
	}
}

type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		list[i] = (*h)[x]
	}
	return list, nil
}

// TestRotationUnderLoadLosesNoLine: many callers, a new segment every few lines, and each
// receipt's line stands where it says.
func TestRotationUnderLoadLosesNoLine(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, &audit.Options{SegmentBytes: 20_000}, nil)
	var mu sync.Mutex
	var receipts []audit.Receipt
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 50 {
				r, err := l.Append(t.Context(), answer())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				receipts = append(receipts, r)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	read := 0
	for _, err := range l.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		read++
	}
	shut(t, l)
	all := leaves(t, dir)
	for _, r := range receipts {
		if tlog.RecordHash(all[r.Index]) != tlog.Hash(r.Leaf) {
			t.Fatalf("line %d is another one", r.Index)
		}
	}
	if n := len(segments(t, dir)); n < 20 || read < len(receipts)+2*(n-1) {
		t.Errorf("%d segments, and %d lines read of more than %d", n, read, len(receipts))
	}
	wellFormed(t, dir)
	l = openWith(t, dir, small, nil)
	proof, err := l.Proof(t.Context(), receipts[0].Index)
	if err != nil || len(proof) > 1536 {
		t.Errorf("%d bytes, %v", len(proof), err)
	}
	_, line, err := audit.Prove(t.Context(), os.DirFS(dir), receipts[7].Index)
	if err != nil || !bytes.Equal(line, all[receipts[7].Index]) {
		t.Errorf("%q, %v", line, err)
	}
	shut(t, l)
}

// TestAnOldSegmentIsFollowedByANewOne, with the next line, and by no clock alone.
func TestAnOldSegmentIsFollowedByANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := create(t)
		o := &audit.Options{SegmentAge: time.Hour}
		l := openWith(t, dir, o, nil)
		add(t, l, answer())
		time.Sleep(50 * time.Minute)
		shut(t, l)
		l = openWith(t, dir, o, nil)
		add(t, l, answer())
		time.Sleep(9 * time.Minute)
		add(t, l, answer())
		time.Sleep(2 * time.Minute)
		if n := len(segments(t, dir)); n != 1 {
			t.Errorf("%d segments of an idle log", n)
		}
		add(t, l, answer())
		add(t, l, answer())
		if n := len(segments(t, dir)); n != 2 {
			t.Errorf("%d segments", n)
		}
		shut(t, l)
		wellFormed(t, dir)
	})
	for _, o := range []*audit.Options{{SegmentBytes: -1}, {SegmentAge: -1}} {
		if _, err := audit.Open(t.Context(), create(t), o); err == nil {
			t.Errorf("%+v", o)
		}
	}
}

// fill appends until there is one more segment.
func fill(t testing.TB, l *audit.Log, dir string) (receipts []audit.Receipt) {
	t.Helper()
	for n := len(segments(t, dir)); len(segments(t, dir)) == n; {
		receipts = append(receipts, add(t, l, answer()))
	}
	return receipts
}

// TestWhatOpenMustKnowIsCarriedOver: open grants, the tenant, the newest line of each
// action and what the log closed itself, over many segments.
func TestWhatOpenMustKnowIsCarriedOver(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, small, nil)
	freeze := add(t, l, audit.Event{Action: "gate.freeze", Tenant: "acme", Outcome: audit.OutcomeSuccess})
	e := grant("lost")
	e.Run, e.Step, e.Tenant = "hire-1", "payroll", "acme"
	add(t, l, e)
	add(t, l, grant("done"))
	fill(t, l, dir)
	done := answer()
	done.Grant = "done"
	add(t, l, done)
	for range 3 {
		fill(t, l, dir)
	}
	shut(t, l)
	l = openWith(t, dir, small, nil)
	if r := l.Recovery(); r != (audit.Recovery{Orphans: 1}) {
		t.Fatalf("%+v", r)
	}
	closing := last(t, l)
	if closing.Grant != "lost" || closing.Reason != "interrupted" || closing.Run != "hire-1" || closing.Step != "payroll" {
		t.Errorf("%+v", closing)
	}
	if n := l.Newest("gate.freeze"); n != freeze.Index || l.Newest("gate.thaw") != -1 {
		t.Errorf("line %d, want %d", n, freeze.Index)
	}
	if _, err := l.Append(t.Context(), audit.Event{Action: "a", Tenant: "other"}); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("another tenant: %v", err)
	}
	var index int64 = -1
	for e, err := range l.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if index++; e.Reason == "interrupted" {
			break
		}
	}
	for range 3 {
		fill(t, l, dir)
	}
	shut(t, l)
	l = openWith(t, dir, small, nil)
	if r := l.Recovery(); r != (audit.Recovery{}) {
		t.Errorf("closed twice: %+v", r)
	}
	late := answer()
	late.Grant = "lost"
	doubt := late
	doubt.Outcome, doubt.Reason = audit.OutcomeUnknown, "timeout"
	for _, c := range []struct {
		e    audit.Event
		want int64
	}{{doubt, 0}, {late, index}, {late, 0}} {
		add(t, l, c.e)
		if got := last(t, l); got.Resolves != c.want {
			t.Errorf("resolves line %d, want %d", got.Resolves, c.want)
		}
	}
	own := late
	own.Resolves = 3
	add(t, l, own)
	if got := last(t, l); got.Resolves != 3 {
		t.Errorf("what the caller says is replaced by %d", got.Resolves)
	}
	shut(t, l)
	wellFormed(t, dir)
}

// TestActionsThatCallersChoose: thousands of them make no rotation impossible, and no segment begin
// with more lines than the one before.
func TestActionsThatCallersChoose(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, &audit.Options{SegmentBytes: 256 << 10}, nil)
	freeze := add(t, l, audit.Event{Action: "gate.freeze", Outcome: audit.OutcomeSuccess})
	const callers, each = 50, 160
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				add(t, l, audit.Event{Action: fmt.Sprintf("crm.%d.%s-%d", c, strings.Repeat("x", 40), i), Outcome: audit.OutcomeSuccess})
			}
		})
	}
	wg.Wait()
	before := len(segments(t, dir))
	fill(t, l, dir)
	if before < 10 {
		t.Errorf("%d segments", before)
	}
	names := segments(t, dir)
	newest := read(t, filepath.Join(dir, "seg", names[len(names)-1]))
	if begins := bytes.Index(newest, []byte(`{"commit":`)); begins > 64<<10 {
		t.Errorf("a segment begins with %d bytes", begins)
	}
	shut(t, l)
	l = open(t, dir)
	if l.Newest("gate.freeze") != freeze.Index || l.Newest("crm.0."+strings.Repeat("x", 40)+"-0") != -1 || l.Newest("crm.contact.read") < 0 {
		t.Errorf("freeze is line %d", l.Newest("gate.freeze"))
	}
	for i := range 256 {
		add(t, l, audit.Event{Action: fmt.Sprint("vault.generation-", i), Count: 1, Outcome: audit.OutcomeSuccess})
	}
	one := audit.Event{Action: "vault.generation-more", Count: 1, Outcome: audit.OutcomeSuccess}
	if _, err := l.Append(t.Context(), one); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("of one store more: %v", err)
	}
	one.Action = "vault.generation-7"
	add(t, l, one)
	shut(t, l)
}

// TestOpenReadsNoOlderSegmentThanItMust: what is wrong in a closed segment is not
// noticed, and what is wrong where the newest begins is.
func TestOpenReadsNoOlderSegmentThanItMust(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, small, nil)
	for range 4 {
		fill(t, l, dir)
	}
	for range 5 {
		add(t, l, answer())
	}
	shut(t, l)
	names := segments(t, dir)
	at := func(dir string, i int) string { return filepath.Join(dir, "seg", names[i]) }
	for i := range names {
		c := clone(t, dir)
		b := read(t, at(c, i))
		b[len(b)/2] ^= 1
		write(t, at(c, i), b)
		l, err := audit.Open(t.Context(), c, small)
		if newest := i == len(names)-1; (err != nil) != newest {
			t.Errorf("segment %d of %d changed: %v", i, len(names), err)
		}
		if err == nil {
			shut(t, l)
		}
	}
	for name, spoil := range map[string]func(dir string) error{
		"first line": func(dir string) error {
			b := read(t, at(dir, len(names)-1))
			return os.WriteFile(at(dir, len(names)-1), bytes.Replace(b, []byte(`"root":"`), []byte(`"root":"A`), 1), 0o600)
		},
		"oldest gone":  func(dir string) error { return os.Remove(at(dir, 0)) },
		"newest gone":  func(dir string) error { return os.Remove(at(dir, len(names)-1)) },
		"newest empty": func(dir string) error { return os.Truncate(at(dir, len(names)-1), 0) },
		"newest copied": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "seg", "00000000000000009999.jsonl"), read(t, at(dir, len(names)-1)), 0o600)
		},
	} {
		c := clone(t, dir)
		if err := spoil(c); err != nil {
			t.Fatal(err)
		}
		if l, err := audit.Open(t.Context(), c, small); err == nil {
			shut(t, l)
			t.Errorf("%s: opened", name)
		}
	}
	// Without tiles everything is read, and they are written again.
	c := clone(t, dir)
	if err := os.RemoveAll(filepath.Join(c, "tile")); err != nil {
		t.Fatal(err)
	}
	l = openWith(t, c, small, nil)
	if _, err := l.Proof(t.Context(), 0); err != nil {
		t.Error(err)
	}
	shut(t, l)
}

// TestACrashAtAnyStepOfARotation: at each step that touches the disk the log is copied as
// it is, as a power cut would leave it, and each copy opens and has what was acknowledged.
func TestACrashAtAnyStepOfARotation(t *testing.T) {
	t.Run("reserved ahead", func(t *testing.T) {
		crashes(t, &segmenttest.Disk{}, false, "unnamed", "link", "lock", "ident", "reserve", "sync names", "write", "sync")
	})
	t.Run("not reserved ahead", func(t *testing.T) {
		d := &segmenttest.Disk{}
		d.Fail("unnamed", 1, errors.ErrUnsupported)
		crashes(t, d, false, "open", "lock", "ident", "reserve", "sync names", "write", "sync")
	})
	t.Run("all before it is signed", func(t *testing.T) {
		crashes(t, &segmenttest.Disk{}, true, "link", "write", "sync")
	})
}

func crashes(t *testing.T, d *segmenttest.Disk, signed bool, at ...string) {
	live := create(t)
	type moment struct {
		dir, step string
		acked     int
	}
	var mu sync.Mutex // the committer goes on behind an append
	var moments []moment
	var receipts []audit.Receipt
	var on bool
	d.Hook = func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		if on {
			moments = append(moments, moment{clone(t, live), step, len(receipts)})
		}
		return nil
	}
	l := openWith(t, live, small, d)
	add(t, l, grant("lost"))
	for {
		late := len(read(t, segmentOf(live))) > 5000
		mu.Lock()
		on = late
		mu.Unlock()
		if late && signed {
			if _, err := l.Proof(t.Context(), receipts[len(receipts)-1].Index); err != nil {
				t.Fatal(err)
			}
		}
		r := add(t, l, answer())
		mu.Lock()
		receipts = append(receipts, r)
		mu.Unlock()
		if len(segments(t, live)) == 2 {
			break
		}
	}
	mu.Lock()
	on = false
	mu.Unlock()
	shut(t, l)
	steps := map[string]int{}
	for i, m := range moments {
		steps[m.step]++
		for _, tail := range tails(t, m.dir) {
			c := clone(t, m.dir)
			names := segments(t, c)
			newest := filepath.Join(c, "seg", names[len(names)-1])
			write(t, newest, tail)
			l, err := audit.Open(t.Context(), c, small)
			if err != nil {
				t.Fatalf("step %d, %s, %d segments, %d bytes in the newest: %v", i, m.step, len(names), len(tail), err)
			}
			if l.Recovery().Orphans != 1 {
				t.Errorf("step %d, %s: %+v", i, m.step, l.Recovery())
			}
			for range 30 {
				add(t, l, answer()) // it goes on, and turns
			}
			shut(t, l)
			for _, r := range receipts[:m.acked] {
				if !kept(t, c, r) {
					t.Fatalf("step %d, %s: lost line %d", i, m.step, r.Index)
				}
			}
			wellFormed(t, c)
			if _, err := reopens(t, c); err != nil {
				t.Fatalf("step %d, %s, opened again: %v", i, m.step, err)
			}
		}
	}
	if runtime.GOOS != "linux" {
		return // where nothing is reserved
	}
	for _, step := range at {
		if steps[step] == 0 {
			t.Errorf("no crash at %q: %v", step, steps)
		}
	}
}

// tails are what a power cut leaves of a newest segment that is still without a name in
// the log's tree: any beginning of it, and blocks that are missing.
func tails(t *testing.T, dir string) [][]byte {
	names := segments(t, dir)
	whole := read(t, filepath.Join(dir, "seg", names[len(names)-1]))
	list := [][]byte{whole}
	if len(names) == 2 && bytes.Count(whole, []byte(`{"commit":`)) == 1 {
		for cut := 0; cut < len(whole); cut += 37 {
			list = append(list, whole[:cut])
		}
		for from := 0; from < len(whole); from += 512 {
			b := bytes.Clone(whole)
			clear(b[from:min(from+512, len(b))])
			list = append(list, b)
		}
	}
	return list
}

// TestARotationThatFails: where the disk has no room for a new segment nothing begins, and
// what ends goes on in the old one; when there is room again the log turns. Where it is
// not sure what the disk has, the log stops.
func TestARotationThatFails(t *testing.T) {
	for _, c := range []struct {
		step  string
		err   error
		stops bool
	}{
		{"open", syscall.ENOSPC, false}, {"open", syscall.EACCES, false}, {"open", syscall.EMFILE, false},
		{"reserve", syscall.ENOSPC, false},
		{"sync names", syscall.EIO, true},
		{"write", syscall.ENOSPC, false}, {"write", syscall.EIO, true},
		{"sync", syscall.EIO, true},
	} {
		t.Run(c.step+" "+c.err.Error(), func(t *testing.T) {
			dir := create(t)
			d := &segmenttest.Disk{}
			d.Fail("unnamed", 1, errors.ErrUnsupported)
			l := openWith(t, dir, small, d)
			var acked []audit.Receipt
			for len(read(t, segmentOf(dir))) < 5500 {
				acked = append(acked, add(t, l, answer()))
			}
			if c.step == "reserve" || c.step == "write" || c.step == "sync" {
				d.FailNew(c.step, c.err) // in the new file only
			} else {
				d.Fail(c.step, d.Count(c.step)+1, c.err)
			}
			var err error
			for i := 0; err == nil && i < 3; i++ {
				_, err = l.Append(t.Context(), grant(fmt.Sprint("g-", i)))
			}
			if !errors.Is(err, audit.ErrNotRecorded) || errors.Is(err, audit.ErrIndeterminate) || strings.Contains(err.Error(), dir) {
				t.Errorf("what begins: %v", err)
			}
			r, err := l.Append(t.Context(), answer())
			if (err != nil) != c.stops {
				t.Errorf("what ends: %v", err)
			} else if err == nil {
				acked = append(acked, r)
			}
			crashed := clone(t, dir)
			d.FailNew(c.step, nil)
			d.Fail(c.step, 0, nil)
			if !c.stops {
				acked = append(acked, fill(t, l, dir)...)
				add(t, l, grant("g-9"))
			}
			if err := l.Close(t.Context()); (err != nil) != c.stops {
				t.Errorf("Close: %v", err)
			}
			for i, dir := range []string{dir, crashed} {
				if i == 1 {
					acked = slices.DeleteFunc(acked, func(r audit.Receipt) bool { return !kept(t, crashed, r) })
				}
				if _, err := reopens(t, dir); err != nil {
					t.Error(err)
				}
				for _, r := range acked {
					if !kept(t, dir, r) {
						t.Errorf("lost line %d", r.Index)
					}
				}
			}
		})
	}
}

// TestTheNextSegmentIsReservedAhead: a disk that is full when the newest segment is nearly
// so does not stop the log from turning; and what was reserved has no name until then.
func TestTheNextSegmentIsReservedAhead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux makes files without a name")
	}
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openWith(t, dir, small, d)
	add(t, l, answer())
	reserved := d.Count("reserve") // a megabyte of the newest
	for int64(len(read(t, segmentOf(dir)))) <= small.SegmentBytes/8*7 {
		add(t, l, answer())
	}
	eventually(t, func() error {
		if d.Count("reserve") == reserved {
			return errors.New("nothing is reserved ahead")
		}
		return nil
	})
	if n := len(segments(t, dir)); n != 1 {
		t.Fatalf("%d segments", n)
	}
	for _, step := range []string{"open", "unnamed", "reserve"} {
		d.Fail(step, 1, syscall.ENOSPC)
	}
	for len(segments(t, dir)) == 1 {
		add(t, l, grant("g-1"))
	}
	add(t, l, grant("g-2"))
	for _, step := range []string{"open", "unnamed", "reserve"} {
		d.Fail(step, 0, nil)
	}
	d.Fail("link", 1, syscall.EPERM) // as where /proc is missing
	fill(t, l, dir)
	shut(t, l)
	wellFormed(t, dir)
	if n := len(segments(t, dir)); n != 3 {
		t.Errorf("%d segments", n)
	}
}

// TestAFloorOfAnOlderSegment is compared too, by the tiles.
func TestAFloorOfAnOlderSegment(t *testing.T) {
	dir := create(t)
	beside := clone(t, dir)
	floors := map[string][]byte{}
	for name, d := range map[string]string{"own": dir, "beside": beside} {
		l := open(t, d)
		e := answer()
		if name == "beside" {
			e.Outcome = audit.OutcomeFailure
		}
		for range 3 {
			add(t, l, e)
		}
		shut(t, l)
		floors[name] = read(t, filepath.Join(d, "checkpoint"))
	}
	l := openWith(t, dir, small, nil)
	for range 3 {
		fill(t, l, dir)
	}
	shut(t, l)
	for name, floor := range floors {
		l, err := audit.Open(t.Context(), dir, &audit.Options{Floor: floor})
		if (err == nil) != (name == "own") || err != nil && !strings.Contains(err.Error(), "Options.Floor") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			shut(t, l)
		}
	}
}

// TestAGrantOfAnOlderSegmentIsClosedAsItWas: that segment is not read, but what the log
// repeats of it is compared with the tree.
func TestAGrantOfAnOlderSegmentIsClosedAsItWas(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, small, nil)
	e := grant("lost")
	e.Run = "hire-1"
	add(t, l, e)
	for range 3 {
		fill(t, l, dir)
	}
	shut(t, l)
	b := read(t, segmentOf(dir))
	write(t, segmentOf(dir), bytes.Replace(b, []byte("hire-1"), []byte("hire-2"), 1))
	if l, err := audit.Open(t.Context(), dir, small); err == nil {
		shut(t, l)
		t.Error("another run was written down")
	}
	write(t, segmentOf(dir), b)
	if r, err := reopens(t, dir); err != nil || r.Orphans != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
