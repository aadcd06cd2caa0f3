package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

func TestZeroAndNilLogsRefuse(t *testing.T) {
	var none *audit.Log
	for _, l := range []*audit.Log{none, {}, new(audit.Log)} {
		if _, err := l.Append(t.Context(), answer()); !errors.Is(err, audit.ErrNotRecorded) {
			t.Errorf("Append: %v", err)
		}
		if _, err := l.Proof(t.Context(), 0); err == nil {
			t.Error("Proof")
		}
		n := 0
		for _, err := range l.Events(t.Context()) {
			if n++; err == nil {
				t.Error("Events")
			}
		}
		if n != 1 || l.Key() != "" || l.Fingerprint([]byte("x")) != "" || l.Pseudonym(audit.Actor{Issuer: "i", Subject: "s"}) != "" ||
			l.Recovery() != (audit.Recovery{}) || l.Close(t.Context()) != nil {
			t.Error("a zero log does something")
		}
	}
}

// TestTheTreeIsWhatOthersCompute compares size, root and tiles with x/mod's own
// functions, which share nothing with the writer's.
func TestTheTreeIsWhatOthersCompute(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 20 {
				add(t, l, answer())
			}
		})
	}
	wg.Wait()
	key := l.Key()
	shut(t, l)

	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		list := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			list[i] = stored[x]
		}
		return list, nil
	})
	list := lines(read(t, segmentOf(dir)))
	for i, line := range list {
		hashes, err := tlog.StoredHashes(int64(i), line, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	size := int64(len(list))
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(read(t, filepath.Join(dir, "checkpoint")), note.VerifierList(v))
	if want := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root); err != nil || n.Text != want {
		t.Errorf("checkpoint %q, %v; want %q", n.Text, err, want)
	}
	want := map[string]bool{}
	for _, at := range tlog.NewTiles(8, 0, size) {
		path := strings.Replace(at.Path(), "tile/8/", "tile/", 1)
		want[filepath.FromSlash(path)] = true
		data, err := tlog.ReadTileData(at, reader)
		if err != nil || !bytes.Equal(data, read(t, filepath.Join(dir, path))) {
			t.Errorf("%s differs, %v", path, err)
		}
	}
	err = filepath.WalkDir(filepath.Join(dir, "tile"), func(path string, e os.DirEntry, err error) error {
		if rel := strings.TrimPrefix(path, dir+string(filepath.Separator)); err == nil && !e.IsDir() && !want[rel] {
			t.Errorf("%s is too many", rel)
		}
		return err
	})
	if err != nil || len(want) < 5 {
		t.Error(len(want), err)
	}
}

// TestFanIn: many callers share few writes, and each gets the index of its own line.
func TestFanIn(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{Hook: func(step string) error {
		if step == "sync" {
			time.Sleep(5 * time.Millisecond) // as a disk takes
		}
		return nil
	}}
	l := openOn(t, dir, d)
	const callers = 4096
	start := make(chan struct{})
	receipts := make([]audit.Receipt, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			<-start
			e := answer()
			e.Attempt = i + 1
			receipts[i] = add(t, l, e)
		})
	}
	close(start)
	wg.Wait()
	if n := d.Count("sync"); n > callers/8 {
		t.Errorf("%d syncs for %d callers", n, callers)
	}
	list := lines(read(t, segmentOf(dir)))
	for i, r := range receipts {
		if !bytes.Contains(list[r.Index], fmt.Appendf(nil, `"attempt":%d,`, i+1)) || tlog.RecordHash(list[r.Index]) != tlog.Hash(r.Leaf) {
			t.Fatalf("caller %d got index %d", i, r.Index)
		}
	}
}

func TestCloseDrainsAndAppendAfterwardsIsNotRecorded(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	var acked atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for {
				if _, err := l.Append(t.Context(), answer()); err != nil {
					if !errors.Is(err, audit.ErrNotRecorded) {
						t.Error(err)
					}
					return
				}
				acked.Add(1)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	shut(t, l)
	wg.Wait()
	shut(t, l)
	text := read(t, segmentOf(dir))
	if n := int64(bytes.Count(text, []byte(`"operation":"crm.contact.read"`))); n != acked.Load() {
		t.Errorf("%d lines for %d acknowledged events", n, acked.Load())
	}
	want := fmt.Sprintf("%s\n%d\n", origin, len(lines(text)))
	if !bytes.HasPrefix(read(t, filepath.Join(dir, "checkpoint")), []byte(want)) {
		t.Error("the checkpoint does not cover every line")
	}
	if _, err := l.Append(t.Context(), answer()); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("got %v", err)
	}
}

// TestAnIdleLogGetsNoLinesAndABusyOneACheckpointASecond runs on its own clock.
func TestAnIdleLogGetsNoLinesAndABusyOneACheckpointASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := create(t)
		l := open(t, dir)
		before := read(t, segmentOf(dir))
		time.Sleep(time.Hour)
		if !bytes.Equal(before, read(t, segmentOf(dir))) {
			t.Error("an idle log got new lines")
		}
		for range 3 {
			r, start := add(t, l, answer()), time.Now()
			if _, err := l.Proof(t.Context(), r.Index); err != nil || time.Since(start) > time.Second {
				t.Errorf("a proof after %v, %v", time.Since(start), err)
			}
		}
		time.Sleep(time.Hour)
		if n := bytes.Count(read(t, segmentOf(dir)), []byte(`"operation":"audit.checkpoint"`)); n != 4 {
			t.Errorf("%d checkpoints, want 4", n)
		}
		shut(t, l)
	})
}

func TestEventsReadsWhatIsDurable(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	for i := range 5 {
		e := answer()
		e.Attempt = i + 1
		add(t, l, e)
	}
	var actions []string
	attempts := 0
	for e, err := range l.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		actions = append(actions, e.Action)
		attempts += e.Attempt
	}
	if want := "audit.genesis audit.checkpoint crm.contact.read"; !strings.HasPrefix(strings.Join(actions, " "), want) || attempts != 15 {
		t.Errorf("%v, attempts %d", actions, attempts)
	}
	for range l.Events(t.Context()) {
		break // a caller may stop
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range l.Events(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if err := os.Truncate(segmentOf(dir), 10); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, err := range l.Events(t.Context()) {
		if seen++; err == nil {
			t.Error("read what is not there")
		}
	}
	if err := os.Remove(segmentOf(dir)); err != nil || seen != 1 {
		t.Fatal(seen, err)
	}
	for _, err := range l.Events(t.Context()) {
		if err == nil || strings.Contains(err.Error(), dir) {
			t.Errorf("got %v", err)
		}
	}
}

// TestALogHasOneTenant, also after it was opened again: two gates on one log could
// otherwise open each other's secrets.
func TestALogHasOneTenant(t *testing.T) {
	dir := create(t)
	of := func(tenant string) audit.Event {
		e := answer()
		e.Tenant = tenant
		return e
	}
	l := open(t, dir)
	add(t, l, of(""))
	add(t, l, of("acme"))
	for _, again := range []bool{false, true} {
		if again {
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			l = open(t, dir)
		}
		if _, err := l.Append(t.Context(), of("globex")); !errors.Is(err, audit.ErrNotRecorded) {
			t.Errorf("opened again %v: another tenant: %v", again, err)
		}
		add(t, l, of("acme"))
		add(t, l, of(""))
	}
}
