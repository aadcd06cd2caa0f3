package failsafetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carnet-go/carnet/failsafe"
)

// check is one rule and how to find out.
type check struct {
	name  string
	rule  string
	check func(ctx context.Context, s *site) error
}

// site is a journal, and what it takes to open it again.
type site struct {
	failsafe.Journal
	open func() failsafe.Journal
}

// run checks on a journal that is new, and closes it.
func (c *check) run(ctx context.Context, open func() failsafe.Journal) error {
	s := &site{open(), open}
	return errors.Join(c.check(ctx, s), s.Close(ctx))
}

func (s *site) again(ctx context.Context) error {
	if err := s.Close(ctx); err != nil {
		return err
	}
	s.Journal = s.open()
	return nil
}

const canary = "canary-4711"

var checks = []check{
	{"empty", "a new journal has no frames", empty},
	{"frames", "Frames yields what was appended, byte by byte, of one run in their order", same},
	{"oldest", "the run that began first comes first, and the frames of a run are together", oldest},
	{"again", "what was appended is there when the journal is opened again, and goes on there", again},
	{"last", "of a run that has ended the last frame stays, and nothing goes behind it, also when the journal is opened again", last},
	{"place", "a frame that does not come next in its run is ErrJournal, and is not there", placed},
	{"race", "of many frames for one place one is taken", race},
	{"concurrent", "Append, Frames and Close may be called from many goroutines", concurrent},
	{"independent", "a frame is the journal's own, whatever its caller or its reader does to it", independent},
	{"large", "a frame may have 2 MiB, and any bytes", large},
	{"cancelled", "a context that has ended yields its error, and keeps nobody waiting", cancelled},
	{"break", "whoever stops ranging over Frames is not called again, and holds up nobody", breaks},
	{"closed", "after Close everything is refused, Append with ErrJournal, and Close is no error", closed},
	{"errors", "the text of an error holds nothing of a frame", silent},
}

// frame is the n-th of a run, with bytes of its own.
func frame(run string, n int) failsafe.Frame {
	f := failsafe.Frame{Run: run, Sequence: uint64(n), Answer: n%2 == 0, Sealed: fmt.Appendf(nil, "%s of %s: \x00\xff\n", run, strings.Repeat("x", n))}
	if n > 1 {
		copy(f.Before[:], fmt.Sprintf("%d before", n))
	}
	return f
}

func ended(run string, n int) failsafe.Frame {
	f := frame(run, n)
	f.Last, f.Answer = true, true
	return f
}

// add appends frames, which are taken.
func (s *site) add(ctx context.Context, frames ...failsafe.Frame) error {
	for _, f := range frames {
		f.Sealed = bytes.Clone(f.Sealed)
		if err := s.Append(ctx, f); err != nil {
			return fmt.Errorf("frame %d: %w", f.Sequence, err)
		}
	}
	return nil
}

// has says whether these frames are there, and no others.
func (s *site) has(ctx context.Context, want ...failsafe.Frame) error {
	var got []failsafe.Frame
	for f, err := range s.Frames(ctx) {
		if err != nil {
			return err
		}
		got = append(got, f)
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Errorf("frame %d of %d is another one, or changed", i+1, len(got))
		}
	}
	return nil
}

func empty(ctx context.Context, s *site) error {
	return errors.Join(s.has(ctx), s.again(ctx), s.has(ctx))
}

func same(ctx context.Context, s *site) error {
	want := []failsafe.Frame{frame("a", 1), frame("a", 2), frame("a", 3)}
	return errors.Join(s.add(ctx, want...), s.has(ctx, want...), s.has(ctx, want...))
}

func oldest(ctx context.Context, s *site) error {
	err := s.add(ctx, frame("b", 1), frame("a", 1), frame("b", 2), frame("c", 1), frame("a", 2), frame("b", 3))
	return errors.Join(err, s.has(ctx, frame("b", 1), frame("b", 2), frame("b", 3), frame("a", 1), frame("a", 2), frame("c", 1)))
}

func again(ctx context.Context, s *site) error {
	var want []failsafe.Frame
	for n := 1; n <= 4; n++ {
		f := frame("a", n)
		want = append(want, f)
		if err := errors.Join(s.add(ctx, f), s.again(ctx), s.has(ctx, want...)); err != nil {
			return err
		}
	}
	if err := s.Append(ctx, frame("a", 4)); !errors.Is(err, failsafe.ErrJournal) {
		return fmt.Errorf("the same place once more: %v", err)
	}
	return s.has(ctx, want...)
}

func last(ctx context.Context, s *site) error {
	if err := s.add(ctx, frame("a", 1), frame("b", 1), frame("a", 2), ended("a", 3), ended("c", 1)); err != nil {
		return err
	}
	for range 2 {
		stays := map[string]int{}
		for f, err := range s.Frames(ctx) {
			if err != nil {
				return err
			}
			if f.Last || f.Run == "b" {
				stays[f.Run]++
			}
		}
		if stays["a"] != 1 || stays["b"] != 1 || stays["c"] != 1 {
			return errors.New("a last frame has gone, or one of a run that goes on")
		}
		for _, f := range []failsafe.Frame{frame("a", 1), frame("a", 4), ended("a", 3), ended("a", 4), frame("c", 2)} {
			if err := s.Append(ctx, f); !errors.Is(err, failsafe.ErrJournal) {
				return fmt.Errorf("frame %d behind the last: %v", f.Sequence, err)
			}
		}
		if err := s.again(ctx); err != nil {
			return err
		}
	}
	return s.add(ctx, frame("b", 2))
}

func placed(ctx context.Context, s *site) error {
	want := []failsafe.Frame{frame("a", 1), frame("a", 2)}
	if err := s.add(ctx, want...); err != nil {
		return err
	}
	changed := frame("a", 2)
	changed.Sealed[0]++
	for _, f := range []failsafe.Frame{frame("a", 2), changed, frame("a", 1), frame("a", 4), frame("a", 0), frame("b", 0), frame("b", 2), ended("b", 2)} {
		if err := s.Append(ctx, f); !errors.Is(err, failsafe.ErrJournal) {
			return fmt.Errorf("frame %d of %s: %v", f.Sequence, f.Run, err)
		}
	}
	next := frame("a", 3)
	return errors.Join(s.has(ctx, want...), s.add(ctx, next), s.again(ctx), s.has(ctx, append(want, next)...))
}

func race(ctx context.Context, s *site) error {
	const callers, places = 8, 20
	var want []failsafe.Frame
	for n := 1; n <= places; n++ {
		taken := make([]failsafe.Frame, callers)
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				taken[i] = frame("a", n)
				taken[i].Sealed = fmt.Appendf(nil, "of caller %d", i)
				errs[i] = s.Append(ctx, taken[i])
			})
		}
		wg.Wait()
		for i, err := range errs {
			if err == nil {
				want = append(want, taken[i])
			} else if !errors.Is(err, failsafe.ErrJournal) {
				return err
			}
		}
		if len(want) != n {
			return fmt.Errorf("%d frames were taken for %d places", len(want), n)
		}
	}
	return s.has(ctx, want...)
}

func concurrent(ctx context.Context, s *site) error {
	const callers, calls = 16, 10
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := range calls {
				errs[i] = errors.Join(errs[i], s.add(ctx, frame(fmt.Sprintf("run-%02d", i), n+1)), s.whole(ctx))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var want []failsafe.Frame
	for i := range callers {
		for n := range calls {
			want = append(want, frame(fmt.Sprintf("run-%02d", i), n+1))
		}
	}
	for range 4 {
		wg.Go(func() { _ = s.Close(ctx) })
		wg.Go(func() { // refused, or all of it
			for _, err := range s.Frames(ctx) {
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := s.again(ctx); err != nil {
		return err
	}
	return s.hasAll(ctx, want)
}

// whole says whether the frames of each run begin at the first and leave none out.
func (s *site) whole(ctx context.Context) error {
	at := map[string]uint64{}
	for f, err := range s.Frames(ctx) {
		if err != nil {
			return err
		}
		if at[f.Run]++; f.Sequence != at[f.Run] {
			return fmt.Errorf("frame %d where %d comes next", f.Sequence, at[f.Run])
		}
	}
	return nil
}

// hasAll is has, whichever run began first.
func (s *site) hasAll(ctx context.Context, want []failsafe.Frame) error {
	var got []failsafe.Frame
	for f, err := range s.Frames(ctx) {
		if err != nil {
			return err
		}
		got = append(got, f)
	}
	slices.SortStableFunc(got, func(a, b failsafe.Frame) int { return strings.Compare(a.Run, b.Run) })
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%d frames, not the %d that were appended", len(got), len(want))
	}
	return nil
}

func independent(ctx context.Context, s *site) error {
	f := frame("a", 1)
	if err := s.Append(ctx, f); err != nil {
		return err
	}
	clear(f.Sealed)
	for range 2 {
		for f, err := range s.Frames(ctx) {
			if err != nil {
				return err
			}
			if !bytes.Equal(f.Sealed, frame("a", 1).Sealed) {
				return errors.New("it was changed")
			}
			clear(f.Sealed)
		}
	}
	return nil
}

func large(ctx context.Context, s *site) error {
	f := frame("a", 1)
	f.Sealed = bytes.Repeat([]byte{0, 1, '\n', 255}, 1<<19)
	zeros := frame("a", 2)
	zeros.Sealed = make([]byte, 1<<20)
	return errors.Join(s.add(ctx, f, zeros, frame("b", 1)), s.again(ctx), s.has(ctx, f, zeros, frame("b", 1)))
}

func cancelled(ctx context.Context, s *site) error {
	if err := s.add(ctx, frame("a", 1)); err != nil {
		return err
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	failed := make(chan error, 2)
	go func() {
		failed <- s.Append(gone, frame("a", 2))
		for _, err := range s.Frames(gone) {
			failed <- err
			return
		}
		failed <- errors.New("no frames, and no error")
	}()
	for range 2 {
		select {
		case err := <-failed:
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("the error is not that of the context: %v", err)
			}
		case <-time.After(time.Minute):
			return errors.New("it waits all the same")
		}
	}
	return s.whole(ctx)
}

func breaks(ctx context.Context, s *site) error {
	if err := s.add(ctx, frame("a", 1), frame("a", 2), frame("b", 1)); err != nil {
		return err
	}
	for range s.Frames(ctx) { // the range panics where it is called again
		break
	}
	for range s.Frames(ctx) {
		return errors.Join(s.add(ctx, frame("a", 3)), s.whole(ctx))
	}
	return errors.New("no frames")
}

func closed(ctx context.Context, s *site) error {
	if err := errors.Join(s.add(ctx, frame("a", 1)), s.Close(ctx), s.Close(ctx)); err != nil {
		return err
	}
	if err := s.Append(ctx, frame("a", 2)); !errors.Is(err, failsafe.ErrJournal) {
		return fmt.Errorf("closed, Append says %v", err)
	}
	for _, err := range s.Frames(ctx) {
		if err == nil {
			return errors.New("closed, Frames yields frames")
		}
		return s.reopened(ctx, frame("a", 1))
	}
	return errors.New("closed, Frames yields nothing, and no error")
}

func (s *site) reopened(ctx context.Context, want ...failsafe.Frame) error {
	s.Journal = s.open()
	return s.has(ctx, want...)
}

func silent(ctx context.Context, s *site) error {
	f := frame(canary, 7)
	f.Sealed = []byte(canary)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	errs := []error{s.Append(ctx, f), s.Append(gone, f), s.Close(ctx), s.Append(ctx, f)}
	s.Journal = s.open()
	for i, err := range errs {
		if (err == nil) != (i == 2) {
			return fmt.Errorf("call %d: no error where one is due, or one where none is", i+1)
		}
		if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
			return errors.New("the error quotes the frame")
		}
	}
	return nil
}
