package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// Class says how sensitive a value is. The zero Class crosses nothing.
type Class uint8

// The classes, in rising order.
const (
	Unlabelled   Class = iota // crosses nothing
	Public                    // for everybody
	Internal                  // the highest that path, query, dn, filter, header, log and metric accept
	Confidential              // personal or business data
	Restricted                // the worst that may cross at all
	Sealed                    // credentials: cross nothing, and no release lowers them
)

var classes = [...]string{"", "public", "internal", "confidential", "restricted", "sealed"}

// String is the name that schemas use; empty: unlabelled.
func (c Class) String() string {
	if int(c) < len(classes) {
		return classes[c]
	}
	return ""
}

// UnmarshalText reads the name that schemas use.
func (c *Class) UnmarshalText(text []byte) error {
	for i, name := range classes {
		if i > 0 && name == string(text) {
			*c = Class(i)
			return nil
		}
	}
	return errors.New("mapping: unknown class")
}

// MarshalText writes the name that schemas use.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Label is what is known about a value. The zero Label crosses nothing.
type Label struct {
	Class      Class    // joined by maximum
	Categories []string // what it is, such as pii.contact; joined by union; nil: nothing in particular
	Residency  []string // jurisdictions it may be in, "*" for any; joined by intersection; nil: none
	Purposes   []string // what it may be used for, "*" for any; joined by intersection; nil: nothing
}

// Anywhere is a residency or a purpose without limit.
const Anywhere = "*"

// harmless is the label of what tells nothing: it changes no other label.
func harmless() Label {
	return Label{Class: Public, Residency: []string{Anywhere}, Purposes: []string{Anywhere}}
}

// Join is the label of what is made of both: the higher class, where unlabelled is the
// highest, the categories of both, and the jurisdictions and purposes that both have.
func (l Label) Join(m Label) Label {
	if l.Class == Unlabelled || m.Class == Unlabelled {
		return Label{}
	}
	return Label{
		Class:      max(l.Class, m.Class),
		Categories: names.Sorted(slices.Concat(l.Categories, m.Categories)),
		Residency:  names.Common(l.Residency, m.Residency),
		Purposes:   names.Common(l.Purposes, m.Purposes),
	}
}

// String is one line, such as "internal pii.contact in eu, us for hr".
func (l Label) String() string {
	if l.Class == Unlabelled {
		return "unlabelled"
	}
	text := l.Class.String()
	if len(l.Categories) > 0 {
		text += " " + strings.Join(l.Categories, ", ")
	}
	return fmt.Sprintf("%s in %s for %s", text, names.Listed(l.Residency), names.Listed(l.Purposes))
}

// Fits says whether a value of that label may go to a destination: it has a label and is
// not sealed, its class is not above the clearance, nor above internal in a log or metric,
// its categories are accepted, and all jurisdictions and purposes of the destination, of
// which there must be some, are the value's too.
func (l Label) Fits(to Destination) bool { return len(to.refusals(l)) == 0 }

// Clearance is what a Destination accepts. The zero Clearance accepts nothing.
type Clearance struct {
	Class      Class    // the highest class
	Categories []string // the categories; nil: values without any
	Purposes   []string // the purposes it serves; nil: none
}
