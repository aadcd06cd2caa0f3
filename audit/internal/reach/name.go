package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Folder has the segments, below the log's.
const Folder = "seg"

const (
	digits = 20
	suffix = ".jsonl"
)

var errStray = errors.New("audit: there is something among the segments that is none; it was not changed")

// Name is the base name of the segment whose first line has an index.
func Name(first int64) string { return fmt.Sprintf("%0*d%s", digits, first, suffix) }

// Path is Name below the log's folder, with slashes.
func Path(first int64) string { return Folder + "/" + Name(first) }

// number is the index in a name; false: it is no segment's.
func number(name string) (int64, bool) {
	text, ok := strings.CutSuffix(name, suffix)
	if !ok || len(text) != digits {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && Name(n) == name
}

// List is the segments of the log at fsys, the oldest first. There is at least one, and
// nothing else.
func List(fsys fs.FS) ([]Part, error) {
	entries, err := fs.ReadDir(fsys, Folder)
	if err != nil {
		return nil, ErrRead
	}
	var parts []Part
	for _, e := range entries { // sorted, as numbers of 20 digits are
		first, ok := number(e.Name())
		if !ok || !e.Type().IsRegular() {
			return nil, errStray
		}
		info, err := e.Info()
		if err != nil {
			return nil, ErrRead
		}
		parts = append(parts, Part{First: first, Bytes: info.Size()})
	}
	if len(parts) == 0 {
		return nil, ErrRead
	}
	return parts, nil
}
