package oidcauth

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
		v, ok := read(s)
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
		if _, ok := read("[" + strings.Repeat(row+",", rows-1) + row + "]"); ok != want {
			t.Errorf("%d values: %v", 101*rows+1, ok)
		}
	}
	for depth, want := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		if _, ok := read(strings.Repeat("[", depth) + "1" + strings.Repeat("]", depth)); ok != want {
			t.Errorf("depth %d: %v", depth, ok)
		}
	}
	for members, want := range map[int]bool{maxMembers: true, maxMembers + 1: false} {
		if _, ok := read("[" + strings.Repeat("1,", members-1) + "1]"); ok != want {
			t.Errorf("%d members: %v", members, ok)
		}
	}
}

func alike(v value, other any) bool {
	switch o := other.(type) {
	case nil:
		return v.kind == null
	case bool:
		return v.kind == boolean && (v.text == "true") == o
	case json.Number:
		return v.kind == number && v.text == o.String()
	case string:
		return v.kind == text && v.text == o
	case []any:
		for i := range o {
			if len(v.of) != len(o) || !alike(v.of[i].value, o[i]) {
				return false
			}
		}
		return v.kind == list
	case map[string]any:
		for name := range o {
			m, ok := v.get(name)
			if !ok || !alike(m, o[name]) {
				return false
			}
		}
		return v.kind == object && len(v.of) == len(o)
	default:
		return false
	}
}

// Whatever is presented, published or claimed: an answer, never a panic.
func FuzzParse(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AAAA")
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","x":""}]}`)
	f.Add(`{"iss":"i","aud":["a"],"sub":"s","iat":1,"exp":2,"act":{"sub":"x","act":{}},"may_act":{"sub":"a"},"amr":[],"scope":"a b"}`)
	v := &Verifier{issuer: "i", audience: "a", claims: []string{"groups"}}
	f.Fuzz(func(_ *testing.T, s string) {
		_, _ = parseToken(s)
		if set := parseKeys([]byte(s)); set != nil {
			_ = set.verify(token{header: header{alg: "RS256"}, signature: []byte(s)})
		}
		if read, ok := read(s); ok {
			for _, access := range []bool{true, false} {
				_, _ = claims{value: read, v: v}.identity(access)
			}
		}
	})
}
