package hashivault_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/vault/hashivault"
)

// FuzzParse: what this reader takes, encoding/json takes too and reads the same; the
// reverse does not hold.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"lease_id":"","lease_duration":0,"data":{"data":{"a":"b"},"metadata":{"version":1}},"auth":null}`,
		`{"a":1,"b":[true,false,null,-0.5e+10],"c":{"d":"\u00e4\n"}}`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `{"a":1,"a":2}`,
		` [ ] `, `{}`, `0`, `-`, `01`, `-01`, `1.`, `1e`, `1e+`, `"` + "\x00" + `"`, `{"a"`, `{"a":`, `{"a" 1}`, `{1:2}`, `{,}`, `[1,]`, `[1 2]`, `nul`, `nux`, "\xff",
		strings.Repeat("[", 20), `"\`, `"\u`, `"\u12g4"`, `"\q"`, `{"a":1}x`, ``, `"`, `"\"`, `{"\u0061":1,"a":2}`, "\t\r\n 1 ", `"\u0000"`, `"\uABCD\ufffd"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := hashivault.Parse(b)
		if !ok {
			return
		}
		var want any
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("read, and encoding/json refuses: %v", err)
		}
		if want = numbers(want); !reflect.DeepEqual(got, want) {
			t.Fatalf("read as %v, and by encoding/json as %v", got, want)
		}
	})
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return hashivault.Number(v)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for name := range maps.Clone(v) {
			v[name] = numbers(v[name])
		}
	}
	return v
}

func TestParseIsBounded(t *testing.T) {
	row := "[" + strings.Repeat("1,", 999) + "1]"
	for text, want := range map[string]bool{
		strings.Repeat("[", 16) + "1" + strings.Repeat("]", 16): true,
		strings.Repeat("[", 17) + "1" + strings.Repeat("]", 17): false,
		"[" + strings.Repeat("1,", 1023) + "1]":                 true,
		"[" + strings.Repeat("1,", 1024) + "1]":                 false,
		"[" + strings.Repeat(row+",", 7) + row + "]":            true,
		"[" + strings.Repeat(row+",", 8) + row + "]":            false,
		`{"a": 1, "\u0061": 2}`:                                 false,
		`{"a": 1, "A": 2}`:                                      true,
		`{"a": 1} {}`:                                           false,
		`"` + "\xff" + `"`:                                      false,
		`"\ud800"`:                                              false,
		`01`:                                                    false,
		`{"a": "` + "\n" + `"}`:                                 false,
	} {
		if _, ok := hashivault.Parse([]byte(text)); ok != want {
			t.Errorf("%.40s: %v", text, ok)
		}
	}
}
