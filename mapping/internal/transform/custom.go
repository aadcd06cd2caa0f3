package transform

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// CustomPrefix is what the names of functions begin with that somebody registered.
const CustomPrefix = "custom."

// Custom is such a function. It gets text, and makes text.
type Custom struct {
	Version   string
	MaxLength int // of what it makes, in characters
	Do        func(dst, text []byte) ([]byte, bool)
}

// custom is a step of code that nobody here has seen: it can have no result, and what it makes
// is held against what was declared of it. Which version it is, the mapping says.
func custom(name string, args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	one, known := f.Custom[name]
	if !known {
		var all []string
		for registered := range f.Custom {
			all = append(all, registered)
		}
		slices.Sort(all)
		return Step{}, nil, Problem{UnknownName, "is a function that nobody registered here", declare.Nearest(name, all)}
	}
	version, p := Version(args)
	switch wrong := takes(f, scan.String); {
	case p.Kind != 0:
		return Step{}, nil, p
	case version != one.Version:
		return Step{}, nil, arguments("is of another version than the function that is registered")
	case wrong.Kind != 0:
		return Step{}, nil, wrong
	}
	out := plainText(0, one.MaxLength)
	return Step{Out: out, Fallible: true, apply: func(c *Call, v Value) (Value, bool) {
		made, ok := one.call(v.Text)
		return Value{Kind: scan.String, Text: made}, ok && utf8.RuneCount(made) <= one.MaxLength
	}}, map[string]string{"version": version}, Problem{}
}

// call takes no part of the source out of its hands: what the function gets is a copy, and what
// it makes is one. What panics has no result.
func (c *Custom) call(text []byte) (made []byte, ok bool) {
	given := slices.Clone(text)
	defer func() {
		clear(given)
		if recover() != nil {
			made, ok = nil, false
		}
	}()
	made, ok = c.Do(nil, given)
	made = slices.Clone(made)
	return made, ok && utf8.Valid(made) && !strings.ContainsRune(string(made), 0)
}

// Version reads the only argument of a function.
func Version(args map[string]json.RawMessage) (string, Problem) {
	version := ""
	p := read(args, map[string]any{"version": &version})
	if p.Kind == 0 && !names.Name.MatchString(version) {
		p = arguments("does not say which version, by a name")
	}
	return version, p
}

// approved is a function as a release names it: by name and version.
func approved(name string, raw json.RawMessage) (Step, Problem) {
	args := map[string]json.RawMessage{}
	if raw != nil && json.Unmarshal(raw, &args) != nil {
		return Step{}, arguments("its arguments are no object")
	}
	version, p := Version(args)
	if !names.Name.MatchString(strings.TrimPrefix(name, CustomPrefix)) {
		p = Problem{Kind: UnknownName, Text: "is no name of a function"}
	}
	text, _ := json.Marshal(map[string]string{"version": version})
	return Step{Name: name, Args: string(text), Hides: true}, p
}
