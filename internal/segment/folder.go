package segment

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Folder is a folder of segments. It is held open, so that a failure to write its names
// down is reported to whoever made them, and not forgotten with the folder's inode.
type Folder struct {
	path  string
	disk  Disk
	h     Names
	spare Handle // without a name; nil: none
	room  int64  // that is reserved in it
	never bool   // there is no way to make one
}

// OpenFolder opens a folder. A nil disk is the operating system's.
func OpenFolder(path string, disk Disk) (*Folder, error) {
	if disk == nil {
		disk = OS{}
	}
	h, err := disk.Folder(path)
	if err != nil {
		return nil, bare(err)
	}
	return &Folder{path: path, disk: disk, h: h}, nil
}

// Again opens the folder once more, for somebody else: what the disk says of a failure it says
// once to each descriptor.
func (d *Folder) Again() (*Folder, error) {
	if d == nil || d.h == nil {
		return nil, fs.ErrClosed
	}
	return OpenFolder(d.path, d.disk)
}

// Prepare reserves room for the file that Next will make, so that a disk which is full by
// then does not matter. It has no name until then, and a crash leaves nothing of it. Where
// that cannot be done Next finds out.
func (d *Folder) Prepare(room int64) {
	if d.spare != nil || d.never {
		return
	}
	h, err := d.disk.Unnamed(d.path)
	if err != nil {
		d.never = !full(err)
		return
	}
	if err := h.Reserve(0, room); err != nil {
		_, d.never = h.Close(), !full(err)
		return
	}
	d.spare, d.room = h, room
}

// Next makes an empty file in which Room of n bytes and a margin is reserved, and whose
// name is durable. On an error there is none, but for two: ErrUnknown says that even that
// is not sure, and ErrReplaced that somebody else has the name.
func (d *Folder) Next(name string, n, margin int64) (*File, error) {
	f, err := d.create(name)
	if err == nil {
		err = f.Room(n, margin)
	}
	if err == nil && d.h.Sync() != nil {
		err = ErrUnknown
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if _, there := d.disk.Ident(filepath.Join(d.path, name)); there == nil && err != ErrReplaced && d.Remove(name) != nil {
		err = ErrUnknown
	}
	return nil, err
}

// create says ErrFull where there is no room for a file.
func (d *Folder) create(name string) (*File, error) {
	path := filepath.Join(d.path, name)
	if h := d.spare; h != nil {
		if d.spare = nil; h.Link(path) == nil {
			f, err := take(h, path, d.disk)
			if err == nil {
				f.reserved = d.room
			}
			return f, err
		}
		_ = h.Close() // and without it
	}
	h, err := d.disk.Open(path, true)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, ErrReplaced
	case full(err):
		return nil, ErrFull
	case err != nil:
		return nil, bare(err)
	}
	return take(h, path, d.disk)
}

// Sync makes durable which names the folder has.
func (d *Folder) Sync() error {
	if d.h.Sync() != nil {
		return ErrUnknown
	}
	return nil
}

// Remove removes a file, durably, also one that is gone already; ErrUnknown: it may come back
// after a power cut.
func (d *Folder) Remove(name string) error {
	if d.h == nil {
		return ErrUnknown
	}
	if err := d.h.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) || d.h.Sync() != nil {
		return ErrUnknown
	}
	return nil
}

// Close gives the folder back; a nil Folder has nothing.
func (d *Folder) Close() error {
	if d == nil || d.h == nil {
		return nil
	}
	h := d.h
	d.h = nil
	if d.spare != nil {
		_ = d.spare.Close()
	}
	return bare(h.Close())
}
