// Package scan reads JSON under a closed description, in one walk and without memory
// of its own.
//
//	node, values := …, make([]scan.Value, slots)
//	fault := scan.Walk(node, scan.Source(raw), values)
//
// # Guarantees
//
// What is not described is refused where it begins: nothing is read into memory, so a
// limit costs what stands before it. A name is compared by its characters, however it is
// escaped, and by nothing else: neither case nor Unicode forms are folded. Nesting ends
// where the description ends.
//
// # Limits
//
// A document has at most 4 MiB, without the white space around it. An integer is written as one: 1.0, 1e3 and -0 are none. A
// number has no exponent and at most the declared digits after its point. Text holds no NUL.
//
// # Errors
//
// A [Fault] holds a code and a declared path, no content.
//
// # Concurrency
//
// A Node is immutable once it is indexed, and safe for concurrent use.
package scan

import "regexp"

// Kind is the type of a value.
type Kind uint8

// The kinds. Null is one of values only.
const (
	Absent Kind = iota
	Null
	Bool
	Integer
	Number
	String
	Array
	Object
	Map     // an Object of names that nobody declared
	Natural // an Integer of 64 bits without a sign
)

// String is the name that schemas use.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "boolean", "integer", "number", "string", "array", "object", "map", "unsigned integer"}[k]
}

// MaxScale is how many digits after its point a Number has at most.
const MaxScale = 18

// MaxMembers is how many members an object has at most.
const MaxMembers = 256

// MaxName is how many bytes the name of a member has at most.
const MaxName = 128

// Node describes one value. What most values are held against stands close together.
type Node struct {
	Kind     Kind
	Nullable bool
	Format   Format
	Slot     int // where Walk puts it; -1: nowhere

	MinLength, MaxLength int   // of String, in characters
	Min, Max             int64 // of Integer; of Number, times ten to the Scale; of Natural, the bits
	Scale                int   // digits after a Number's point

	Texts    []string // the only ones of String; nil: any
	Integers []int64  // the only ones of Integer; nil: any
	Pattern  *regexp.Regexp
	Unit     string // of Integer, Natural and Number, what it counts; empty: nothing in particular
	Path     string // JSON pointer, for faults; * is any element

	Keys       *Node // of Map, what its names are
	Items      *Node // of Array and Map
	MaxItems   int
	First, End int // of a collection, the slots of what one of its elements holds

	Members  []Member // of Object
	index    map[string]int
	keys     []key // of Members
	required [MaxMembers / 64]uint64
}

// Member is one of an Object.
type Member struct {
	Name     string // at most MaxName bytes; neither quotes, backslashes nor control characters
	Required bool
	Node     *Node
}

// Collects says whether it is a collection: its elements hold fields, or are some. Those of
// another Array are values of it.
func (n *Node) Collects() bool {
	return n.Kind == Map || n.Kind == Array && (n.Items.Kind == Object || n.Items.Kind == Array || n.Items.Kind == Map)
}

// Each visits a node and all that it holds.
func (n *Node) Each(visit func(*Node)) {
	visit(n)
	if n.Items != nil {
		n.Items.Each(visit)
	}
	for _, member := range n.Members {
		member.Node.Each(visit)
	}
}

// Index makes an Object ready for Walk.
func (n *Node) Index() {
	n.index, n.keys = make(map[string]int, len(n.Members)), make([]key, len(n.Members))
	for i, member := range n.Members {
		n.index[member.Name], n.keys[i] = i, newKey(member.Name)
		if member.Required {
			n.required[i/64] |= 1 << (i % 64)
		}
	}
}

// Value is where a value stands, and what it is.
type Value struct {
	N          int64 // Integer; Number, times ten to its scale; Natural, its bits; Bool, 0 or 1; Array and Map, their elements
	Start, End int32 // in the source; of String without the quotes
	Kind       Kind
	Escaped    bool // a String with escapes
	Plain      bool // a String that can stand in JSON as it is, also in a page
}
