package file

import "context"

// What the external tests reach.
var OpenOn = open

const (
	MostBatch = mostBatch
	Kept      = kept
)

// Decided is what is told of a record that was decided about.
func Decided(ctx context.Context, err error) error {
	b := &batch{items: []item{{err: err}}, done: make(chan struct{})}
	close(b.done)
	return b.wait(ctx, 0)
}
