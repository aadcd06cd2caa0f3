// Package peek reads the file of an embedded journal that somebody may be writing.
//
//	records, err := peek.Read(ctx, "journal/frames")
//
// # Guarantees
//
// It takes no lock and changes nothing, so that it holds nobody up. What it returns was
// committed.
//
// # Limits
//
// What is written just then may be there or not.
//
// # Errors
//
// [ErrNone], those of package frames, and that of the context. None has a path.
//
// # Concurrency
//
// Read shares nothing.
package peek

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
)

// ErrNone means that there is no such file, or that it cannot be read.
var ErrNone = errors.New("peek: no file that can be read")

const (
	looks = 3
	pause = 100 * time.Millisecond
)

// Read returns the records in their order.
func Read(ctx context.Context, file string) ([]frames.Record, error) {
	for n := 1; ; n++ {
		records, err := read(ctx, file)
		// Its writer may have cut off a short write meanwhile: that is no damage.
		if n == looks || !errors.Is(err, frames.ErrDamaged) {
			return records, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func read(ctx context.Context, name string) (records []frames.Record, err error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() { // to open a pipe would wait
		return nil, ErrNone
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, ErrNone
	}
	defer file.Close()
	_, err = frames.Read(file, info.Size(), func(r frames.Record) error {
		records = append(records, r)
		return ctx.Err()
	})
	switch {
	case err == nil:
		return records, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, frames.ErrVersion):
		return nil, frames.ErrVersion
	}
	return nil, frames.ErrDamaged // also where it was cut or replaced while it was read
}
