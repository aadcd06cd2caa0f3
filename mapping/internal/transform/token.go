package transform

import (
	"encoding/json"
	"regexp"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping/internal/keyed"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

const fewValues = 1_000_000

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

// hashed yields tk1.VERSION.CHARACTERS: the first 128 bits of HMAC-SHA-256 over the key's
// name, the source schema's title, the source field's path, the key's version and the
// value, each behind its length. So one value of one field has one token in every mapping
// with that key, and another one in every other field. The value is taken as it is: text
// is not normalised, and integers are decimal digits. It fails for empty text, and is
// refused for fields of so few values that all their tokens are known soon.
func hashed(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	return token(args, f, plainText(keyed.Shortest, keyed.Longest), (*keyed.Key).Hash)
}

// sealed yields ts1.VERSION.CHARACTERS, in the same domain and of the same values: what
// AES-256-SIV makes of the value, padded to blocks of 16 bytes so that its length shows no more
// than their number. Who has the key can open it, and nobody can make one without.
func sealed(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	n, wide := f.Node, utf8.UTFMax
	if n.Kind != scan.String {
		n = toString(f).Out
	}
	if n.Format != 0 || n != f.Node {
		wide = 1
	}
	step, canonical, p := token(args, f, plainText(keyed.Sealed(max(n.MinLength, 1), wide*n.MaxLength)), (*keyed.Key).Seal)
	step.Reversible = true
	return step, canonical, p
}

// token is what a key makes of a value.
func token(args map[string]json.RawMessage, f Field, out *scan.Node, of func(k *keyed.Key, dst, domain, value []byte) []byte) (Step, any, Problem) {
	var a struct {
		Key string `json:"key"`
	}
	p := read(args, map[string]any{"key": &a.Key})
	if wrong := takes(f, scan.String, scan.Integer, scan.Natural); wrong.Kind != 0 {
		p = wrong
	}
	switch {
	case p.Kind != 0:
	case len(a.Key) > 128 || !keyName.MatchString(a.Key):
		p = arguments("its key is not the name of one, such as crm/tokens")
	case few(f.Node):
		p = Problem{Kind: WrongType, Text: "is for fields of more values: few have few tokens, which tell which is which"}
	}
	domain := keyed.Domain(a.Key, f.Schema, f.Path)
	return Step{
		Key: a.Key, Out: out, Hides: true, Fallible: f.Node.Kind == scan.String && f.Node.MinLength == 0,
		apply: func(c *Call, v Value) (Value, bool) {
			text, key := c.text(v, 0), c.Keys[a.Key]
			if len(text) == 0 || key == nil {
				return Value{}, false
			}
			return Value{Kind: scan.String, Text: c.put(func(dst []byte) []byte { return of(key, dst, domain, text) }), Plain: true}, true
		},
	}, a, p
}

func few(n *scan.Node) bool {
	if n.Kind == scan.Integer || n.Kind == scan.Natural {
		return n.Integers != nil || uint64(n.Max)-uint64(n.Min) < fewValues
	}
	return n.Texts != nil || n.Format == scan.Date || n.MaxLength < 6
}
