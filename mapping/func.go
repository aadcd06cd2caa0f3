package mapping

import (
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// Func is a transform of your own, from text to text: {"custom.NAME": {"version": VERSION}} in a
// mapping, and the same in a release that lets it lower a label. The report names it, and that
// its code is to be read. It can have no result, so a rule with it says on_error: where Do says
// so, panics, or makes what is too long or no text.
type Func struct {
	Name      string // as names are
	Version   string // of what it does: another one is another mapping
	MaxLength int    // of what it makes, in characters
	// Do appends to dst what it makes of a copy of the text; it keeps neither. Concurrent calls
	// are of several goroutines.
	Do func(dst, text []byte) ([]byte, bool)
}

// register takes the functions that a mapping may use.
func (c *compiler) register(all []Func) {
	c.custom = map[string]transform.Custom{}
	for _, f := range all {
		name := transform.CustomPrefix + f.Name
		_, twice := c.custom[name]
		bad := !names.Name.MatchString(f.Name) || !names.Name.MatchString(f.Version) || f.Do == nil || f.MaxLength < 1 || f.MaxLength > scan.MaxSize || twice
		c.Find(bad, "M227", "", "has a function without a name, a version, a longest result or code, or two of one name")
		c.custom[name] = transform.Custom{Version: f.Version, MaxLength: f.MaxLength, Do: f.Do}
	}
	c.mapper.funcs = slices.Clone(all)
}
