package boundary

import (
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
)

// The folders beside the file that declares, and how the files in them end.
const (
	schemaFolder  = "schemas"
	mappingFolder = "mappings"
	extension     = ".jsonc"
)

// maxFiles is more schemas, or mappings, than one service has any use for.
const maxFiles = 1000

var (
	// printable is a path that may stand in a finding.
	printable = regexp.MustCompile(`^((schemas|mappings)/)?[A-Za-z0-9._-]{1,80}$`)

	documentName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
)

// read checks the folder and reads the files in it; ok says whether the one that
// declares is among them.
func (l *loader) read(dir fs.FS) (content []byte, ok bool) {
	entries, ok := l.list(dir, ".", "")
	if !ok {
		return nil, false
	}
	present, readable := false, false
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == File:
			present, readable = true, l.regular(entry, name)
		case name != schemaFolder && name != mappingFolder:
			l.stray(entry, name)
		case !entry.IsDir():
			l.find("F103", name, "is not a folder")
		case name == schemaFolder:
			l.schemas = l.documents(dir, name)
		default:
			l.mappings = l.documents(dir, name)
		}
	}
	if !present {
		l.find("F101", File, "is missing")
	}
	if !readable {
		return nil, false
	}
	return l.content(dir, File)
}

// documents reads the files of one of the folders, in the order of their names.
func (l *loader) documents(dir fs.FS, folder string) []*document {
	entries, ok := l.list(dir, folder, folder)
	if ok && len(entries) > maxFiles {
		l.find("F107", folder, "holds more than 1000 files")
		return nil
	}
	var all []*document
	for _, entry := range entries {
		path := folder + "/" + entry.Name()
		name, jsonc := strings.CutSuffix(entry.Name(), extension)
		if !jsonc || !documentName.MatchString(name) {
			l.stray(entry, path)
			continue
		}
		d := &document{name: name, path: path}
		if l.regular(entry, path) {
			d.content, d.read = l.content(dir, path)
		}
		all = append(all, d)
	}
	return all
}

func (l *loader) list(dir fs.FS, folder, name string) ([]fs.DirEntry, bool) {
	if dir != nil {
		if entries, err := fs.ReadDir(dir, folder); err == nil {
			return entries, true
		}
	}
	l.find("F106", name, "the folder cannot be read")
	return nil, false
}

// stray is about what declares nothing.
func (l *loader) stray(entry fs.DirEntry, path string) {
	name := entry.Name()
	if strings.HasPrefix(name, ".") {
		return
	}
	if !strings.HasPrefix(name, "README") {
		l.find("F102", path, "is not a file of a boundary")
		return
	}
	l.regular(entry, path)
}

func (l *loader) regular(entry fs.DirEntry, path string) bool {
	if !entry.Type().IsRegular() {
		l.find("F103", path, "is not a regular file")
		return false
	}
	return true
}

func (l *loader) content(dir fs.FS, path string) ([]byte, bool) {
	file, err := dir.Open(path)
	if err != nil {
		l.find("F104", path, "cannot be read")
		return nil, false
	}
	defer file.Close()
	// One byte more than allowed is enough to refuse a file that does not end.
	content, err := io.ReadAll(io.LimitReader(file, declare.MaxSize+1))
	if err != nil {
		l.find("F104", path, "cannot be read")
		return nil, false
	}
	return content, true
}
