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
		standard := value.Clone()
		standard.Standardize()
		standard.Minimize()
		into.SetBytes(standard.Pack())
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
