package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/tree"
)

// span is where a line stands.
type span struct{ start, end int64 }

// replay reads a log from its first line, and knows at each commit what would be
// kept if the rest had to go.
type replay struct {
	*log
	now   key.Checkpoint // DIR/checkpoint
	floor key.Checkpoint // Options.Floor; size 0: none

	next   tree.Tree       // with lines that are not yet committed
	offset int64           // behind the last line read
	good   int64           // behind the last whole commit; log.tree is the tree there
	signed int64           // behind the last commit that DIR/checkpoint covers
	grants map[string]mark // without an answer, as of there
	newest span            // last line that the log itself wrote, as of there
	batch  pending
	room   []byte // buffer for a leaf
}

// pending is what lines say that are not yet committed.
type pending struct {
	marks  []mark
	seen   []seen
	newest span
	open   bool // the last line is no checkpoint
}

// seen is that a line has an action.
type seen struct {
	newest *int64 // of that action, as of the last commit
	index  int64
}

// mark is what one line says about a grant. What answers a grant has its action: that
// a secret was lent for it is no end.
type mark struct {
	grant, action string
	at            span
	opens         bool
}

func (r *replay) checkpoints(floor []byte) error {
	text, err := os.ReadFile(filepath.Join(r.dir, fileCheckpoint))
	if err != nil {
		return errors.New("audit: the log's checkpoint cannot be read; the log was not changed")
	}
	if r.now, err = r.key.OpenOwn(text); err != nil {
		return err
	}
	if floor != nil {
		if r.floor, err = r.key.Open(floor); err != nil {
			return errFloor
		}
	}
	return nil
}

// lines reads until something is no line of this log.
func (r *replay) lines(ctx context.Context) error {
	in := bufio.NewReaderSize(io.NewSectionReader(r.file, 0, r.file.Size()), 2*(maxLine+1))
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		text, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return errRead
		}
		if err != nil {
			return nil
		}
		more, err := r.line(text)
		if err != nil || !more {
			return err
		}
	}
}

// line takes one line with its newline; false: it is no line of this log.
func (r *replay) line(text []byte) (bool, error) {
	start := r.offset
	if tree.IsCommit(text) {
		if !bytes.Equal(text, tree.AppendCommit(nil, r.next.Size, r.next.Root())) || r.next.Size == r.tree.Size {
			return false, nil
		}
		r.offset += int64(len(text))
		return true, r.commitTo(r.offset)
	}
	text = text[:len(text)-1]
	if len(text) == 0 || len(text) > maxLine {
		return false, nil
	}
	r.offset += int64(len(text)) + 1
	r.room = append(append(r.room[:0], 0), text...)
	r.next.Add(tree.LeafHash(r.room))
	r.note(text, span{start, r.offset - 1})
	return true, r.compare()
}

// compare holds the tree against what was signed.
func (r *replay) compare() error {
	if r.next.Size == r.now.Size && r.next.Root() != r.now.Root {
		return errHistory
	}
	if r.next.Size == r.floor.Size && r.next.Root() != r.floor.Root {
		return errFloor
	}
	return nil
}

// commitTo makes what was read since the last commit count.
func (r *replay) commitTo(offset int64) error {
	missing, err := r.tiles.Missing(r.next.Full[len(r.tree.Full):])
	if err != nil {
		return err
	}
	r.next.Full = append(slices.Clip(r.tree.Full), missing...)
	r.tree, r.good = r.next, offset
	if r.tree.Size <= r.now.Size {
		r.signed = offset
	}
	r.newest, r.dirty = r.batch.newest, r.batch.open
	for _, m := range r.batch.marks {
		if m.opens {
			r.grants[m.grant] = m
		} else if r.grants[m.grant].action == m.action {
			delete(r.grants, m.grant)
		}
	}
	for _, s := range r.batch.seen {
		*s.newest = s.index
	}
	r.batch.marks, r.batch.seen = r.batch.marks[:0], r.batch.seen[:0]
	return nil
}

// note remembers what a line says about a grant, and when the log last wrote.
func (r *replay) note(text []byte, at span) {
	action := member(text, "operation")
	if bytes.HasPrefix(action, []byte(own)) {
		r.batch.newest = at
	}
	r.batch.open = string(action) != actionCheckpoint
	newest := r.last[string(action)]
	if newest == nil {
		newest = new(int64(-1))
		r.last[string(action)] = newest
	}
	r.batch.seen = append(r.batch.seen, seen{newest, r.next.Size - 1})
	if r.tenant.Load() == nil {
		r.isOf(string(member(text, "tenant_uid")))
	}
	grant := member(text, "grant")
	if grant == nil {
		return
	}
	m := mark{string(grant), string(action), at, string(member(text, "decision")) == decisionAllowed}
	if m.opens || answered(text) {
		r.batch.marks = append(r.batch.marks, m)
	}
}

// answered says whether a line about a grant says how it ended, be it that nobody
// knows and why.
func answered(text []byte) bool {
	return member(text, "decision") == nil && (!bytes.Contains(text, []byte(`"status_id":0,`)) || member(text, "status_code") != nil)
}

// member finds a text in a line without reading all of it: values have no quotes, so
// what looks like a member is one.
func member(text []byte, name string) []byte {
	_, rest, ok := bytes.Cut(text, []byte(`"`+name+`":"`))
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}

// verdict decides whether what stands behind the last commit is what a crash leaves.
func (r *replay) verdict() error {
	size := r.file.Size()
	if r.tree.Size < r.now.Size {
		return errShort
	}
	if r.tree.Size < r.floor.Size {
		return errFloor
	}
	if size-r.good > tornMax {
		return errDamage
	}
	rest := make([]byte, size-r.good)
	if _, err := io.ReadFull(io.NewSectionReader(r.file, r.good, size), rest); err != nil {
		return errRead
	}
	if len(rest) > 0 && !torn(rest, r.good, r.tree) {
		return errDamage
	}
	r.recovery.Torn = int64(len(rest))
	return r.clock()
}

// clock refuses when time went back.
func (r *replay) clock() error {
	text := make([]byte, r.newest.end-r.newest.start)
	if _, err := r.file.ReadAt(text, r.newest.start); err != nil {
		return errRead
	}
	e, err := decode(text)
	if err != nil {
		return errDamage
	}
	if time.Now().Add(skew).Before(e.Time) {
		return errClock
	}
	return nil
}
