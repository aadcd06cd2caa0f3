package transform

import (
	"encoding/json"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// oneOf describes text of which there are only these.
func oneOf(texts []string) *scan.Node {
	out := plainText(math.MaxInt, 0)
	for _, text := range texts {
		size := utf8.RuneCountInString(text)
		out.MinLength, out.MaxLength = min(out.MinLength, size), max(out.MaxLength, size)
	}
	slices.Sort(texts)
	out.Texts = slices.Compact(texts)
	return out
}

// truncate cuts text behind its first n characters, and before a letter whose marks would
// be cut off: another letter would be left. Characters are code points, so those that form
// one picture can be parted. Nothing is left of a letter with n marks and more; where the
// field is never empty, that fails.
func truncate(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		N int `json:"n"`
	}
	p := read(args, map[string]any{"n": &a.N})
	if wrong := takes(f, scan.String); wrong.Kind != 0 {
		p = wrong
	} else if p.Kind == 0 && (a.N < 1 || a.N > scan.MaxSize) {
		p = arguments("its argument n is not 1 to 4194304")
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	out, fallible := truncated(f.Node, a.N)
	if out == nil {
		return Step{}, nil, arguments("leaves nothing of any choice")
	}
	return Step{Out: out, Fallible: fallible, apply: func(_ *Call, v Value) (Value, bool) {
		left := cut(v.Text, a.N)
		return Value{Kind: scan.String, Text: left, Plain: v.Plain}, len(left) > 0 || f.Node.MinLength == 0
	}}, a, Problem{}
}

// truncated describes what is left, and says whether that may be nothing; nil: it always is.
func truncated(n *scan.Node, most int) (out *scan.Node, fallible bool) {
	switch {
	case n.Texts != nil:
		var texts []string
		for _, text := range n.Texts {
			left := string(cut([]byte(text), most))
			if left == "" && n.MinLength > 0 {
				fallible = true
				continue
			}
			texts = append(texts, left)
		}
		if texts == nil {
			return nil, true
		}
		return oneOf(texts), fallible
	case n.MaxLength <= most:
		out = plainText(n.MinLength, n.MaxLength)
		out.Pattern, out.Format = n.Pattern, n.Format
		return out, false
	case n.Format != 0: // in ASCII, so without marks
		return plainText(min(n.MinLength, most), most), false
	default:
		return plainText(min(n.MinLength, 1), most), n.MinLength > 0
	}
}

// cut is the longest beginning of text with n characters at most, behind which no mark
// stands.
func cut(text []byte, n int) []byte {
	at := 0
	for range n {
		if at == len(text) {
			return text
		}
		_, width := utf8.DecodeRune(text[at:])
		at += width
	}
	for at > 0 && at < len(text) {
		if char, _ := utf8.DecodeRune(text[at:]); !unicode.Is(unicode.M, char) {
			break
		}
		_, width := utf8.DecodeLastRune(text[:at])
		at -= width
	}
	return text[:at]
}

// hidden is how many letters and digits a beginning leaves out: half as many as it has
// characters, and one digit alone is guessed in ten attempts.
func hidden(n int) int { return max(2, (n+1)/2) }

// beginning shows the first n characters of text, if that leaves out two letters or digits
// and half of n; otherwise fewer, until it does. It does not end within a letter and its
// marks. It takes text that is always so long: of shorter text it would show nothing, or all.
// What all values of a field end with, such as the zeros that its pattern asks for, is
// counted and hides nothing; choices are no text to take a beginning of, but few. A pattern
// may be one of choices too: who releases the field has read it.
func beginning(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		N int `json:"n"`
	}
	p := read(args, map[string]any{"n": &a.N})
	wrong := takes(f, scan.String)
	switch {
	case wrong.Kind != 0:
		p = wrong
	case p.Kind != 0:
	case a.N < 1 || a.N > maxKept:
		p = arguments("its argument n is not 1 to 16")
	case f.Node.Texts != nil || f.Node.Format != 0:
		p = Problem{Kind: WrongType, Text: "is for text of any kind: the beginning of a choice tells which one it is, and that of a format most of it"}
	case f.Node.MinLength < a.N+hidden(a.N):
		p = Problem{Kind: WrongType, Text: "is for text that is always longer than n, by 2 characters and half of n: its minLength says so"}
	}
	return Step{Out: plainText(0, a.N), Hides: true, apply: func(_ *Call, v Value) (Value, bool) {
		shown := cut(v.Text, a.N)
		for n := a.N - 1; len(shown) > 0 && !tell(v.Text[len(shown):], hidden(a.N)); n-- {
			shown = cut(v.Text, n)
		}
		return Value{Kind: scan.String, Text: shown, Plain: v.Plain}, true
	}}, a, p
}

// What composing does to the number of characters at most.
const (
	longer  = 3 // U+FB2C is three, also composed
	shorter = 4 // U+1F82 can be written as four
)

// nfc writes text in Unicode's normal form C, so that two ways to write a letter are the
// same. Of more than 30 marks in a row it parts those behind by U+034F, as Unicode's form
// of text for streams does. Neither a format nor a pattern is asserted of what comes out.
func nfc(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	p := read(args, nil)
	if wrong := takes(f, scan.String); wrong.Kind != 0 {
		p = wrong
	}
	out := plainText((f.Node.MinLength+shorter-1)/shorter, min(f.Node.MaxLength, math.MaxInt/longer)*longer)
	if f.Node.Texts != nil {
		texts := make([]string, len(f.Node.Texts))
		for i, text := range f.Node.Texts {
			texts[i] = norm.NFC.String(text)
		}
		out = oneOf(texts)
	}
	return Step{Out: out, apply: func(c *Call, v Value) (Value, bool) {
		if norm.NFC.QuickSpan(v.Text) == len(v.Text) {
			return v, true
		}
		return Value{Kind: scan.String, Text: c.put(func(dst []byte) []byte { return c.compose(dst, v.Text) })}, true
	}}, struct{}{}, p
}

// compose appends text in normal form C. What norm appends itself, it composes with what is
// there already.
func (c *Call) compose(dst, text []byte) []byte {
	if c.composing == nil {
		c.composing = new(norm.Iter)
	}
	for c.composing.Init(norm.NFC, text); !c.composing.Done(); {
		dst = append(dst, c.composing.Next()...)
	}
	*c.composing = norm.Iter{}
	return dst
}
