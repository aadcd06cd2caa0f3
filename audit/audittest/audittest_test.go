package audittest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
)

// direct is a sink whose far side is called, as it should be. A test bends it.
type direct struct {
	*audittest.Receiver
	before func(ctx context.Context, d *direct, batch []audit.Entry) (n int, err error, done bool) // nil: nothing
	entry  func(d *direct, e *audit.Entry)                                                         // nil: as it is
	after  func(n int, err error, batch []audit.Entry) (int, error)                                // nil: as it is
	calls  int
}

func (d *direct) Deliver(ctx context.Context, batch []audit.Entry) (n int, err error) {
	d.calls++
	done := false
	if d.before != nil {
		n, err, done = d.before(ctx, d, batch)
	}
	if !done {
		n, err = d.right(ctx, batch)
	}
	if d.after != nil {
		n, err = d.after(n, err, batch)
	}
	return n, err
}

func (d *direct) right(ctx context.Context, batch []audit.Entry) (int, error) {
	for i, e := range batch {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if d.entry != nil {
			d.entry(d, &e)
		}
		if err := d.Take(ctx, e.Origin, e.Index, e.Line); errors.Is(err, audittest.ErrLost) {
			return 0, &audit.SinkError{Class: "unavailable"}
		} else if err != nil {
			return i, &audit.SinkError{Class: "denied"}
		}
	}
	return len(batch), nil
}

func TestRun(t *testing.T) {
	audittest.Run(t, func(_ testing.TB, r *audittest.Receiver) audit.Sink { return &direct{Receiver: r} })
}

// TestCatches: each rule has a sink that breaks it.
func TestCatches(t *testing.T) {
	all := func(n int, err error, batch []audit.Entry) (int, error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			return len(batch), nil
		}
		return n, err
	}
	for _, c := range []struct {
		name string
		bend func(*direct)
		want string // the rules that it breaks
	}{
		{"another line", func(d *direct) { d.entry = func(_ *direct, e *audit.Entry) { e.Line = bytes.ToUpper(e.Line) } }, "delivers"},
		{"another index", func(d *direct) { d.entry = func(_ *direct, e *audit.Entry) { e.Index++ } }, "delivers"},
		{"another origin", func(d *direct) { d.entry = func(_ *direct, e *audit.Entry) { e.Origin = "a" } }, "delivers"},
		{"compact", func(d *direct) {
			d.entry = func(_ *direct, e *audit.Entry) { e.Line = bytes.ReplaceAll(e.Line, []byte(" "), nil) }
		}, "delivers"},
		{"once", func(d *direct) {
			d.before = func(context.Context, *direct, []audit.Entry) (int, error, bool) {
				return 0, errors.New("gone"), d.calls > 1
			}
		}, "goes on"},
		{"only new ones", func(d *direct) {
			seen := map[int64]bool{}
			d.before = func(_ context.Context, _ *direct, batch []audit.Entry) (int, error, bool) {
				was := seen[batch[0].Index]
				seen[batch[0].Index] = true
				return 0, nil, was
			}
		}, "again"},
		{"cuts what is long", func(d *direct) {
			d.entry = func(_ *direct, e *audit.Entry) { e.Line = e.Line[:min(len(e.Line), 8192)] }
		}, "large"},
		{"everything counts", func(d *direct) { d.after = all }, "refuses, part, skip, dead, hole, unheard, cut, half, lost, crash"},
		{"goes on behind what was not taken", func(d *direct) {
			d.before = func(ctx context.Context, d *direct, batch []audit.Entry) (int, error, bool) {
				n := 0
				for _, e := range batch {
					if d.Take(ctx, e.Origin, e.Index, e.Line) == nil {
						n++
					}
				}
				if n == 0 {
					return 0, &audit.SinkError{Class: "unavailable"}, true
				}
				return n, nil, true
			}
		}, "skip"},
		{"takes no for an answer", func(d *direct) {
			d.after = func(n int, _ error, _ []audit.Entry) (int, error) { return n, nil }
		}, "refuses, dead, hole, lost, cancelled"},
		{"deaf to its context", func(d *direct) {
			d.before = func(_ context.Context, d *direct, batch []audit.Entry) (int, error, bool) {
				ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
				defer cancel()
				n, err := d.right(ctx, batch)
				return n, err, true
			}
		}, "hole, unheard, cancelled"},
		{"stays broken", func(d *direct) {
			broken := false
			d.before = func(context.Context, *direct, []audit.Entry) (int, error, bool) {
				return 0, errors.New("broken"), broken
			}
			d.after = func(n int, err error, _ []audit.Entry) (int, error) { broken = broken || err != nil; return n, err }
		}, "refuses, part, skip, dead, hole, unheard, cut, half, lost, crash, cancelled"},
		{"quotes the line", func(d *direct) {
			d.after = func(n int, err error, batch []audit.Entry) (int, error) {
				if err != nil {
					err = fmt.Errorf("%w: %s", err, batch[0].Line)
				}
				return n, err
			}
		}, "errors"},
		{"quotes the far side", func(d *direct) {
			d.before = func(ctx context.Context, d *direct, batch []audit.Entry) (int, error, bool) {
				err := d.Take(ctx, batch[0].Origin, batch[0].Index, batch[0].Line)
				return 0, err, err != nil
			}
		}, "errors"},
		{"changes the batch", func(d *direct) {
			d.after = func(n int, err error, batch []audit.Entry) (int, error) { batch[0].Line = nil; return n, err }
		}, "borrowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			broken := audittest.Broken(t, func(_ testing.TB, r *audittest.Receiver) audit.Sink {
				d := &direct{Receiver: r}
				c.bend(d)
				return d
			})
			for rule := range strings.SplitSeq(c.want, ", ") {
				if !slices.Contains(broken, rule) {
					t.Errorf("%s is not caught; what is: %q", rule, broken)
				}
			}
		})
	}
}
