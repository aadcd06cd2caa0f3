package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

// shaped has each kind of value, and each value that Dir reads.
const shaped = `{"a":[1,"x",{"b":-0.5e+9}],"t":true,"s":"","é":"ü","carnet":{"decision":"allowed","grant":"g1","n":[]},` +
	`"e":"\u00e9\n","metadata":{"sequence":12,"v":"1.6.0"}}`

// same compares a line that comes after another one with the same line alone.
func same(t *testing.T, line, earlier []byte) {
	t.Helper()
	if got, want := verify.Facts(line, earlier), verify.Facts(line); got != want {
		t.Errorf("%q after %q: got %s, want %s", line, earlier, got, want)
	}
}

// TestLineAfterAnother: what a reader has seen does not change what it says of a line.
func TestLineAfterAnother(t *testing.T) {
	parallel(len(shaped), func(i int) {
		for bit := range 8 {
			changed := []byte(shaped)
			changed[i] ^= 1 << bit
			same(t, changed, []byte(shaped))
		}
		for _, c := range []byte("\"\\,0-} \xff") {
			changed, more := []byte(shaped), slices.Insert([]byte(shaped), i, c)
			changed[i] = c
			same(t, changed, []byte(shaped))
			same(t, []byte(shaped), changed)
			same(t, more, []byte(shaped))
			same(t, []byte(shaped), more)
		}
		same(t, []byte(shaped[:i]), []byte(shaped))
		same(t, []byte(shaped[i:]), []byte(shaped))
		same(t, slices.Delete([]byte(shaped), i, i+1), []byte(shaped))
	})
}

// TestValuesAfterAnother changes whole values: to those of the same kind, of another, and to
// what only looks like one.
func TestValuesAfterAnother(t *testing.T) {
	values := []string{`"allowed"`, `"denied"`, `""`, `"g"`, `"allo\u0077ed"`, `"\ud800"`, "\"\xff\"", "\"\x00\"", `"ü"`, `"a","b":"c"`, `"a`, `a"`,
		`"interrupted"`, `2004`, `6002`, `1`, `12`, `012`, `0`, `-0`, `-1`, `1.`, `.5`, `1e9`, `9223372036854775808`, `1,"b":2`, `1 `, ` 1`, `{}`, `[1]`, `null`, `true`, `nul`, ``}
	for _, member := range []string{`{"carnet":{"decision":$,"grant":"g"}}`, `{"carnet":{"grant":$,"decision":"allowed"}}`,
		`{"metadata":{"sequence":$}}`, `{"x":$}`, `{"x":[$]}`, `{"x":[$,$]}`, `{"b":3,"x":{"y":$},"c":"d"}`,
		`{"carnet":{"genesis":{"origin":$,"key":"k"}}}`, `{"carnet":{"checkpoint":$}}`,
		`{"api":{"operation":$},"tenant_uid":$,"status_id":1,"carnet":{"grant":$}}`, `{"api":{"operation":"o"},"status_id":$,"carnet":{"grant":"g"}}`,
		`{"app_name":"a","class_uid":$,"status_code":$,"status_id":0,"carnet":{"grant":"g"}}`, `{"class_uid":2004,"outcome_id":$,"carnet":{"grant":"g"}}`,
		`{"x":{"operation":"o","grant":"f"},"api":{"operation":$},"status_id":1,"carnet":{"grant":$}}`, `{"x":{"decision":$},"carnet":{"grant":"g"}}`,
		`{"carnet":{"grant":$,"decision":"denied"}}`} {
		for _, earlier := range values {
			for _, value := range values {
				same(t, []byte(strings.ReplaceAll(member, "$", value)), []byte(strings.ReplaceAll(member, "$", earlier)))
			}
		}
	}
}

// TestShapesAreUsed: else the tests above compare nothing.
func TestShapesAreUsed(t *testing.T) {
	for _, c := range []struct {
		line, earlier string
		want          bool
	}{
		{shaped, shaped, true},
		{strings.Replace(shaped, "allowed", "denied", 1), shaped, true},
		{strings.Replace(shaped, `"g1"`, `""`, 1), shaped, true},
		{strings.Replace(shaped, `:12,`, `:345,`, 1), shaped, true},
		{strings.Replace(shaped, `:12,`, `:123,`, 1), shaped, true},
		{shaped, strings.Replace(shaped, `:12,`, `:123,`, 1), true},
		{strings.Replace(shaped, `"1.6.0"`, `"12345678"`, 1), shaped, true},
		{strings.Replace(shaped, `"ü"`, `"u"`, 1), shaped, true},
		{strings.Replace(shaped, `"ü"`, `"ö"`, 1), shaped, false},
		{strings.Replace(shaped, `"x"`, `"\n"`, 1), shaped, false},
		{strings.Replace(shaped, `true`, `null`, 1), shaped, false},
		{strings.Replace(shaped, `"a":`, `"z":`, 1), shaped, false},
		{shaped, `{"a":}`, false},
		{``, ``, false},
		{`{"carnet":{"checkpoint":"a"}}`, `{"carnet":{"checkpoint":"b"}}`, false},
		{`{"carnet":{"genesis":{"origin":"a"}}}`, `{"carnet":{"genesis":{"origin":"b"}}}`, false},
	} {
		if got := verify.HasShape([]byte(c.line), []byte(c.earlier)); got != c.want {
			t.Errorf("%s after %s: got %v, want %v", c.line, c.earlier, got, c.want)
		}
	}
}

// FuzzLineAfterAnother: as TestLineAfterAnother, with any lines, and more than a reader keeps.
func FuzzLineAfterAnother(f *testing.F) {
	f.Add([]byte(shaped), []byte(shaped))
	f.Add([]byte(`{"a":1,"b":"x"}`), []byte(`{"a":12,"b":""}`))
	f.Add([]byte(`{"a":"x","b":"x"}`), []byte(`{"a":"b","b":"x"}`+"\n"+`{}`+"\n"+`{"a":1}`+"\n"+`{"b":1}`+"\n"+`{"c":1}`+"\n"+`{"d":1}`+"\n"+`{"e":1}`))
	f.Fuzz(func(t *testing.T, line, earlier []byte) {
		if got, want := verify.Facts(line, bytes.Split(earlier, []byte("\n"))...), verify.Facts(line); got != want {
			t.Errorf("%q after %q: got %s, want %s", line, earlier, got, want)
		}
	})
}
