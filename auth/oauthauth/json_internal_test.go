package oauthauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"
)

// FuzzRead: what is accepted, encoding/json understands in the same way, however it is
// written.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"t","expires_in":300,"scope":"a b"}`, `{"a":[1,{"b":null}],"act":{"sub":"x","act":{"sub":"y"}}}`,
		`{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"Scope":"x"}`, "{\"\u017f\":1,\"s\":2}", `{"a":"\ud800"}`, `{"\u0061":1,"a":2}`, ` {} `, `{}{}`, `[]`, `{"a":-0.1e+5}`, `{"a":-0.1e+111115}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := read(b)
		if !ok {
			return
		}
		theirs, err := unmarshalled(b)
		if err != nil {
			t.Fatalf("encoding/json refuses %q", b)
		}
		again, err := json.Marshal(o)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", b, err)
		}
		if ours, err := unmarshalled(again); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%q is %v and %v", b, ours, theirs)
		}
		if upper, there := theirs["SCOPE"]; there {
			t.Errorf("%q has a scope of %v for somebody else", b, upper)
		}
	})
}

// unmarshalled keeps numbers as they are written: they need not fit into 64 bits.
func unmarshalled(b []byte) (o map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more")
	}
	return o, nil
}

// FuzzParse: no token makes the reader panic, and claims come with three parts only.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a.b.c", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "eyJhbGciOiJFUzI1NiJ9.eyJhY3QiOnsic3ViIjoiYSJ9fQ.", "e30.e30.e30", "e30.W10.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, ok := parse(s)
		if !ok && j.claims != nil {
			t.Errorf("%q is refused, and has claims", s)
		}
		if chain, fine := j.chain(); len(chain) > maxActors || !fine && chain != nil {
			t.Errorf("%q has a chain of %d", s, len(chain))
		}
		_ = (&presented{jwt: j}).may("carnet")
	})
}
