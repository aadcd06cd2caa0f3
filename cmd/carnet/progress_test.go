package main

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// locked is a buffer for two goroutines.
type locked struct {
	sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}

func TestProgressEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{FS: fstest.MapFS{"seg/0.jsonl": {Data: make([]byte, 3<<20)}, "checkpoint": {Data: make([]byte, 1<<20)}}}
		var out locked
		stop := w.report(&out)
		for _, name := range []string{"checkpoint", "seg/0.jsonl"} {
			f, err := w.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, f, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2500 * time.Millisecond)
		stop()
		if got, want := out.String(), "carnet: 1 of 3 MB\ncarnet: 1 of 3 MB\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if _, err := w.Open("none"); err == nil {
			t.Error("opened what is not there")
		}
	})
}

func TestProgressOnlyOnTerminals(t *testing.T) {
	file, err := os.Create(write(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if terminal(file) || terminal(new(bytes.Buffer)) || terminal(nil) {
		t.Error("taken for a terminal")
	}
	log := fstest.MapFS{}
	if _, stop := watch(log, file); stop == nil {
		t.Error("no function to stop")
	} else {
		stop()
	}
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil || !terminal(device) {
		t.Fatal("the null device is no character device")
	}
	defer device.Close()
	watching, stop := watch(log, device)
	stop()
	if _, ok := watching.(*watched); !ok {
		t.Error("a terminal is not watched")
	}
}
