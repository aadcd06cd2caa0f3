package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// firsts are the first lines of a log's segments.
func firsts(t testing.TB, dir string) (list []int64) {
	t.Helper()
	for _, name := range segments(t, dir) {
		var n int64
		if _, err := fmt.Sscanf(name, "%d", &n); err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

// long is a log of some segments.
func long(t testing.TB, n int) (dir string, l *audit.Log) {
	t.Helper()
	dir = create(t)
	l = openWith(t, dir, small, nil)
	for len(segments(t, dir)) < n {
		add(t, l, answer())
	}
	return dir, l
}

// TestRetainGivesUpWholeOldSegments, and what is left is a log: it opens, proves what it
// has and what it had, and says what it has not.
func TestRetainGivesUpWholeOldSegments(t *testing.T) {
	dir, l := long(t, 8)
	all, starts := leaves(t, dir), firsts(t, dir)
	for _, c := range []struct{ first, want int64 }{{0, 0}, {starts[1] - 1, 0}, {starts[2] + 1, starts[2]}, {starts[1], starts[2]}, {starts[7] + 1, starts[6]}} {
		if err := l.Retain(t.Context(), c.first); err != nil {
			t.Fatal(err)
		}
		if got := l.Kept(); got != c.want || firsts(t, dir)[0] != c.want {
			t.Errorf("up to %d: kept from %d, want %d", c.first, got, c.want)
		}
	}
	for _, first := range []int64{-1, 1 << 40} {
		if err := l.Retain(t.Context(), first); err == nil {
			t.Errorf("no error for %d", first)
		}
	}
	for range 2 {
		kept := starts[6]
		for _, first := range []int64{0, kept - 1} {
			n := 0
			for _, err := range l.EventsFrom(t.Context(), first) {
				if n++; !errors.Is(err, audit.ErrNotKept) || n > 1 {
					t.Errorf("from %d: %v", first, err)
				}
			}
		}
		n := int64(0)
		for _, err := range l.EventsFrom(t.Context(), kept) {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
		if n < int64(len(all))-kept {
			t.Errorf("only %d lines are read", n)
		}
		for _, index := range []int64{0, kept - 1, kept, int64(len(all)) - 1} {
			text, err := l.Proof(t.Context(), index)
			if err == nil {
				err = proves(text, l.Key(), index, tlog.RecordHash(all[index]))
			}
			if err != nil {
				t.Errorf("line %d is not proven: %v", index, err)
			}
		}
		if _, _, err := audit.Prove(t.Context(), os.DirFS(dir), 3); !errors.Is(err, audit.ErrNotKept) {
			t.Errorf("got %v", err)
		}
		if _, line, err := audit.Prove(t.Context(), os.DirFS(dir), kept); err != nil || tlog.RecordHash(line) != tlog.RecordHash(all[kept]) {
			t.Errorf("%v", err)
		}
		shut(t, l)
		l = openWith(t, dir, small, nil)
	}
	fill(t, l, dir)
	shut(t, l)
	// Lines that are missing without such an event are damage.
	if err := os.Remove(filepath.Join(dir, "seg", segments(t, dir)[0])); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
}

// proves says why a proof is none of a line with such a hash, by x/mod alone.
func proves(text []byte, key string, index int64, leaf tlog.Hash) error {
	head, signed, _ := strings.Cut(string(text), "\n\n")
	v, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return err
	}
	rows, parts := strings.Split(head, "\n"), strings.Split(n.Text, "\n")
	if len(rows) < 2 || len(parts) < 3 {
		return errors.New("no proof")
	}
	var path tlog.RecordProof
	for _, s := range rows[2:] {
		h, err := tlog.ParseHash(s)
		if err != nil {
			return err
		}
		path = append(path, h)
	}
	size, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(parts[2])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, size, root, index, leaf)
}

// TestRetainKeepsWhatIsNeeded: the line of an open grant, and what is known of a store.
func TestRetainKeepsWhatIsNeeded(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, small, nil)
	generation := add(t, l, audit.Event{Action: "vault.generation", Outcome: audit.OutcomeSuccess, Count: 7})
	add(t, l, grant("open"))
	for range 5 {
		fill(t, l, dir)
	}
	far := firsts(t, dir)[3]
	if err := l.Retain(t.Context(), far); !errors.Is(err, audit.ErrNeeded) {
		t.Errorf("an open grant: %v", err)
	}
	done := answer()
	done.Grant = "open"
	add(t, l, done)
	shut(t, l)
	l = openWith(t, dir, small, nil)
	if l.Newest("vault.generation") != generation.Index {
		t.Fatal("not carried over")
	}
	if err := l.Retain(t.Context(), far); !errors.Is(err, audit.ErrNeeded) {
		t.Errorf("what is known of a store: %v", err)
	}
	if len(firsts(t, dir)) < 6 || firsts(t, dir)[0] != 0 {
		t.Error("something went all the same")
	}
	shut(t, l)
	l = openWith(t, dir, small, nil)
	add(t, l, audit.Event{Action: "vault.generation", Count: 8, Outcome: audit.OutcomeSuccess})
	if err := l.Retain(t.Context(), far); err != nil {
		t.Errorf("nobody needs it: %v", err)
	}
	shut(t, l)
	if err := new(audit.Log).Retain(t.Context(), 0); err == nil || new(audit.Log).Kept() != 0 {
		t.Error("a zero log gives up lines")
	}
	if err := l.Retain(t.Context(), firsts(t, dir)[1]); err == nil {
		t.Error("a closed log gives up lines")
	}
}

// TestACrashInRetain: at each step what is left opens, and goes on with it.
func TestACrashInRetain(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	var copies []string
	on := false
	d.Hook = func(step string) error {
		if on && step != "ident" {
			copies = append(copies, clone(t, dir))
		}
		return nil
	}
	l := openWith(t, dir, small, d)
	for range 5 {
		fill(t, l, dir)
	}
	starts := firsts(t, dir)
	on = true
	if err := l.Retain(t.Context(), starts[3]); err != nil {
		t.Fatal(err)
	}
	on = false
	shut(t, l)
	seen := map[int64]bool{}
	for i, c := range copies {
		before := firsts(t, c)[0]
		l := openWith(t, c, small, nil)
		if l.Kept() != 0 && l.Kept() != starts[3] || before != 0 && l.Kept() != starts[3] || l.Kept() != firsts(t, c)[0] {
			t.Errorf("step %d: from %d, kept from %d", i, before, l.Kept())
		}
		seen[before] = true
		if _, err := l.Proof(t.Context(), 1); err != nil {
			t.Error(err)
		}
		shut(t, l)
		if _, err := reopens(t, c); err != nil {
			t.Error(err)
		}
	}
	if !seen[0] || !seen[starts[1]] || !seen[starts[2]] {
		t.Errorf("crashes with %v as the first line", seen)
	}
}

// TestWhatRetainSaidIsCarried by the next segment, also where nobody waited for it any more, and by
// whatever Open a crash leaves it to.
func TestWhatRetainSaidIsCarried(t *testing.T) {
	dir := create(t)
	hang, written := make(chan bool), make(chan bool)
	var once sync.Once
	d := &segmenttest.Disk{}
	l := openWith(t, dir, small, d)
	for range 5 {
		fill(t, l, dir)
	}
	shut(t, l)
	d.Hook = func(step string) error {
		names := segments(t, dir)
		if step == "sync" && bytes.Contains(read(t, filepath.Join(dir, "seg", names[len(names)-1])), []byte("audit.retained")) {
			once.Do(func() { close(written); <-hang })
		}
		return nil
	}
	l = openWith(t, dir, small, d)
	starts := firsts(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Retain(ctx, starts[2]) }()
	<-written
	cancel()
	if err := <-ended; !errors.Is(err, audit.ErrIndeterminate) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(hang)
	fill(t, l, dir)
	crashed := clone(t, dir)
	shut(t, l)
	for name, dir := range map[string]string{"closed": dir, "crashed": crashed} {
		l := openWith(t, dir, small, nil)
		if l.Kept() != starts[2] || firsts(t, dir)[0] != starts[2] {
			t.Errorf("%s: kept from %d, and %d is the first", name, l.Kept(), firsts(t, dir)[0])
		}
		shut(t, l)
	}
}

// TestRetainThatFails says so, and is done by the next one.
func TestRetainThatFails(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openWith(t, dir, small, d)
	for range 5 {
		fill(t, l, dir)
	}
	starts := firsts(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Retain(ctx, starts[2]); !errors.Is(err, context.Canceled) || !slices.Equal(firsts(t, dir), starts) {
		t.Errorf("its context ended: %v", err)
	}
	d.Fail("remove", d.Count("remove")+1, syscall.EACCES)
	if err := l.Retain(t.Context(), starts[2]); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	d.Fail("remove", 0, nil)
	spoilt := clone(t, dir)
	if err := l.Retain(t.Context(), starts[2]); err != nil || firsts(t, dir)[0] != starts[2] {
		t.Errorf("the same once more: %v, from %d", err, firsts(t, dir)[0])
	}
	d.Fail("remove", d.Count("remove")+1, syscall.EACCES)
	if err := l.Retain(t.Context(), starts[3]); err == nil {
		t.Error("nothing failed")
	}
	d.Fail("remove", 0, nil)
	if err := l.Retain(t.Context(), starts[4]); err != nil || firsts(t, dir)[0] != starts[4] {
		t.Errorf("and more: %v, from %d", err, firsts(t, dir)[0])
	}
	shut(t, l)
	l = openWith(t, spoilt, small, nil)
	if l.Kept() != starts[2] || firsts(t, spoilt)[0] != starts[2] {
		t.Errorf("kept from %d", l.Kept())
	}
	shut(t, l)
}

// TestRetainOnADiskThatHangs ends with its context, and so does the next one; nobody who writes
// waits for it, and no goroutines pile up.
func TestRetainOnADiskThatHangs(t *testing.T) {
	dir := create(t)
	hang, begun := make(chan bool), make(chan bool, 1)
	d := &segmenttest.Disk{Hook: func(step string) error {
		if step == "remove" {
			begun <- true
			<-hang
		}
		return nil
	}}
	l := openWith(t, dir, small, d)
	for range 5 {
		fill(t, l, dir)
	}
	starts := firsts(t, dir)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Retain(ctx, starts[2]) }()
	<-begun
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for range 50 {
		if err := l.Retain(ctx, starts[3]); !errors.Is(err, context.Canceled) {
			t.Fatalf("another one: %v", err)
		}
	}
	for len(segments(t, dir)) < len(starts)+2 {
		add(t, l, answer()) // and turns
	}
	if n := runtime.NumGoroutine() - before; n > 3 {
		t.Errorf("%d goroutines more", n)
	}
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v", err)
	}
	close(hang)
	shut(t, l)
	if firsts(t, dir)[0] != starts[2] {
		t.Errorf("from %d", firsts(t, dir)[0])
	}
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}
