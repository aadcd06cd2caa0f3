package mapping

import "github.com/carnet-go/carnet/mapping/internal/format"

// SchemaFormat is a JSON Schema (2020-12) of the files that ParseSchema reads: an editor that is
// told of it completes, explains and checks them, as carnet format says. It takes what ParseSchema
// takes, but for empty text in place of a name or choice, and knows nothing of other files.
func SchemaFormat() []byte { return format.Schema[schemaFile]() }

// MappingFormat is one of the files that Compile reads.
func MappingFormat() []byte { return format.Mapping() }
