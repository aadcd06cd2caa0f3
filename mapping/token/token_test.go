package token_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/token"
)

// version is one of a key.
type version struct{ name, key string }

// ring lends its versions, and for mappings the first.
type ring struct {
	versions []version
	name     string // of the key
	lent     *int   // that were not given back
}

func keys(versions ...version) ring { return ring{versions, "crm/tokens", new(int)} }

func (r ring) UseKeys(_ context.Context, name string, use func(version string, key []byte) error) error {
	if name != r.name {
		return errors.New("cAnArY")
	}
	for _, v := range r.versions {
		key := []byte(v.key)
		err := use(v.name, key)
		clear(key) // it was lent
		if err != nil {
			return err
		}
	}
	return nil
}

func (r ring) UseKey(ctx context.Context, name string, use func(version string, key []byte) error) error {
	return ring{r.versions[:1], r.name, r.lent}.UseKeys(ctx, name, use)
}

var (
	before = version{"1", strings.Repeat("a", 32)}
	now    = version{"2", strings.Repeat("b", 32)}
	crm    = token.Domain{Key: "crm/tokens", Schema: "employee", Field: "/number"}
)

// written is the hash that a mapping makes of a value.
func written(t testing.TB, from mapping.KeySource, schema, field, value string) string {
	t.Helper()
	return made(t, from, "token.hmac", schema, field, value)
}

// sealed is what it makes that can be opened.
func sealed(t testing.TB, from mapping.KeySource, schema, field, value string) string {
	t.Helper()
	return made(t, from, "token.aes_siv", schema, field, value)
}

func made(t testing.TB, from mapping.KeySource, via, schema, field, value string) string {
	t.Helper()
	src, err := mapping.ParseSchema(fmt.Appendf(nil, `{"title": %q, "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {%q: {"type": "string", "maxLength": 99}}}`, schema, field[1:]))
	if err != nil {
		t.Fatal(err)
	}
	dst, err := mapping.ParseSchema([]byte(`{"title": "out", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "string", "maxLength": 999}}}`))
	if err != nil {
		t.Fatal(err)
	}
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"eu"}, Clearance: mapping.Clearance{Class: mapping.Public, Purposes: []string{"crm"}}}
	m, err := mapping.Compile(src, dst, fmt.Appendf(nil, `{"mapping": "m", "from": %q, "to": "out", "set": {"/v": {"from": %q, "do": [{%q: {"key": "crm/tokens"}}], "on_error": "fail"}}}`, schema, field, via), to)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Map(t.Context(), src.Document(fmt.Appendf(nil, `{%q: %q}`, field[1:], value)), from)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(r.AppendBody(nil)), `{"v":"`), `"}`)
}

// TestRotation: what was written under the key before is found after a new one has come, and is
// not once it has gone.
func TestRotation(t *testing.T) {
	old := written(t, keys(before), "employee", "/number", "Zoë")
	fresh := written(t, keys(now, before), "employee", "/number", "Zoë")
	if old == fresh {
		t.Fatal("two keys have one token")
	}
	all, err := token.All(t.Context(), keys(now, before), crm, "Zoë")
	if err != nil || len(all) != 2 || all[0] != fresh || all[1] != old {
		t.Errorf("%q, %v; want %q and %q", all, err, fresh, old)
	}
	for text, want := range map[string]struct{ both, one bool }{old: {true, false}, fresh: {true, true}} {
		if is, err := token.Is(t.Context(), keys(now, before), crm, text, "Zoë"); err != nil || is != want.both {
			t.Errorf("%s: %v, %v", text, is, err)
		}
		if is, err := token.Is(t.Context(), keys(now), crm, text, "Zoë"); err != nil || is != want.one {
			t.Errorf("%s with the new key alone: %v, %v", text, is, err)
		}
	}
	if v, ok := token.Version(old); v != "1" || !ok {
		t.Error(v, ok)
	}
}

// TestDomains: a token is of one value of one field under one key.
func TestDomains(t *testing.T) {
	text := written(t, keys(now), "employee", "/number", "1017")
	for name, c := range map[string]struct {
		domain token.Domain
		from   ring
		value  string
		want   bool
	}{
		"itself":         {crm, keys(now), "1017", true},
		"another value":  {crm, keys(now), "1018", false},
		"another form":   {crm, keys(now), "1017 ", false},
		"another schema": {token.Domain{Key: "crm/tokens", Schema: "person", Field: "/number"}, keys(now), "1017", false},
		"another field":  {token.Domain{Key: "crm/tokens", Schema: "employee", Field: "/n"}, keys(now), "1017", false},
		"another name":   {token.Domain{Key: "hub/tokens", Schema: "employee", Field: "/number"}, ring{[]version{now}, "hub/tokens", nil}, "1017", false},
		"another key":    {crm, keys(version{"2", strings.Repeat("c", 32)}), "1017", false},
		"its key later":  {crm, keys(version{"3", now.key}), "1017", false},
		"moved":          {token.Domain{Key: "crm/tokens", Schema: "employe", Field: "e/number"}, keys(now), "1017", false},
	} {
		if is, err := token.Is(t.Context(), c.from, c.domain, text, c.value); err != nil || is != c.want {
			t.Errorf("%s: %v, %v", name, is, err)
		}
	}
}

// TestNothing holds that where something is missing nothing is said, least of all that it fits.
func TestNothing(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	text, opens := written(t, keys(now), "employee", "/number", "1017"), sealed(t, keys(now), "employee", "/number", "1017")
	for name, c := range map[string]struct {
		ctx    context.Context
		from   token.Versions
		domain token.Domain
		value  string
		want   error
	}{
		"no keys":      {t.Context(), nil, crm, "1017", token.ErrInvalid},
		"no value":     {t.Context(), keys(now), crm, "", token.ErrInvalid},
		"no key":       {t.Context(), keys(now), token.Domain{Schema: "employee", Field: "/number"}, "1017", token.ErrInvalid},
		"no schema":    {t.Context(), keys(now), token.Domain{Key: "crm/tokens", Field: "/number"}, "1017", token.ErrInvalid},
		"no field":     {t.Context(), keys(now), token.Domain{Key: "crm/tokens", Schema: "employee"}, "1017", token.ErrInvalid},
		"not lent":     {t.Context(), keys(now), token.Domain{Key: "cAnArY", Schema: "employee", Field: "/number"}, "1017", token.ErrNoKey},
		"none is lent": {t.Context(), keys(), crm, "1017", token.ErrNoKey},
		"short":        {t.Context(), keys(now, version{"1", "short"}), crm, "1017", token.ErrNoKey},
		"twice":        {t.Context(), keys(now, version{now.name, before.key}), crm, "1017", token.ErrNoKey},
		"bad version":  {t.Context(), keys(now, version{"a.b", before.key}), crm, "1017", token.ErrNoKey},
		"swallowed":    {t.Context(), deaf{keys(version{"2", "short"}, before)}, crm, "1017", token.ErrNoKey},
		"ended":        {ended, keys(now), crm, "1017", context.Canceled},
	} {
		if all, err := token.All(c.ctx, c.from, c.domain, c.value); !errors.Is(err, c.want) || all != nil || strings.Contains(err.Error(), "cAnArY") {
			t.Errorf("%s: %q, %v", name, all, err)
		}
		if all, err := token.AllSealed(c.ctx, c.from, c.domain, c.value); !errors.Is(err, c.want) || all != nil || strings.Contains(err.Error(), "cAnArY") {
			t.Errorf("%s, sealed: %q, %v", name, all, err)
		}
		if is, err := token.Is(c.ctx, c.from, c.domain, text, c.value); !errors.Is(err, c.want) || is {
			t.Errorf("%s: %v, %v", name, is, err)
		}
		if c.value == "" {
			continue // Open is given none
		}
		if value, err := token.Open(c.ctx, c.from, c.domain, opens); !errors.Is(err, c.want) || value != "" || strings.Contains(err.Error(), "cAnArY") {
			t.Errorf("%s, opened: %q, %v", name, value, err)
		}
	}
}

// deaf goes on whatever use says.
type deaf struct{ ring }

func (d deaf) UseKeys(_ context.Context, _ string, use func(version string, key []byte) error) error {
	for _, v := range d.versions {
		_ = use(v.name, []byte(v.key))
	}
	return nil
}

// TestVersion holds what is no token at all: of either kind, what ours are not like to the last character.
func TestVersion(t *testing.T) {
	for kind, text := range map[string]string{"tk1.": written(t, keys(now), "employee", "/number", "1017"), "ts1.": sealed(t, keys(now), "employee", "/number", "1017")} {
		if v, ok := token.Version(text); v != "2" || !ok {
			t.Error(v, ok)
		}
		bad := []string{
			"", kind, "1017", text[1:], text + "A", text[:len(text)-1], text + "\n", text[:len(text)-1] + "\n", text[:len(text)-2] + "\n\n", text[:20] + "\r\n" + text[20:], kind + text,
			strings.Replace(text, kind, "tk2.", 1), strings.Replace(text, kind, kind[:3]+"..", 1), strings.Replace(text, ".2.", "..", 1), strings.Replace(text, ".2.", ".2:.", 1), strings.Replace(text, ".2.", ".2..", 1), text[:len(text)-1] + "/", text + "=",
		}
		for _, last := range []string{"B", "C", "F"} { // bits behind the last byte
			bad = append(bad, text[:len(text)-1]+last)
		}
		for _, bad := range bad {
			if v, ok := token.Version(bad); ok {
				t.Errorf("%q is of %q", bad, v)
			}
			if is, err := token.Is(t.Context(), keys(now), crm, bad, "1017"); !errors.Is(err, token.ErrInvalid) || is {
				t.Errorf("%q: %v, %v", bad, is, err)
			}
			if value, err := token.Open(t.Context(), untouched{t}, crm, bad); err != token.ErrInvalid || value != "" {
				t.Errorf("%q opens as %q, %v", bad, value, err)
			}
		}
	}
	if _, ok := token.Version("ts1.2." + strings.Repeat("A", 22)); ok {
		t.Error("a token of no value")
	}
}

// untouched is asked for no key.
type untouched struct{ t *testing.T }

func (u untouched) UseKeys(context.Context, string, func(version string, key []byte) error) error {
	u.t.Error("a key is lent for what is no token")
	return nil
}
