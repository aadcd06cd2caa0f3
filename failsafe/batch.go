package failsafe

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/pool"
)

// BatchOptions of Batch. Nil means the documented defaults.
type BatchOptions struct {
	Parallel int            // runs at once; zero: 1; at most 256
	Total    int            // of items, for Progress; zero: not known
	Progress func(Progress) // after each item and, with Over, at the end; one call at a time; nil: nobody
}

const mostParallel = 256

// Batch runs many, id and first state, and yields each as it ends, with what Run returns.
// It is resumable: of the same ids after a crash, those that are done are told as done,
// and the others go on. An id that comes twice is one run: ErrRunning while it is under
// way, its end afterwards, ErrConflict with another state.
//
// Items are pulled one at a time, never while the loop's body is at work: whoever breaks
// off has begun nothing after what he has seen. Items that block hold back what has ended
// meanwhile. A loop that is broken off, and one whose items panic, ends when the runs
// under way have ended. They are not cancelled: a run is not cut in the middle because
// nobody reads its result; that is what ctx is for. When ctx ends they end as Run's do,
// nothing new begins, and the last error is that of ctx. ErrStopped and ErrJournal let
// nothing new begin either. Options out of bounds and nil items are auth.ErrInvalid.
func (f *Flow[S]) Batch(ctx context.Context, p auth.Principal, items iter.Seq2[string, S], o *BatchOptions) iter.Seq2[Result[S], error] {
	o = cmp.Or(o, &BatchOptions{})
	b := batched[S]{flow: f, tell: o.Progress, progress: Progress{Total: o.Total}}
	parallel := o.Parallel
	bad := items == nil || parallel < 0 || parallel > mostParallel || o.Total < 0
	return func(yield func(Result[S], error) bool) {
		b := b // each loop is a batch of its own
		switch {
		case f == nil || f.runner == nil:
			yield(Result[S]{}, errZero)
			return
		case bad:
			yield(Result[S]{}, auth.ErrInvalid)
			return
		}
		b.began = time.Now()
		defer b.over()
		broken := false
		left := pool.Pool[S, outcome[S]]{
			Parallel: max(1, parallel),
			May:      func() bool { return !b.stopped && b.cut(ctx) == nil },
			Run: func(id string, s S) outcome[S] {
				result, err := f.Run(ctx, p, id, s)
				return outcome[S]{result, err}
			},
			Ended: b.ended,
		}.Loop(items, func(o outcome[S]) bool {
			broken = !yield(o.result, o.err)
			return !broken
		})
		if err := b.cut(ctx); err != nil && left && !broken && !b.stopped {
			yield(Result[S]{}, err)
		}
	}
}

// batched is one batch under way. One goroutine has it: the one that loops.
type batched[S any] struct {
	flow     *Flow[S]
	stopped  bool // the runner cannot go on, and the loop has been told
	began    time.Time
	tell     func(Progress)
	progress Progress
}

// outcome is what Run returned.
type outcome[S any] struct {
	result Result[S]
	err    error
}

// cut says why nothing new may begin.
func (b *batched[S]) cut(ctx context.Context) error {
	if b.flow.runner.gate.Frozen() {
		return ErrStopped
	}
	return ctx.Err()
}

func (b *batched[S]) ended(o outcome[S]) {
	b.stopped = b.stopped || fatal(o.err)
	b.progress.count(o.result.Run, o.err)
	b.report()
}

func (b *batched[S]) over() {
	b.progress.Over = true
	b.report()
}

func (b *batched[S]) report() {
	if b.tell != nil {
		b.progress.Elapsed = time.Since(b.began)
		b.tell(b.progress)
	}
}

// fatal says whether the runner cannot go on.
func fatal(err error) bool { return errors.Is(err, ErrStopped) || errors.Is(err, ErrJournal) }
