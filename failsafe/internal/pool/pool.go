// Package pool runs many at once, and yields each as it ends.
//
//	p := pool.Pool[Hire, Result]{Parallel: 4, May: may, Run: run, Ended: count}
//	left := p.Loop(items, yield)
//
// # Guarantees
//
// Items are pulled one at a time, on the goroutine of the loop, and never while yield is
// at work: whoever breaks off at a result has begun nothing after it. However the loop
// ends, by a break, a panic or runtime.Goexit, it waits for what is under way. A panic and
// a Goexit of Run are the loop's. No goroutine is left.
//
// # Limits
//
// Items that block hold back what has ended meanwhile.
//
// # Concurrency
//
// Loop may be called more than once, also at once. Run is called concurrently.
package pool

import (
	"iter"
	"runtime"
)

// Pool says how. All fields are required.
type Pool[V, R any] struct {
	Parallel int               // at once; at least 1
	May      func() bool       // whether another may begin: asked before each
	Run      func(string, V) R // in a goroutine of its own
	Ended    func(R)           // of each, before it is yielded; also of those that nobody reads any more
}

// outcome is what Run returned, or threw.
type outcome[R any] struct {
	result   R
	thrown   any
	returned bool
}

// loop is one loop under way. One goroutine has it.
type loop[V, R any] struct {
	Pool[V, R]
	under int
	ended chan outcome[R]
}

// Loop yields until yield says that it is enough, or items are over, or May says no and
// nothing is under way; left: items may be left.
func (p Pool[V, R]) Loop(items iter.Seq2[string, V], yield func(R) bool) (left bool) {
	l := &loop[V, R]{p, 0, make(chan outcome[R], p.Parallel)} // nobody who ends waits
	defer l.drain()
	next, stop := iter.Pull2(items)
	defer stop()
	for over := false; ; {
		switch {
		case !over && l.under < l.Parallel && len(l.ended) == 0 && l.May():
			id, v, ok := next()
			if over = !ok; ok {
				l.begin(id, v)
			}
		case l.under > 0:
			if !yield(l.take()) {
				return true
			}
		default:
			return !over
		}
	}
}

func (l *loop[V, R]) begin(id string, v V) {
	l.under++
	go func() {
		var o outcome[R]
		defer func() {
			if !o.returned {
				o.thrown = recover()
			}
			l.ended <- o
		}()
		o.result = l.Run(id, v)
		o.returned = true
	}()
}

// take waits for one, and ends as it has ended.
func (l *loop[V, R]) take() R {
	o := <-l.ended
	l.under--
	switch {
	case o.thrown != nil:
		panic(o.thrown) // here somebody may recover
	case !o.returned:
		runtime.Goexit()
	}
	l.Ended(o.result)
	return o.result
}

// drain takes all, also behind one that throws.
func (l *loop[V, R]) drain() {
	if l.under > 0 {
		defer l.drain()
		l.take()
	}
}
