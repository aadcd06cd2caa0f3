// Package mapping says what may cross: data under a closed, labelled description, and
// what a checked mapping makes of it for one destination.
//
//	src, err := mapping.ParseSchema(employee) // what the source holds, labelled by its owner
//	dst, err := mapping.ParseSchema(contact)  // what the destination takes, and where
//	m, err := mapping.Compile(src, dst, employeeToContact, crm)
//	record, err := m.Map(ctx, src.Document(raw), keys)
//
// # Guarantees
//
// There are three owners: the source's labels its fields and says what releases them, the
// author of a mapping connects fields, the destination's says what it accepts. Compile
// lets no mapping pass that could send a value where its label does not fit: a label is
// lowered by a release of the source's owner, for exactly the transform that he names, and
// by nothing else, and two releases do not show two parts of one field. It is complete both ways: a
// new field of either side breaks it, and nothing is passed through as it comes.
//
// Map yields a whole [Record] or nothing. A document is refused for a member that its
// schema does not declare, one that occurs twice or is missing, a value of another type or
// beyond its limits, bad Unicode, and data after the end. Integers and decimals keep all
// their digits. The body of a record is built from typed values, never from pieces of the
// input that were not read, and can stand in a page. A Mapper and its Records end with the
// earliest release that it uses.
//
// Documents and Records print and marshal no content. No error and no finding quotes it.
//
// # Limits
//
// A document has at most 4 MiB without the white space around it, a schema and a mapping 1 MiB, and a record 16 MiB, where each value
// outside of its body counts as 32 bytes more than it has. An array or a map is made of one, element by
// element: none is cut, sorted or joined. There is no choice between types. That two harmless fields
// identify somebody together, the source's owner says, or nothing here knows; and nothing adds up what
// goes in several records. Residency is what the destination declares, and labels of a destination's
// schema are not compared with what flows there: they are for documents that come from there. A token
// tells whether two values are equal, one that can be opened how many blocks of 16 bytes its value takes, and
// whoever may call Map can ask for the token of a value. The key of a token is forgotten after the call, and
// what a hash or a cipher made of it goes with the garbage. A label is
// its schema's and not the data's: whoever writes Go here can put the same bytes under a softer schema,
// by Schema.Document or Schema.Encode, and only a reviewer sees that.
//
// # Errors
//
// Documents fail with a [*DataError], which is [ErrInvalid]; Map besides with
// [ErrForeign], [ErrExpired], [ErrNoKey] and what its context says. Declarations fail with
// [Findings], up to 1000 of them.
//
// # Concurrency
//
// All values are immutable and safe for concurrent use, but a Record while MapInto writes it.
package mapping
