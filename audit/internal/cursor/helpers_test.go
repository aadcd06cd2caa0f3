package cursor_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit/internal/cursor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a log in memory.
type memory struct {
	mu    sync.Mutex
	first int64 // that is kept
	times []time.Time
	size  int // of a line, in bytes
	fork  string
	own   []int64 // indices of lines that are the log's own
	blind bool    // it cannot be read
	grown chan struct{}
}

func (m *memory) Extent() (first, next int64, grown <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.grown == nil {
		m.grown = make(chan struct{})
	}
	return m.first, int64(len(m.times)), m.grown
}

func (m *memory) line(i int64) cursor.Line {
	text := fmt.Appendf(nil, "%s line %d ", m.fork, i)
	for len(text) < m.size {
		text = append(text, '.')
	}
	return cursor.Line{Index: i, Text: text, Time: m.times[i], Own: slices.Contains(m.own, i)}
}

func (m *memory) Lines(ctx context.Context, from int64) iter.Seq2[cursor.Line, error] {
	return func(yield func(cursor.Line, error) bool) {
		m.mu.Lock()
		blind, next := m.blind, int64(len(m.times))
		m.mu.Unlock()
		if blind {
			yield(cursor.Line{}, fmt.Errorf("a path"))
			return
		}
		for ; from < next; from++ {
			m.mu.Lock()
			line := m.line(from)
			m.mu.Unlock()
			if !yield(line, nil) {
				return
			}
		}
	}
}

// add appends n lines, now.
func (m *memory) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		m.times = append(m.times, time.Now())
	}
	if m.grown != nil {
		close(m.grown)
		m.grown = nil
	}
}

func (m *memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// sink keeps what it gets, by index; a test bends it.
type sink struct {
	mu      sync.Mutex
	got     map[int64]string
	calls   int
	batches []int
	when    []time.Time
	deliver func(ctx context.Context, batch []cursor.Line) (int, error) // nil: it takes all
}

func (s *sink) Deliver(ctx context.Context, origin string, batch []cursor.Line) (int, error) {
	s.mu.Lock()
	s.calls++
	s.batches = append(s.batches, len(batch))
	s.when = append(s.when, time.Now())
	deliver := s.deliver
	s.mu.Unlock()
	n, err := len(batch), error(nil)
	if deliver != nil {
		n, err = deliver(ctx, batch)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.got == nil {
		s.got = map[int64]string{}
	}
	for _, l := range batch[:max(0, min(n, len(batch)))] {
		s.got[l.Index] = string(l.Text)
	}
	return n, err
}

func (s *sink) bend(f func(ctx context.Context, batch []cursor.Line) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = f
}

func (s *sink) count() (lines, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got), s.calls
}

// book has what a log was told.
type book struct {
	mu   sync.Mutex
	all  []cursor.Notice
	into *memory // notices are lines too, the log's own; nil: they are not
	err  error
}

func (b *book) tell(_ context.Context, n cursor.Notice) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.all = append(b.all, n)
	if b.into != nil {
		b.into.set(func() { b.into.own = append(b.into.own, int64(len(b.into.times))) })
		b.into.add(1)
	}
	return nil
}

func (b *book) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *book) notices() []cursor.Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

func seal(b []byte) string {
	sum := sha256.Sum256(append([]byte("key"), b...))
	return hex.EncodeToString(sum[:])
}

// site is a feed with all around it.
type site struct {
	dir  string
	log  *memory
	sink *sink
	book *book
	bent func(*cursor.Config)
}

func newSite(t *testing.T) *site {
	m := &memory{}
	return &site{dir: t.TempDir(), log: m, sink: &sink{}, book: &book{into: m}}
}

func (s *site) open(t *testing.T) (cursor.Group, error) {
	t.Helper()
	c := cursor.Config{Name: "siem", Deliver: s.sink.Deliver, Source: s.log, Tell: s.book.tell, Origin: "acme.example/a", Seal: seal}
	if s.bent != nil {
		s.bent(&c)
	}
	return cursor.OpenAll(t.Context(), s.dir, []cursor.Config{c})
}

func (s *site) start(t *testing.T) cursor.Group {
	t.Helper()
	g, err := s.open(t)
	if err != nil {
		t.Fatal(err)
	}
	g.Start()
	return g
}

func (s *site) whole(t *testing.T, n int) {
	t.Helper()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if len(s.sink.got) != n {
		t.Errorf("the sink has %d lines, want %d", len(s.sink.got), n)
	}
	for i, text := range s.sink.got {
		if want := string(s.log.line(i).Text); text != want {
			t.Errorf("line %d is %q, want %q", i, text, want)
		}
	}
}
