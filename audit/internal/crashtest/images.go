package crashtest

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// maxLoose is how many pages and changes of names may be unsynced at once: twice as many
// subsets with each.
const maxLoose = 14

// Image is what a power cut left: files with their bytes, and folders without.
type Image map[string][]byte

// folder marks a folder in an Image.
var folder = []byte(nil)

// Sum tells images apart.
func (i Image) Sum() [32]byte {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(i)) {
		data := i[name]
		var head [17]byte
		binary.BigEndian.PutUint64(head[:], uint64(len(name)))
		binary.BigEndian.PutUint64(head[8:], uint64(len(data)))
		if data == nil {
			head[16] = 1
		}
		h.Write(head[:])
		h.Write([]byte(name))
		h.Write(data)
	}
	return [32]byte(h.Sum(nil))
}

// Write puts an image into a folder that is there and empty.
func (i Image) Write(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(i)) {
		at := filepath.Join(dir, filepath.FromSlash(name))
		var err error
		if i[name] == nil {
			err = os.Mkdir(at, 0o700)
		} else {
			err = os.WriteFile(at, i[name], 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Loose is how many pages and changes of names no sync has made durable.
func (d *Disk) Loose() int {
	loose := 0
	for n := range d.all() {
		loose += len(n.pages) + len(n.changes)
	}
	return loose
}

// Images are all that a power cut could leave now. Some may be equal.
func (d *Disk) Images() iter.Seq[Image] {
	return func(yield func(Image) bool) {
		folders := d.changed()
		count := 0
		for _, n := range folders {
			count += len(n.changes)
		}
		for subset := range uint(1) << count {
			names, kept := map[*inode]map[string]*inode{}, subset
			for _, n := range folders {
				names[n] = n.after(kept)
				kept >>= len(n.changes)
			}
			files := map[string]*inode{}
			image := Image{}
			collect(d.root, "", names, image, files)
			if !fill(image, slices.Sorted(maps.Keys(files)), files, yield) {
				return
			}
		}
	}
}

// after is the names of a folder of which some changes were kept.
func (n *inode) after(kept uint) map[string]*inode {
	names := maps.Clone(n.kept)
	for i, c := range n.changes {
		if kept>>i&1 == 0 {
			continue
		}
		for name, to := range c {
			if to == nil {
				delete(names, name)
			} else {
				names[name] = to
			}
		}
	}
	return names
}

// all are the inodes that may be there after a power cut.
func (d *Disk) all() map[*inode]bool {
	seen := map[*inode]bool{}
	var visit func(n *inode)
	visit = func(n *inode) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, below := range n.now {
			visit(below)
		}
		for _, below := range n.kept {
			visit(below)
		}
		for _, c := range n.changes {
			for _, below := range c {
				visit(below)
			}
		}
	}
	visit(d.root)
	return seen
}

// changed are the folders whose names are not all synced.
func (d *Disk) changed() []*inode {
	var list []*inode
	for n := range d.all() {
		if len(n.changes) > 0 {
			list = append(list, n)
		}
	}
	return list
}

// collect finds the files of one set of names.
func collect(n *inode, path string, names map[*inode]map[string]*inode, image Image, files map[string]*inode) {
	list, ok := names[n]
	if !ok {
		list = n.kept
	}
	for name, below := range list {
		if below.folder {
			image[path+name] = folder
			collect(below, path+name+"/", names, image, files)
		} else {
			files[path+name] = below
		}
	}
}

// fill gives each file each content that it may have.
func fill(image Image, paths []string, files map[string]*inode, yield func(Image) bool) bool {
	if len(paths) == 0 {
		return yield(maps.Clone(image))
	}
	for _, data := range files[paths[0]].contents() {
		image[paths[0]] = data
		if !fill(image, paths[1:], files, yield) {
			return false
		}
	}
	return true
}

// contents are those that a file may have.
func (n *inode) contents() [][]byte {
	seen := map[string]bool{}
	var list [][]byte
	for _, size := range append([]int{len(n.disk)}, n.lengths...) {
		for kept := range uint(1) << len(n.pages) {
			data := make([]byte, size)
			copy(data, n.disk)
			for i, p := range n.pages {
				if kept>>i&1 == 1 && p.at < size {
					copy(data[p.at:], p.data)
				}
			}
			if !seen[string(data)] {
				seen[string(data)], list = true, append(list, data)
			}
		}
	}
	return list
}
