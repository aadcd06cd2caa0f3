package mapping

import (
	"fmt"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
)

// Finding is one violation in a declaration: a boundary file, a system, an
// operation, a permit or a rule. It holds names that were declared and positions,
// never content.
type Finding struct {
	Code         string // stable, such as B103
	Problem      string // what is wrong, in words; holds no content
	File         string // empty: declared in Go
	Line, Column int    // from 1; 0: unknown
	Path         string // JSON pointer of the declared member, or its path in Go
	Nearest      string // the nearest right name; empty: none is near
}

// String is one line: position, code, problem, path and the nearest right name.
func (f Finding) String() string {
	var b strings.Builder
	if f.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", f.File, f.Line, f.Column)
	}
	fmt.Fprintf(&b, "%s %s", f.Code, f.Problem)
	if f.Path != "" {
		fmt.Fprintf(&b, " at %s", f.Path)
	}
	if f.Nearest != "" {
		fmt.Fprintf(&b, "; did you mean %q?", f.Nearest)
	}
	return b.String()
}

// Findings are all violations of one check, in the order of the files. No Findings
// are no error: checks return them through [Findings.Err].
type Findings []Finding

// Error is one line per finding.
func (f Findings) Error() string {
	lines := make([]string, len(f))
	for i, finding := range f {
		lines[i] = finding.String()
	}
	return strings.Join(lines, "\n")
}

// Err is nil where there is no finding, and f otherwise: a typed nil is no error.
func (f Findings) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// found is what a check has found as an error; nil: nothing.
func found(problems []declare.Problem) error {
	var all Findings
	for _, problem := range problems {
		all = append(all, Finding(problem))
	}
	return all.Err()
}
