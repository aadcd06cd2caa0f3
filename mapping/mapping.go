// Package mapping says what may cross: data under a description, and what a check
// of any declaration found.
//
//	reply, err := broker.Do(ctx, grant, mapping.Document{})
//	err = reply.Document.Decode(&contact)
//
// # Guarantees
//
// A Document prints and marshals no content. Decode is strict: members that the
// target does not have, members that occur twice or differ only in case, and data
// after the end are errors, and no error quotes the content.
//
// # Limits
//
// A Document is opaque: it carries no labels, so nothing that asks for a label
// takes it. Schemas, labels and mappings are not part of this package yet.
//
// # Errors
//
// Decode fails with [ErrInvalid]. Checks of declarations fail with [Findings].
//
// # Concurrency
//
// All values are immutable and safe for concurrent use.
package mapping
