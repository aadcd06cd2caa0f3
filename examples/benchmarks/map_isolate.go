package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/isolate"
)

// mapIsolate has no target: what a process of its own costs is for whoever decides by it. Its time is
// everybody's, because two processes share it.
func mapIsolate(ctx context.Context, s *session) ([]line, error) {
	m, err := orderMapper()
	if err != nil {
		return nil, err
	}
	one, err := s.apart(ctx, m, 1)
	if err != nil {
		return nil, err
	}
	documents := s.few * 500
	many, err := s.apart(ctx, m, documents)
	if err != nil {
		return nil, err
	}
	return []line{{
		name: "map/isolate start", value: one.ours / 1e6, unit: "ms", open: true,
		detail: fmt.Sprintf("a batch of one document, from the start of its process to the end; in this process %s; %d rounds", ns(one.theirs), one.rounds),
	}, {
		name: "map/isolate", value: many.ratio, open: true,
		detail: fmt.Sprintf("a batch of %d documents and its process, for each %s; in this process %s; %v", documents, ns(many.ours/float64(documents)), ns(many.theirs/float64(documents)), many),
	}}, nil
}

// apart compares batches of so many documents with the same in this process.
func (s *session) apart(ctx context.Context, m *mapping.Mapper, documents int) (comparison, error) {
	stream := func() *lines { return &lines{line: append(orderDocument(), '\n'), left: documents} }
	isolated := func() iter.Seq2[mapping.Record, error] {
		return isolate.Map(ctx, m, stream(), nil, isolate.Limits{Weaker: true})
	}
	here := func() iter.Seq2[mapping.Record, error] {
		return func(yield func(mapping.Record, error) bool) {
			for d, err := range m.Source().Documents(ctx, stream()) {
				var r mapping.Record
				if err == nil {
					r, err = m.Map(ctx, d, nil)
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
	batch := func(of func() iter.Seq2[mapping.Record, error]) side {
		return repeated(func() error {
			n := 0
			for r, err := range of() {
				if err != nil {
					return err
				}
				if r.Len() > 0 {
					n++
				}
			}
			if n != documents {
				return fmt.Errorf("%d documents, not %d", n, documents)
			}
			return nil
		})
	}
	return s.compare(ctx, s.few, timed(wallTime, 1, batch(isolated)), timed(wallTime, 1, batch(here)))
}
