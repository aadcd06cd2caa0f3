package file_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/segment"
)

// bare is a file on the same disk, and what a journal writes for one record: what
// BenchmarkAppend is compared with is one write and one fdatasync of these bytes.
type bare struct {
	segment.Handle
	text []byte
}

func newBare(b *testing.B, r frames.Record) *bare {
	b.Helper()
	h, err := segment.OS{}.Open(filepath.Join(b.TempDir(), "bare"), true)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.Close() })
	return &bare{h, frames.Commit(frames.Append(nil, &r), frames.ID{}, 1)}
}

func (w *bare) append(b *testing.B) time.Duration {
	began := time.Now()
	if _, err := w.Write(w.text); err != nil {
		b.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// BenchmarkAppend: with one caller turn by turn with the bare file, so that both see the
// same disk; with more, all of them and then as many bare writes. of-bare is the time of
// one record in the journal over that of one in the bare file.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 128} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			j := open(b, filepath.Join(b.TempDir(), "journal"), nil)
			w := newBare(b, record("run", 1))
			b.ReportAllocs()
			var ours, theirs time.Duration
			if callers == 1 {
				r := record("run", 1)
				for b.Loop() {
					began := time.Now()
					if err := j.Append(context.Background(), r); err != nil {
						b.Fatal(err)
					}
					ours += time.Since(began)
					r.Sequence++
					b.StopTimer()
					theirs += w.append(b)
					b.StartTimer()
				}
			} else {
				b.ResetTimer()
				began := time.Now()
				many(b, j, callers)
				ours = time.Since(began)
				b.StopTimer()
				some := min(b.N, 500)
				for range some {
					theirs += w.append(b)
				}
				theirs = theirs * time.Duration(b.N) / time.Duration(some)
			}
			b.ReportMetric(float64(ours)/float64(theirs), "of-bare")
		})
	}
}

func many(b *testing.B, j *file.Journal, callers int) {
	var wg sync.WaitGroup
	for i := range callers {
		n := b.N / callers
		if i < b.N%callers {
			n++
		}
		wg.Go(func() {
			for r := record(fmt.Sprint("run-", i), 1); r.Sequence <= uint64(n); r.Sequence++ {
				if err := j.Append(context.Background(), r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkOpen opens a journal of ten thousand runs that go on, and reads them.
func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "journal")
	j := open(b, dir, nil)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			for k := range 100 {
				run := fmt.Sprintf("run-%d-%d", i, k)
				for n := 1; n <= 3; n++ {
					if err := j.Append(context.Background(), record(run, n)); err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	shut(b, j)
	for b.Loop() {
		j := open(b, dir, nil)
		if n := len(records(b, j)); n != 30_000 {
			b.Fatal(n)
		}
		shut(b, j)
	}
}
