// Package rekey lets a log that nobody uses go on under another key.
//
//	vkey, err := rekey.Do(ctx, dir, old, floor, next, encode, nil)
//
// # Guarantees
//
// A new segment begins, whose first commit is everything: the line in which the new key says
// that it takes over here, a checkpoint of the old key over that line, and one of the new key
// over both. What the disk has is that commit or none: the log is under one of two keys, and
// the private half of either is on the disk as long as it may be the one.
//
// Nothing beside the log is replaced before. What is, reopen goes on with after a crash, until
// the file with the newest checkpoint is the new key's.
//
// # Limits
//
// The log must have been opened and closed before: what a crash left is not for this package.
//
// # Errors
//
// They speak for package audit. ErrUnknown says that the log is under either key, and which
// of them, the next Open tells.
//
// # Concurrency
//
// Do holds the log's lock.
package rekey

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/head"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/proof"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/reopen"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/site"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

var (
	// ErrUnknown: the line may be on the disk or not.
	ErrUnknown = errors.New("audit: the log goes on under the old key or the new one; open it to find out")
	// ErrBeside: the line is, and not all that follows.
	ErrBeside = errors.New("audit: the log goes on under the new key, and not all beside it could be written; open it to do that")
	// ErrFormer: who had an old key would be believed again.
	ErrFormer = errors.New("audit: the new key is or was the log's already")

	errMost = errors.New("audit: a log is under 128 keys, and no more; begin another log")
	errBusy = errors.New("audit: the log was used meanwhile; try again")
	errRoom = errors.New("audit: there is no room for a new segment; the log is under the old key")
)

// change is one rekey.
type change struct {
	*reopen.Found
	dir    string
	next   *key.Key
	own    bool // the new key is a file beside the log
	encode func(*key.Key) head.Encode

	head *head.Head
	last key.Checkpoint
}

// Do is Rekey of package audit. When ctx ends while the disk hangs it goes on alone.
func Do(ctx context.Context, dir string, old crypto.Signer, floor []byte, next crypto.Signer, encode func(*key.Key) head.Encode, disk segment.Disk) (vkey string, err error) {
	type result struct {
		vkey string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		vkey, err := do(ctx, dir, old, floor, next, encode, disk)
		done <- result{vkey, err}
	}()
	select {
	case r := <-done:
		return r.vkey, r.err
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	}
}

func do(ctx context.Context, dir string, old crypto.Signer, floor []byte, next crypto.Signer, encode func(*key.Key) head.Encode, disk segment.Disk) (string, error) {
	f, err := reopen.Find(ctx, dir, old, floor, disk) // again: nobody had the lock in between
	if err != nil {
		return "", err
	}
	defer f.Close()
	c := &change{Found: f, dir: dir, own: next == nil, encode: encode}
	if f.Torn > 0 || f.Replay.Dirty || f.Replay.Now.Size != f.Replay.Tree.Size || f.Replay.Rekey != nil {
		return "", errBusy
	}
	if err = c.ready(next); err == nil {
		err = c.compose()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.commit()
	}
	switch {
	case errors.Is(err, ErrUnknown):
		return c.next.Verifier(), err
	case err != nil:
		return "", errors.Join(err, c.undo())
	}
	return c.next.Verifier(), c.finish()
}

// ready makes what the new key needs beside the log; nothing of it counts yet.
func (c *change) ready(next crypto.Signer) (err error) {
	if c.own {
		c.next, err = site.Next(c.dir, &c.Key.Public)
	} else {
		c.next, err = key.New(c.Key.Name(), next)
	}
	if err != nil {
		return err
	}
	if len(c.State.Keys()) >= carry.MostKeys {
		return errMost
	}
	if c.State.Was(c.next.Verifier()) || c.next.KeyHash() == c.Key.KeyHash() {
		return ErrFormer
	}
	if err := people.Reseal(c.dir, c.Key, c.next); err != nil {
		return err
	}
	return cursor.Ready(c.sinks(), c.Key.Name(), sealOf(c.Key), sealOf(c.next))
}

func sealOf(k *key.Key) func([]byte) string {
	return func(b []byte) string { return k.Seal("cursor", string(b)) }
}

func (c *change) sinks() string { return filepath.Join(c.dir, cursor.Folder) }

// undo takes it back, where the log is surely not under the new key.
func (c *change) undo() error {
	if c.own {
		_ = os.Remove(c.dir + site.SuffixNext)
	}
	return errors.Join(people.Discard(c.dir), cursor.Discard(c.sinks()))
}

// compose makes the lines of the new segment.
func (c *change) compose() error {
	size, root := c.Replay.Tree.Size, c.Replay.Tree.Root()
	said, err := c.next.TakeOver(&c.Key.Public, size, root)
	if err != nil {
		return err
	}
	statement, err := json.Marshal(said)
	if err != nil {
		return err
	}
	c.State.Rekey(c.next.Verifier())
	h := head.New(c.Replay.Tree, c.Parts[len(c.Parts)-1].First, c.State.Texts(c.Replay.Times), c.encode(c.next))
	h.Add(replay.ActionRekeyed, head.Member{Rekey: string(statement)})
	for _, k := range [...]*key.Key{c.Key, c.next} {
		signed, err := k.Checkpoint(h.Tree.Size, h.Tree.Root())
		if err != nil {
			return err
		}
		h.Add(replay.ActionCheckpoint, head.Member{Checkpoint: string(signed.Note)})
	}
	if h.Commit(); int64(len(h.Text)) > replay.MaxTorn { // a crash would leave more than it explains
		return errRoom
	}
	c.head = h
	c.last, err = c.next.Checkpoint(h.Tree.Size, h.Tree.Root())
	return err
}

// commit writes them, at once.
func (c *change) commit() error {
	name := reach.Name(c.Replay.Tree.Size)
	file, err := c.Folder.Next(name, int64(len(c.head.Text)), 0)
	if err != nil {
		if errors.Is(err, segment.ErrUnknown) {
			return ErrUnknown
		}
		return errRoom
	}
	defer file.Close()
	switch err := file.Append(c.head.Text); {
	case err == nil:
		return nil
	case errors.Is(err, segment.ErrFull) && c.Folder.Remove(name) == nil:
		return errRoom
	}
	return ErrUnknown
}

// finish lets everything beside the lines follow. The newest checkpoint comes last: until it is
// the new key's, the next Open does all of this again.
func (c *change) finish() error {
	if people.Adopt(c.dir) != nil ||
		cursor.Adopt(c.sinks(), c.next.Name(), sealOf(c.next)) != nil ||
		site.HandOver(c.dir, c.Key.Verifier(), c.next.Verifier()) != nil ||
		c.Tiles.Write(&c.head.Tree) != nil ||
		atomicfile.Write(filepath.Join(c.dir, proof.Checkpoint), c.last.Note, 0o644) != nil {
		return ErrBeside
	}
	c.Tiles.Supersede(&c.head.Tree)
	return nil
}
