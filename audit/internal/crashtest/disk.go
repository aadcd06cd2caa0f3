// Package crashtest knows what a power cut could leave of files that a program wrote, from
// what strace saw it do.
//
//	d := crashtest.NewDisk()
//	err := crashtest.Replay(trace, folder, d, func(m crashtest.Moment) error {
//		for image := range d.Images() {
//			// write it somewhere, and see what opens
//		}
//	})
//
// # Guarantees
//
// Nothing is durable that was not synced: bytes of a file by a sync of the file, names in a
// folder by a sync of the folder, be they made, renamed or removed. Of the rest any subset
// may be lost, bytes in pages of [Page] bytes, names one change at a time, and a file may have
// each length that it had, up to the one that it would have. What the program does is what the
// operating system was asked to do: there are no hooks in it that could forget a step.
//
// # Limits
//
// File systems keep more than this: most write names in order, and a new file's name with the
// file. Modes, owners and times are not modelled, nor are links but that of an unnamed file, and
// a call that is not understood is an error. Linux only, because strace is.
//
// # Errors
//
// They say which call, for whoever writes the test.
//
// # Concurrency
//
// A Disk has one user at a time. Images are the caller's.
package crashtest

import (
	"errors"
	"maps"
	"strings"
)

// Page is what a power cut keeps or loses as a whole.
const Page = 512

// Disk is files that a power cut may change. It begins empty, or as Put has it.
type Disk struct{ root *inode }

// inode is a file or a folder, and what of it is on the disk.
type inode struct {
	folder bool

	now, kept map[string]*inode // names in a folder: as programs see them, and as synced
	changes   []change          // of names, since the last sync

	data, disk []byte // of a file: as programs see it, and as synced
	pages      []page // that were written since the last sync
	lengths    []int  // that it had since then
}

// change is one that happens to names as a whole; nil: the name goes.
type change map[string]*inode

// page is bytes that are kept or lost together.
type page struct {
	at   int
	data []byte
}

// NewDisk is an empty folder.
func NewDisk() *Disk { return &Disk{newFolder()} }

func newFolder() *inode {
	return &inode{folder: true, now: map[string]*inode{}, kept: map[string]*inode{}}
}

// Put makes a file that is on the disk, and the folders above it.
func (d *Disk) Put(path string, data []byte) {
	at := d.root
	names := strings.Split(path, "/")
	for _, name := range names[:len(names)-1] {
		if at.now[name] == nil {
			at.now[name] = newFolder()
			at.kept[name] = at.now[name]
		}
		at = at.now[name]
	}
	name := names[len(names)-1]
	at.now[name] = &inode{data: append([]byte(nil), data...), disk: append([]byte(nil), data...)}
	at.kept[name] = at.now[name]
}

var errNoName = errors.New("crashtest: a name that is not there")

// look is what a path names, from a folder; nil: nothing.
func look(from *inode, path string) *inode {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || from == nil {
			continue
		}
		from = from.now[name]
	}
	return from
}

// split is the folder and the last name of a path.
func split(from *inode, path string) (*inode, string) {
	above, name, found := cutLast(path)
	if found {
		from = look(from, above)
	}
	return from, name
}

func cutLast(path string) (above, name string, found bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// rename lets names change together.
func (n *inode) rename(c change) {
	for name, to := range c {
		if to == nil {
			delete(n.now, name)
		} else {
			n.now[name] = to
		}
	}
	n.changes = append(n.changes, c)
}

// write puts bytes into a file.
func (n *inode) write(at int, p []byte) {
	for len(n.data) < at+len(p) {
		n.data = append(n.data, make([]byte, at+len(p)-len(n.data))...)
	}
	copy(n.data[at:], p)
	for start := 0; start < len(p); {
		end := min((at+start)/Page*Page+Page-at, len(p))
		n.pages = append(n.pages, page{at + start, append([]byte(nil), p[start:end]...)})
		n.lengths = append(n.lengths, max(at+end, len(n.disk)))
		start = end
	}
}

func (n *inode) truncate(size int) {
	if size < len(n.data) {
		n.data = n.data[:size:size]
	} else {
		n.data = append(n.data, make([]byte, size-len(n.data))...)
	}
	n.lengths = append(n.lengths, size)
}

// sync makes what a file holds, or a folder names, durable.
func (n *inode) sync() {
	if n.folder {
		n.kept, n.changes = maps.Clone(n.now), nil
		return
	}
	n.disk, n.pages, n.lengths = append([]byte(nil), n.data...), nil, nil
}
