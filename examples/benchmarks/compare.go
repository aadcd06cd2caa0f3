package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// side does what is compared n times.
type side func(n int) error

// turn measures a side once: nanoseconds for one of what it does.
type turn func() (float64, error)

// comparison is two sides after all rounds.
type comparison struct {
	ratio        float64 // median of the rounds' ratios
	least        float64 // least of one by least of the other
	ours, theirs float64 // medians, in nanoseconds
	rounds       int
}

// String is what is the same in all details.
func (c comparison) String() string {
	return fmt.Sprintf("min/min %.2f, %d rounds", c.least, c.rounds)
}

// compare gives both their turns, each round the other one first. The first round does
// not count.
func (s *session) compare(ctx context.Context, rounds int, ours, theirs turn) (c comparison, err error) {
	var all [2][]float64
	var ratios []float64
	turns := [2]turn{ours, theirs}
	for i := range rounds + 1 {
		var took [2]float64
		for k := range turns {
			which := (k + i) % len(turns)
			if err := ctx.Err(); err != nil {
				return c, err
			}
			if took[which], err = turns[which](); err != nil {
				return c, err
			}
		}
		s.progress(i, rounds, "rounds")
		if i == 0 {
			continue
		}
		ratios = append(ratios, took[0]/took[1])
		for k := range took {
			all[k] = append(all[k], took[k])
		}
	}
	return comparison{
		ratio: median(ratios), least: slices.Min(all[0]) / slices.Min(all[1]),
		ours: median(all[0]), theirs: median(all[1]), rounds: len(ratios),
	}, nil
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// pair compares what needs no disk, by the time of processors: what others do on the
// machine is not in it. Both sides do it equally often.
func (s *session) pair(ctx context.Context, ours, theirs side) (comparison, error) {
	n, err := s.often(cpuTime, ours, theirs)
	if err != nil {
		return comparison{}, err
	}
	return s.compare(ctx, s.rounds, timed(cpuTime, n, ours), timed(cpuTime, n, theirs))
}

// often is how many of it fill a turn of the slower side.
func (s *session) often(clock func() time.Duration, sides ...side) (int, error) {
	for n := 1; ; n *= 2 {
		for _, do := range sides {
			began := clock()
			if err := do(n); err != nil {
				return 0, err
			}
			if clock()-began >= s.turn || n >= 1<<24 {
				return n, nil
			}
		}
	}
}

// timed is a turn of n, without the garbage of whoever was before.
func timed(clock func() time.Duration, n int, do side) turn {
	return func() (float64, error) {
		runtime.GC()
		began := clock()
		err := do(n)
		return float64(clock()-began) / float64(n), err
	}
}

var birth = time.Now() // of this process, for a clock that nobody sets

// wallTime is the time of everybody.
func wallTime() time.Duration { return time.Since(birth) }

// on is a side on so many processors, by as many goroutines as are given.
func on(procs, goroutines int, do side) side {
	return func(n int) error {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		errs := make([]error, goroutines)
		var wg sync.WaitGroup
		for i := range goroutines {
			part := n / goroutines
			if i < n%goroutines {
				part++
			}
			wg.Go(func() { errs[i] = do(part) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// allocations of one call, rounded down: what the runtime itself does now and then is
// not the call's.
func allocations(do side) (float64, error) {
	const calls = 1000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if err := do(1); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := do(calls)
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / calls), err
}

// ns is a time in a unit that can be read.
func ns(t float64) string {
	switch {
	case t < 10_000:
		return fmt.Sprintf("%.0f ns", t)
	case t < 10_000_000:
		return fmt.Sprintf("%.1f µs", t/1e3)
	}
	return fmt.Sprintf("%.1f ms", t/1e6)
}
