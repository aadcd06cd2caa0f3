// Package program writes what a compiled mapping makes of one document.
//
//	r := &program.Run{}
//	fault, err := r.Do(ctx, p, source, values, keys)
//	// r.Out is the body, r.Fields is what stands outside of it, r.Absent has no value
//
// # Guarantees
//
// All of it is written or nothing is to be used. It reads values that a walk has found, and
// writes typed values: nothing of the source that was not read. What is made has a limit, and
// a long array ends with its context.
//
// # Limits
//
// Whether a value may go where a rule sends it was decided when the mapping was compiled.
//
// # Errors
//
// A fault has a code and a declared path; its Code is empty where there is none. Besides:
// [ErrNoKey], and the context's error.
//
// # Concurrency
//
// A Program is immutable. A Run is one goroutine's; it may be used again, and then has the
// memory of the time before.
package program

import (
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// OnError says what happens where a transform has no result.
type OnError uint8

// The zero OnError fails.
const (
	Fail OnError = iota
	Drop
	Null
)

// Rule sets one field of the destination.
type Rule struct {
	Number  int    // of the rule in its mapping
	Into    string // path of the destination's field
	From    *scan.Node
	Steps   []transform.Step
	OnError OnError
	JSON    []byte                 // where there is no From: the constant in a body
	Texts   []string               // where there is no From: the constant elsewhere
	Bars    func(text string) bool // says what cannot stand outside the body
	Took    int                    // tokens that each value took, where another program has made it
}

// Output is a member of an object in the body.
type Output struct {
	Key      []byte // with quotes and colon
	Required bool
	Rule     *Rule      // of a scalar or a list of them; of a collection, and of its names
	Elements []Output   // of a collection of objects, what each of these holds
	Element  *Output    // of another collection, each of what it holds; both nil: it is none
	Members  []Output   // of an object
	Aside    *scan.Node // describes a field that is one of these only in a Flat program; nil: it is in the body
}

// Program is a compiled mapping.
type Program struct {
	Outside []*Rule
	Body    []Output
	Bodied  bool     // there is a body
	Arrays  bool     // it makes collections
	Keys    []string // names of what tokens need
}

// Text is a value outside the body.
type Text struct {
	Rule int
	Text string
}

// last describes what the last transform makes.
func (r *Rule) last() *scan.Node { return r.Steps[len(r.Steps)-1].Out }
