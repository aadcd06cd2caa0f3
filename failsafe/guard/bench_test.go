package guard_test

import (
	"context"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/carnet-go/carnet/failsafe/guard"
)

var works = func(context.Context) (int, error) { return 1, nil }

// BenchmarkDo is a call with everything; its context ends before the attempt would, so
// there is no timer to be made.
func BenchmarkDo(b *testing.B) {
	g, _ := guard.New("crm", &guard.Options{Attempt: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Do(ctx, g, works); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDoIdempotent(b *testing.B) {
	g, _ := guard.New("crm", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.DoIdempotent(context.Background(), g, works); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRejected(b *testing.B) {
	g, _ := guard.New("crm", nil)
	g.Isolate()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Do(context.Background(), g, works); err == nil {
			b.Fatal("let through")
		}
	}
}

// BenchmarkGobreaker is the state machine alone.
func BenchmarkGobreaker(b *testing.B) {
	cb := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cb.Execute(func() (int, error) { return works(nil) }); err != nil {
			b.Fatal(err)
		}
	}
}
