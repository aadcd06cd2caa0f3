package declare

import (
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// Index knows where the values of a declaration stand, for checks that come after
// reading. The zero Index knows nothing.
type Index struct {
	file  string
	lines []int
	root  *hujson.Value
}

// At is the position of the value that a JSON pointer (RFC 6901) names, or of the
// innermost value around it that exists: what is missing is missing there. Both
// are 0 where nothing is known.
func (x *Index) At(pointer string) (line, column int) {
	if x == nil || x.root == nil {
		return 0, 0
	}
	value, _ := x.find(pointer)
	return x.position(value.StartOffset)
}

// Has says whether the value itself exists.
func (x *Index) Has(pointer string) bool {
	if x == nil || x.root == nil {
		return false
	}
	_, whole := x.find(pointer)
	return whole
}

// Names are the names of the members of the object that a JSON pointer names, in the
// order of the file; nil where there is none.
func (x *Index) Names(pointer string) []string {
	if x == nil || x.root == nil {
		return nil
	}
	value, whole := x.find(pointer)
	object, ok := value.Value.(*hujson.Object)
	if !whole || !ok {
		return nil
	}
	names := make([]string, len(object.Members))
	for i := range object.Members {
		names[i], _ = literal(&object.Members[i].Name, '"')
	}
	return names
}

// find goes as far as the pointer leads.
func (x *Index) find(pointer string) (value *hujson.Value, whole bool) {
	value = x.root
	for _, token := range tokens(pointer) {
		inner := child(value, token)
		if inner == nil {
			return value, false
		}
		value = inner
	}
	return value, true
}

// Place is file:line of the same value; empty where nothing is known.
func (x *Index) Place(pointer string) string {
	line, _ := x.At(pointer)
	if line == 0 {
		return ""
	}
	return x.file + ":" + strconv.Itoa(line)
}

// Escape makes one token of a JSON pointer.
func Escape(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

func tokens(pointer string) []string {
	parts := strings.Split(pointer, "/")[1:]
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

func child(value *hujson.Value, token string) *hujson.Value {
	switch node := value.Value.(type) {
	case *hujson.Object:
		for i := range node.Members {
			if name, ok := node.Members[i].Name.Value.(hujson.Literal); ok && name.String() == token {
				return &node.Members[i].Value
			}
		}
	case *hujson.Array:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(node.Elements) {
			return &node.Elements[i]
		}
	}
	return nil
}
