package oauthauth

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is of nested lists and objects, such as a chain of actors.
const maxDepth = 12

// object is a JSON object. Its values are string, bool, nil, json.Number, object or []any.
type object map[string]any

// known are the members that this package looks for.
func known() []string {
	return []string{
		"access_token", "token_type", "issued_token_type", "expires_in", "scope", "error",
		"typ", "iss", "sub", "aud", "exp", "cnf", "act", "may_act", "client_id",
	}
}

// read takes one object and nothing after it. Two readers must not be able to see
// different things in it: encoding/json, for one, takes the last of two members and any
// case of a name, and makes one character of whatever is no text.
func read(b []byte) (object, bool) {
	if !json.Valid(b) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, ok := value(d, 0)
	o, isObject := v.(object)
	return o, ok && isObject
}

func value(d *json.Decoder, depth int) (any, bool) {
	t, err := d.Token()
	if err != nil || depth > maxDepth {
		return nil, false
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return members(d, depth)
		}
		return items(d, depth)
	case string:
		return t, clean(t)
	default:
		return t, true
	}
}

func members(d *json.Decoder, depth int) (object, bool) {
	o, seen := object{}, map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok || !clean(name) {
			return nil, false
		}
		folded := fold(name)
		if seen[folded] || folded != name && slices.Contains(known(), folded) {
			return nil, false
		}
		seen[folded] = true
		if o[name], ok = value(d, depth+1); !ok {
			return nil, false
		}
	}
	_, err := d.Token()
	return o, err == nil
}

func items(d *json.Decoder, depth int) ([]any, bool) {
	all := []any{}
	for d.More() {
		v, ok := value(d, depth+1)
		if !ok {
			return nil, false
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, err == nil
}

// clean refuses what encoding/json puts where there is no text: half of a surrogate
// pair, or no UTF-8.
func clean(s string) bool { return !strings.ContainsRune(s, utf8.RuneError) }

// fold makes one of all names that encoding/json takes for the same: it knows a long s
// and the sign for kelvin, too.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }
