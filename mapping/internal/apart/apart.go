// Package apart is how package isolate runs a mapping in two halves, of which another process
// does one.
//
//	parts := mapper.Apart(apart.Permitted())
//	flat, tokens, err := parts.Flat(ctx, document, keys, nil) // there: a record as one object
//	record, err := parts.Back(ctx, flat, tokens)              // here: read again, by its schema
//
// # Guarantees
//
// A record is made of values that the destination's schema describes and of the mapping's own
// constants, and nothing else of what came over.
//
// # Limits
//
// That it is a record of the document that was sent, who made it knows alone.
//
// # Errors
//
// They are those of Map.
//
// # Concurrency
//
// Parts are immutable.
package apart

import "context"

// Permit is what a caller shows who may have the parts: whoever can import this package. The zero
// Permit, which others can make by inference, is none.
type Permit struct{ given bool }

// Permitted is a permit.
func Permitted() Permit { return Permit{true} }

// Given says whether it is one.
func (p Permit) Given() bool { return p.given }

// Parts is a mapper in two halves, with the documents, key sources and records of package
// mapping, which imports this one.
type Parts[D, K, R any] struct {
	Source, Destination, Mapping []byte                 // the declarations
	Known                        func(path string) bool // says whether errors may name it

	Flat func(ctx context.Context, document D, keys K, dst []byte) (flat []byte, tokens int, err error)
	Back func(ctx context.Context, flat []byte, tokens int) (R, error) // counts no fewer tokens than it finds
}
