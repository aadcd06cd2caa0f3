package verify

import (
	"context"
	"errors"
	"io/fs"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// Dir verifies a log. Keys are required, in the form of audit.Log.Key, and from elsewhere: a
// log does not vouch for itself. Known are older checkpoints, signed notes that somebody else
// has kept; they must lie on the log's history. The error is about reading and arguments;
// what is wrong with the log is in the Report.
func Dir(ctx context.Context, log fs.FS, vkeys []string, known ...[]byte) (Report, error) {
	return Log{FS: log, Keys: vkeys, Known: known}.Verify(ctx, nil)
}

// Log is a log, and what a verifier has of it from elsewhere.
type Log struct {
	Origin string   // of the log; empty: that of any of Keys
	FS     fs.FS    // the log; required
	Keys   []string // as Dir has them; required
	Known  [][]byte // as Dir has them
}

// Options are what may be asked for beyond the findings. Nil asks for nothing.
type Options struct {
	// Progress is told how many bytes of lines were read, and how many there are: of all
	// logs, where there are several. It is called by the goroutine that called Verify or
	// Logs, often, and must be quick. Nil: nobody is told.
	Progress func(done, total int64)
	// Witnesses must have cosigned each known checkpoint, and where Threshold is more than 0
	// there must be one. Zero: only the log's own signature may stand there.
	Witnesses Witnesses
}

// Verify is Dir with options.
func (l Log) Verify(ctx context.Context, o *Options) (Report, error) {
	p := o.progress(l)
	p.next(p.size(l.FS))
	return l.verify(ctx, o, p)
}

func (l Log) verify(ctx context.Context, o *Options, p *progress) (Report, error) {
	ring, err := newKeyring(l.Keys)
	if err != nil {
		return Report{}, err
	}
	if l.FS == nil {
		return Report{}, errors.New("verify: no log given")
	}
	by, err := o.witnesses()
	if err != nil {
		return Report{}, err
	}
	h := newHistory(l.FS, ring, p)
	if err := h.run(ctx, l.Known, by); err != nil {
		return Report{}, err
	}
	h.report.First, h.report.Events, h.report.Root = h.base, max(0, h.tree.Size-h.base), h.tree.Root()
	h.report.Key = h.keys.Now()
	if h.origin != "" && l.Origin != "" && l.Origin != h.origin {
		h.report.add(Finding{codeOrigin, edge.SegmentName(h.base), h.base})
	}
	h.report.sort()
	return h.report, nil
}

// run reads names, then lines, then tells what the newest checkpoint says about both.
func (h *history) run(ctx context.Context, known [][]byte, by cosigners) error {
	regular, err := onlyRegular(ctx, h.log, &h.report)
	if err != nil || !regular {
		return err
	}
	if h.segments, err = edge.Segments(h.log); err != nil {
		return unreadable("seg", err)
	}
	h.ring = h.ring.follow(h.announced())
	h.remember(known, by)
	msg, err := readFile(h.log, checkpointFile, maxNote+1)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	absent := err != nil
	if c, ok := h.ring.open(msg); ok {
		h.newest, h.tiles.size = &c, c.size
	} else if h.tiles.size, err = countLines(ctx, h.log, h.segments); err != nil {
		return err // a closed log's checkpoint covers all lines, and so do its tiles
	}
	if err := h.cosigned(); err != nil {
		return err
	}
	if err := names(ctx, h.log, h.tiles.size, &h.report); err != nil {
		return err
	}
	if err := h.read(ctx); err != nil {
		return err
	}
	h.end(absent)
	return nil
}
