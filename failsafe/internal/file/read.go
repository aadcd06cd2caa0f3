package file

import (
	"context"
	"iter"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
)

// Records are those that were durable when it is ranged over, run by run, in the order in
// which the runs began.
func (j *Journal) Records(ctx context.Context) iter.Seq2[frames.Record, error] {
	return func(yield func(frames.Record, error) bool) {
		order, runs, err := j.load(ctx)
		if err != nil {
			yield(frames.Record{}, err)
			return
		}
		for _, run := range order {
			for _, r := range runs[run] {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// load reads what is durable.
func (j *Journal) load(ctx context.Context) (order []string, runs map[string][]frames.Record, err error) {
	j.reading.RLock()
	defer j.reading.RUnlock()
	j.mu.Lock()
	size, closed := j.durable, j.closed
	j.mu.Unlock()
	if closed {
		return nil, nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	runs = map[string][]frames.Record{}
	found, err := frames.Read(j.file, size, func(r frames.Record) error {
		if runs[r.Run] == nil {
			order = append(order, r.Run)
		}
		if r.Last { // what came before is done with
			runs[r.Run] = nil
		}
		runs[r.Run] = append(runs[r.Run], r)
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil || found.Good != size: // all of it was acknowledged
		return nil, nil, ErrDamaged
	}
	return order, runs, nil
}
