package segment

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Folder is a folder of segments. It is held open, so that a failure to write its names
// down is reported to whoever made them, and not forgotten with the folder's inode.
type Folder struct {
	path string
	disk Disk
	h    Names
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
	return &Folder{path, disk, h}, nil
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
	h, err := d.disk.Open(filepath.Join(d.path, name), true)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, ErrReplaced
	case full(err):
		return nil, ErrFull
	case err != nil:
		return nil, bare(err)
	}
	return take(h, filepath.Join(d.path, name), d.disk)
}

// Sync makes durable which names the folder has.
func (d *Folder) Sync() error {
	if d.h.Sync() != nil {
		return ErrUnknown
	}
	return nil
}

// Remove removes a file, durably; ErrUnknown: it may come back after a power cut.
func (d *Folder) Remove(name string) error {
	if d.h == nil || d.h.Remove(name) != nil || d.h.Sync() != nil {
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
	return bare(h.Close())
}
