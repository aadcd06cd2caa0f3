// Package file is the embedded journal: one file in a folder of its own.
//
//	j, err := file.Open(ctx, "journal")
//	err = j.Append(ctx, record)
//	for record, err := range j.Records(ctx) { … }
//
// # Guarantees
//
// When Append returns nil the record is on the disk, after all that were acknowledged
// before it. One write and one fdatasync do for all who wait. Records of a run are
// numbered from 1 without a gap, and behind its last there is none: what does not come
// next is refused, so that nothing is written that could not be read.
//
// A failed fdatasync, and a file that somebody removed, moved, cut or wrote, ends writing
// for ever. When the disk is full what begins is refused, and answers have space that was
// kept for them.
//
// What a crash tore off the last batch is cut by Open; anything else that is wrong is
// ErrDamaged, and nothing is changed.
//
// # Limits
//
// One owner: a lock says so, which ends with its process. Space is kept on Linux, as far
// as the file system knows reservations. A folder that was emptied is a new journal.
// Open and Records hold what has not ended in memory.
//
// # Errors
//
// Sentinels, and the errors of contexts. After an error of Append the record may be there
// when the journal is opened again, but for ErrPlace, ErrFull, ErrTooLong and ErrClosed.
//
// # Concurrency
//
// A Journal is safe for concurrent use.
package file

import (
	"context"
	"errors"
	"sync"

	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/segment"
)

var (
	// ErrOwned means that another process, or another part of this one, has the journal.
	ErrOwned = errors.New("file: in use")
	// ErrFolder means that there can be no journal in the folder, or that none can be read.
	ErrFolder = errors.New("file: the folder cannot be made or read")
	// ErrDamaged means that the file is not what was written. It was not changed.
	ErrDamaged = errors.New("file: damaged")
	// ErrVersion means that another version of the format was written.
	ErrVersion = errors.New("file: of another version")
	// ErrFull means that the disk has no space for this; it was not written.
	ErrFull = errors.New("file: no space")
	// ErrLost means that somebody changed the file, or that the disk failed: nothing is
	// written any more, and what was just to be written may be there.
	ErrLost = errors.New("file: lost")
	// ErrPlace means that the record is not the one that comes next in its run; it was
	// not written.
	ErrPlace = errors.New("file: not what comes next")
	// ErrTooLong means that a record cannot be written.
	ErrTooLong = errors.New("file: too long")
	// ErrClosed means that the journal was closed; nothing was written.
	ErrClosed = errors.New("file: closed")
)

const (
	nameFrames = "frames"
	nameLock   = "lock"

	// mostBatch bounds what waits in memory, and what a crash can leave behind the last
	// commit. A record that is larger is alone.
	mostBatch = 8 << 20
	// kept is the space that only answers may use: what has begun can end.
	kept = mostBatch
	// worthwhile is from when on a file is written anew without what has ended.
	worthwhile = 4 << 20
)

// Journal is one that this process owns.
type Journal struct {
	dir    string
	disk   segment.Disk
	anew   replace
	lock   *segment.Lock
	id     frames.ID
	places places // of the one goroutine that writes, and so are file and commits

	reading sync.RWMutex // file is not closed under who reads it
	file    *segment.File
	commits uint64

	mu      sync.Mutex
	batch   *batch        // what is written next; nil: nothing waits
	room    chan struct{} // closed when a full batch was taken; nil: nobody waits for that
	closed  bool
	durable int64

	wake   chan struct{}
	ended  chan struct{}
	result error
}

// places is how far each run is.
type places map[string]place

type place struct {
	sequence uint64
	ended    bool
}

// next says whether a record comes next in its run.
func (p place) next(r *frames.Record) bool { return !p.ended && r.Sequence == p.sequence+1 }

// after is the place behind a record.
func after(r *frames.Record) place { return place{r.Sequence, r.Last} }

// Close writes what waits, and gives the lock back. It may be called again.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.wake)
	}
	j.mu.Unlock()
	select {
	case <-j.ended:
		return j.result
	default:
	}
	select {
	case <-j.ended:
		return j.result
	case <-ctx.Done():
		return ctx.Err()
	}
}
