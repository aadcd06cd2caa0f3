package audit

import (
	"errors"
	"time"

	"github.com/carnet-go/carnet/internal/segment"
)

const (
	// margin is the space that only answers may use.
	margin = 256 << 10
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
	items []item

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
	for c.step() {
	}
	g.result = c.finish()
}

func (c *committer) step() bool {
	select {
	case <-c.queue.wake:
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
	if c.file.Poisoned() != nil {
		c.published.end() // nobody need wait for a proof
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
	b, text, items := c.queue.take(c.text, c.items)
	if b == nil {
		b = newBatch()
	}
	c.text, c.items = c.commit(b, text, items, checkpoint)
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
		c.tree.full = c.tree.full[c.shipped:]
	}
}

// finish writes what waits and the last checkpoint, and gives everything back.
func (c *committer) finish() error {
	c.next(true)
	if c.working {
		c.settle(<-c.done)
	}
	err := c.seal()
	c.published.end()
	return errors.Join(err, c.file.Close(), c.lock.Close())
}

// seal publishes a checkpoint of the whole log.
func (g *log) seal() error {
	if g.file.Poisoned() != nil {
		return errors.New("audit: the log failed; its last lines are not signed")
	}
	if g.dirty {
		return errors.New("audit: the last checkpoint could not be written")
	}
	if g.published.covers(g.tree.size) && !g.bad {
		return nil
	}
	err := g.publish(&g.tree)
	if err == nil {
		g.tree.full, g.bad = nil, false
	}
	return err
}

// commit makes a batch durable, wakes its callers, and returns the buffers. A
// checkpoint is one more line, which covers all before it.
func (g *log) commit(b *batch, text []byte, items []item, checkpoint bool) ([]byte, []item) {
	defer close(b.done)
	text, items = g.admit(b, text, items)
	next := g.tree
	for i := range items {
		next.add(items[i].leaf)
	}
	if checkpoint = checkpoint && (g.dirty || len(items) > 0); checkpoint {
		text, checkpoint = g.sealLine(text, &next)
	}
	if next.size == g.tree.size {
		return text, items
	}
	text = appendCommit(text, next.size, next.root())
	if b.err = g.write(text); b.err != nil {
		return text, items
	}
	b.first, g.tree, g.dirty = g.tree.size, next, !checkpoint
	g.durable.grow(next.size, g.file.Size())
	return text, items
}

func (g *log) write(text []byte) error {
	if err := g.file.Room(int64(len(text)), 0); err != nil {
		return outcomeOf(err)
	}
	return outcomeOf(g.file.Append(text))
}

// admit drops what may not use the space that is left, and everything that is no
// answer while checkpoints cannot be made.
func (g *log) admit(b *batch, text []byte, items []item) ([]byte, []item) {
	switch {
	case len(items) == 0:
		return text, items
	case g.bad:
		b.refused = errUnproven
	default:
		n := int64(len(text) + commitMax + checkpointMax)
		b.refused = outcomeOf(g.file.Room(n, margin))
	}
	if b.refused == nil {
		return text, items
	}
	return answersOnly(text, items)
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
func (g *log) sealLine(text []byte, next *tree) ([]byte, bool) {
	c, err := g.key.sign(next.size, next.root())
	if err != nil {
		g.bad = true
		return text, false
	}
	e := Event{Time: time.Now(), Action: actionCheckpoint, Outcome: OutcomeSuccess}
	l := line{b: make([]byte, 1, checkpointMax)}
	g.key.encode(&l, &e, extra{checkpoint: string(c.note)})
	next.add(leafHash(l.b))
	return append(append(text, l.b[1:]...), '\n'), true
}

// record writes one event of the log itself, before or beside the committer's loop.
func (g *log) record(e Event, x extra, checkpoint bool) error {
	l := line{b: make([]byte, 1, checkpointMax)}
	e.Time = time.Now()
	g.key.encode(&l, &e, x)
	b := newBatch()
	text := append(l.b[1:len(l.b):len(l.b)], '\n')
	g.commit(b, text, []item{{len(text), leafHash(l.b), true}}, checkpoint)
	return b.err
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }
