package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const (
	// noise is how many bad tokens come in a second: a million in less than two minutes.
	noise = 10_000
	tick  = time.Millisecond

	badToken = "bad"
)

// doorman lets in whoever has not a bad token.
type doorman struct{ alice }

// Verify implements auth.Verifier.
func (d doorman) Verify(ctx context.Context, p auth.Presented) (auth.Identity, error) {
	if p.Secret.Equal([]byte(badToken)) {
		return auth.Identity{}, auth.ErrInvalid
	}
	return d.alice.Verify(ctx, p)
}

// logNoise compares the slowest of a hundred events, with a gate that refuses on the same log.
func logNoise(ctx context.Context, s *session) (lines []line, err error) {
	dir, remove, err := s.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	at, err := startServiceWith(ctx, dir, doorman{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.close(ctx)) }()
	e := crossing()
	e.Tenant = "benchmarks"
	quiet := s.slowest(ctx, at.log, e)
	refused, turns := 0, 0
	loud := func() (float64, error) {
		flood, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { refused += at.refuse(flood) })
		p99, err := quiet()
		stop()
		wg.Wait()
		turns++
		return p99, err
	}
	c, err := s.compare(ctx, s.few, loud, quiet)
	if err == nil && refused == 0 {
		err = errors.New("no token was refused")
	}
	return []line{{
		name: "audit/noise", value: c.ratio, target: 1.2,
		detail: fmt.Sprintf("p99 of Append of 64 callers beside %d refused tokens a second %s, without %s; %d were refused in %d turns; %v", noise, ns(c.ours), ns(c.theirs), refused, turns, c),
	}}, err
}

// refuse shows bad tokens until ctx ends, and counts them.
func (s *service) refuse(ctx context.Context) (refused int) {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return refused
		case <-clock.C:
		}
		for range noise * int(tick) / int(time.Second) {
			if _, err := s.gate.Admit(ctx, auth.Bearer(badToken)); err != nil {
				refused++
			}
		}
	}
}
