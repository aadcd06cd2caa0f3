package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watched is how much of what there is to read was read.
type watched struct{ done, total atomic.Int64 }

// watch tells on a terminal, every second, what was told to the function that it returns, until
// the other one is called. Elsewhere it says nothing, and the first one is nil.
func watch(stderr io.Writer) (tell func(done, total int64), stop func()) {
	if !terminal(stderr) {
		return nil, func() {}
	}
	w := &watched{}
	return w.tell, w.report(stderr)
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

func (w *watched) tell(done, total int64) {
	w.done.Store(done)
	w.total.Store(total)
}

// report writes until the function that it returns is called.
func (w *watched) report(out io.Writer) func() {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				fmt.Fprintf(out, "carnet: %d of %d MB\n", w.done.Load()>>20, w.total.Load()>>20)
			}
		}
	})
	return func() { close(done); wg.Wait() }
}
