package witnessaudit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// logged is a real log, at work.
type logged struct {
	*audit.Log
	t   *testing.T
	dir string
}

func logIn(t *testing.T) *logged {
	t.Helper()
	l := &logged{t: t, dir: filepath.Join(t.TempDir(), "audit")}
	if err := audit.Create(t.Context(), l.dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	l.open()
	return l
}

func (l *logged) open() {
	l.t.Helper()
	var err error
	if l.Log, err = audit.Open(context.Background(), l.dir, nil); err != nil {
		l.t.Fatal(err)
	}
	opened := l.Log
	l.t.Cleanup(func() { _ = opened.Close(context.Background()) })
}

// grow adds n lines, and waits for the checkpoint that covers them.
func (l *logged) grow(n int) {
	l.t.Helper()
	var index atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			r, err := l.Append(l.t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess})
			if err != nil {
				l.t.Error(err)
			}
			for at := index.Load(); at < r.Index && !index.CompareAndSwap(at, r.Index); at = index.Load() {
			}
		})
	}
	wg.Wait()
	if _, err := l.Proof(l.t.Context(), index.Load()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *logged) shut() {
	l.t.Helper()
	if err := l.Close(context.Background()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *logged) watcher(o *witnessaudit.WatcherOptions, clients ...*witnessaudit.Client) *witnessaudit.Watcher {
	l.t.Helper()
	w, err := witnessaudit.NewWatcher(l.dir, []string{l.Key()}, clients, o)
	if err != nil {
		l.t.Fatal(err)
	}
	return w
}

// cosigned is what stands in DIR/cosigned.
func (l *logged) cosigned(keys ...*witnessaudit.Key) witnessaudit.Checkpoint {
	l.t.Helper()
	var vkeys []string
	for _, k := range keys {
		vkeys = append(vkeys, k.Verifier())
	}
	c, err := witnessaudit.ReadCheckpoint(read(l.t, filepath.Join(l.dir, "cosigned")), []string{l.Key()}, vkeys)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// said is a round in words.
func said(r witnessaudit.Round) string {
	text := fmt.Sprintf("%d %d", r.Size, r.Cosigned)
	for _, a := range r.Witnesses {
		text += fmt.Sprintf(", %s %d %v", a.Witness, a.Size, a.Asked)
		if a.Err != nil {
			text += " " + a.Err.Error()
		}
	}
	return text
}

func wantRound(t *testing.T, w *witnessaudit.Watcher, want string, wantErr error) {
	t.Helper()
	r, err := w.Round(t.Context())
	if got := said(r); got != want || !errors.Is(err, wantErr) || r.Err != err {
		t.Fatalf("got  %s, %v\nwant %s, %v", got, err, want, wantErr)
	}
}

// second is another witness.
func second(t *testing.T, log string) *witness {
	t.Helper()
	w := &witness{t: t, dir: filepath.Join(t.TempDir(), "state"), key: keyOf(t, "witness.example/w2", 8), keys: []string{log}}
	if err := witnessaudit.Create(w.dir, w.key); err != nil {
		t.Fatal(err)
	}
	w.open()
	return w
}

// TestAWatcherKeepsTheNewestCosigned: over rounds, over a restart of each of the three, and an
// idle log asks nobody.
func TestAWatcherKeepsTheNewestCosigned(t *testing.T) {
	l := logIn(t)
	one, two := witnessOf(t, l.Key()), second(t, l.Key())
	c1, c2 := clientOf(t, one, one.key, nil), clientOf(t, two, two.key, nil)
	w := l.watcher(nil, c1, c2)
	wantRound(t, w, "2 2, witness.example/w1 2 true, witness.example/w2 2 true", nil)
	wantRound(t, w, "2 2, witness.example/w1 2 false, witness.example/w2 2 false", nil)
	if c := l.cosigned(one.key, two.key); c.Size != 2 || len(c.Cosignatures) != 2 {
		t.Errorf("%+v", c)
	}
	l.grow(600)
	r, err := w.Round(t.Context())
	if err != nil || r.Cosigned < 602 {
		t.Fatalf("%s, %v", said(r), err)
	}
	l.shut()
	one.reopen()
	two.reopen()
	h1, h2 := clientOf(t, one, one.key, nil), clientOf(t, two, two.key, nil)
	w = l.watcher(nil, h1, h2) // a new one: what it knows stands in DIR/cosigned
	wantRound(t, w, said(r2(r, false)), nil)
	l.open()
	l.grow(1)
	if r, err = w.Round(t.Context()); err != nil || r.Cosigned != r.Size || !r.Witnesses[0].Asked || r.Witnesses[0].Err != nil {
		t.Fatalf("%s, %v", said(r), err)
	}
	if c := l.cosigned(one.key, two.key); c.Size != r.Size || len(c.Cosignatures) != 2 {
		t.Errorf("%+v", c)
	}
}

// r2 is a round in which nothing was to be asked.
func r2(r witnessaudit.Round, asked bool) witnessaudit.Round {
	for i := range r.Witnesses {
		r.Witnesses[i].Asked = asked
	}
	return r
}

// TestTheCosignedCheckpointIsAFloor: what witnesses cosigned opens the log, and none that
// was cut.
func TestTheCosignedCheckpointIsAFloor(t *testing.T) {
	l := logIn(t)
	one := witnessOf(t, l.Key())
	old := t.TempDir()
	l.shut()
	if err := os.CopyFS(old, os.DirFS(l.dir)); err != nil {
		t.Fatal(err)
	}
	l.open()
	l.grow(5)
	if _, err := l.watcher(nil, clientOf(t, one, one.key, nil)).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.shut()
	floor := read(t, filepath.Join(l.dir, "cosigned"))
	log, err := audit.Open(t.Context(), l.dir, &audit.Options{Floor: floor})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	restore(t, old, l.dir)
	if log, err := audit.Open(t.Context(), l.dir, &audit.Options{Floor: floor}); err == nil {
		_ = log.Close(t.Context())
		t.Error("a log that was cut opened")
	}
}

// TestAWatcherFollowsARekey: with both keys until the new one has signed what was cosigned, and
// then with the new one alone; and what stands beside the log is a floor of either.
func TestAWatcherFollowsARekey(t *testing.T) {
	l := logIn(t)
	old := l.Key()
	one := witnessOf(t, old)
	round := func(keys ...string) (witnessaudit.Round, error) {
		w, err := witnessaudit.NewWatcher(l.dir, keys, []*witnessaudit.Client{clientOf(t, one, one.key, nil)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.Round(t.Context())
	}
	if _, err := round(old); err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(l.dir, "cosigned"))
	stolen := read(t, filepath.Join(l.dir, "checkpoint"))
	l.shut()
	next, err := audit.Rekey(t.Context(), l.dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]string{{old}, {next}} {
		if r, err := round(keys...); err == nil {
			t.Errorf("with one key: %s", said(r))
		}
	}
	if r, err := round(old, next); err == nil && r.Cosigned == r.Size {
		t.Errorf("the witness does not know the new key: %s", said(r))
	}
	one.keys = []string{old, next}
	one.reopen()
	if r, err := round(old, next); err != nil || r.Cosigned != r.Size {
		t.Fatalf("%s, %v", said(r), err)
	}
	if c, err := witnessaudit.ReadCheckpoint(read(t, filepath.Join(l.dir, "cosigned")), []string{next}, []string{one.key.Verifier()}); err != nil || len(c.Cosignatures) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	one.keys = []string{next}
	one.reopen()
	for _, floor := range [][]byte{before, read(t, filepath.Join(l.dir, "cosigned"))} {
		log, err := audit.Open(t.Context(), l.dir, &audit.Options{Floor: floor})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := round(next); err != nil || r.Cosigned != r.Size {
		t.Errorf("the new key alone: %s, %v", said(r), err)
	}
	write(t, filepath.Join(l.dir, "checkpoint"), stolen)
	if r, err := round(old, next); !errors.Is(err, witnessaudit.ErrBehind) {
		t.Errorf("the old key's again: %s, %v", said(r), err)
	}
}

// restore puts a copy of a log where it was, but what the witnesses said.
func restore(t *testing.T, from, to string) {
	t.Helper()
	kept, err := os.ReadFile(filepath.Join(to, "cosigned"))
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		write(t, filepath.Join(to, "cosigned"), kept)
	}
}

// TestALogThatWasCut is noticed by the file beside it, or by the witness where that is gone
// too; and one that goes on in another way is.
func TestALogThatWasCut(t *testing.T) {
	l := logIn(t)
	one := witnessOf(t, l.Key())
	client := clientOf(t, one, one.key, nil)
	old := filepath.Join(t.TempDir(), "old")
	l.shut()
	if err := os.CopyFS(old, os.DirFS(l.dir)); err != nil {
		t.Fatal(err)
	}
	l.open()
	l.grow(5)
	r, err := l.watcher(nil, client).Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.shut()
	cosigned := filepath.Join(l.dir, "cosigned")
	kept := read(t, cosigned)

	restore(t, old, l.dir)
	w := l.watcher(&witnessaudit.WatcherOptions{Every: time.Millisecond}, client)
	wantRound(t, w, fmt.Sprintf("0 %d, %s %d false", r.Size, name, r.Size), witnessaudit.ErrBehind)
	if err := w.Run(t.Context()); !errors.Is(err, witnessaudit.ErrBehind) {
		t.Errorf("Run: %v", err)
	}
	if string(read(t, cosigned)) != string(kept) {
		t.Error("the file became older")
	}
	if err := os.Remove(cosigned); err != nil {
		t.Fatal(err)
	}
	wantRound(t, l.watcher(nil, client), "2 0, "+name+" 0 true "+witnessaudit.ErrAhead.Error(), nil)

	l.open() // the copy goes on in another way
	l.grow(20)
	if r, err := l.watcher(nil, client).Round(t.Context()); err != nil || r.Witnesses[0].Err != witnessaudit.ErrFork || r.Cosigned != 0 {
		t.Errorf("a fork: %s, %v", said(r), err)
	}
	write(t, cosigned, kept)
	if _, err := l.watcher(nil, client).Round(t.Context()); !errors.Is(err, witnessaudit.ErrBehind) {
		t.Errorf("a fork, beside what was cosigned: %v", err)
	}
}

// TestAWitnessThatForgot: its folder was restored while it stood still. It is brought up to
// date, and somebody is told.
func TestAWitnessThatForgot(t *testing.T) {
	l := logIn(t)
	one := witnessOf(t, l.Key())
	w := l.watcher(nil, clientOf(t, one, one.key, nil))
	wantRound(t, w, "2 2, "+name+" 2 true", nil)
	old := read(t, one.file(origin))
	l.grow(3)
	if _, err := w.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, one.file(origin), old)
	one.reopen()
	w = l.watcher(nil, clientOf(t, one, one.key, nil))
	l.grow(3)
	r, err := w.Round(t.Context())
	if err != nil || r.Witnesses[0].Err != witnessaudit.ErrForgot || r.Cosigned != r.Size {
		t.Errorf("%s, %v", said(r), err)
	}
	l.grow(1)
	if r, err := w.Round(t.Context()); err != nil || r.Witnesses[0].Err != nil || r.Cosigned != r.Size {
		t.Errorf("afterwards: %s, %v", said(r), err)
	}
}

// TestAnAnswerThatWasLost: the witness has kept what its client never heard of.
func TestAnAnswerThatWasLost(t *testing.T) {
	l := logIn(t)
	one := witnessOf(t, l.Key())
	var found atomic.Bool
	client := clientOf(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !found.Load() {
			one.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		one.ServeHTTP(rw, r)
	}), one.key, nil)
	wantRound(t, l.watcher(nil, client), "2 0, "+name+" 0 true "+witnessaudit.ErrUnavailable.Error(), nil)
	found.Store(true)
	wantRound(t, l.watcher(nil, client), "2 2, "+name+" 2 true", nil)
}

// TestADeadWitnessHoldsUpNobody: by the quorum that was asked for, what the other says is
// kept; and who does not answer is left alone for a while.
func TestADeadWitnessHoldsUpNobody(t *testing.T) {
	l := logIn(t)
	one := witnessOf(t, l.Key())
	var asked atomic.Int64
	dead := clientOf(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { asked.Add(1); rw.WriteHeader(500) }), keyOf(t, "witness.example/w2", 8), nil)
	alive := clientOf(t, one, one.key, nil)
	w := l.watcher(&witnessaudit.WatcherOptions{Quorum: 1}, alive, dead)
	wantRound(t, w, "2 2, "+name+" 2 true, witness.example/w2 0 true "+witnessaudit.ErrUnavailable.Error(), nil)
	for range 5 {
		wantRound(t, w, "2 2, "+name+" 2 false, witness.example/w2 0 false", nil)
	}
	if asked.Load() != 1 {
		t.Errorf("it was asked %d times", asked.Load())
	}
	if c := l.cosigned(one.key); len(c.Cosignatures) != 1 {
		t.Errorf("%+v", c)
	}
	w = l.watcher(nil, alive, dead) // all are wanted: what there is stays
	l.grow(1)
	if r, err := w.Round(t.Context()); err != nil || r.Cosigned != 2 || r.Size == 2 {
		t.Errorf("%s, %v", said(r), err)
	}
}

// TestRunFollowsALogAtWork: with tiles that are superseded beneath it, until its context ends.
func TestRunFollowsALogAtWork(t *testing.T) {
	l := logIn(t)
	one, two := witnessOf(t, l.Key()), second(t, l.Key())
	rounds := make(chan witnessaudit.Round, 100)
	w := l.watcher(&witnessaudit.WatcherOptions{Every: time.Millisecond, Notify: func(r witnessaudit.Round) { rounds <- r }}, clientOf(t, one, one.key, nil), clientOf(t, two, two.key, nil))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	sizes := 0
	for at := int64(0); sizes < 4; {
		l.grow(150)
		for r := range rounds {
			for _, a := range r.Witnesses {
				if a.Err != nil {
					t.Fatalf("%s, %v", said(r), r.Err)
				}
			}
			if r.Err != nil {
				t.Fatalf("%s, %v", said(r), r.Err)
			}
			if r.Cosigned >= at+150 {
				at, sizes = r.Cosigned, sizes+1
				break
			}
		}
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("Run: %v", err)
	}
}

func TestWatchersThatAreNone(t *testing.T) {
	l := logIn(t)
	one := witnessOf(t, l.Key())
	client, again := clientOf(t, one, one.key, nil), clientOf(t, one, one.key, nil)
	renamed := clientOf(t, one, keyOf(t, "witness.example/w2", 7), nil)
	keys, all := []string{l.Key()}, []*witnessaudit.Client{client}
	for _, c := range []struct {
		name    string
		keys    []string
		clients []*witnessaudit.Client
		o       *witnessaudit.WatcherOptions
		want    error
	}{
		{"no key", nil, all, nil, witnessaudit.ErrOneLog},
		{"two logs", append(keys, logOf(t, "b", 1, "", 1).key), all, nil, witnessaudit.ErrOneLog},
		{"a bad key", []string{"x"}, all, nil, witnessaudit.ErrLogKey},
		{"no client", keys, nil, nil, witnessaudit.ErrNoClients},
		{"a nil client", keys, []*witnessaudit.Client{nil}, nil, witnessaudit.ErrNoClients},
		{"one twice", keys, []*witnessaudit.Client{client, again}, nil, witnessaudit.ErrNoClients},
		{"one under two names", keys, []*witnessaudit.Client{client, renamed}, nil, witnessaudit.ErrNoClients},
		{"a large quorum", keys, all, &witnessaudit.WatcherOptions{Quorum: 2}, witnessaudit.ErrOptions},
		{"a negative quorum", keys, all, &witnessaudit.WatcherOptions{Quorum: -1}, witnessaudit.ErrOptions},
		{"a negative pause", keys, all, &witnessaudit.WatcherOptions{Every: -1}, witnessaudit.ErrOptions},
	} {
		if w, err := witnessaudit.NewWatcher(l.dir, c.keys, c.clients, c.o); err != c.want || w != nil {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	for _, zero := range []*witnessaudit.Watcher{nil, {}} {
		if _, err := zero.Round(t.Context()); err != witnessaudit.ErrNoWatcher {
			t.Errorf("a zero watcher: %v", err)
		}
		if err := zero.Run(t.Context()); err != witnessaudit.ErrNoWatcher {
			t.Errorf("a zero watcher runs: %v", err)
		}
	}
}

// TestFilesThatDoNotFit: what stands in a log's folder is believed by its signatures only, and
// nobody is asked about what is not the log's.
func TestFilesThatDoNotFit(t *testing.T) {
	l := logIn(t)
	l.grow(300)
	l.shut()
	stranger := logOf(t, origin, 1, "a", 9)
	checkpoint, cosigned := filepath.Join(l.dir, "checkpoint"), filepath.Join(l.dir, "cosigned")
	good := read(t, checkpoint)
	nobody := clientOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }), keyOf(t, name, 7), nil)
	for _, c := range []struct {
		name  string
		spoil func()
		want  error
	}{
		{"no checkpoint", func() { _ = os.Remove(checkpoint) }, witnessaudit.ErrCheckpoint},
		{"another key's checkpoint", func() { write(t, checkpoint, stranger.checkpoint(9)) }, witnessaudit.ErrForeign},
		{"half a checkpoint", func() { write(t, checkpoint, good[:40]) }, witnessaudit.ErrMalformed},
		{"a huge checkpoint", func() { write(t, checkpoint, append(good, make([]byte, witnessaudit.MaxNote)...)) }, witnessaudit.ErrMalformed},
		{"another key's cosigned", func() { write(t, cosigned, stranger.checkpoint(9)) }, witnessaudit.ErrCosigned},
		{"a folder", func() { _ = os.Mkdir(cosigned, 0o700) }, witnessaudit.ErrCosigned},
		{"a bad cosignature", func() {
			write(t, cosigned, append(good, keyOf(t, name, 7).SignAt(stranger.text(9), time.Now())...))
		}, witnessaudit.ErrCosigned},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				_ = os.RemoveAll(cosigned)
				write(t, checkpoint, good)
			}()
			c.spoil()
			r, err := l.watcher(nil, nobody).Round(t.Context())
			if err != c.want || r.Cosigned != 0 {
				t.Errorf("got %s, %v, want %v", said(r), err, c.want)
			}
			if strings.Contains(err.Error(), l.dir) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the error has a path: %v", err)
			}
		})
	}
	one := witnessOf(t, l.Key())
	w := l.watcher(nil, clientOf(t, one, one.key, nil))
	if _, err := w.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.open()
	l.grow(1)
	l.shut()
	if err := os.RemoveAll(filepath.Join(l.dir, "tile")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Round(t.Context()); err != witnessaudit.ErrTiles {
		t.Errorf("no tiles: %v", err)
	}
}
