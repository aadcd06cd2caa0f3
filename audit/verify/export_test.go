package verify

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// Facts is what a reader tells of a line that comes after others.
func Facts(line []byte, earlier ...[]byte) string {
	r := lineReader{ring: keyring{known: note.VerifierList()}}
	var f facts
	for _, b := range earlier {
		r.read(b, &f)
	}
	r.read(line, &f)
	genesis, header, rekey := f.genesis, f.header, f.rekey
	f.genesis, f.header, f.rekey = nil, nil, nil
	return fmt.Sprintf("%+v %+v %+v %+v", f, genesis, header, rekey)
}

// HasShape reports whether a line is read by the shape of another one.
func HasShape(line, earlier []byte) bool {
	r := lineReader{ring: keyring{known: note.VerifierList()}}
	var f facts
	r.read(earlier, &f)
	return r.shapes[0].read(line, &f)
}

// TilePath is the file of a tile.
func TilePath(level int, n int64, width int) string { return edge.TilePath(level, n, width) }

// Expected says whether a tree of a size has a tile.
func Expected(name string, size int64) bool { return edge.Expected(name, size) }
