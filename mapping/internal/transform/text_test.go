package transform_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// step makes one that there is.
func step(t testing.TB, n *scan.Node, name, args string) transform.Step {
	t.Helper()
	made, problem := transform.New(name, json.RawMessage(args), transform.Field{Node: n})
	if problem.Kind != 0 {
		t.Fatalf("%s %s: %s", name, args, problem.Text)
	}
	return made
}

// ofText is what a step makes of a text; no: nothing.
func ofText(s transform.Step, text string) string {
	out, ok := s.Apply(&transform.Call{Scratch: []byte("e")}, transform.Value{Kind: scan.String, Text: []byte(text)})
	if !ok {
		return "no"
	}
	return string(out.Text)
}

// TestTruncationKeepsLetters whole: with all their marks, or not at all.
func TestTruncationKeepsLetters(t *testing.T) {
	for _, tt := range []struct {
		n, least   int
		text, want string
	}{
		{3, 0, "abcdef", "abc"}, {3, 0, "abc", "abc"}, {3, 0, "ab", "ab"}, {3, 0, "", ""}, {3, 0, "åäöü", "åäö"}, {1, 0, "😀😁", "😀"}, {2, 0, "\u2028\u2029\"", "\u2028\u2029"},
		{4, 0, "cafe\u0301s", "caf"}, {5, 0, "cafe\u0301s", "cafe\u0301"}, {4, 0, "cafe\u0301", "caf"}, {5, 0, "cafe\u0301", "cafe\u0301"}, {3, 0, "a\u0323\u0306\u0301b", ""}, {4, 0, "a\u0323\u0306\u0301b", "a\u0323\u0306\u0301"},
		{2, 0, "हिन्दी", "हि"}, {1, 0, "हिन्दी", ""}, {1, 0, "1\ufe0f\u20e3", ""}, {3, 0, "1\ufe0f\u20e32", "1\ufe0f\u20e3"}, {1, 0, "\u0301a", "\u0301"}, {1, 0, "\u0301\u0301a", ""},
		{1, 1, "e\u0301", "no"}, {1, 1, "ee\u0301", "e"}, {2, 1, "e\u0301\u0301", "no"}, {1, 1, "\u00e9\u0301", "no"},
	} {
		s := step(t, &scan.Node{Kind: scan.String, MinLength: tt.least, MaxLength: 100}, "text.truncate", fmt.Sprintf(`{"n":%d}`, tt.n))
		if got := ofText(s, tt.text); got != tt.want || s.Fallible != (tt.least > 0) || s.Hides || s.Out.MinLength != tt.least || s.Out.MaxLength != tt.n {
			t.Errorf("%d of %q: %q, want %q; %+v", tt.n, tt.text, got, tt.want, s.Out)
		}
	}
}

// TestTruncationOfWhatIsKnown says more of what is left.
func TestTruncationOfWhatIsKnown(t *testing.T) {
	pattern, _ := scan.Pattern("^[a-z]*$")
	short := step(t, &scan.Node{Kind: scan.String, MinLength: 2, MaxLength: 10, Pattern: pattern}, "text.truncate", `{"n":10}`)
	if out := short.Out; short.Fallible || out.MinLength != 2 || out.MaxLength != 10 || out.Pattern != pattern {
		t.Errorf("not cut: %+v", out)
	}
	date := step(t, fields()["date"], "text.truncate", `{"n":4}`)
	if out := date.Out; date.Fallible || out.MinLength != 4 || out.MaxLength != 4 || out.Format != 0 || ofText(date, "2024-02-29") != "2024" {
		t.Errorf("date: %+v", out)
	}
	words := &scan.Node{Kind: scan.String, MinLength: 1, MaxLength: 4, Texts: []string{"north", "nord", "süd", "e\u0301"}}
	if s := step(t, words, "text.truncate", `{"n":1}`); !s.Fallible || !slices.Equal(s.Out.Texts, []string{"n", "s"}) || s.Out.MinLength != 1 || s.Out.MaxLength != 1 {
		t.Errorf("choices: %+v", s.Out)
	}
	words.MinLength = 0
	if s := step(t, words, "text.truncate", `{"n":1}`); s.Fallible || !slices.Equal(s.Out.Texts, []string{"", "n", "s"}) || s.Out.MinLength != 0 {
		t.Errorf("choices: %+v", s.Out)
	}
	none := &scan.Node{Kind: scan.String, MinLength: 1, MaxLength: 4, Texts: []string{"e\u0301", "\u0301\u0301"}}
	if _, problem := transform.New("text.truncate", json.RawMessage(`{"n":1}`), transform.Field{Node: none}); problem.Kind != transform.BadArguments {
		t.Errorf("%+v", problem)
	}
}

// TestPrefixHides two letters or digits and half of what it shows, whatever comes.
func TestPrefixHides(t *testing.T) {
	for _, tt := range []struct {
		n          int
		text, want string
	}{
		{3, "11428", "114"}, {2, "12345", "12"}, {3, "SE-114 28", "SE-"}, {3, "abcd  ", "ab"}, {3, "ab    ", ""}, {3, "a1    ", ""}, {3, "      ", ""}, {3, "123\u200b\u200b\u200b", "1"}, {3, "123456", "123"},
		{3, "ab\u0301cde", "ab\u0301"}, {2, "ab\u0301cde", "a"}, {1, "e\u0301\u0301abc", ""}, {8, "abcdefghijkl", "abcdefgh"}, {8, "abcdefghijk-", "abcdefg"}, {16, "0123456789abcdefghijklmn", "0123456789abcdef"},
	} {
		length := tt.n + max(2, (tt.n+1)/2)
		s := step(t, &scan.Node{Kind: scan.String, MinLength: length, MaxLength: 100}, "text.prefix", fmt.Sprintf(`{"n":%d}`, tt.n))
		if got := ofText(s, tt.text); got != tt.want || !s.Hides || s.Fallible || s.Out.MinLength != 0 || s.Out.MaxLength != tt.n {
			t.Errorf("%d of %q: %q, want %q", tt.n, tt.text, got, tt.want)
		}
		_, problem := transform.New("text.prefix", json.RawMessage(fmt.Sprintf(`{"n":%d}`, tt.n)), transform.Field{Node: &scan.Node{Kind: scan.String, MinLength: length - 1, MaxLength: 100}})
		if problem.Kind != transform.WrongType {
			t.Errorf("%d of %d characters and more: %+v", tt.n, length-1, problem)
		}
	}
}

// TestPrefixesHideEnough of every text that is long enough.
func TestPrefixesHideEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 16).Draw(t, "n")
		least := max(2, (n+1)/2)
		field := &scan.Node{Kind: scan.String, MinLength: n + least, MaxLength: 60}
		s, problem := transform.New("text.prefix", json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)), transform.Field{Node: field})
		if problem.Kind != 0 {
			t.Fatal(problem)
		}
		text := string(value(t, field).Text)
		shown := ofText(s, text)
		rest, begins := strings.CutPrefix(text, shown)
		told := 0
		for _, char := range rest {
			if unicode.IsLetter(char) || unicode.IsDigit(char) {
				told++
			}
		}
		first, _ := utf8.DecodeRuneInString(rest)
		if !begins || shown != "" && (told < least || unicode.Is(unicode.M, first)) {
			t.Fatalf("%d of %q: %q", n, text, shown)
		}
	})
}

var decomposed = transform.Value{Kind: scan.String, Text: []byte("A\u030astro\u0308m")}

func TestNFC(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "abc": "abc", "e\u0301": "é", "é": "é", "\u0301e\u0301": "\u0301é", "\u1112\u1161\u11ab": "한", "\u212b": "Å", "\ufb2c": "\u05e9\u05bc\u05c1", "a\u0301\u0323": "\u1ea1\u0301", "<\u0338": "\u226e", "\u037e": ";",
		"e" + strings.Repeat("\u0323", 40): "\u1eb9" + strings.Repeat("\u0323", 29) + "\u034f" + strings.Repeat("\u0323", 10),
	} {
		s := step(t, &scan.Node{Kind: scan.String, MinLength: 5, MaxLength: 100}, "text.nfc", `{}`)
		if got := ofText(s, text); got != want || s.Hides || s.Fallible || s.Out.MinLength != 2 || s.Out.MaxLength != 300 {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	s := step(t, &scan.Node{Kind: scan.String, MaxLength: 3, Texts: []string{"e\u0301", "é", "a", "\ufb2c"}}, "text.nfc", `{}`)
	if out := s.Out; !slices.Equal(out.Texts, []string{"a", "é", "\u05e9\u05bc\u05c1"}) || out.MinLength != 1 || out.MaxLength != 3 {
		t.Errorf("choices: %+v", out)
	}
	call := transform.Call{}
	s = step(t, fields()["text"], "text.nfc", `{}`)
	s.Apply(&call, transform.Value{Kind: scan.String, Text: []byte("secret e\u0301")})
	if kept := reflect.ValueOf(call).FieldByName("composing"); kept.IsNil() || !kept.Elem().IsZero() {
		t.Error("what was composed is kept")
	}
	if many := testing.AllocsPerRun(100, func() {
		call.Scratch = call.Scratch[:0]
		s.Apply(&call, decomposed)
	}); many > 0 {
		t.Errorf("%v allocations", many)
	}
	s = step(t, fields()["email"], "text.nfc", `{}`)
	if s.Out.Format != 0 {
		t.Error("a format is asserted of what comes out")
	}
	for n, many := fields()["text"], 0; many < 100; many++ {
		if n = step(t, n, "text.nfc", `{}`).Out; n.MaxLength < 100 {
			t.Fatal("the longest length overflows")
		}
	}
}

// TestHowMuchNFCChanges is the proof of what Out says of the length. Decomposing a code
// point yields four at most, so what is composed is no shorter than a fourth. It yields four
// where the first two compose, and no mark that may come between them keeps them apart
// without composing with the first one itself: so three are left at most. And marks between
// which U+034F is put are many.
func TestHowMuchNFCChanges(t *testing.T) {
	var marks []string
	for char := range rune(unicode.MaxRune + 1) {
		if norm.NFD.PropertiesString(string(char)).CCC() > 0 {
			marks = append(marks, string(char))
		}
	}
	longest, four := 0, 0
	for char := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(char) {
			continue
		}
		apart, composed := []rune(norm.NFD.String(string(char))), norm.NFC.String(string(char))
		longest = max(longest, utf8.RuneCountInString(composed))
		if len(apart) > 4 || len(apart) > 2 && norm.NFD.PropertiesString(string(char)).CCC() > 0 {
			t.Fatalf("%U: %U", char, apart)
		}
		if len(apart) < 4 {
			continue
		}
		four++
		for _, mark := range marks {
			if got := norm.NFC.String(string(char) + mark); utf8.RuneCountInString(got) > 4 {
				t.Fatalf("%U %U: %U", char, []rune(mark), []rune(got))
			}
		}
		if norm.NFD.PropertiesString(string(apart[0])).CCC() > 0 || utf8.RuneCountInString(norm.NFC.String(string(apart[:2]))) > 1 {
			t.Fatalf("%U: %U does not compose", char, apart[:2])
		}
	}
	if longest != 3 || four == 0 || len(marks) < 800 {
		t.Errorf("%d at most, %d of four, %d marks", longest, four, len(marks))
	}
	s, call := step(t, fields()["text"], "text.nfc", `{}`), transform.Call{Scratch: []byte("e")}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(signs), rapid.SampledFrom([]rune{0x344, 0x301, 0xfb2c, 0x1f82, 0x1d160, 0xf73}), rapid.Rune()), 0, 200, -1).Draw(t, "text")
		once := norm.NFC.String(text)
		before, after := utf8.RuneCountInString(text), utf8.RuneCountInString(once)
		if after > 3*before || 4*after < before || norm.NFC.String(once) != once || !norm.NFC.IsNormalString(once) {
			t.Fatalf("%+q: %+q", text, once)
		}
		if made, ok := s.Apply(&call, transform.Value{Kind: scan.String, Text: []byte(text)}); !ok || string(made.Text) != once {
			t.Fatalf("%+q: %+q, and norm says %+q", text, made.Text, once)
		}
	})
}
