package audit_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/carnet-go/carnet/audit"
)

// TestEventsFrom yields what Events does without its first lines, which may be anything.
func TestEventsFrom(t *testing.T) {
	taken := func(events iter.Seq2[audit.Event, error]) (all []audit.Event, last error) {
		for e, err := range events {
			if last = err; err == nil {
				all = append(all, e)
			}
		}
		return all, last
	}
	synctest.Test(t, func(t *testing.T) { // no checkpoint comes in between
		dir := create(t)
		l := open(t, dir)
		var receipt audit.Receipt
		for i := range 5 {
			e := answer()
			e.Attempt = i + 1
			receipt = add(t, l, e)
		}
		all, err := taken(l.Events(t.Context()))
		n := int64(len(all))
		if err != nil || n < 6 || receipt.Index != n-1 {
			t.Fatal(n, receipt.Index, err)
		}
		for first := int64(-1); first <= n+1; first++ {
			want := append([]audit.Event(nil), all[min(max(first, 0), n):]...)
			if got, err := taken(l.EventsFrom(t.Context(), first)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("from %d: %+v, %v\nwant %+v", first, got, err, want)
			}
		}
		whole := read(t, segmentOf(dir))
		write(t, segmentOf(dir), append([]byte("x"), whole[1:]...))
		if got, err := taken(l.Events(t.Context())); err == nil || got != nil {
			t.Errorf("the first line is broken, and read as %+v", got)
		}
		if got, err := taken(l.EventsFrom(t.Context(), 1)); err != nil || !reflect.DeepEqual(got, all[1:]) {
			t.Errorf("behind a broken line: %+v, %v", got, err)
		}
		write(t, segmentOf(dir), whole)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := taken(l.EventsFrom(ctx, n+1)); !errors.Is(err, context.Canceled) || got != nil {
			t.Errorf("nothing is to come, and nobody waits: %+v, %v", got, err)
		}
		if got, err := taken(new(audit.Log).EventsFrom(t.Context(), 1)); err == nil || got != nil {
			t.Errorf("a zero log: %+v", got)
		}
		shut(t, l)
	})
}
