package audit_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/internal/segment"
)

// crossing is an event as a gate fills it.
func crossing() audit.Event {
	e := answer()
	e.Tenant, e.Instance = "acme", "a"
	e.Actor = audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}
	e.Jurisdictions, e.Effect = []string{"eu"}, "read-only"
	e.Boundary, e.Trace = "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"
	return e
}

func parallel(b *testing.B, callers int, f func()) {
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range callers {
		n := b.N / callers
		if i < b.N%callers {
			n++
		}
		wg.Go(func() {
			for range n {
				f()
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 64, 256, 4096} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			l := open(b, create(b))
			e := crossing()
			parallel(b, callers, func() {
				if _, err := l.Append(context.Background(), e); err != nil {
					b.Error(err)
				}
			})
			shut(b, l)
		})
	}
}

// BenchmarkFsyncEach is what BenchmarkAppend is compared with: the same bytes, one
// write and one sync for each record.
func BenchmarkFsyncEach(b *testing.B) {
	dir := create(b)
	l := open(b, dir)
	r := add(b, l, crossing())
	line := append(lines(read(b, segmentOf(dir)))[r.Index], '\n')
	for _, callers := range []int{1, 256} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			h, err := segment.OS{}.Open(filepath.Join(b.TempDir(), "f"), true)
			if err != nil {
				b.Fatal(err)
			}
			defer h.Close()
			var mu sync.Mutex
			parallel(b, callers, func() {
				mu.Lock()
				defer mu.Unlock()
				if _, err := h.Write(line); err != nil {
					b.Error(err)
				}
				if err := h.Sync(); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := create(b)
	l := open(b, dir)
	var wg sync.WaitGroup
	for range 256 {
		wg.Go(func() {
			for range 200 {
				add(b, l, crossing())
			}
		})
	}
	wg.Wait()
	shut(b, l)
	fi, err := os.Stat(segmentOf(dir))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(fi.Size())
	for b.Loop() {
		if _, err := reopens(b, dir); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProof(b *testing.B) {
	l := open(b, create(b))
	r := add(b, l, crossing())
	for b.Loop() {
		if _, err := l.Proof(context.Background(), r.Index); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReopen is a log of a gibibyte, in segments of the default size, of which the
// newest is nearly full.
func BenchmarkReopen(b *testing.B) {
	dir := create(b)
	l := open(b, dir)
	size := func() (n int64) {
		for _, name := range segments(b, dir) {
			if fi, err := os.Stat(filepath.Join(dir, "seg", name)); err == nil {
				n += fi.Size()
			}
		}
		return n
	}
	for size() < 1<<30-24<<20 {
		var wg sync.WaitGroup
		for range 2048 {
			wg.Go(func() {
				for range 4 {
					add(b, l, crossing())
				}
			})
		}
		wg.Wait()
	}
	shut(b, l)
	newest, err := os.Stat(filepath.Join(dir, "seg", segments(b, dir)[len(segments(b, dir))-1]))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(newest.Size())
	for b.Loop() {
		if _, err := reopens(b, dir); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size()>>20), "MiB")
}

// BenchmarkAppendBesideASink is how long one Append takes among 64 callers, of a log with a
// sink and of one without, by turns, because a disk is another one a second later. A sink
// holds nobody: both ratios are about 1.
func BenchmarkAppendBesideASink(b *testing.B) {
	for _, c := range []struct {
		name string
		to   audit.Sink
	}{
		{"well", new(deaf)},
		{"dead", &deaf{class: "unavailable"}},
		{"hole", &deaf{waits: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			logs := [2]*audit.Log{open(b, create(b)), openFed(b, create(b), eu(siem(c.to)))}
			var took [2][]time.Duration
			const turn = 6400
			b.ResetTimer()
			for range b.N/(2*turn) + 1 {
				for i, l := range logs {
					took[i] = append(took[i], laps(b, l, turn)...)
				}
			}
			b.StopTimer()
			for i := range took {
				slices.Sort(took[i])
			}
			for name, part := range map[string]int{"x-p50": 50, "x-p99": 99} {
				at := len(took[0]) * part / 100
				b.ReportMetric(float64(took[1][at])/float64(took[0][at]), name)
			}
			_ = logs[1].Close(context.Background())
		})
	}
}

// laps are how long n appends of 64 callers take, each.
func laps(b *testing.B, l *audit.Log, n int) []time.Duration {
	const callers = 64
	var took [callers][]time.Duration
	e := crossing()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range n / callers {
				begun := time.Now()
				if _, err := l.Append(context.Background(), e); err != nil {
					b.Error(err)
				}
				took[i] = append(took[i], time.Since(begun))
			}
		})
	}
	wg.Wait()
	return slices.Concat(took[:]...)
}

// deaf is a sink that keeps nothing.
type deaf struct {
	class string // of its refusal; empty: it takes everything
	waits bool   // until its context ends
}

func (d *deaf) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	switch {
	case d.waits:
		<-ctx.Done()
		return 0, ctx.Err()
	case d.class != "":
		return 0, &audit.SinkError{Class: d.class}
	}
	return len(batch), nil
}
