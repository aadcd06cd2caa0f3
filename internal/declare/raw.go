package declare

import (
	"encoding/json"
	"reflect"

	"github.com/tailscale/hujson"
)

// readRaw gives a value of any type as standard JSON, for whoever reads it later: null
// and members that occur twice stand nowhere in it.
func (r *reader) readRaw(value *hujson.Value, into reflect.Value, path string) bool {
	if into.Type() != reflect.TypeFor[json.RawMessage]() {
		return false
	}
	if r.plain(value, path) {
		into.SetBytes(packed(nil, value))
	}
	return true
}

// plain holds for a value whose type nobody knows yet what holds for all others.
func (r *reader) plain(value *hujson.Value, path string) bool {
	before := len(r.problems)
	switch node := value.Value.(type) {
	case *hujson.Object:
		seen := map[string]bool{}
		for i := range node.Members {
			name := r.name(&node.Members[i].Name, path)
			if seen[name] {
				r.add(duplicate, node.Members[i].Name.StartOffset, path, "")
			}
			seen[name] = true
			r.plain(&node.Members[i].Value, path)
		}
	case *hujson.Array:
		for i := range node.Elements {
			r.plain(&node.Elements[i], path)
		}
	case hujson.Literal:
		if node.Kind() == 'n' {
			r.add(null, value.StartOffset, path, "")
		}
		if node.Kind() == '"' {
			r.halves(value, path)
		}
	}
	return len(r.problems) == before
}

// packed appends a value without comments, white space and trailing commas.
func packed(dst []byte, value *hujson.Value) []byte {
	switch node := value.Value.(type) {
	case *hujson.Object:
		dst = append(dst, '{')
		for i := range node.Members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(packed(dst, &node.Members[i].Name), ':')
			dst = packed(dst, &node.Members[i].Value)
		}
		return append(dst, '}')
	case *hujson.Array:
		dst = append(dst, '[')
		for i := range node.Elements {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = packed(dst, &node.Elements[i])
		}
		return append(dst, ']')
	default:
		literal, _ := value.Value.(hujson.Literal)
		return append(dst, literal...)
	}
}
