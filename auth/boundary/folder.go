package boundary

import (
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
)

// printable is a file name that may stand in a finding.
var printable = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// read checks the folder and reads the file in it.
func (l *loader) read(dir fs.FS) (content []byte, ok bool) {
	if dir == nil {
		l.find("F106", "", "the folder cannot be read")
		return nil, false
	}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		l.find("F106", "", "the folder cannot be read")
		return nil, false
	}
	present, readable := false, false
	for _, entry := range entries {
		present = present || entry.Name() == File
		readable = l.entry(entry) || readable
	}
	if !present {
		l.find("F101", File, "is missing")
	}
	if !readable {
		return nil, false
	}
	return l.content(dir)
}

// entry says whether it is the file that declares, fit to be read.
func (l *loader) entry(entry fs.DirEntry) bool {
	name := entry.Name()
	declares := name == File
	switch {
	case strings.HasPrefix(name, "."):
	case !declares && !strings.HasPrefix(name, "README"):
		l.find("F102", name, "is not a file of a boundary")
	case !entry.Type().IsRegular():
		l.find("F103", name, "is not a regular file")
	default:
		return declares
	}
	return false
}

func (l *loader) content(dir fs.FS) ([]byte, bool) {
	file, err := dir.Open(File)
	if err != nil {
		l.find("F104", File, "cannot be read")
		return nil, false
	}
	defer file.Close()
	// One byte more than allowed is enough to refuse a file that does not end.
	content, err := io.ReadAll(io.LimitReader(file, declare.MaxSize+1))
	if err != nil {
		l.find("F104", File, "cannot be read")
		return nil, false
	}
	return content, true
}
