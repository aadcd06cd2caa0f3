package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

// What this reader takes, encoding/json takes too and reads the same; the reverse
// does not hold.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[true,false,null,-0.5e+10],"c":{"d":"\u00e4\n"}}`, `"\ud83d\ude00"`, `"\ud83d"`, `{"a":1,"a":2}`, ` [ ] `, `{}`, `0`, `-`, `01`,
		`1.`, `"` + "\x00" + `"`, `{"a"`, `{"a":`, `[1,]`, `nul`, "\xff", strings.Repeat("[", 20), `"\`, `"\u`, `"\u12g4"`, `1e`, `{"a":1}x`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := Read(s)
		if !ok {
			return
		}
		var other any
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&other); err != nil {
			t.Fatalf("read, and encoding/json refuses: %v", err)
		}
		if !alike(v, other) {
			t.Fatalf("read as %v, and by encoding/json as %v", v, other)
		}
	})
}

func TestReadIsBounded(t *testing.T) {
	row := "[" + strings.Repeat("1,", 99) + "1]"
	for rows, want := range map[int]bool{40: true, 41: false} {
		if _, ok := Read("[" + strings.Repeat(row+",", rows-1) + row + "]"); ok != want {
			t.Errorf("%d values: %v", 101*rows+1, ok)
		}
	}
	for depth, want := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		if _, ok := Read(strings.Repeat("[", depth) + "1" + strings.Repeat("]", depth)); ok != want {
			t.Errorf("depth %d: %v", depth, ok)
		}
	}
	for members, want := range map[int]bool{maxMembers: true, maxMembers + 1: false} {
		if _, ok := Read("[" + strings.Repeat("1,", members-1) + "1]"); ok != want {
			t.Errorf("%d members: %v", members, ok)
		}
	}
}

func alike(v Value, other any) bool {
	switch o := other.(type) {
	case nil:
		return v.Kind == Null
	case bool:
		return v.Kind == Boolean && (v.Text == "true") == o
	case json.Number:
		return v.Kind == Number && v.Text == o.String()
	case string:
		return v.Kind == Text && v.Text == o
	case []any:
		for i := range o {
			if len(v.Of) != len(o) || !alike(v.Of[i].Value, o[i]) {
				return false
			}
		}
		return v.Kind == List
	case map[string]any:
		for name := range o {
			m, ok := v.Get(name)
			if !ok || !alike(m, o[name]) {
				return false
			}
		}
		return v.Kind == Object && len(v.Of) == len(o)
	default:
		return false
	}
}
