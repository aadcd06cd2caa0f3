package cursor

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

// Folder has the cursors, in a log's folder.
const Folder = "sink"

const (
	suffix = ".cursor"
	head   = "carnet cursor 1\n"
	most   = 1024 // bytes of a cursor
)

var (
	errCursor = errors.New("audit: a feed's cursor cannot be read")
	// errBeside: repeating everything would not help. A sink knows lines by their index, and
	// would take the new ones for those that it has.
	errBeside = errors.New("audit: a sink has lines that this log has not; the log was set back, or is another")
)

// text is the cursor's file: what is sealed, and the seal.
func (f *Feed) text(next int64, leaf []byte) []byte {
	body := fmt.Sprintf("%sorigin %s\nfeed %s\nnext %d\nleaf %s\n", head, f.Origin, f.Name, next, base64.StdEncoding.EncodeToString(leaf))
	return []byte(body + "seal " + f.Seal([]byte(body)) + "\n")
}

func (f *Feed) path() string { return filepath.Join(f.Dir, f.Name+suffix) }

// load reads the cursor. None is a feed that is new.
func (f *Feed) load(ctx context.Context) error {
	file, err := os.Open(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errCursor
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return errCursor
	}
	if !f.parse(text) {
		f.next, f.leaf = 0, [32]byte{}
		f.owe(Notice{What: Again, Reason: "cursor"})
		return nil
	}
	return f.compare(ctx)
}

// parse takes only what text makes, so that what is sealed has one form.
func (f *Feed) parse(b []byte) bool {
	var origin, name, leaf, seal string
	var next int64
	_, err := fmt.Sscanf(strings.TrimPrefix(string(b), head), "origin %s\nfeed %s\nnext %d\nleaf %s\nseal %s\n", &origin, &name, &next, &leaf, &seal)
	if err != nil || next < 1 {
		return false
	}
	hash, err := base64.StdEncoding.DecodeString(leaf)
	if err != nil || len(hash) != len(f.leaf) || !bytes.Equal(b, f.text(next, hash)) {
		return false
	}
	f.next, f.leaf = next, [32]byte(hash)
	return true
}

// compare holds the cursor against the log's lines, as far as they are kept.
func (f *Feed) compare(ctx context.Context) error {
	first, next, _ := f.Source.Extent()
	switch {
	case f.next > next:
		return errBeside
	case f.next <= first:
		return nil // retention took the line; what is missing is told as a gap
	}
	for line, err := range f.Source.Lines(ctx, f.next-1) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || line.Index != f.next-1:
			return reach.ErrRead
		case line.leaf() != f.leaf:
			return errBeside
		}
		return nil
	}
	return reach.ErrRead
}

// save replaces the cursor. One that cannot be written is tried again a second later:
// meanwhile a crash only repeats more.
func (f *Feed) save() {
	f.mu.Lock()
	over := f.over
	f.mu.Unlock()
	if over || !f.dirty {
		return
	}
	f.saved = time.Now()
	if atomicfile.Write(f.path(), f.text(f.next, f.leaf[:]), 0o600) == nil {
		f.dirty = false
	} else {
		f.note("cursor")
	}
}

// clean removes what a crash left of atomic writes.
func clean(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
