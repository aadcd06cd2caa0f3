package people

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	// File is the table's, in the log's folder.
	File = "people"
	// next is the same table under the log's next key.
	next = File + ".next"
)

// private: only the log's own user reads the table, and writes it.
const private = 0o600

const advice = "; put back the newest copy, or have Options.NewPeople begin another, in which everybody gets a new pseudonym; the log was not changed"

// What Open says.
var (
	ErrMissing = errors.New("audit: the table of people is missing" + advice)
	ErrDamage  = errors.New("audit: the table of people is damaged, or another log's" + advice)
	ErrOld     = errors.New("audit: the table of people is older than the log, and would bring back who was erased" + advice)

	errRead  = errors.New("audit: the table of people cannot be read")
	errWrite = errors.New("audit: the table of people cannot be written")
)

// Want is what is known of a table before it is read.
type Want struct {
	Generation int64        // the newest that the log has told of: an older table does not open
	Anew       bool         // a table that does not open is replaced by one without anybody
	Disk       segment.Disk // nil: the operating system's
}

// found is what Repair goes by.
type found struct {
	anew  bool // there is none, or none that can be used
	next  bool // it is the one that stands beside
	end   int  // behind its last whole row
	extra bool // something stands behind that
}

// Create makes a table without anybody, for a log that is being made.
func Create(dir string, k *key.Key) error {
	h := newHead(0)
	return write(filepath.Join(dir, File), h.text(k))
}

func write(path string, b []byte) error {
	if atomicfile.Write(path, b, private) != nil {
		return errWrite
	}
	return nil
}

// Open reads a table and judges it; it changes nothing. Nobody else may have it.
func Open(dir string, k *key.Key, w Want) (*Table, error) {
	t := &Table{path: filepath.Join(dir, File), disk: w.Disk, key: k, swap: atomicfile.Write, waiting: map[digest]*newcomer{}}
	err := t.load(w.Generation)
	if errors.Is(err, errRead) || err != nil && !w.Anew {
		return nil, err
	}
	if err != nil {
		t.found = found{anew: true}
		t.head = newHead(max(w.Generation, t.head.generation) + 1)
		t.shards, t.known = [64]shard{}, 0
	}
	t.digests = t.head.digests()
	t.born = t.head.born
	t.now.Store(t.head.generation)
	return t, nil
}

// load takes a table from the disk.
func (t *Table) load(generation int64) error {
	b, err := read(t.path)
	if err != nil {
		return err
	}
	h, ok := parseHead(b, t.key)
	if !ok {
		if b, err = read(filepath.Join(filepath.Dir(t.path), next)); err != nil {
			return ErrDamage
		}
		if h, ok = parseHead(b, t.key); !ok {
			return ErrDamage
		}
		t.found.next = true
	}
	if t.head = h; h.generation < generation {
		return ErrOld
	}
	if t.found.end, ok = h.rows(b, t.take); !ok || t.known > Most {
		return ErrDamage
	}
	t.found.extra = t.found.end < len(b)
	return nil
}

func (t *Table) take(d digest, n Name) {
	t.put(d, n)
	t.known++
}

// read reads a file that is one: a pipe would wait for ever.
func read(path string) ([]byte, error) {
	switch fi, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrMissing
	case err != nil:
		return nil, errRead
	case !fi.Mode().IsRegular() || fi.Size() > headSize+(Most+batch)*rowSize:
		return nil, ErrDamage
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errRead
	}
	return b, nil
}

// Repair makes the disk have what Open has found, and the table ready for Name and Erase.
func (t *Table) Repair() error {
	beside := filepath.Join(filepath.Dir(t.path), next)
	switch {
	case t.found.anew:
		if err := write(t.path, t.head.text(t.key)); err != nil {
			return err
		}
		t.found.end = headSize
	case t.found.next:
		if os.Rename(beside, t.path) != nil || atomicfile.SyncDir(filepath.Dir(t.path)) != nil {
			return errWrite
		}
	}
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errWrite
	}
	// A copy that was put back may be open to others.
	fi, err := os.Lstat(t.path)
	if err != nil || fi.Mode().Perm() != private && os.Chmod(t.path, private) != nil {
		return errWrite
	}
	if t.file, err = segment.Open(t.path, t.disk); err != nil {
		return errRead
	}
	if t.found.extra && t.file.Cut(int64(t.found.end)) != nil {
		return errWrite
	}
	// Only the last batch may be in doubt: a sync that failed ends the table.
	if t.file.Renew(int64(max(headSize, t.found.end-batch*rowSize))) != nil {
		return errWrite
	}
	return nil
}
