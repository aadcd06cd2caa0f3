package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"
)

// watch tells on a terminal, every second, how much of a log was read. Elsewhere it says
// nothing.
func watch(log fs.FS, stderr io.Writer) (fs.FS, func()) {
	if !terminal(stderr) {
		return log, func() {}
	}
	w := &watched{FS: log}
	return w, w.report(stderr)
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// watched counts what is read of the segments of a log.
type watched struct {
	fs.FS
	read, size atomic.Int64
}

// Open is for fs.FS.
func (w *watched) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil || path.Ext(name) != ".jsonl" {
		return f, err
	}
	if info, err := f.Stat(); err == nil {
		w.size.Store(info.Size())
	}
	return &watchedFile{f, w}, nil
}

type watchedFile struct {
	fs.File
	w *watched
}

// Read is for fs.File.
func (f *watchedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.w.read.Add(int64(n))
	return n, err
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
				fmt.Fprintf(out, "carnet: %d of %d MB\n", w.read.Load()>>20, w.size.Load()>>20)
			}
		}
	})
	return func() { close(done); wg.Wait() }
}
