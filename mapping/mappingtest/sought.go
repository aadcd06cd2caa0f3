package mappingtest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// shortest is how long a value is that is looked for: a shorter one stands elsewhere by chance.
const shortest = 6

// sought is a value that is looked for.
type sought struct {
	text   string
	forms  []string       // of text, those in which somebody could read it
	number *regexp.Regexp // of a number, instead
}

// in says whether somebody could read it there.
func (s *sought) in(text string) bool {
	if s.number != nil {
		return strings.Contains(text, s.text) && s.number.MatchString(text) // the second alone is slow
	}
	return slices.ContainsFunc(s.forms, func(form string) bool { return strings.Contains(text, form) })
}

// values are those of a document, by the path of their field.
type values map[string][]*sought

func (v values) text(path, text string) {
	if utf8.RuneCountInString(text) >= shortest {
		v[path] = append(v[path], &sought{text: text, forms: forms(text)})
	}
}

// number is looked for as a whole, with any zeros around it: 100000 is not in 1710000000.
func (v values) number(path string, number json.Number) {
	text := strings.TrimLeft(string(number), "-")
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	if len(text) < shortest {
		return
	}
	zeros := "0*"
	if !strings.Contains(text, ".") {
		zeros = `(?:\.0+)?`
	}
	v[path] = append(v[path], &sought{text: text, number: regexp.MustCompile(`(?:^|[^0-9])0*` + regexp.QuoteMeta(text) + zeros + `(?:$|[^0-9.]|\.(?:$|[^0-9]))`)})
}

// of adds what stands in a document, as it is described. What nobody described is no document.
func (v values) of(d *described, parsed any, path string) {
	if d == nil {
		return
	}
	switch parsed := parsed.(type) {
	case map[string]any:
		entries := d.entries()
		for name, member := range parsed {
			if entries == nil {
				v.of(d.Properties[name], member, path+"/"+name)
				continue
			}
			v.text(path, name)
			v.of(entries, member, path+"/*")
		}
	case []any:
		for _, element := range parsed {
			if d.Items != nil {
				v.of(d.Items, element, d.element(path))
			}
		}
	case string:
		v.text(path, parsed)
	case json.Number:
		v.number(path, parsed)
	}
}

// forms are those in which somebody could read a text: as it is, as encoding/json and as a
// record would write it, and in two encodings.
func forms(text string) []string {
	raw, _ := json.Marshal(text)
	quoted := string(raw[1 : len(raw)-1])
	return []string{text, quoted, long.Replace(quoted), hex.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text))}
}

// long writes a control character by its number; an escaped backslash is none.
var long = strings.NewReplacer(`\\`, `\\`, `\b`, `\u0008`, `\t`, `\u0009`, `\n`, `\u000a`, `\f`, `\u000c`, `\r`, `\u000d`)

// parse reads one JSON value, and numbers as they are written.
func parse(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

// written are the texts and numbers of JSON, and the names of its members, however they are escaped
// there; what is none is one text.
func written(raw []byte) []string {
	var parsed any
	if parse(raw, &parsed) != nil {
		return []string{string(raw)}
	}
	return leaves(nil, parsed)
}

func leaves(all []string, parsed any) []string {
	switch parsed := parsed.(type) {
	case map[string]any:
		for name, member := range parsed {
			all = leaves(append(all, name), member)
		}
	case []any:
		for _, element := range parsed {
			all = leaves(all, element)
		}
	case string:
		all = append(all, parsed)
	case json.Number:
		all = append(all, string(parsed))
	}
	return all
}
