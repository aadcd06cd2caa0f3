package key_test

import (
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/key"
)

// TestARekeyIsOfOnePlace: it holds where it was made, and nowhere else, and of its texts none
// can be another one.
func TestARekeyIsOfOnePlace(t *testing.T) {
	old, next, other := made(t, origin, 1), made(t, origin, 2), made(t, origin, 3)
	good, err := next.TakeOver(&old.Public, 4, root)
	if err != nil || good.From != old.Verifier() || good.To != next.Verifier() {
		t.Fatalf("%+v, %v", good, err)
	}
	if err := good.Check(origin, 4, root); err != nil {
		t.Fatal(err)
	}
	another := root
	another[0] ^= 1
	for name, err := range map[string]error{
		"another origin": good.Check("acme.example/hr/b", 4, root),
		"another size":   good.Check(origin, 5, root),
		"another root":   good.Check(origin, 4, another),
	} {
		if err == nil {
			t.Errorf("%s: it holds", name)
		}
	}
	elsewhere := made(t, "acme.example/hr/b", 2)
	for name, change := range map[string]func(*key.Rekey){
		"from another":      func(r *key.Rekey) { r.From = other.Verifier() },
		"to another":        func(r *key.Rekey) { r.To = other.Verifier() },
		"from no key":       func(r *key.Rekey) { r.From = "" },
		"to no key":         func(r *key.Rekey) { r.To = "x" },
		"to another log's":  func(r *key.Rekey) { r.To = elsewhere.Verifier() },
		"from another's":    func(r *key.Rekey) { r.From = elsewhere.Verifier() },
		"to the same":       func(r *key.Rekey) { r.From = r.To },
		"in upper case":     func(r *key.Rekey) { r.To = strings.Replace(r.To, "+", "+0", 1) },
		"not signed":        func(r *key.Rekey) { r.Proof = "" },
		"no base64":         func(r *key.Rekey) { r.Proof = "!" + r.Proof[1:] },
		"with a newline":    func(r *key.Rekey) { r.Proof = r.Proof[:4] + "\n" + r.Proof[4:] },
		"with stray bits":   func(r *key.Rekey) { r.Proof = r.Proof[:85] + string(r.Proof[85]+1) + "==" },
		"signed by another": func(r *key.Rekey) { r.Proof = must(other.TakeOver(&old.Public, 4, root)).Proof },
	} {
		r := good
		if change(&r); r == good || r.Check(origin, 4, root) == nil {
			t.Errorf("%s: it holds", name)
		}
	}
	if _, err := next.TakeOver(&next.Public, 4, root); err == nil {
		t.Error("a key follows itself")
	}
	if _, err := next.TakeOver(&elsewhere.Public, 4, root); err == nil {
		t.Error("a key follows that of another log")
	}
	weak, err := key.New(origin, &moody{private(1), 3}) // two for New
	if err != nil {
		t.Fatal(err)
	}
	if _, err := weak.TakeOver(&old.Public, 4, root); err != key.ErrSigner {
		t.Errorf("got %v, want %v", err, key.ErrSigner)
	}
}

func must(r key.Rekey, err error) key.Rekey {
	if err != nil {
		panic(err)
	}
	return r
}

// TestPublicHasOneEncoding.
func TestPublicHasOneEncoding(t *testing.T) {
	k := made(t, origin, 1)
	p, err := key.ParsePublic(k.Verifier())
	if err != nil || p.Verifier() != k.Verifier() || p.Name() != origin || p.KeyHash() != k.KeyHash() {
		t.Fatalf("%+v, %v", p, err)
	}
	v := k.Verifier()
	last := strings.TrimRight(v, "=")
	for _, bad := range []string{"", origin, v + "=", v + "\n", strings.Replace(v, "+", "+0", 1), v[:len(last)-1] + string(last[len(last)-1]+1) + v[len(last):]} {
		if _, err := key.ParsePublic(bad); err != key.ErrPublic {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestMakeIsANewKey each time, which its text gives back.
func TestMakeIsANewKey(t *testing.T) {
	one, private, err := key.Make(origin)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := key.Make(origin)
	if err != nil || one.Verifier() == two.Verifier() || !strings.HasPrefix(one.Text(private), "PRIVATE+KEY+"+origin+"+") {
		t.Errorf("%v", err)
	}
}
