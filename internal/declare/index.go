package declare

import (
	"strconv"
	"strings"
	"sync"

	"github.com/tailscale/hujson"
)

// Index knows where the values of a declaration stand, for checks that come after
// reading. The zero Index knows nothing.
type Index struct {
	file  string
	lines []int
	root  *hujson.Value

	mu      sync.Mutex
	members map[*hujson.Object]map[string]*hujson.Value // of the objects that somebody looked into
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
		inner := x.child(value, token)
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

// To make a Replacer takes kilobytes.
var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// Escape makes one token of a JSON pointer.
func Escape(token string) string { return escaper.Replace(token) }

func tokens(pointer string) []string {
	parts := strings.Split(pointer, "/")[1:]
	for i, part := range parts {
		parts[i] = unescaper.Replace(part)
	}
	return parts
}

func (x *Index) child(value *hujson.Value, token string) *hujson.Value {
	switch node := value.Value.(type) {
	case *hujson.Object:
		return x.object(node)[token]
	case *hujson.Array:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(node.Elements) {
			return &node.Elements[i]
		}
	}
	return nil
}

// object reads the names of an object once, however often it is looked into: a file that
// is all mistakes is looked into as often as it has members. Of equal names the first counts.
func (x *Index) object(node *hujson.Object) map[string]*hujson.Value {
	x.mu.Lock()
	defer x.mu.Unlock()
	if members, known := x.members[node]; known {
		return members
	}
	members := make(map[string]*hujson.Value, len(node.Members))
	for i := len(node.Members) - 1; i >= 0; i-- {
		name, _ := literal(&node.Members[i].Name, '"')
		members[name] = &node.Members[i].Value
	}
	if x.members == nil {
		x.members = map[*hujson.Object]map[string]*hujson.Value{}
	}
	x.members[node] = members
	return members
}
