package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
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
	errMissing  = fmt.Errorf("audit: there is no log: %w", fs.ErrNotExist)
	errInUse    = errors.New("audit: the log is in use")
	errGenesis  = errors.New("audit: the log's first line is not of this log and key; it was not changed")
	errFrontier = errors.New("audit: the tiles before the newest segment do not match it, and older segments are not there; it was not changed")
	errGap      = errors.New("audit: segments are missing that were not given up by Retain; it was not changed")
	errOptions  = errors.New("audit: SegmentBytes or SegmentAge is negative")
	errClock    = errors.New("audit: the clock is more than a minute behind the log's newest line")
	errRead     = errors.New("audit: the log cannot be read")
)

// Open locks, verifies and repairs a log. It never creates one: a missing log is
// fs.ErrNotExist. It reads the newest segment, and the one before where the signed
// checkpoint is not further: every line is compared with the commit lines and with the
// checkpoint, and what was before it with the tiles. What a crash leaves behind the last
// commit is cut and recorded, tiles that are missing are written again, and grants that
// nobody answered are closed as unknown; [Log.Recovery] says how much. Anything else that
// is wrong there refuses, and nothing is changed. What is wrong in older segments is not
// noticed: package verify reads all of them.
func Open(ctx context.Context, dir string, o *Options) (*Log, error) {
	return open(ctx, dir, o, nil)
}

// open is Open on a disk that a test brings; nil: the operating system's.
func open(ctx context.Context, dir string, o *Options, disk segment.Disk) (*Log, error) {
	if o == nil {
		o = &Options{}
	}
	if o.SegmentBytes < 0 || o.SegmentAge < 0 {
		return nil, errOptions
	}
	r := reopening{dir: filepath.Clean(dir), options: o, disk: disk}
	if entries, err := os.ReadDir(filepath.Join(r.dir, reach.Folder)); errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, errMissing
	}
	err := r.open(ctx)
	if err != nil {
		_, _, _, _ = r.spoilt.Close(), r.file.Close(), r.folder.Close(), r.lock.Close()
		return nil, err
	}
	go r.g.run()
	return &Log{r.g}, nil
}

// reopening is a log that is being opened.
type reopening struct {
	dir     string
	options *Options
	disk    segment.Disk

	lock   *segment.Lock
	folder *segment.Folder
	parts  []reach.Part
	file   *segment.File // the newest, and locked
	spoilt *segment.File // a newer one, without a whole commit; nil: none
	g      *log
	replay replay.Replay
}

func (r *reopening) open(ctx context.Context) error {
	var err error
	if r.lock, err = segment.NewLock(filepath.Join(r.dir, site.Lock)); err != nil {
		return lockError(err)
	}
	segments := filepath.Join(r.dir, reach.Folder)
	removeTemps(segments)
	if r.folder, err = segment.OpenFolder(segments, r.disk); err != nil {
		return errRead
	}
	if r.parts, err = reach.List(os.DirFS(r.dir)); err != nil {
		return err
	}
	if r.file, err = r.segment(len(r.parts) - 1); err != nil {
		return err
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	return r.repair()
}

// segment opens and locks one file.
func (r *reopening) segment(i int) (*segment.File, error) {
	f, err := segment.Open(filepath.Join(r.dir, reach.Folder, reach.Name(r.parts[i].First)), r.disk)
	if err != nil {
		return nil, lockError(err)
	}
	return f, nil
}

func lockError(err error) error {
	if errors.Is(err, segment.ErrLocked) {
		return errInUse
	}
	return errRead
}

// verify judges what is there, and changes nothing.
func (r *reopening) verify(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(r.dir, fileCheckpoint))
	if err != nil {
		return errors.New("audit: the log's checkpoint cannot be read; the log was not changed")
	}
	unsure, _ := key.Parse(text) // its signature is judged as soon as there is a key
	from := r.from(unsure.Size)
	for from > 0 && !r.isWhole(from) {
		from--
	}
	k, err := r.openKey(from)
	if err != nil {
		return err
	}
	r.g = newLog(r.dir, k)
	r.replay = replay.Replay{Tiles: &r.g.tiles, State: r.g.state}
	if r.replay.Now, err = k.OpenOwn(text); err != nil {
		return err
	}
	if r.options.Floor != nil {
		if r.replay.Floor, err = k.Open(r.options.Floor); err != nil {
			return replay.ErrFloor
		}
	}
	if from, err = r.begin(from); err != nil {
		return err
	}
	if err := r.lines(ctx, from); err != nil {
		return err
	}
	if r.parts[0].First > r.g.state.Kept() {
		return errGap
	}
	if time.Now().Add(skew).UnixMilli() < r.replay.Own {
		return errClock
	}
	removeTemps(r.dir)
	return r.g.tiles.Check(&r.replay.Tree)
}

// from is the newest segment with a line that the checkpoint covers: the tiles that lie
// in front of it are there.
func (r *reopening) from(size int64) int {
	for i := len(r.parts) - 1; i > 0; i-- {
		if r.parts[i].First < size {
			return i
		}
	}
	return 0
}

// begin takes the tree in front of a segment from the tiles. Where they do not give it,
// it goes back to older segments, which say which tile is wrong.
func (r *reopening) begin(from int) (int, error) {
	fsys := os.DirFS(r.dir)
	now := r.replay.Now.Size
	for ; from > 0 || r.parts[0].First > 0; from-- {
		t, err := tree.Load(fsys, r.parts[from].First, now)
		if err == nil && r.begins(from, t) {
			r.replay.Begin(t)
			return from, r.floor(fsys, t)
		}
		if from == 0 {
			return 0, errFrontier
		}
	}
	r.replay.Begin(&tree.Tree{})
	return 0, nil
}

// begins says whether a segment's first line has the root of a tree.
func (r *reopening) begins(i int, t *tree.Tree) bool {
	first, _, err := r.head(i)
	return err == nil && bytes.Contains(first, []byte(`,"size":`+strconv.FormatInt(t.Size, 10)+`,"root":"`+t.Root().String()+`"}`))
}

// floor compares a floor that lies in front of what will be read.
func (r *reopening) floor(fsys fs.FS, before *tree.Tree) error {
	f := r.replay.Floor
	if f.Size == 0 || f.Size >= before.Size {
		return nil
	}
	if t, err := tree.Load(fsys, f.Size, r.replay.Now.Size); err != nil || t.Root() != f.Root {
		return replay.ErrFloor
	}
	return nil
}

// lines reads from a segment on to the newest.
func (r *reopening) lines(ctx context.Context, from int) error {
	last := len(r.parts) - 1
	for i := from; i < last; i++ {
		if err := r.older(ctx, i); err != nil {
			return err
		}
	}
	before := r.replay
	if err := r.replay.Segment(ctx, r.file, r.parts[last], r.previous(last)); err != nil {
		return err
	}
	torn, err := r.replay.Torn(r.file, r.parts[last].Bytes)
	if err != nil {
		return err
	}
	if r.replay.Good == 0 && from < last {
		return r.goBack(last, before)
	}
	r.g.recovery.Torn = torn
	return nil
}

// older reads a segment behind which there is another one: it ends where that begins.
func (r *reopening) older(ctx context.Context, i int) error {
	f, err := os.Open(filepath.Join(r.dir, reach.Folder, reach.Name(r.parts[i].First)))
	if err != nil {
		return errRead
	}
	defer f.Close()
	if err := r.replay.Segment(ctx, f, r.parts[i], r.previous(i)); err != nil {
		return err
	}
	if r.replay.Good != r.parts[i].Bytes || r.replay.Tree.Size != r.parts[i+1].First {
		return replay.ErrDamage
	}
	return nil
}

func (r *reopening) previous(i int) int64 {
	if i == 0 {
		return -1
	}
	return r.parts[i-1].First
}

// goBack gives up a newest segment in which nothing was ever acknowledged, and goes on in
// the one before.
func (r *reopening) goBack(last int, before replay.Replay) error {
	r.replay = before
	r.spoilt = r.file
	r.parts = r.parts[:last]
	file, err := r.segment(last - 1)
	if err != nil {
		return err
	}
	r.file = file
	r.g.recovery.Torn = r.spoilt.Size()
	return nil
}

// openKey makes sure that the key is the one of the log, as its genesis line says, or the
// lines that a segment begins with.
func (r *reopening) openKey(from int) (*key.Key, error) {
	origin, vkey, err := r.identity(from)
	if err != nil {
		return nil, err
	}
	signer := r.options.Signer
	if signer == nil {
		var named string
		if signer, named, err = key.Read(r.dir + site.SuffixKey); err != nil {
			return nil, err
		}
		if named != origin {
			return nil, errGenesis
		}
	}
	k, err := key.New(origin, signer)
	if err != nil {
		return nil, err
	}
	if k.Verifier() != vkey {
		return nil, errGenesis
	}
	return k, nil
}

// isWhole says whether a segment begins as one does.
func (r *reopening) isWhole(i int) bool {
	_, _, err := r.identity(i)
	return err == nil
}

// identity reads what the beginning of a segment says about its log.
func (r *reopening) identity(i int) (origin, vkey string, err error) {
	first, second, err := r.head(i)
	if err != nil {
		return "", "", errGenesis
	}
	if r.parts[i].First > 0 {
		t, err := carry.Parse(second)
		if err != nil || !isOrigin(t.Origin) {
			return "", "", errGenesis
		}
		return t.Origin, t.Key, nil
	}
	w, err := parse(first)
	if err != nil || w.API.Operation != actionGenesis || !isOrigin(w.Carnet.Genesis.Origin) {
		return "", "", errGenesis
	}
	return w.Carnet.Genesis.Origin, w.Carnet.Genesis.Key, nil
}

// head is the first two lines of a segment.
func (r *reopening) head(i int) (first, second []byte, err error) {
	f, err := os.Open(filepath.Join(r.dir, reach.Folder, reach.Name(r.parts[i].First)))
	if err != nil {
		return nil, nil, errRead
	}
	defer f.Close()
	in := bufio.NewReaderSize(io.LimitReader(f, 2*(maxLine+1)), maxLine+1)
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
