package mappingtest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// described is what a plain JSON Schema says.
type described struct {
	Type       any
	MinLength  int
	MaxLength  *int
	Pattern    string
	Format     string
	Enum       []any
	Minimum    json.Number
	Maximum    json.Number
	Items      *described
	MaxItems   *int
	Properties map[string]*described

	PropertyNames        *described
	MaxProperties        *int
	PatternProperties    map[string]*described
	AdditionalProperties json.RawMessage // false, or what describes the values of a map
}

// entries describes the values of a map; nil: it is none.
func (d *described) entries() *described {
	for _, values := range d.PatternProperties {
		return values
	}
	var values *described
	if d.PropertyNames == nil || parse(d.AdditionalProperties, &values) != nil {
		return nil
	}
	return values
}

// element is the path of what an array holds: a scalar has that of its array.
func (d *described) element(path string) string {
	if d.Items.kind() == "object" || d.Items.kind() == "array" {
		return path + "/*"
	}
	return path
}

// paths are those of all that it describes.
func (d *described) paths(path string) []string {
	all := []string{path}
	if d.Items != nil {
		all = append(all, d.Items.paths(path+"/*")...)
	}
	if values := d.entries(); values != nil {
		all = append(all, values.paths(path+"/*")...)
	}
	for name, member := range d.Properties {
		all = append(all, member.paths(path+"/"+name)...)
	}
	return all
}

func (d *described) kind() string {
	if kind, ok := d.Type.(string); ok {
		return kind
	}
	pair, _ := d.Type.([]any)
	kind, _ := pair[0].(string)
	return kind
}

// maker makes documents, and remembers what is in them.
type maker struct{ values values }

func newMaker() *maker { return &maker{values{}} }

func (m *maker) document(schema []byte) ([]byte, error) {
	var d described
	if err := parse(schema, &d); err != nil {
		return nil, fmt.Errorf("no schema")
	}
	made, err := m.value(&d, "")
	if err != nil {
		return nil, err
	}
	return json.Marshal(made)
}

// value makes one; all that is optional is there, and an array or a map has two elements, if it may.
func (m *maker) value(d *described, path string) (any, error) {
	if len(d.Enum) > 0 {
		chosen := d.Enum[below(len(d.Enum))]
		m.values.of(d, chosen, path)
		return chosen, nil
	}
	switch d.kind() {
	case "object":
		if values := d.entries(); values != nil {
			return m.entries(d, values, path)
		}
		all := map[string]any{}
		for name, member := range d.Properties {
			made, err := m.value(member, path+"/"+name)
			if err != nil {
				return nil, err
			}
			all[name] = made
		}
		return all, nil
	case "array":
		all := []any{}
		for range min(2, *d.MaxItems) {
			made, err := m.value(d.Items, d.element(path))
			if err != nil {
				return nil, err
			}
			all = append(all, made)
		}
		return all, nil
	case "boolean":
		return below(2) == 1, nil
	case "string":
		return m.text(d, path)
	}
	return m.number(d, path)
}

// entries are two of a map, if it may have them and its names are many.
func (m *maker) entries(d, values *described, path string) (any, error) {
	all := map[string]any{}
	for range min(2, *d.MaxProperties) {
		name, err := m.value(d.PropertyNames, path)
		if err != nil {
			return nil, err
		}
		if all[name.(string)], err = m.value(values, path+"/*"); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err)
	}
	return int(i.Int64())
}

func (m *maker) text(d *described, path string) (string, error) {
	made := ""
	switch d.Format {
	case "date":
		made = fmt.Sprintf("%04d-%02d-%02d", 1900+below(200), 1+below(12), 1+below(28))
	case "date-time":
		made = fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", 1970+below(130), 1+below(12), 1+below(28), below(24), below(60), below(60))
	case "email":
		made = strings.ToLower(rand.Text()[:10]) + "@" + strings.ToLower(rand.Text()[:8]) + ".example"
	case "uuid":
		b := make([]byte, 16)
		_, _ = rand.Read(b)
		made = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	default:
		if d.Pattern == "" {
			most := min(*d.MaxLength, max(d.MinLength, 20))
			made = letters(most)
			break
		}
		var err error
		if made, err = matching(d.Pattern); err != nil {
			return "", fmt.Errorf("no text for the pattern at %s", path)
		}
	}
	if n := utf8.RuneCountInString(made); n < d.MinLength || d.MaxLength != nil && n > *d.MaxLength {
		return "", fmt.Errorf("no text of that length at %s", path)
	}
	m.values.text(path, made)
	return made, nil
}

// letters are those of which no word is made.
func letters(n int) string {
	text := ""
	for len(text) < n {
		text += rand.Text()
	}
	return text[:n]
}

func (m *maker) number(d *described, path string) (any, error) {
	low, ok1 := new(big.Rat).SetString(string(d.Minimum))
	high, ok2 := new(big.Rat).SetString(string(d.Maximum))
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("no number at %s", path)
	}
	_, fraction, _ := strings.Cut(string(d.Minimum), ".") // it has all digits that there may be
	digits := len(fraction)
	step, _ := new(big.Rat).SetString(fmt.Sprintf("1e-%d", digits))
	steps := new(big.Rat).Quo(new(big.Rat).Sub(high, low), step)
	count := new(big.Int).Quo(steps.Num(), steps.Denom())
	i, err := rand.Int(rand.Reader, count.Add(count, big.NewInt(1)))
	if err != nil {
		return nil, err
	}
	text := low.Add(low, step.Mul(step, new(big.Rat).SetInt(i))).FloatString(digits)
	m.values.number(path, json.Number(text))
	return json.Number(text), nil
}

// matching is a text that a pattern takes.
func matching(pattern string) (string, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", err
	}
	return match(parsed)
}

func match(r *syntax.Regexp) (string, error) {
	switch r.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return "", nil
	case syntax.OpLiteral:
		return string(r.Rune), nil
	case syntax.OpCharClass:
		return one(r.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return letters(1), nil
	case syntax.OpCapture:
		return match(r.Sub[0])
	case syntax.OpConcat:
		return repeat(r.Sub, 1)
	case syntax.OpAlternate:
		return match(r.Sub[below(len(r.Sub))])
	case syntax.OpStar, syntax.OpQuest:
		return repeat(r.Sub, below(2))
	case syntax.OpPlus:
		return repeat(r.Sub, 1+below(3))
	case syntax.OpRepeat:
		most := r.Max
		if most < 0 {
			most = r.Min + 3
		}
		return repeat(r.Sub, r.Min+below(most-r.Min+1))
	}
	return "", fmt.Errorf("an operation that is not known")
}

func repeat(parts []*syntax.Regexp, times int) (string, error) {
	var b strings.Builder
	for range times {
		for _, part := range parts {
			text, err := match(part)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

// one is a character of a class, a printable one of ASCII if there is one.
func one(pairs []rune) (string, error) {
	var all []rune
	for i := 0; i < len(pairs); i += 2 {
		for c := max(pairs[i], ' '+1); c <= min(pairs[i+1], '~'); c++ {
			all = append(all, c)
		}
	}
	if len(all) == 0 && len(pairs) > 0 {
		all = []rune{pairs[0]}
	}
	if len(all) == 0 {
		return "", fmt.Errorf("an empty class")
	}
	return string(slices.Clone(all)[below(len(all))]), nil
}
