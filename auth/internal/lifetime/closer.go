package lifetime

import (
	"context"
	"sync"
	"sync/atomic"
)

// Closer closes once, and tells all who close what came of it. A nil Closer is closed.
type Closer struct {
	release  func(context.Context) error
	closing  atomic.Bool
	closed   chan struct{} // nobody may use it any more
	once     sync.Once     // of spent
	spent    chan struct{} // closed, or to be replaced
	released chan struct{} // err is known
	err      error
}

// NewCloser calls release with the first Close; nil: there is nothing to release.
func NewCloser(release func(context.Context) error) *Closer {
	return &Closer{release: release, closed: make(chan struct{}), spent: make(chan struct{}), released: make(chan struct{})}
}

// Open says whether nobody has closed it.
func (c *Closer) Open() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.closed:
		return false
	default:
		return true
	}
}

// Done is closed with the first Close, before it releases, or with Spend; of a nil Closer it
// is nil.
func (c *Closer) Done() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.spent
}

// Spend closes Done alone: whoever holds it is to look for another. It says that there is
// something to spend.
func (c *Closer) Spend() bool {
	if c != nil {
		c.once.Do(func() { close(c.spent) })
	}
	return c != nil
}

// Close releases. A second Close does nothing, and returns what the first did when that
// is known, or the end of ctx.
func (c *Closer) Close(ctx context.Context) error {
	if c == nil {
		return nil
	}
	if !c.closing.Swap(true) {
		close(c.closed)
		c.Spend()
		defer close(c.released)
		if c.release != nil {
			c.err = c.release(ctx)
		}
		return c.err
	}
	select {
	case <-c.released:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
