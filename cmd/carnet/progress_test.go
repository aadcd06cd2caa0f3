package main

import (
	"bytes"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit/verify"
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
		w := &watched{}
		var out locked
		stop := w.report(&out)
		w.tell(1<<20, 3<<20)
		time.Sleep(1500 * time.Millisecond)
		w.tell(5<<19, 3<<20)
		time.Sleep(time.Second)
		stop()
		if got, want := out.String(), "carnet: 1 of 3 MB\ncarnet: 2 of 3 MB\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
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
	tell, stop := watch(file)
	stop()
	if tell != nil {
		t.Error("a file is told")
	}
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil || !terminal(device) {
		t.Fatal("the null device is no character device")
	}
	defer device.Close()
	if tell, stop = watch(device); tell == nil {
		t.Fatal("a terminal is not told")
	}
	defer stop()
	dir, key := service(t, 3)
	log := verify.Log{FS: os.DirFS(dir), Keys: []string{key}}
	if r, err := log.Verify(t.Context(), &verify.Options{Progress: tell}); err != nil || len(r.Findings) != 0 {
		t.Error(r, err)
	}
}
