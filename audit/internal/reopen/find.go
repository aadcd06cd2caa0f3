// Package reopen finds out what a log's files hold, before anything is changed.
//
//	f, err := reopen.Find(ctx, dir, signer, floor, nil)
//	defer f.Close()      // where nobody goes on with it
//	err = f.Cut()        // what a crash left
//
// # Guarantees
//
// Find locks the log and judges it: the key that it is under, the newest segment line by line, and the tree
// in front of it by the tiles, under the signed checkpoint. It changes nothing but what
// atomic writes left. Where the tiles do not give the tree it reads older segments, from
// the first one if it must.
//
// # Limits
//
// A closed segment that need not be read is not looked at.
//
// # Errors
//
// They speak for package audit, which passes them on, and have no path.
//
// # Concurrency
//
// A Found has one user.
package reopen

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/proof"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/site"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

// skew is how far the clock may be behind the log: a clock that was set back makes
// everything that has ended live again.
const skew = time.Minute

var (
	// ErrInUse is a log that somebody else has.
	ErrInUse = errors.New("audit: the log is in use")

	// ErrRekeyed is a log that goes on under another key.
	ErrRekeyed = errors.New("audit: the log's key was replaced: it opens under the new one only; it was not changed")

	errGenesis  = errors.New("audit: the log's first line is not of this log and key; it was not changed")
	errFrontier = errors.New("audit: the tiles before the newest segment do not match it, and older segments are not there; it was not changed")
	errGap      = errors.New("audit: segments are missing that Retain did not give up; it was not changed")
	errClock    = errors.New("audit: the clock is more than a minute behind the log's newest line")
)

// Found is a log that is being opened.
type Found struct {
	Lock   *segment.Lock
	Folder *segment.Folder
	Parts  []reach.Part
	File   *segment.File // the newest, and locked
	Key    *key.Key
	State  *carry.State
	Tiles  tree.Folder
	Replay replay.Replay
	Torn   int64 // bytes that a crash left behind the last commit

	dir     string
	signer  crypto.Signer
	floor   []byte
	floorBy string // the key that signed it
	disk    segment.Disk
	spoilt  *segment.File // newer than File, without a whole commit; nil: none
}

// Find reads the log at dir. A nil signer is the key beside it, a nil floor none, and a
// nil disk the operating system's.
func Find(ctx context.Context, dir string, signer crypto.Signer, floor []byte, disk segment.Disk) (*Found, error) {
	r := &Found{dir: dir, signer: signer, floor: floor, disk: disk}
	r.Tiles.Dir = dir
	if err := r.find(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close gives back what Find took.
func (r *Found) Close() {
	_, _, _, _ = r.spoilt.Close(), r.File.Close(), r.Folder.Close(), r.Lock.Close()
}

// Cut makes the newest segment end with its last whole commit, and makes sure that this is
// what the disk has.
func (r *Found) Cut() error {
	if r.spoilt != nil {
		_ = r.spoilt.Close()
		if r.Folder.Remove(reach.Name(r.Replay.Tree.Size)) != nil {
			return reach.ErrRead
		}
	} else if r.Torn > 0 && r.File.Cut(r.Replay.Good) != nil {
		return reach.ErrRead
	}
	if r.File.Renew(r.Replay.Signed) != nil || r.Folder.Sync() != nil {
		return reach.ErrRead
	}
	r.trim()
	return r.handOver()
}

// trim gives back what is reserved in the segment before the newest: a crash may have come
// between the beginning of that one and the end of this.
func (r *Found) trim() {
	if last := len(r.Parts) - 1; last > 0 {
		if f, err := r.segment(last - 1); err == nil {
			f.Trim()
			_ = f.Close()
		}
	}
}

func (r *Found) find(ctx context.Context) error {
	var err error
	if r.Lock, err = segment.NewLock(filepath.Join(r.dir, site.Lock)); err != nil {
		return lockError(err)
	}
	segments := filepath.Join(r.dir, reach.Folder)
	removeTemps(segments)
	if r.Folder, err = segment.OpenFolder(segments, r.disk); err != nil {
		return reach.ErrRead
	}
	if r.Parts, err = reach.List(os.DirFS(r.dir)); err != nil {
		return err
	}
	if r.File, err = r.segment(len(r.Parts) - 1); err != nil {
		return err
	}
	return r.verify(ctx)
}

// segment opens and locks one file.
func (r *Found) segment(i int) (*segment.File, error) {
	f, err := segment.Open(filepath.Join(r.dir, reach.Folder, reach.Name(r.Parts[i].First)), r.disk)
	if err != nil {
		return nil, lockError(err)
	}
	return f, nil
}

func lockError(err error) error {
	if errors.Is(err, segment.ErrLocked) {
		return ErrInUse
	}
	return reach.ErrRead
}

// verify judges what is there, and changes nothing.
func (r *Found) verify(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(r.dir, proof.Checkpoint))
	if err != nil {
		return errors.New("audit: the log's checkpoint cannot be read; the log was not changed")
	}
	unsure, _ := key.Parse(text) // its signature is judged as soon as there is a key
	from := r.from(unsure.Size)
	for from > 0 && !r.isWhole(from) {
		from--
	}
	id, err := r.identity(from)
	if err != nil {
		return err
	}
	keys, err := r.candidates(id, from)
	if err != nil {
		return err
	}
	r.Replay = replay.Replay{Tiles: &r.Tiles, State: carry.New(id.origin, id.key, id.former...), Keys: keys}
	if r.Replay.Under, err = key.ParsePublic(id.key); err != nil || r.Replay.Under.Name() != id.origin {
		return errGenesis
	}
	if r.Replay.Now, err = r.Replay.Under.OpenOwn(text); err != nil {
		return err
	}
	if r.floor != nil {
		if r.Replay.Floor, r.floorBy, err = id.open(r.floor, keys); err != nil {
			return err
		}
	}
	if from, err = r.begin(from); err != nil {
		return err
	}
	if err := r.lines(ctx, from); err != nil {
		return err
	}
	if err := r.settle(id, keys); err != nil {
		return err
	}
	if r.Parts[0].First > r.State.Kept() {
		return errGap
	}
	if time.Now().Add(skew).UnixMilli() < r.Replay.Own {
		return errClock
	}
	removeTemps(r.dir)
	return r.Tiles.Check(&r.Replay.Tree)
}

// from is the newest segment with a line that the checkpoint covers: the tiles that lie
// in front of it are there.
func (r *Found) from(size int64) int {
	for i := len(r.Parts) - 1; i > 0; i-- {
		if r.Parts[i].First < size {
			return i
		}
	}
	return 0
}

// begin takes the tree in front of a segment from the tiles. Where they do not give it,
// it goes back to older segments, which say which tile is wrong.
func (r *Found) begin(from int) (int, error) {
	fsys := os.DirFS(r.dir)
	now := r.Replay.Now.Size
	for ; from > 0 || r.Parts[0].First > 0; from-- {
		t, err := tree.Load(fsys, r.Parts[from].First, now)
		if err == nil && r.begins(from, t) {
			r.Replay.Begin(t)
			return from, r.compare(fsys, t)
		}
		if from == 0 {
			return 0, errFrontier
		}
	}
	r.Replay.Begin(&tree.Tree{})
	return 0, nil
}

// begins says whether a segment's first line has the root of a tree.
func (r *Found) begins(i int, t *tree.Tree) bool {
	first, _, err := r.head(i)
	return err == nil && bytes.Contains(first, []byte(`,"size":`+strconv.FormatInt(t.Size, 10)+`,"root":"`+t.Root().String()+`"}`))
}

// compare holds the tiles against a floor that lies in front of what will be read.
func (r *Found) compare(fsys fs.FS, before *tree.Tree) error {
	f := r.Replay.Floor
	if f.Size == 0 || f.Size >= before.Size {
		return nil
	}
	if t, err := tree.Load(fsys, f.Size, r.Replay.Now.Size); err != nil || t.Root() != f.Root {
		return replay.ErrFloor
	}
	return nil
}

// lines reads from a segment on to the newest.
func (r *Found) lines(ctx context.Context, from int) error {
	last := len(r.Parts) - 1
	for i := from; i < last; i++ {
		if err := r.older(ctx, i); err != nil {
			return err
		}
	}
	before := r.Replay
	if err := r.Replay.Segment(ctx, r.File, r.Parts[last], r.previous(last)); err != nil {
		return err
	}
	torn, err := r.Replay.Torn(r.File, r.Parts[last].Bytes)
	if err != nil {
		return err
	}
	if r.Replay.Good == 0 && from < last {
		return r.goBack(last, before)
	}
	r.Torn = torn
	return nil
}

// older reads a segment behind which there is another one: it ends where that begins.
func (r *Found) older(ctx context.Context, i int) error {
	f, err := os.Open(filepath.Join(r.dir, reach.Folder, reach.Name(r.Parts[i].First)))
	if err != nil {
		return reach.ErrRead
	}
	defer f.Close()
	if err := r.Replay.Segment(ctx, f, r.Parts[i], r.previous(i)); err != nil {
		return err
	}
	if r.Replay.Good != r.Parts[i].Bytes || r.Replay.Tree.Size != r.Parts[i+1].First {
		return replay.ErrDamage
	}
	return nil
}

func (r *Found) previous(i int) int64 {
	if i == 0 {
		return -1
	}
	return r.Parts[i-1].First
}

// goBack gives up a newest segment in which nothing was ever acknowledged, and goes on in
// the one before.
func (r *Found) goBack(last int, before replay.Replay) error {
	r.Replay = before
	r.spoilt = r.File
	r.Parts = r.Parts[:last]
	file, err := r.segment(last - 1)
	if err != nil {
		return err
	}
	r.File = file
	r.Torn = r.spoilt.Size()
	return nil
}

// head is the first two lines of a segment.
func (r *Found) head(i int) (first, second []byte, err error) {
	f, err := os.Open(filepath.Join(r.dir, reach.Folder, reach.Name(r.Parts[i].First)))
	if err != nil {
		return nil, nil, reach.ErrRead
	}
	defer f.Close()
	in := bufio.NewReaderSize(io.LimitReader(f, 2*(reach.MaxLine+1)), reach.MaxLine+1)
	if first, err = in.ReadBytes('\n'); err == nil {
		second, err = in.ReadBytes('\n')
	}
	return first, second, err
}

// removeTemps removes what a crash left of atomic writes in one folder.
func removeTemps(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
