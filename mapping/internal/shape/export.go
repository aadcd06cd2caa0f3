package shape

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// plain is what JSON Schema 2020-12 says of a value, without any keyword of ours.
type plain struct {
	Schema     string            `json:"$schema,omitempty"`
	Title      string            `json:"title,omitempty"`
	Type       any               `json:"type"`
	MinLength  int               `json:"minLength,omitempty"`
	MaxLength  *int              `json:"maxLength,omitempty"`
	Pattern    string            `json:"pattern,omitempty"`
	Format     string            `json:"format,omitempty"`
	Enum       []any             `json:"enum,omitempty"`
	Minimum    json.RawMessage   `json:"minimum,omitempty"`
	Maximum    json.RawMessage   `json:"maximum,omitempty"`
	Items      *plain            `json:"items,omitempty"`
	MaxItems   *int              `json:"maxItems,omitempty"`
	Properties map[string]*plain `json:"properties,omitempty"`
	Required   []string          `json:"required,omitempty"`
	Patterns   map[string]*plain `json:"patternProperties,omitempty"`
	Names      *plain            `json:"propertyNames,omitempty"`
	MaxEntries *int              `json:"maxProperties,omitempty"`
	Rest       any               `json:"additionalProperties,omitempty"` // false, or what they are
}

// Export is the description as a plain JSON Schema, for those who know no labels. It refuses
// nothing that the check takes: what JSON Schema would say in other words is left out. The digits
// after a number's point are, because 19.99 is no multiple of 0.01 to who reads it as a float.
func Export(title string, root *scan.Node) []byte {
	p := export(root)
	p.Schema, p.Title = "https://json-schema.org/draft/2020-12/schema", title
	out, _ := json.MarshalIndent(p, "", "  ") // of text, numbers and maps
	return append(out, '\n')
}

func export(n *scan.Node) *plain {
	name := n.Kind.String()
	switch n.Kind {
	case scan.Map:
		name = scan.Object.String()
	case scan.Natural:
		name = scan.Integer.String()
	}
	p := &plain{Type: name}
	if n.Nullable {
		p.Type = []string{name, "null"}
	}
	switch n.Kind {
	case scan.Object:
		p.members(n)
	case scan.Array:
		p.Items, p.MaxItems = export(n.Items), &n.MaxItems
	case scan.Map:
		p.entries(n)
	case scan.String:
		p.text(n)
	case scan.Integer, scan.Number, scan.Natural:
		p.number(n)
	}
	return p
}

func (p *plain) members(n *scan.Node) {
	p.Rest, p.Properties = false, map[string]*plain{}
	for _, m := range n.Members {
		p.Properties[m.Name] = export(m.Node)
		if m.Required {
			p.Required = append(p.Required, m.Name)
		}
	}
}

// entries are closed where there is a pattern of names that is sure to mean the same everywhere.
func (p *plain) entries(n *scan.Node) {
	p.Names, p.MaxEntries = export(n.Keys), &n.MaxItems
	if p.Names.Pattern == "" {
		p.Rest = export(n.Items)
		return
	}
	p.Rest, p.Patterns = false, map[string]*plain{p.Names.Pattern: export(n.Items)}
}

func (p *plain) text(n *scan.Node) {
	for _, text := range n.Texts {
		p.Enum = append(p.Enum, text)
	}
	p.nullable(n)
	if n.Texts != nil {
		return
	}
	p.MinLength, p.MaxLength, p.Format = n.MinLength, &n.MaxLength, n.Format.String()
	if n.Pattern == nil {
		return
	}
	if text := strings.TrimSuffix(strings.TrimPrefix(n.Pattern.String(), `\A(?:`), `)\z`); common.MatchString(text) {
		p.Pattern = text
	}
}

// common are the patterns that are sure to mean the same in RE2 and in ECMA-262, with its flag u
// and without: characters, \d and \w, escapes that both have, classes of these, groups, choices
// and repetitions. What is negated is none, because without u a character beyond U+FFFF is two.
var common = func() *regexp.Regexp {
	const (
		char  = ` !"#%&',/:;<=>@_` + "`" + `~0-9A-Za-z\x{A1}-\x{D7FF}`
		taken = `\\[\\^$.*+?()\[\]{}|/tnrfv]`
		one   = `(?:[$.*+?(){}|` + char + `]|` + taken + `|\\-)`
		class = `\[-?(?:` + one + `(?:-` + one + `)?|\\[dw])+-?\]`
		n     = `(?:0|[1-9][0-9]*)` // RE2 takes {01} for text
		times = `(?:(?:[*+?]|\{` + n + `(?:,` + n + `?)?\})\??)?`
	)
	return regexp.MustCompile(`\A\^(?:(?:[` + char + `-]|` + taken + `|\\[dw]|` + class + `|\))` + times + `|\((?:\?:)?|\|)*\$\z`)
}()

func (p *plain) number(n *scan.Node) {
	for _, integer := range n.Integers {
		p.Enum = append(p.Enum, integer)
	}
	p.nullable(n)
	p.Minimum, p.Maximum = n.Digits(nil, n.Min), n.Digits(nil, n.Max)
}

// nullable lets null be among the choices, where there are some.
func (p *plain) nullable(n *scan.Node) {
	if n.Nullable && p.Enum != nil {
		p.Enum = append(p.Enum, nil)
	}
}
