package pool_test

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/failsafe/internal/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// numbers are 1 to n; below 0 without end.
func numbers(n int, pulled *int) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for i := 1; n < 0 || i <= n; i++ {
			*pulled = i
			if !yield(strconv.Itoa(i), i) {
				return
			}
		}
	}
}

// works is a pool whose runs sleep, and what it counts.
type works struct {
	pool.Pool[int, string]
	mu        sync.Mutex
	now, most int
	ended     []string
}

func newWorks(parallel int, run func(n int)) *works {
	w := &works{}
	w.Pool = pool.Pool[int, string]{
		Parallel: parallel,
		May:      func() bool { return true },
		Run: func(id string, n int) string {
			w.count(1)
			defer w.count(-1)
			run(n)
			return id
		},
		Ended: func(id string) { w.ended = append(w.ended, id) },
	}
	return w
}

func (w *works) count(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now += by
	w.most = max(w.most, w.now)
}

func seconds(n int) { time.Sleep(time.Duration(n) * time.Second) }

// TestEachAsItEnds, and no more at once than there may be.
func TestEachAsItEnds(t *testing.T) {
	for parallel, want := range map[int]string{1: "4 3 2 1", 2: "3 2 1 4", 4: "1 2 3 4", 256: "1 2 3 4"} {
		synctest.Test(t, func(t *testing.T) {
			pulled := 0
			w := newWorks(parallel, func(n int) { seconds(n * n) }) // no two end at once
			backwards := func(yield func(string, int) bool) {
				for id, n := range numbers(4, &pulled) {
					if id = strconv.Itoa(5 - n); !yield(id, 5-n) {
						return
					}
				}
			}
			var got []string
			left := w.Loop(backwards, func(id string) bool { got = append(got, id); return true })
			if text := strings.Join(got, " "); text != want || left || w.most != min(parallel, 4) || !slices.Equal(w.ended, got) {
				t.Errorf("%d at once: %s, want %s; at most %d, left %v", parallel, text, want, w.most, left)
			}
		})
	}
}

// TestABreakBeginsNothing after what was seen, and waits for what is under way.
func TestABreakBeginsNothing(t *testing.T) {
	for parallel, most := range map[int]int{1: 1, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			pulled, began := 0, time.Now()
			w := newWorks(parallel, seconds)
			left := w.Loop(numbers(-1, &pulled), func(string) bool { seconds(1); return false })
			if pulled != most || !left || len(w.ended) != most || w.now != 0 {
				t.Errorf("%d pulled, %d ended, %d under way, left %v; want %d", pulled, len(w.ended), w.now, left, most)
			}
			if took := time.Since(began); took != time.Duration(max(2, most))*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestWhatHasEndedComesFirst: somebody may break off at it.
func TestWhatHasEndedComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pulled, seen := 0, 0
		w := newWorks(3, func(int) { seconds(1) })
		w.Loop(numbers(-1, &pulled), func(string) bool { seconds(1); seen++; return seen < 3 })
		if pulled != 3 || seen != 3 {
			t.Errorf("%d pulled, %d seen", pulled, seen)
		}
	})
}

// TestMayNot ends a loop, with what is under way.
func TestMayNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pulled := 0
		w := newWorks(2, seconds)
		w.May = func() bool { return pulled < 3 }
		if left := w.Loop(numbers(-1, &pulled), func(string) bool { return true }); !left || len(w.ended) != 3 || pulled != 3 {
			t.Errorf("left %v, %d ended of %d", left, len(w.ended), pulled)
		}
		w = newWorks(2, seconds)
		if left := w.Loop(numbers(0, &pulled), func(string) bool { return true }); left || len(w.ended) != 0 {
			t.Errorf("of none: left %v, %v", left, w.ended)
		}
	})
}

// TestWhoeverThrows is not swallowed, and takes nobody along who is under way.
func TestWhoeverThrows(t *testing.T) {
	items := func(end func()) iter.Seq2[string, int] {
		return func(yield func(string, int) bool) {
			_ = yield("1", 1) && yield("2", 2)
			end()
		}
	}
	run := func(end func()) func(int) {
		return func(n int) {
			if seconds(n); n == 1 {
				end()
			}
		}
	}
	crash, exit, nothing := func() { panic("crash") }, runtime.Goexit, func() {}
	on := func(string) bool { return true }
	for name, c := range map[string]struct {
		items iter.Seq2[string, int]
		run   func(int)
		yield func(string) bool
		want  string
		ended int
	}{
		"items panic":     {items(crash), seconds, on, "crash", 2},
		"items exit":      {items(exit), seconds, on, "exit", 2},
		"a run panics":    {items(nothing), run(crash), on, "crash", 1},
		"a run exits":     {items(nothing), run(exit), on, "exit", 1},
		"the loop panics": {items(nothing), seconds, func(string) bool { panic("crash") }, "crash", 2},
		"the loop exits":  {items(nothing), seconds, func(string) bool { runtime.Goexit(); return true }, "exit", 2},
		"a run after a break": {items(nothing), func(n int) {
			if seconds(n); n == 2 {
				panic("crash")
			}
		}, func(string) bool { return false }, "crash", 1},
		"nobody": {items(nothing), seconds, on, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorks(3, c.run)
				how := "exit"
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() {
						if v := recover(); v != nil {
							how = fmt.Sprint(v)
						}
					}()
					w.Loop(c.items, c.yield)
					how = ""
				}()
				<-done
				if how != c.want || len(w.ended) != c.ended || w.now != 0 {
					t.Errorf("%q with %d ended, %d under way; want %q, %d", how, len(w.ended), w.now, c.want, c.ended)
				}
			})
		})
	}
}
