package transform

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// stars stand for what is hidden, however long it is: its length would tell something.
const stars = "****"

const maxKept = 16

// keepLast shows the last n characters of text or of a number in decimal digits, if that
// hides at least four letters or digits, and n of them; otherwise it hides all. Space,
// signs and what nobody sees pad a value and hide nothing. What is shown does not begin
// within a character that is written as several. Nobody can tell padding from a value that
// is made of the same digits: 00001234 shows all of 1234.
func keepLast(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		N int `json:"n"`
	}
	p := read(args, map[string]any{"n": &a.N})
	if wrong := takes(f, scan.String, scan.Integer, scan.Natural, scan.Number); wrong.Kind != 0 {
		p = wrong
	} else if p.Kind == 0 && (a.N < 1 || a.N > maxKept) {
		p = arguments("its argument n is not 1 to 16")
	}
	return Step{Out: plainText(len(stars), len(stars)+a.N), Hides: true, apply: func(c *Call, v Value) (Value, bool) {
		shown := last(c.text(v, f.Node.Scale), a.N)
		return Value{Kind: scan.String, Text: c.put(func(dst []byte) []byte {
			return append(append(dst, stars...), shown...)
		})}, true
	}}, a, p
}

func last(text []byte, n int) []byte {
	at := len(text)
	for range n {
		_, width := utf8.DecodeLastRune(text[:at])
		at -= width
	}
	if !tell(text[:at], max(4, n)) {
		return nil
	}
	for at < len(text) {
		char, width := utf8.DecodeRune(text[at:])
		if !unicode.In(char, unicode.M, unicode.Cf, unicode.Sk) {
			break
		}
		at += width
	}
	return text[at:]
}

// tell says whether text has so many letters and digits. Some letters are there to fill a
// place, and look like nothing.
func tell(text []byte, least int) bool {
	for _, char := range string(text) {
		blank := char > unicode.MaxLatin1 && unicode.Is(unicode.Other_Default_Ignorable_Code_Point, char)
		if !blank && (unicode.IsLetter(char) || unicode.IsDigit(char)) {
			least--
		}
		if least == 0 {
			return true
		}
	}
	return false
}

// maskEmail hides the local part of an address, and a domain that is none of those that
// may be shown: that of a single person identifies it. What is no address is hidden whole.
func maskEmail(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		Domains []string `json:"domains,omitempty"`
	}
	p := read(args, map[string]any{"domains": &a.Domains})
	if wrong := takes(f, scan.String); wrong.Kind != 0 {
		p = wrong
	}
	slices.Sort(a.Domains)
	longest := len(stars)
	for _, domain := range a.Domains {
		longest = max(longest, len(domain))
		if _, ok := scan.Domain([]byte("a@" + domain)); !ok && p.Kind == 0 {
			p = arguments("holds a domain that is none")
		}
	}
	return Step{Out: plainText(len(stars), len(stars)+1+longest), Hides: true, apply: func(c *Call, v Value) (Value, bool) {
		domain, ok := scan.Domain(v.Text)
		shown := stars
		if i := slices.IndexFunc(a.Domains, func(d string) bool { return len(d) == len(domain) && strings.EqualFold(d, string(domain)) }); i >= 0 {
			shown = a.Domains[i]
		}
		return Value{Kind: scan.String, Text: c.put(func(dst []byte) []byte {
			dst = append(dst, stars...)
			if ok {
				dst = append(append(dst, '@'), shown...)
			}
			return dst
		})}, true
	}}, a, p
}

const redacted = "[redacted]"

// redact puts a fixed text in the place of any value.
func redact(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	p := read(args, nil)
	if wrong := takes(f, scan.String, scan.Integer, scan.Natural, scan.Number, scan.Bool); wrong.Kind != 0 {
		p = wrong
	}
	out := plainText(len(redacted), len(redacted))
	out.Texts = []string{redacted}
	return Step{Out: out, Hides: true, apply: func(*Call, Value) (Value, bool) {
		return Value{Kind: scan.String, Text: []byte(redacted), Plain: true}, true
	}}, struct{}{}, p
}
