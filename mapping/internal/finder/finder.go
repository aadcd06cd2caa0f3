// Package finder collects what is wrong with one file of declarations.
//
//	var f finder.Finder
//	if f.Read(file, &declared) {
//		f.Find(declared.Title == "", "M101", "/title", "has no title")
//	}
//	problems := f.Sorted()
//
// # Guarantees
//
// A finding holds positions, and names only where its caller puts them there.
//
// # Limits
//
// The first 1000 are listed, and near names are looked for 100 times: a hostile file has as many
// mistakes as it has members, and nobody reads more.
//
// # Errors
//
// What is wrong with a file is a finding.
//
// # Concurrency
//
// A Finder is for one goroutine.
package finder

import (
	"cmp"
	"iter"
	"slices"

	"github.com/carnet-go/carnet/internal/declare"
)

const (
	mostFindings = 1000
	mostNearest  = 100
)

// Finder collects what is wrong with one file. The zero Finder has read none.
type Finder struct {
	Index *declare.Index // of the file that was read
	Found int            // with those that are not listed
	found []declare.Problem
}

// Read fills into from a file, and says whether that is JSON at all.
func (f *Finder) Read(file []byte, into any) bool {
	f.Index, f.found = declare.Read("", file, into)
	f.Found = len(f.found)
	return f.Index.Has("")
}

// Find adds a finding at a member of the file, where that is wrong.
func (f *Finder) Find(wrong bool, code, at, problem string) {
	if wrong {
		f.Add(code, at, at, problem, "")
	}
}

// Unknown adds a finding about a name, with the one among others that was probably meant.
func (f *Finder) Unknown(code, at, shown, problem, name string, among iter.Seq[string]) {
	nearest := ""
	if f.Found < mostNearest {
		nearest = declare.Nearest(name, slices.Collect(among))
	}
	f.Add(code, at, shown, problem, nearest)
}

// Add adds a finding that stands at one member and shows another path.
func (f *Finder) Add(code, at, shown, problem, nearest string) {
	if f.Found++; len(f.found) >= mostFindings {
		return
	}
	line, column := f.Index.At(at)
	p := declare.Problem{Code: code, Problem: problem, Line: line, Column: column, Path: shown, Nearest: nearest}
	if !slices.Contains(f.found, p) { // what is used twice is wrong once
		f.found = append(f.found, p)
	}
}

// Sorted are all of them, in the order of their file.
func (f *Finder) Sorted() []declare.Problem {
	slices.SortStableFunc(f.found, func(a, b declare.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f.found
}
