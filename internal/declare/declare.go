// Package declare reads declarations: JSON with comments and trailing commas, in
// files that people write and reviewers read.
//
//	index, problems := declare.Read("boundary.jsonc", raw, &file)
//
// # Guarantees
//
// One walk compares the file with the Go type of the target, fills the target and
// reports every problem with its position. A member has the name of a field in
// snake case (MaxAge is max_age, SPIFFE is spiffe), or that of its tag
// (json:"maxLength"), exactly. A field tagged json:"-" cannot be declared. What is
// absent keeps its zero value. An empty list is an empty slice, not a nil one.
//
// The zero value of a field often means a default, so what would only look like a
// value is refused: null, a duration of zero, and the zero time.
//
// A problem holds no content of the file: fixed words, positions, names that the
// type declares, and JSON pointers made of those. An unknown member and the key of
// a map are content: their problems point at the object that holds them, and only
// line and column say which it is.
//
//	D101  not UTF-8
//	D102  not JSON with comments
//	D103  nested too deep
//	D104  larger than 1 MiB
//	D105  unknown member
//	D106  member occurs twice
//	D107  member differs from a declared one only in case
//	D108  wrong type
//	D109  null
//	D110  number does not fit
//	D111  not a duration, or zero
//	D112  not a time, or zero
//	D113  unknown name
//	D114  half a surrogate pair
//	D115  more problems than are listed
//	D116  target that cannot be declared
//
// # Limits
//
// A file has at most 1 MiB, 32 levels and 1000 problems; what a file without
// syntax exceeds is found first and alone. Columns count bytes from 1, as the Go
// compiler's do. Targets are structs, slices, maps with string keys, pointers,
// strings, booleans, numbers, [time.Duration], [time.Time], whatever implements
// [encoding.TextUnmarshaler], and [encoding/json.RawMessage], which gets any value as
// JSON without comments.
//
// # Errors
//
// There are none, only [Problem] values. The target is filled as far as possible
// and must not be used for anything but further checks where there is one.
//
// # Concurrency
//
// An [Index] is safe for concurrent use: it only remembers where it has looked.
package declare

import (
	"reflect"

	"github.com/tailscale/hujson"
)

const (
	// MaxSize is the largest declaration, in bytes: hundreds of systems fit, and a
	// file that does not end cannot fill the memory.
	MaxSize = 1 << 20

	maxDepth    = 32   // the parser recurses without a bound of its own
	maxProblems = 1000 // a hostile file has as many as it has members
)

// Problem is one violation. Its fields are those of mapping.Finding, so that one
// converts to the other.
type Problem struct {
	Code         string
	Problem      string
	File         string
	Line, Column int
	Path         string
	Nearest      string
}

// Read fills v, a pointer to a struct, from data. The index is never nil; where
// data is not JSON it knows no positions.
func Read(file string, data []byte, v any) (*Index, []Problem) {
	r := &reader{Index: Index{file: file, lines: lineStarts(data)}}
	if !r.scan(data) {
		return &r.Index, r.problems
	}
	// A comment at the end of the file needs no newline here; the parser wants one.
	tree, err := hujson.Parse(append(data[:len(data):len(data)], '\n'))
	if err != nil {
		r.add(syntax, syntaxOffset(err, r.lines, len(data)), "", "")
		return &r.Index, r.problems
	}
	r.root = &tree
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		r.add(badTarget, 0, "", "")
		return &r.Index, r.problems
	}
	r.read(&tree, target.Elem(), "")
	return &r.Index, r.problems
}

type reader struct {
	Index
	problems []Problem
	types    map[reflect.Type]declared
}

func (r *reader) add(what code, offset int, path, nearest string) {
	switch {
	case len(r.problems) > maxProblems:
		return
	case len(r.problems) == maxProblems:
		what, path, nearest = tooMany, "", ""
	}
	line, column := r.position(offset)
	r.problems = append(r.problems, Problem{
		Code: what.String(), Problem: what.text(), File: r.file, Line: line, Column: column, Path: path, Nearest: nearest,
	})
}
