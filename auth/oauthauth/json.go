package oauthauth

import (
	"encoding/json"

	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

// object is a JSON object. Its values are string, bool, nil, json.Number, object or []any.
type object map[string]any

// known are the members that this package looks for.
func known() []string {
	return []string{
		"access_token", "token_type", "issued_token_type", "expires_in", "scope", "error",
		"typ", "iss", "sub", "aud", "exp", "cnf", "act", "may_act", "client_id",
	}
}

// read takes one object and nothing after it, of which two readers cannot see different
// things.
func read(b []byte) (object, bool) {
	v, ok := strictjson.Read(string(b))
	if !ok || v.Kind != strictjson.Object {
		return nil, false
	}
	read, ok := plain(v)
	o, _ := read.(object)
	return o, ok
}

// plain is a value without what it was written as; false: names in it differ only in case.
func plain(v strictjson.Value) (any, bool) {
	switch v.Kind {
	case strictjson.Object:
		o, ok := object{}, v.Distinct(known()...)
		for _, m := range v.Of {
			var fine bool
			o[m.Name], fine = plain(m.Value)
			ok = ok && fine
		}
		return o, ok
	case strictjson.List:
		all, ok := make([]any, len(v.Of)), true
		for i, m := range v.Of {
			var fine bool
			all[i], fine = plain(m.Value)
			ok = ok && fine
		}
		return all, ok
	case strictjson.Number:
		return json.Number(v.Text), true
	case strictjson.Boolean:
		return v.Text == "true", true
	case strictjson.Text:
		return v.Text, true
	}
	return nil, true
}
