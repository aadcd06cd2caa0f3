package verify

import (
	"context"
	"errors"
	"io/fs"
)

// Dir verifies a log. Keys are required, in the form of audit.Log.Key, and from elsewhere: a
// log does not vouch for itself. Known are older checkpoints, signed notes that somebody else
// has kept; they must lie on the log's history. The error is about reading and arguments;
// what is wrong with the log is in the Report.
func Dir(ctx context.Context, log fs.FS, vkeys []string, known ...[]byte) (Report, error) {
	ring, err := newKeyring(vkeys)
	if err != nil {
		return Report{}, err
	}
	if log == nil {
		return Report{}, errors.New("verify: no log given")
	}
	h := newHistory(log, ring)
	h.remember(known)
	if err := h.run(ctx); err != nil {
		return Report{}, err
	}
	h.report.Events, h.report.Root = h.tree.size, h.tree.root()
	h.report.sort()
	return h.report, nil
}

// run reads names, then lines, then tells what the newest checkpoint says about both.
func (h *history) run(ctx context.Context) error {
	regular, err := onlyRegular(ctx, h.log, &h.report)
	if err != nil || !regular {
		return err
	}
	msg, err := readFile(h.log, checkpointFile, maxNote+1)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	absent := err != nil
	if c, ok := h.ring.open(msg); ok {
		h.newest, h.tiles.size = &c, c.size
	} else if h.tiles.size, err = countLines(ctx, h.log); err != nil {
		return err // a closed log's checkpoint covers all lines, and so do its tiles
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

// read takes the segment line by line.
func (h *history) read(ctx context.Context) error {
	f, err := h.log.Open(segmentFile)
	if errors.Is(err, fs.ErrNotExist) {
		h.stop(codeMissing, 0)
		return nil
	}
	if err != nil {
		return unreadable(segmentFile, err)
	}
	defer f.Close()
	for c := range chunks(ctx, f, h.ring) {
		for i := 0; i < len(c.lines) && !h.over; i++ {
			l := &c.lines[i]
			h.line(l, c.buf[l.start:l.end])
		}
		if h.tiles.err != nil {
			return h.tiles.err
		}
		if c.err != nil {
			return unreadable(segmentFile, c.err)
		}
		if h.over {
			return nil
		}
	}
	return ctx.Err()
}
