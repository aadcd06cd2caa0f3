package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// TestASinkGetsEveryLine that is on the disk, checkpoints among them, and those of before.
func TestASinkGetsEveryLine(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	add(t, l, answer())
	shut(t, l)
	s := new(shelf)
	l = openFed(t, dir, eu(siem(s)))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 100 {
				if _, err := l.Append(context.Background(), answer()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	shut(t, l)
	s.equals(t, dir)
	if !s.origins[origin] || len(s.origins) != 1 {
		t.Errorf("origins %v", s.origins)
	}
	if n := strings.Count(strings.Join(slices.Collect(func(yield func(string) bool) {
		for _, line := range s.got {
			if !yield(line) {
				return
			}
		}
	}), "\n"), `"checkpoint":"`+origin); n < 2 {
		t.Errorf("%d checkpoints", n)
	}
	again := new(shelf)
	l = openFed(t, dir, eu(siem(again)))
	r := add(t, l, answer())
	shut(t, l)
	for index, line := range again.got {
		if index < int64(len(s.got)) {
			t.Errorf("line %d again", index)
		}
		if index == r.Index && (audit.Entry{Line: []byte(line)}).Leaf() != r.Leaf {
			t.Error("another leaf")
		}
	}
	if len(again.got) == 0 {
		t.Error("nothing came")
	}
}

// TestASinkGetsLinesAsTheyCome, also after it had everything for a while.
func TestASinkGetsLinesAsTheyCome(t *testing.T) {
	dir, s := create(t), new(shelf)
	l := openFed(t, dir, eu(siem(s)))
	for range 2 {
		r := add(t, l, answer())
		until(t, "the line", func() bool { return int64(s.has()) > r.Index })
		cursor := filepath.Join(dir, "sink", "siem.cursor") // when it is saved, nothing but a line wakes the feed
		until(t, "the cursor", func() bool {
			b, err := os.ReadFile(cursor)
			return err == nil && bytes.Contains(b, fmt.Appendf(nil, "\nnext %d\n", l.Health().Lines))
		})
	}
}

// TestAUSSinkOfAnEULogIsRefused at Open, and so is everything that is not said.
func TestAUSSinkOfAnEULogIsRefused(t *testing.T) {
	dir := create(t)
	before := read(t, segmentOf(dir))
	good := siem(new(shelf))
	bend := func(f func(*audit.Feed)) *audit.Options {
		feed := good
		f(&feed)
		return eu(feed)
	}
	for name, o := range map[string]*audit.Options{
		"a US sink for an EU log": bend(func(f *audit.Feed) { f.Jurisdictions = []string{"us"} }),
		"in the US too":           bend(func(f *audit.Feed) { f.Jurisdictions = []string{"eu", "us"} }),
		"nowhere":                 bend(func(f *audit.Feed) { f.Jurisdictions = nil }),
		"zero feed":               eu(audit.Feed{}),
		"zero second feed":        eu(good, audit.Feed{}),
		"no sink":                 bend(func(f *audit.Feed) { f.To = nil }),
		"no name":                 bend(func(f *audit.Feed) { f.Name = "" }),
		"a path for a name":       bend(func(f *audit.Feed) { f.Name = "../siem" }),
		"twice":                   eu(good, good),
		"no clearance":            bend(func(f *audit.Feed) { f.Clearance = "" }),
		"clearance":               bend(func(f *audit.Feed) { f.Clearance = "public" }),
		"a deadline below zero":   bend(func(f *audit.Feed) { f.Within = -1 }),
		"a lag below zero":        bend(func(f *audit.Feed) { f.MaxLag = -1 }),
		"a log of nowhere":        {Feeds: []audit.Feed{good}},
		"a log of more":           {Feeds: []audit.Feed{good}, Jurisdictions: []string{"eu"}, Class: "restricted"},
		"a log of no class":       {Feeds: []audit.Feed{good}, Jurisdictions: []string{"eu"}, Class: "secret"},
	} {
		if l, err := audit.Open(t.Context(), dir, o); l != nil || !errors.Is(err, audit.ErrFeed) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(read(t, segmentOf(dir)), before) {
		t.Error("the log was changed")
	}
	if good.To.(*shelf).has() != 0 {
		t.Error("something was delivered")
	}
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}

// TestADeadSinkHoldsNobody: it is behind, that is in the log once and shows in Health, and
// when it lives again it has everything, and that is in the log too.
func TestADeadSinkHoldsNobody(t *testing.T) {
	for name, bent := range map[string]func(context.Context, []audit.Entry) (int, error){
		"dead":   unavailable,
		"hole":   func(ctx context.Context, _ []audit.Entry) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
		"panics": func(context.Context, []audit.Entry) (int, error) { panic("canary-4711") },
		"slow": func(ctx context.Context, _ []audit.Entry) (int, error) {
			time.Sleep(100 * time.Millisecond)
			return 1, errors.New("canary-4711")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, s := create(t), new(shelf)
			s.bend(bent)
			feed := siem(s)
			feed.MaxLag, feed.Within = 200*time.Millisecond, 150*time.Millisecond
			l := openFed(t, dir, eu(feed))
			for range 50 {
				add(t, l, answer())
			}
			until(t, "that it lags", func() bool { h := l.Health(); return h.Feeds[0].Late && h.Feeds[0].Lag > feed.MaxLag })
			h := l.Health()
			if f := h.Feeds[0]; f.Name != "siem" || f.Failure == "" || h.Failed || h.Lines < 50 || time.Since(h.Checkpoint) > time.Minute || len(h.Feeds) != 1 {
				t.Errorf("%+v", h)
			}
			s.bend(nil)
			until(t, "that it caught up", func() bool { return len(told(t, dir)) > 1 && s.has() > 50 })
			shut(t, l)
			s.equals(t, dir)
			list := told(t, dir)
			if len(list) < 2 || !strings.HasPrefix(list[0], "audit.lag ") || list[1] != "audit.caughtup  true" {
				t.Errorf("told %q", list)
			}
			if bytes.Contains(read(t, segmentOf(dir)), []byte("canary")) {
				t.Error("the sink's text is in the log")
			}
			if h := l.Health(); h.Feeds[0].Next != h.Lines || h.Feeds[0].Lag != 0 || h.Failed {
				t.Errorf("closed: %+v", h)
			}
		})
	}
}

// TestAnIdleLogWithADeadSinkStaysIdle: what is said of a lag is said once, and the lines
// that say so begin nothing.
func TestAnIdleLogWithADeadSinkStaysIdle(t *testing.T) {
	dir, s := create(t), new(shelf)
	s.bend(unavailable)
	feed := siem(s)
	feed.MaxLag = 50 * time.Millisecond
	l := openFed(t, dir, eu(feed))
	add(t, l, answer())
	until(t, "that it lags", func() bool { return len(told(t, dir)) == 1 })
	time.Sleep(1500 * time.Millisecond) // its checkpoint
	before := l.Health().Lines
	time.Sleep(2 * time.Second)
	if after := l.Health().Lines; after != before {
		t.Errorf("%d lines more", after-before)
	}
	s.bend(nil)
	until(t, "that it caught up", func() bool { return len(told(t, dir)) == 2 })
	time.Sleep(1500 * time.Millisecond)
	before = l.Health().Lines
	time.Sleep(2 * time.Second)
	if after := l.Health().Lines; after != before {
		t.Errorf("%d lines more", after-before)
	}
}

// TestRefuse: nothing begins while a sink that has to keep up does not, and what ends does.
func TestRefuse(t *testing.T) {
	dir, s := create(t), new(shelf)
	s.bend(unavailable)
	feed := siem(s)
	feed.MaxLag, feed.Refuse = 50*time.Millisecond, true
	l := openFed(t, dir, eu(feed))
	add(t, l, answer())
	until(t, "that it lags", func() bool { return l.Health().Feeds[0].Late })
	if _, err := l.Append(t.Context(), grant("g-1")); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("it begins: %v", err)
	}
	add(t, l, answer())
	s.bend(nil)
	until(t, "that it caught up", func() bool { return !l.Health().Feeds[0].Late })
	add(t, l, grant("g-1"))
	shut(t, l)
	s.equals(t, dir)
}

// TestCloseSaysWhatIsLeft, within a time, and the log is whole; the next Open goes on.
func TestCloseSaysWhatIsLeft(t *testing.T) {
	for name, bent := range map[string]func(context.Context, []audit.Entry) (int, error){
		"dead": unavailable,
		"hole": func(ctx context.Context, _ []audit.Entry) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			dir, s := create(t), new(shelf)
			s.bend(bent)
			feed := siem(s)
			feed.Within = 200 * time.Millisecond
			l := openFed(t, dir, eu(feed))
			add(t, l, answer())
			begun := time.Now()
			if err := l.Close(t.Context()); !errors.Is(err, audit.ErrBehind) || time.Since(begun) > 5*time.Second {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
			if h := l.Health(); h.Feeds[0].Next != 0 || h.Lines == 0 {
				t.Errorf("%+v", h)
			}
			s.bend(nil)
			shut(t, openFed(t, dir, eu(feed)))
			s.equals(t, dir)
		})
	}
}

// TestACrashNeverLeavesAGap: whatever the cursor was when it crashed, and whatever became
// of it, the sink has every line.
func TestACrashNeverLeavesAGap(t *testing.T) {
	dir, s := create(t), new(shelf)
	l := openFed(t, dir, eu(siem(s)))
	for range 20 {
		add(t, l, answer())
	}
	file := filepath.Join(dir, "sink", "siem.cursor")
	until(t, "a cursor", func() bool { _, err := os.Stat(file); return err == nil })
	crashed := clone(t, dir) // while it runs
	for range 20 {
		add(t, l, answer())
	}
	shut(t, l)
	good := read(t, file)
	for name, change := range map[string]func(dir string){
		"as it was": func(string) {},
		"as it is":  func(dir string) { write(t, filepath.Join(dir, "sink", "siem.cursor"), good) },
		"gone":      func(dir string) { _ = os.RemoveAll(filepath.Join(dir, "sink")) },
		"empty":     func(dir string) { write(t, filepath.Join(dir, "sink", "siem.cursor"), nil) },
		"forged": func(dir string) {
			write(t, filepath.Join(dir, "sink", "siem.cursor"), bytes.Replace(good, []byte("next "), []byte("next 1"), 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := clone(t, crashed)
			change(dir)
			second := &shelf{got: map[int64]string{}, origins: map[string]bool{}}
			for i, line := range s.got {
				second.got[i] = line
			}
			l, err := audit.Open(t.Context(), dir, eu(siem(second)))
			if name == "as it is" { // a copy that is older than its cursor: the sink has more
				if !errors.Is(err, audit.ErrFeed) {
					t.Errorf("%v, want %v", err, audit.ErrFeed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			shut(t, l)
			second.mu.Lock()
			for i, line := range lines(read(t, segmentOf(dir))) {
				if second.got[int64(i)] != string(line) {
					t.Errorf("line %d is missing, or another", i)
				}
			}
			second.mu.Unlock()
			if list := told(t, dir); (name == "empty" || name == "forged") != slices.Contains(list, "audit.again cursor false") {
				t.Errorf("told %q", list)
			}
		})
	}
}

// TestTheSecretOfASinkIsNowhere: not its error, and not in what it prints of itself.
func TestTheSecretOfASinkIsNowhere(t *testing.T) {
	dir, s := create(t), new(shelf)
	s.bend(func(context.Context, []audit.Entry) (int, error) {
		return 0, fmt.Errorf("canary-4711: %w", &audit.SinkError{Class: "canary-4711", After: time.Millisecond})
	})
	feed := siem(s)
	feed.MaxLag = 50 * time.Millisecond
	l := openFed(t, dir, eu(feed))
	add(t, l, answer())
	until(t, "that it lags", func() bool { return len(told(t, dir)) == 1 })
	err := l.Close(t.Context())
	if text := fmt.Sprintf("%v %+v %s", err, l.Health(), read(t, segmentOf(dir))); strings.Contains(text, "canary") {
		t.Errorf("printed: %s", text)
	}
}

// TestWhatIsRefusedReachesNoSink: a secret that an event has no place for is in no line, and
// so in no copy.
func TestWhatIsRefusedReachesNoSink(t *testing.T) {
	dir, s := create(t), new(shelf)
	l := openFed(t, dir, eu(siem(s)))
	add(t, l, answer())
	for name, bend := range map[string]func(*audit.Event){
		"action": func(e *audit.Event) { e.Action = "canary 4711" }, "scope": func(e *audit.Event) { e.Scopes = []string{"canary \"4711"} },
		"reason": func(e *audit.Event) { e.Reason = "canary\n4711" }, "acr": func(e *audit.Event) { e.Assurance.ACR = "canary\x1b4711" },
	} {
		e := answer()
		bend(&e)
		if _, err := l.Append(t.Context(), e); !errors.Is(err, audit.ErrNotRecorded) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := answer()
	e.Actor = audit.Actor{Issuer: "https://login.acme.example", Subject: "canary-4711"} // a pseudonym stands for it
	add(t, l, e)
	shut(t, l)
	s.equals(t, dir)
	for index, line := range s.got {
		if strings.Contains(line, "canary") {
			t.Errorf("line %d has it", index)
		}
	}
}

// TestMemoryOfALagIsBounded: what a dead sink has not is on the disk and not in memory.
func TestMemoryOfALagIsBounded(t *testing.T) {
	dir, s := create(t), new(shelf)
	s.bend(unavailable)
	l := openFed(t, dir, eu(siem(s)))
	fill := func(n int) uint64 {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range n / 64 {
					if _, err := l.Append(context.Background(), crossing()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := fill(6400)
	after := fill(64000) // 50 MB
	if grown := int64(after) - int64(before); grown > 8<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
	if err := l.Close(t.Context()); !errors.Is(err, audit.ErrBehind) {
		t.Error(err)
	}
}

// TestHealth of a log that failed, and of none.
func TestHealth(t *testing.T) {
	if h := (&audit.Log{}).Health(); !h.Failed {
		t.Errorf("%+v", h)
	}
	if h := (*audit.Log)(nil).Health(); !h.Failed {
		t.Errorf("%+v", h)
	}
	dir := create(t)
	l := open(t, dir)
	if h := l.Health(); h.Failed || h.Feeds != nil || h.Lines < 2 || h.Checkpoint.IsZero() {
		t.Errorf("%+v", h)
	}
	if err := os.Remove(segmentOf(dir)); err != nil {
		t.Fatal(err)
	}
	_, _ = l.Append(t.Context(), answer())
	until(t, "that it failed", func() bool { return l.Health().Failed })
}

// TestACursorOfAnotherLogBeginsAnew: whoever has another key has another seal.
func TestACursorOfAnotherLogBeginsAnew(t *testing.T) {
	dir, s := create(t), new(shelf)
	shut(t, openFed(t, dir, eu(siem(s))))
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(scratch(t), "audit")
	o := eu(siem(new(shelf)))
	o.Signer = private
	if err := audit.Create(t.Context(), other, origin, o); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(other, "sink"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(other, "sink", "siem.cursor"), read(t, filepath.Join(dir, "sink", "siem.cursor")))
	shut(t, openFed(t, other, o))
	o.Feeds[0].To.(*shelf).equals(t, other)
}
