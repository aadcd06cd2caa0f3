package kafkaaudit

import (
	"bytes"
	"context"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/carnet-go/carnet/audit"
)

const headerIndex = "carnet-index"

// tally is what has become of a batch.
type tally struct {
	mu    sync.Mutex
	left  int
	acked []bool
	why   error // of the first that was not; nil: none was refused
	done  chan struct{}
}

// send returns how many entries all replicas have, up to the first of which that is not
// known.
func send(ctx context.Context, client *kgo.Client, topic string, batch []audit.Entry) (int, error) {
	t := &tally{left: len(batch), acked: make([]bool, len(batch)), done: make(chan struct{})}
	for i, e := range batch {
		client.Produce(ctx, record(topic, e), func(_ *kgo.Record, err error) { t.end(i, err) })
	}
	select {
	case <-t.done:
	case <-ctx.Done():
	}
	return t.count(ctx)
}

// record has the line's bytes as value, copied: a client may look at them when the caller has
// gone. It has the time of now, not of the line: the retention of a topic begins when it gets
// a record, and brokers refuse what is too old, or ahead of them.
func record(topic string, e audit.Entry) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Key: []byte(e.Origin), Value: bytes.Clone(e.Line),
		Headers: []kgo.RecordHeader{{Key: headerIndex, Value: strconv.AppendInt(nil, e.Index, 10)}},
	}
}

func (t *tally) end(i int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acked[i] = err == nil
	if err != nil && t.why == nil {
		t.why = err
	}
	if t.left--; t.left == 0 {
		close(t.done)
	}
}

func (t *tally) count(ctx context.Context) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.acked) && t.acked[n] {
		n++
	}
	switch {
	case n == len(t.acked):
		return n, nil
	case t.why != nil:
		return n, t.why
	}
	return n, ctx.Err()
}
