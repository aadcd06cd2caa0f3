package mapping

import (
	"context"
	"slices"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/program"
)

// KeySource lends the keys of keyed tokens, derived for one tenant, and each name for one purpose: one
// secret for two tenants joins their tokens, and so does one name for two purposes. The key is
// valid until use returns. It is called once for each key of a mapping in each call of
// Map, from one goroutine, and calls use once, before it returns; the version is of 1 to
// 36 letters, digits, _ and -, and the key has 16 bytes or more. Any error is ErrNoKey.
type KeySource interface {
	UseKey(ctx context.Context, name string, use func(version string, key []byte) error) error
}

// Mapper is a compiled mapping. A nil or zero Mapper refuses everything.
type Mapper struct {
	name, hash string
	text       []byte // as Compile took it
	src, dst   *Schema
	to         Destination
	label      Label
	notAfter   time.Time
	program    program.Program
	funcs      []Func

	rules   []*rule // all that set something, in the destination schema's order
	absent  []*rule
	dropped []dropping

	combined []*combination // of the source, that are sent together
}

// made says whether Compile made it.
func (m *Mapper) made() bool { return m != nil && m.hash != "" }

// some is m, or one that Compile has not made.
func some(m *Mapper) *Mapper {
	if m == nil {
		m = &Mapper{}
	}
	return m
}

// Name is what the mapping is called.
func (m *Mapper) Name() string { return some(m).name }

// Source is the schema of the documents that it maps; nil: none.
func (m *Mapper) Source() *Schema { return some(m).src }

// Places are where the fields of its records go, in the destination schema's order, with
// those of the body; a field that is declared as absent is not among them.
func (m *Mapper) Places() []Place {
	if !m.made() {
		return nil
	}
	places := make([]Place, len(m.rules))
	for i, r := range m.rules {
		places[i] = r.into.place()
	}
	return places
}

func (f *field) place() Place {
	if f.in == InBody {
		return Place{InBody, f.path}
	}
	return Place{f.in, f.name}
}

// Keys are the names of the token keys that it needs, sorted.
func (m *Mapper) Keys() []string { return slices.Clone(some(m).program.Keys) }

// Label joins the labels of all that leaves.
func (m *Mapper) Label() Label { return some(m).label.Join(harmless()) }

// Destination is where it was compiled for.
func (m *Mapper) Destination() Destination { return clone(some(m).to) }

// For is the mapping for another destination, checked as Compile does. A nil or zero
// Mapper has none: M201.
func (m *Mapper) For(to Destination) (*Mapper, error) {
	if !m.made() {
		return nil, Findings{{Code: "M201", Problem: "is no mapping"}}
	}
	return Compile(m.src, m.dst, m.text, to, m.funcs...)
}

// NotAfter is when the earliest release that it uses ends, which is the midnight (UTC)
// after its last day; zero: never.
func (m *Mapper) NotAfter() time.Time { return some(m).notAfter }

// Reversible says whether it makes tokens that who has their key can open.
func (m *Mapper) Reversible() bool { return slices.ContainsFunc(some(m).rules, (*rule).reversible) }

// Hash is hexadecimal SHA-256 over the mapping, both schemas and the destination.
func (m *Mapper) Hash() string { return some(m).hash }
