package failsafetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/failsafetest"
)

// store is what stays of a memory that was closed.
type store struct {
	mu     sync.Mutex
	frames []failsafe.Frame
	order  []string
	runs   map[string]failsafe.Frame // the last of each
}

// memory is a journal as it should be, which forgets nothing. A test bends it.
type memory struct {
	*store
	bent
	closed bool
}

// bent is what is wrong with it.
type bent struct {
	places, taken, keeps, aliases, shows, dead, loses, mute, mixed, shuffled, stays, twice, quotes, fails, small, forgets, trims, reuses bool
}

func (m *memory) Append(ctx context.Context, f failsafe.Frame) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.runs[f.Run]
	if m.reuses && before.Last {
		before = failsafe.Frame{}
	}
	switch {
	case m.fails:
		return failsafe.ErrJournal
	case m.closed && !m.stays:
		return m.wrong(failsafe.ErrJournal, f)
	case ctx.Err() != nil && !m.dead:
		return m.wrong(ctx.Err(), f)
	case m.loses && len(m.frames) == 50:
		m.frames = append(m.frames, m.frames[49])
		return nil
	case m.small && len(f.Sealed) > 1<<20:
		return failsafe.ErrJournal
	case before.Last && !m.reuses || f.Sequence != before.Sequence+1 && !m.places:
		if m.taken {
			return nil
		}
		return m.wrong(failsafe.ErrJournal, f)
	}
	if !m.aliases {
		f.Sealed = bytes.Clone(f.Sealed)
	}
	if m.trims {
		f.Before = [32]byte{}
	}
	if m.runs[f.Run].Sequence == 0 {
		m.order = append(m.order, f.Run)
	}
	m.frames = append(m.frames, f)
	if m.runs[f.Run] = f; m.keeps {
		m.runs[f.Run] = failsafe.Frame{}
	}
	return nil
}

// wrong is an error, if that is not what is bent.
func (m *memory) wrong(err error, f failsafe.Frame) error {
	if m.quotes {
		return fmt.Errorf("%w: %s", err, f.Sealed)
	}
	if m.mute {
		return errors.New("no")
	}
	return err
}

func (m *memory) Frames(ctx context.Context) iter.Seq2[failsafe.Frame, error] {
	return func(yield func(failsafe.Frame, error) bool) {
		m.mu.Lock()
		frames, order, err := slices.Clone(m.frames), slices.Clone(m.order), ctx.Err()
		if m.closed && !m.stays {
			err = failsafe.ErrJournal
		}
		m.mu.Unlock()
		if err != nil && !m.dead {
			if !m.twice {
				yield(failsafe.Frame{}, err)
			}
			return
		}
		if m.shuffled {
			slices.Reverse(order)
		}
		if m.mixed {
			order = []string{""}
		}
		for _, run := range order {
			for _, f := range frames {
				if !m.shows {
					f.Sealed = bytes.Clone(f.Sealed)
				}
				if (f.Run == run || m.mixed) && !yield(f, nil) {
					return
				}
			}
		}
	}
}

func (m *memory) Close(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := m.closed
	m.closed = true
	if m.forgets {
		m.runs = map[string]failsafe.Frame{}
	}
	if m.twice && again {
		return failsafe.ErrJournal
	}
	return nil
}

// stores are memories by their names.
func stores(b bent) func(name string) failsafe.Journal {
	all := map[string]*store{}
	return func(name string) failsafe.Journal {
		if all[name] == nil {
			all[name] = &store{runs: map[string]failsafe.Frame{}}
		}
		return &memory{store: all[name], bent: b}
	}
}

func TestRunJournal(t *testing.T) {
	open := stores(bent{})
	failsafetest.RunJournal(t, func(_ *testing.T, dir string) failsafe.Journal { return open(dir) })
}

// TestCatches: each rule has a journal that breaks it.
func TestCatches(t *testing.T) {
	caught := map[string]bool{}
	for _, tt := range []struct {
		name string
		bent bent
		want string
	}{
		{"takes any place", bent{places: true}, "place"},
		{"says that it took what it did not", bent{taken: true}, "race"},
		{"forgets the places", bent{keeps: true, places: true}, "again"},
		{"forgets the places when it is closed", bent{forgets: true}, "last"},
		{"uses the id of a run again", bent{reuses: true}, "last"},
		{"keeps the caller's bytes", bent{aliases: true}, "independent"},
		{"shows its own bytes", bent{shows: true}, "independent"},
		{"takes no notice of a context", bent{dead: true}, "cancelled"},
		{"says other errors", bent{mute: true}, "closed"},
		{"mixes runs", bent{mixed: true}, "oldest"},
		{"yields runs in another order", bent{shuffled: true}, "oldest"},
		{"goes on after Close", bent{stays: true}, "closed"},
		{"cannot be closed twice, and yields no error", bent{twice: true}, "closed"},
		{"quotes", bent{quotes: true}, "errors"},
		{"takes nothing", bent{fails: true}, "frames"},
		{"takes small frames only", bent{small: true}, "large"},
		{"loses one of many", bent{loses: true}, "concurrent"},
		{"drops what binds a frame", bent{trims: true}, "frames"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			broken := failsafetest.Broken(t.Context(), stores(tt.bent))
			if !slices.Contains(broken, tt.want) {
				t.Errorf("breaks %q, not %q", broken, tt.want)
			}
			for _, name := range broken {
				caught[name] = true
			}
		})
	}
	for _, name := range failsafetest.Rules() {
		if !caught[name] && name != "break" && name != "empty" { // whose tests are below
			t.Errorf("nothing breaks %q", name)
		}
	}
}

// leftover is a journal that begins with frames.
type leftover struct{ failsafe.Journal }

// TestCatchesWhatIsLeft: of another test, or of a run that nobody closed.
func TestCatchesWhatIsLeft(t *testing.T) {
	open := stores(bent{})
	left := func(name string) failsafe.Journal {
		j := open(name)
		_ = j.Append(t.Context(), failsafe.Frame{Run: "left", Sequence: 1})
		return leftover{j}
	}
	if broken := failsafetest.Broken(t.Context(), left); !slices.Contains(broken, "empty") {
		t.Errorf("breaks %q", broken)
	}
}

// broken yields an error instead of frames, and does not close.
type broken struct{ failsafe.Journal }

func (broken) Frames(context.Context) iter.Seq2[failsafe.Frame, error] {
	return func(yield func(failsafe.Frame, error) bool) { yield(failsafe.Frame{}, failsafe.ErrDamaged) }
}

func (broken) Close(context.Context) error { return failsafe.ErrJournal }

// TestCatchesWhatIsBroken: every rule needs to read, or to close.
func TestCatchesWhatIsBroken(t *testing.T) {
	open := stores(bent{})
	got := failsafetest.Broken(t.Context(), func(name string) failsafe.Journal { return broken{open(name)} })
	if !slices.Equal(got, failsafetest.Rules()) {
		t.Errorf("breaks %q only", got)
	}
}

// breathless calls a reader again who has left.
type breathless struct{ failsafe.Journal }

func (b breathless) Frames(ctx context.Context) iter.Seq2[failsafe.Frame, error] {
	return func(yield func(failsafe.Frame, error) bool) {
		for f, err := range b.Journal.Frames(ctx) {
			yield(f, err)
		}
	}
}

// TestCatchesWhoCallsAgain: the language itself panics.
func TestCatchesWhoCallsAgain(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("nobody noticed")
		}
	}()
	open := stores(bent{})
	failsafetest.Broken(t.Context(), func(name string) failsafe.Journal { return breathless{open(name)} })
}
