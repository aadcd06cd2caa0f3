// Package transform is the closed table of what a mapping can do to a value.
//
//	step, problem := transform.New("mask.keep_last", []byte(`{"n":4}`), transform.Field{Node: node})
//	out, ok := step.Apply(&call, value)
//
// # Guarantees
//
// A Step takes every value that its field's description lets pass: it yields one that its
// own Out describes, or, where it is Fallible, nothing. It has no state, reads no clock and
// never quotes what it was given.
//
// # Limits
//
// There is no expression language. What a step does to labels is no business of this
// package: none lowers one by itself.
//
// # Errors
//
// [Problem] says why a declaration is none.
//
// # Concurrency
//
// A Step is immutable and safe for concurrent use, a Call is one goroutine's.
package transform

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/keyed"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Field is what a chain of steps begins with.
type Field struct {
	Node   *scan.Node // of the value that comes in
	Schema string     // title of the source schema
	Path   string     // of the source field
	Custom map[string]Custom
}

// Value is one that passes through steps.
type Value struct {
	Kind  scan.Kind
	N     int64  // Integer; Number, times ten to its scale; Natural, its bits; Bool
	Text  []byte // String
	Plain bool   // Text can stand in JSON as it is
}

// Call is what one mapping of one document needs.
type Call struct {
	Keys    map[string]*keyed.Key // by their name
	Scratch []byte                // appended to; values of one field point into it

	composing *norm.Iter // holds nothing between values
}

// Step is one transform with its arguments.
type Step struct {
	Name       string
	Args       string     // canonical JSON
	Key        string     // name of the key; empty: needs none
	Out        *scan.Node // describes what comes out
	Fallible   bool
	Hides      bool // what comes out does not tell what came in: a release may name it
	Reversible bool // but to who has the key

	apply func(*Call, Value) (Value, bool)
}

// Apply yields a value; false: this one has none.
func (s *Step) Apply(c *Call, v Value) (Value, bool) { return s.apply(c, v) }

// The kinds of Problem.
const (
	UnknownName = 1 + iota
	BadArguments
	WrongType
)

// Problem says why there is no such step.
type Problem struct {
	Kind    int // zero: there is none
	Text    string
	Nearest string
}

func arguments(text string) Problem { return Problem{Kind: BadArguments, Text: text} }

// make reads the arguments and makes the step of one field; its name, arguments and
// whether they are canonical are not its business.
type maker func(args map[string]json.RawMessage, f Field) (step Step, canonical any, p Problem)

// makers are all of them. Nothing writes into the table.
var makers = map[string]maker{
	"int.to_string":    intToString,
	"string.to_int":    stringToInt,
	"number.to_string": numberToString,
	"string.to_number": stringToNumber,
	"time.date":        timeDate,
	"time.to_unix":     timeToUnix,
	"unix.to_time":     unixToTime,
	"date.year":        dateYear,
	"date.format":      dateFormat,
	"enum":             enum,
	"mask.keep_last":   keepLast,
	"mask.email":       maskEmail,
	"redact":           redact,
	"token.hmac":       hashed,
	"token.aes_siv":    sealed,
	"text.truncate":    truncate,
	"text.prefix":      beginning,
	"text.nfc":         nfc,
	"int.bucket":       intBucket,
	"number.bucket":    numberBucket,
	"number.scale":     numberScale,
	"number.to_minor":  toMinor,
	"minor.to_number":  minorTo,
	"unit.convert":     unitConvert,
}

// New makes the step of a name with its arguments, an object or nothing.
func New(name string, raw json.RawMessage, f Field) (Step, Problem) {
	made := makers[name]
	if strings.HasPrefix(name, CustomPrefix) {
		made = func(args map[string]json.RawMessage, f Field) (Step, any, Problem) { return custom(name, args, f) }
	}
	if made == nil {
		return Step{}, Problem{UnknownName, "is no transform", declare.Nearest(name, Names())}
	}
	var args map[string]json.RawMessage
	if raw != nil && string(raw) != "{}" && json.Unmarshal(raw, &args) != nil {
		return Step{}, arguments("its arguments are no object")
	}
	step, canonical, p := made(args, f)
	if p.Kind != 0 {
		return Step{}, p
	}
	step.Name, step.Args = name, "{}"
	if canonical == (struct{}{}) {
		return step, Problem{}
	}
	text, err := json.Marshal(canonical)
	if err != nil {
		return Step{}, arguments("its arguments cannot be written")
	}
	step.Args = string(text)
	return step, Problem{}
}

// read fills the arguments, by name; all that are given must be known.
func read(args map[string]json.RawMessage, into map[string]any) Problem {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		target, ok := into[name]
		if !ok {
			known := slices.Sorted(maps.Keys(into))
			if len(known) == 0 {
				return arguments("takes no arguments")
			}
			return Problem{BadArguments, "takes only " + strings.Join(known, ", "), declare.Nearest(name, known)}
		}
		if json.Unmarshal(args[name], target) != nil {
			return arguments("its argument " + name + " has another type")
		}
	}
	return Problem{}
}

// takes holds the field against the kinds that a transform takes.
func takes(f Field, kinds ...scan.Kind) Problem {
	if slices.Contains(kinds, f.Node.Kind) {
		return Problem{}
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = kind.String()
	}
	return Problem{Kind: WrongType, Text: "takes " + strings.Join(names, " or ") + " and not " + f.Node.Kind.String()}
}

// plainText describes text of so many characters.
func plainText(least, most int) *scan.Node {
	return &scan.Node{Kind: scan.String, Slot: -1, MinLength: least, MaxLength: most}
}

// put appends to the scratch, and is what was appended.
func (c *Call) put(write func(dst []byte) []byte) []byte {
	from := len(c.Scratch)
	c.Scratch = write(c.Scratch)
	return c.Scratch[from:len(c.Scratch):len(c.Scratch)]
}

// text is a scalar as text: numbers with all digits of their scale.
func (c *Call) text(v Value, scale int) []byte {
	switch v.Kind {
	case scan.String:
		return v.Text
	case scan.Bool:
		if v.N == 1 {
			return []byte("true")
		}
		return []byte("false")
	case scan.Natural:
		return c.put(func(dst []byte) []byte { return strconv.AppendUint(dst, uint64(v.N), 10) })
	default:
		return c.put(func(dst []byte) []byte { return scan.AppendDecimal(dst, v.N, scale) })
	}
}
