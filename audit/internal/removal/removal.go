// Package removal removes the oldest segments of a log, while others are written.
//
//	r := removal.New(extent, folder)
//	err := r.Enter(ctx)        // nobody else removes, and nobody closes the folder
//	err = r.Finish(ctx, kept)  // or r.Leave()
//
// # Guarantees
//
// What is left has no gap: the oldest goes first, and the next one only when that is gone for
// good. What could not be removed is what the next Finish begins with. Names are written
// down through a descriptor of its own, so that a failure is told to whoever writes segments too.
//
// On a disk that hangs Enter and Finish end with their context. The work goes on without the
// caller, one at a time, and nobody else enters before it has ended.
//
// # Limits
//
// Whether lines may go is not asked here.
//
// # Errors
//
// They speak for package audit, which passes them on, and have no path.
//
// # Concurrency
//
// A Removal is safe for concurrent use; Finish and Leave are for whoever entered.
package removal

import (
	"context"
	"errors"

	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/internal/segment"
)

var errRemove = errors.New("audit: a segment could not be removed")

// Removal is for one log.
type Removal struct {
	extent *reach.Extent
	folder *segment.Folder
	turn   chan struct{} // has a value while somebody is at it
	left   []int64       // segments that nobody reads any more, and that are still there
}

// New removes segments of an extent, which are files in a folder.
func New(x *reach.Extent, folder *segment.Folder) *Removal {
	return &Removal{extent: x, folder: folder, turn: make(chan struct{}, 1)}
}

// Enter waits until nobody else is at it.
func (r *Removal) Enter(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave lets the next one enter.
func (r *Removal) Leave() { <-r.turn }

// Owes says whether something is left that an earlier Finish should have removed.
func (r *Removal) Owes() bool { return len(r.left) > 0 }

// Finish removes what stands before a line, as Remove does, and leaves. It waits at most until
// ctx ends.
func (r *Removal) Finish(ctx context.Context, kept int64) error {
	done := make(chan error, 1)
	go func() {
		err := r.Remove(kept)
		r.Leave()
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Remove removes the segments before a line, but for the newest two. Whoever reads one of
// them now is told.
func (r *Removal) Remove(kept int64) error {
	parts := r.extent.Parts()
	for _, p := range parts[:max(len(parts)-2, 0)] {
		if p.First < kept {
			r.left = append(r.left, p.First)
			r.extent.Drop(p.First + 1)
		}
	}
	if len(r.left) == 0 {
		return nil
	}
	folder, err := r.folder.Again()
	if err != nil {
		return errRemove
	}
	defer func() { _ = folder.Close() }()
	for len(r.left) > 0 {
		if folder.Remove(reach.Name(r.left[0])) != nil {
			return errRemove
		}
		r.left = r.left[1:]
	}
	return nil
}
