// Package format describes the files of schemas and mappings to editors: each is a JSON Schema,
// made of the structs that the files are read into, of a text for each of their members, and of
// what the checks after reading demand of one member or of those beside it.
//
//	doc := format.Mapping()
//
// # Guarantees
//
// A format takes all that the checks let pass, but for empty text in place of a name, a choice
// or a reason, which they read as a member that is left out. A member that has no text, and a
// text of no member, are found by the first call.
//
// # Limits
//
// What depends on another part of a file, or on another file, stands in no format.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// All functions share nothing that changes.
package format

import (
	"reflect"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// Schema is the format of what a schema's owner writes.
func Schema[File any]() []byte { return declare.RequireFormat(reflect.TypeFor[File](), schema) }

// Mapping is the format of what an author of a mapping writes.
func Mapping() []byte { return declare.RequireFormat(reflect.TypeFor[shape.Mapping](), mapping) }

// keywords are shorter to read in tables.
type keywords = declare.Keywords

// What many members are.
var (
	name    = keywords{"pattern": names.Name.String()}
	scope   = keywords{"pattern": `^(\*|[a-z0-9][a-z0-9._-]{0,63})$`} // a name, or *
	few     = keywords{"maxItems": 32}
	line    = keywords{"minLength": 1, "maxLength": 200}
	pointer = keywords{"pattern": "^/"}
	count   = keywords{"minimum": 0}

	// lowered is what a release may lead to: nothing leads to sealed.
	lowered = keywords{"enum": []string{"public", "internal", "confidential", "restricted"}}
	via     = keywords{"anyOf": []any{keywords{"enum": transform.Names()}, keywords{"pattern": custom}}}
)

const custom = `^custom\.[a-z0-9][a-z0-9._-]{0,63}$`

// needs is an object that has all of these members.
func needs(members ...string) keywords { return keywords{"required": members} }
