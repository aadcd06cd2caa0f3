package scan

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzAppendJSON: what is written is read back by encoding/json, and can stand in a page.
func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{"", "plain text that is long", "<b>&\u2028\u2029\u2027é", "quote\" and slash\\ and \x01\x1f\x7f", "1234567<", "12345678<", "\u20281234567\u2029"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		got := AppendJSON([]byte("x"), []byte(text))[1:]
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != text {
			t.Errorf("%q: %s, %v", text, got, err)
		}
		if bytes.ContainsAny(got, "<>&\u2028\u2029") {
			t.Errorf("%s", got)
		}
	})
}
