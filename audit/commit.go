package audit

import (
	"context"
	"errors"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	// checkpointMax is more than a checkpoint line takes.
	checkpointMax = 2048

	// A checkpoint is signed and written within a second of the first line that it
	// covers; one that failed is tried again a second later.
	checkpointAfter = 700 * time.Millisecond
	retryAfter      = time.Second
)

// committer is the one goroutine that writes: one write and one fdatasync per batch.
type committer struct {
	*log
	text  []byte // buffers, exchanged with the queue
	items []queue.Item

	due     *time.Timer // of the next checkpoint
	armed   bool
	working bool       // a checkpoint is being published
	done    chan error // of that
}

// run ends when the log is closed and nobody waits any more.
func (g *log) run() {
	defer close(g.ended)
	c := &committer{log: g, due: time.NewTimer(retryAfter), done: make(chan error, 1)}
	c.due.Stop()
	c.arm() // for what Open has written
	for c.step() {
	}
	g.result = c.finish()
}

func (c *committer) step() bool {
	select {
	case <-c.queue.Wake():
		c.next(false)
	case <-c.due.C:
		c.armed = false
		c.cover()
	case err := <-c.done:
		c.settle(err)
	case <-c.closing:
		return false
	}
	c.arm()
	return true
}

// arm sets the clock for the next checkpoint, if there is anything to cover.
func (c *committer) arm() {
	if c.file().Poisoned() != nil {
		c.failed.Store(true)
		c.published.End() // nobody need wait for a proof
		return
	}
	if c.armed || c.working || !c.dirty && !c.bad {
		return
	}
	c.armed = true
	if c.bad {
		c.due.Reset(retryAfter)
	} else {
		c.due.Reset(checkpointAfter)
	}
}

// next commits what the queue holds.
func (c *committer) next(checkpoint bool) {
	b, text, items := c.queue.Take(c.text, c.items)
	if (len(items) > 0 || checkpoint && c.dirty) && c.full(len(text)) {
		b.Refused = c.rotate()
	}
	c.text, c.items = c.commit(b, text, items, checkpoint)
	c.prepare()
}

// cover commits with a checkpoint, and publishes it while commits go on.
func (c *committer) cover() {
	c.next(true)
	if c.bad = c.bad || c.dirty; c.dirty {
		return
	}
	c.working = true
	snapshot := c.tree
	go func() { c.done <- c.publish(&snapshot) }()
}

// settle takes the result of a publication.
func (c *committer) settle(err error) {
	c.working = false
	c.bad = err != nil
	if err == nil {
		c.tree.Full = c.tree.Full[c.shipped:]
	}
}

// finish writes what waits and the last checkpoint, and gives everything back.
func (c *committer) finish() error {
	c.next(true)
	if c.working {
		c.settle(<-c.done)
	}
	err := c.seal()
	c.published.End()
	c.durable.End()
	if !c.feeds.Drain() {
		err = errors.Join(err, ErrBehind)
	}
	_ = c.removal.Enter(context.Background()) // who retains has been woken, and needs the folder until then
	defer c.removal.Leave()
	return errors.Join(err, c.people.Close(), c.file().Close(), c.folder.Close(), c.lock.Close())
}

// seal publishes a checkpoint of the whole log.
func (g *log) seal() error {
	if g.file().Poisoned() != nil {
		return errors.New("audit: the log failed; its last lines are not signed")
	}
	if g.dirty {
		return errors.New("audit: the last checkpoint could not be written")
	}
	if g.published.Covers(g.tree.Size) && !g.bad {
		return nil
	}
	err := g.publish(&g.tree)
	if err == nil {
		g.tree.Full, g.bad = nil, false
	}
	return err
}

// commit makes a batch durable, wakes its callers, and returns the buffers. A
// checkpoint is one more line, which covers all before it.
func (g *log) commit(b *queue.Batch, text []byte, items []queue.Item, checkpoint bool) ([]byte, []queue.Item) {
	defer b.Done()
	text, items = g.admit(b, text, items)
	next := g.tree
	for i := range items {
		next.Add(items[i].Leaf)
	}
	if checkpoint = checkpoint && (g.dirty || len(items) > 0); checkpoint {
		text, checkpoint = g.sealLine(text, &next)
	}
	if next.Size == g.tree.Size {
		return text, items
	}
	text = tree.AppendCommit(text, next.Size, next.Root())
	if b.Err = g.write(text); b.Err != nil {
		return text, items
	}
	b.First, g.tree, g.dirty = g.tree.Size, next, !checkpoint
	g.remember(b.First, items, checkpoint)
	g.durable.Grow(next.Size, g.file().Size())
	return text, items
}

// remember keeps what must be known of lines that were written.
func (g *log) remember(first int64, items []queue.Item, checkpoint bool) {
	g.facts = g.facts[:0]
	for i := range items {
		g.facts = append(g.facts, items[i].Fact)
		g.now.times.Add(items[i].Fact.Time)
	}
	if checkpoint {
		g.facts = append(g.facts, carry.Fact{Action: actionCheckpoint})
	}
	g.state.Apply(first, g.facts)
}

func (g *log) write(text []byte) error {
	if err := g.file().Room(int64(len(text)), 0); err != nil {
		return outcomeOf(err)
	}
	return outcomeOf(g.file().Append(text))
}

// admit drops what may not use the space that is left, and everything that is no
// answer while checkpoints cannot be made, or no new segment.
func (g *log) admit(b *queue.Batch, text []byte, items []queue.Item) ([]byte, []queue.Item) {
	if len(items) == 0 {
		return text, items
	}
	if g.bad {
		b.Refused = errUnproven
	}
	if b.Refused != nil {
		b.Most = queue.Outcome
	}
	n := int64(len(text) + tree.CommitMax + checkpointMax)
	for b.Most > queue.Outcome {
		err := outcomeOf(g.file().Room(n, margins[b.Most]))
		if err == nil {
			break
		}
		b.Refused = err
		b.Most--
	}
	if b.Most == queue.Denial {
		return text, items
	}
	return queue.Keep(text, items, b.Most)
}

// outcomeOf says what a failure of the file means to a caller.
func outcomeOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, segment.ErrFull):
		return errFull
	case errors.Is(err, segment.ErrReplaced):
		return errReplaced
	case errors.Is(err, segment.ErrPoisoned):
		return errPoisoned
	}
	return errDisk
}

// sealLine appends a line whose note covers all lines before it. Where it cannot be
// signed the batch goes without.
func (g *log) sealLine(text []byte, next *tree.Tree) ([]byte, bool) {
	c, err := g.key.Checkpoint(next.Size, next.Root())
	if err != nil {
		g.bad = true
		return text, false
	}
	e := Event{Time: time.Now(), Action: actionCheckpoint, Outcome: OutcomeSuccess}
	roomAndLine := encoded(g.key, &e, extra{checkpoint: string(c.Note)})
	next.Add(tree.LeafHash(roomAndLine))
	g.now.times.Add(e.Time.UnixMilli())
	return append(append(text, roomAndLine[1:]...), '\n'), true
}

// record writes one event of the log itself, before or beside the committer's loop.
func (g *log) record(e Event, x extra) error {
	e.Time = time.Now()
	roomAndLine := encoded(g.key, &e, x)
	b := queue.NewBatch()
	text := append(roomAndLine[1:len(roomAndLine):len(roomAndLine)], '\n')
	item := queue.Item{End: len(text), Leaf: tree.LeafHash(roomAndLine), Fact: factOf(&e)}
	g.commit(b, text, []queue.Item{item}, false)
	return b.Err
}
