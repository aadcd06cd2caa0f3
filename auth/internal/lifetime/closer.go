package lifetime

import (
	"context"
	"sync/atomic"
)

// Closer closes once, and tells all who close what came of it. A nil Closer is closed.
type Closer struct {
	release  func(context.Context) error
	closing  atomic.Bool
	closed   chan struct{} // nobody may use it any more
	released chan struct{} // err is known
	err      error
}

// NewCloser calls release with the first Close; nil: there is nothing to release.
func NewCloser(release func(context.Context) error) *Closer {
	return &Closer{release: release, closed: make(chan struct{}), released: make(chan struct{})}
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

// Close releases. A second Close does nothing, and returns what the first did when that
// is known, or the end of ctx.
func (c *Closer) Close(ctx context.Context) error {
	if c == nil {
		return nil
	}
	if !c.closing.Swap(true) {
		close(c.closed)
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
