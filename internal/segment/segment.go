// Package segment is an append-only file whose bytes are on the disk when Append
// returns.
//
//	f, err := segment.Open("log/seg/00000000000000000000.jsonl", nil)
//	err = f.Room(int64(len(batch)), 256<<10)
//	err = f.Append(batch)
//
// # Guarantees
//
//   - Append is one write and one fdatasync. When it returned nil, the bytes are in
//     the file that has the path, after what was there before, also after a power cut.
//   - A write that ended short is cut off before anything else is written: two
//     records are never glued together.
//   - A failed fdatasync ends the file for ever. It is not tried again, because the
//     kernel reports the loss of a page once and then calls the page clean.
//   - A file that was removed, moved, replaced, truncated, written to or given other
//     permissions by somebody else is noticed by the next Append, before it writes and again before it returns.
//   - The space for what Room allowed is reserved, so a full disk shows there. Trim gives it
//     back when there will be no more.
//
// # Limits
//
// Linux is where this is promised. Elsewhere fsync stands for fdatasync, nothing is
// reserved, and a full disk shows in Append. The lock keeps out those who ask for it.
//
// # Errors
//
// ErrLocked, ErrFull, ErrReplaced and ErrPoisoned mean that nothing was written;
// ErrUnknown that nobody can say. No error has a path.
//
// # Concurrency
//
// A File has one owner; ReadAt alone may be called from anywhere.
package segment

import (
	"errors"
	"io/fs"
)

var (
	// ErrLocked means that another process, or another part of this one, has the file.
	ErrLocked = errors.New("segment: in use")
	// ErrFull means that the disk, or a quota, has no room; nothing was written.
	ErrFull = errors.New("segment: no space")
	// ErrReplaced means that somebody removed, moved, truncated or wrote the file;
	// nothing was written, and nothing will be.
	ErrReplaced = errors.New("segment: changed by somebody else")
	// ErrUnknown means that the bytes may be on the disk or not; the file is closed to
	// writing.
	ErrUnknown = errors.New("segment: whether it was written is unknown")
	// ErrPoisoned means that an earlier failure closed the file to writing; nothing
	// was written.
	ErrPoisoned = errors.New("segment: an earlier write failed")
)

// ahead is how much is reserved at once: one call of fallocate for many appends.
const ahead = 1 << 20

// slack is what Trim leaves: the rest of a block, and what a file system needs for itself.
const slack = 64 << 10

// File is a segment that is open for appending. A zero or nil File refuses.
type File struct {
	path     string
	disk     Disk
	h        Handle
	size     int64
	mode     uint32 // when it was opened
	reserved int64  // up to this offset the disk has promised space
	promises bool   // the file system knows reservations
	err      error  // poison, for ever
}

// Open opens an existing file, and locks it. A nil disk is the operating system's.
func Open(path string, disk Disk) (*File, error) { return open(path, disk, false) }

// Create makes an empty file, and locks it; an existing one is fs.ErrExist. The name
// is durable once the folder was synced, which is the caller's part.
func Create(path string, disk Disk) (*File, error) { return open(path, disk, true) }

func open(path string, disk Disk, create bool) (*File, error) {
	if disk == nil {
		disk = OS{}
	}
	h, err := disk.Open(path, create)
	if err != nil {
		return nil, bare(err)
	}
	return take(h, path, disk)
}

// take locks an open file and makes sure that it is the one that has the path.
func take(h Handle, path string, disk Disk) (*File, error) {
	f := &File{path: path, disk: disk, h: h, promises: true}
	if err := h.Lock(); err != nil {
		_ = h.Close()
		return nil, bare(err)
	}
	id, err := h.Ident()
	if err == nil {
		f.size, f.mode = id.Size, id.Mode
		err = f.check(id.Size)
	}
	if err != nil {
		_ = h.Close()
		return nil, bare(err)
	}
	return f, nil
}

// Size is how many bytes are on the disk.
func (f *File) Size() int64 {
	if f == nil {
		return 0
	}
	return f.size
}

// ReadAt reads what is there, as io.ReaderAt.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if f == nil || f.h == nil {
		return 0, fs.ErrClosed
	}
	return f.h.ReadAt(p, offset)
}

// Poisoned says why nothing can be written any more; nil: it can.
func (f *File) Poisoned() error {
	if f == nil || f.h == nil {
		return ErrPoisoned
	}
	return f.err
}

// Room makes sure that an Append of n bytes fits, and that margin bytes are left for
// others after it. Otherwise it is ErrFull and nothing has changed. Where the file
// system knows no reservations Room allows, and Append finds out.
func (f *File) Room(n, margin int64) error {
	if err := f.Poisoned(); err != nil {
		return ErrPoisoned
	}
	need := n + margin
	if !f.promises || f.size+need <= f.reserved {
		return nil
	}
	for _, more := range [...]int64{need + ahead, need} {
		err := f.h.Reserve(f.size, more)
		switch {
		case err == nil:
			f.reserved = f.size + more
			return nil
		case errors.Is(err, errors.ErrUnsupported):
			f.promises = false
			return nil
		case !full(err):
			return f.poison(ErrPoisoned)
		}
	}
	return ErrFull
}

// Append writes p at the end and returns when it is on the disk. After ErrFull the
// file is as it was.
func (f *File) Append(p []byte) error {
	if err := f.Poisoned(); err != nil {
		return ErrPoisoned
	}
	if err := f.check(f.size); err != nil {
		return f.poison(err)
	}
	if n, err := f.h.Write(p); err != nil || n != len(p) {
		return f.undo(err)
	}
	if err := f.h.Sync(); err != nil {
		return f.poison(ErrUnknown)
	}
	f.size += int64(len(p))
	if err := f.check(f.size); err != nil {
		return f.poison(ErrUnknown)
	}
	return nil
}

// undo cuts off what a short write left. Only a lack of space lets the file live on.
func (f *File) undo(cause error) error {
	f.reserved = 0 // cutting frees what was promised behind the end
	if f.h.Truncate(f.size) != nil || f.h.Sync() != nil {
		return f.poison(ErrUnknown)
	}
	if !full(cause) {
		return f.poison(ErrPoisoned)
	}
	if err := f.check(f.size); err != nil {
		return f.poison(err)
	}
	return ErrFull
}

// Cut shortens the file to size, durably: for what a crash left behind the last
// record.
func (f *File) Cut(size int64) error {
	if err := f.Poisoned(); err != nil {
		return ErrPoisoned
	}
	if size > f.size {
		return ErrReplaced
	}
	f.reserved = 0
	if f.h.Truncate(size) != nil || f.h.Sync() != nil {
		return f.poison(ErrUnknown)
	}
	f.size = size
	return nil
}

// Trim gives back the space that Room has reserved behind the end of a file to which nothing
// more will be appended. Its bytes and its length stay what they are, so it does not matter
// when the power goes; where somebody else has changed the file, or the disk fails, it does nothing.
func (f *File) Trim() {
	if f.Poisoned() != nil || f.check(f.size) != nil {
		return
	}
	if id, err := f.h.Ident(); err == nil && id.Space > f.size+slack {
		_, f.reserved = f.h.Truncate(f.size), 0
	}
}

// Renew writes the bytes from offset on once more. Pages that a failed sync lost look
// clean to the kernel and are read back until they are evicted: whoever opens a file
// after a failure makes sure this way that what it read is on the disk.
func (f *File) Renew(offset int64) error {
	if err := f.Poisoned(); err != nil {
		return ErrPoisoned
	}
	p := make([]byte, max(f.size-offset, 0))
	if len(p) == 0 {
		return nil
	}
	if _, err := f.h.ReadAt(p, offset); err != nil {
		return f.poison(ErrPoisoned)
	}
	if err := f.disk.Rewrite(f.path, p, offset); err != nil {
		return f.poison(ErrUnknown)
	}
	return f.check(f.size)
}

// Close gives the file and its lock back. It syncs nothing: what Append acknowledged
// is on the disk, and a failed sync must not be tried again.
func (f *File) Close() error {
	if f == nil || f.h == nil {
		return nil
	}
	h := f.h
	f.h, f.err = nil, ErrPoisoned
	return bare(h.Close())
}

// Stop closes the file to writing, for ever: something else that it needs has failed.
func (f *File) Stop() {
	if f.err == nil {
		f.err = ErrPoisoned
	}
}

// poison ends writing for ever.
func (f *File) poison(err error) error {
	f.err = err
	return err
}

// check compares the open file with the one that has the path now.
func (f *File) check(size int64) error {
	open, err := f.h.Ident()
	if err != nil || open.Size != size || open.Mode != f.mode || open.Links == 0 {
		return ErrReplaced
	}
	named, err := f.h.Named()
	if err != nil || named.ID != open.ID {
		return ErrReplaced
	}
	return nil
}
