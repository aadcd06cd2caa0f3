package token_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/token"
)

// TestOpen: what a mapping has sealed opens to the same, while its key is read.
func TestOpen(t *testing.T) {
	for _, value := range []string{"Z", "Zoë", "fifteen letters", "sixteen letters!", "seventeen letters", "😀", strings.Repeat("long ", 19), "\x80\u0100"} {
		value = strings.ToValidUTF8(value, "?")
		old, fresh := sealed(t, keys(before), "employee", "/number", value), sealed(t, keys(now, before), "employee", "/number", value)
		if again := sealed(t, keys(now), "employee", "/number", value); old == fresh || again != fresh {
			t.Fatalf("%q: %s and %s", value, fresh, again)
		}
		for _, text := range []string{old, fresh} {
			if got, err := token.Open(t.Context(), keys(now, before), crm, text); got != value || err != nil {
				t.Errorf("%s: %q, %v", text, got, err)
			}
		}
		if all, err := token.AllSealed(t.Context(), keys(now, before), crm, value); err != nil || !slices.Equal(all, []string{fresh, old}) {
			t.Errorf("%q, %v; want %q and %q", all, err, fresh, old)
		}
		for text, want := range map[string]bool{old: false, fresh: true} {
			if is, err := token.Is(t.Context(), keys(now), crm, text, value); err != nil || is != want {
				t.Errorf("%s with the new key alone: %v, %v", text, is, err)
			}
		}
	}
	if is, err := token.Is(t.Context(), keys(now), crm, sealed(t, keys(now), "employee", "/number", "1017"), "1018"); err != nil || is {
		t.Errorf("another value: %v, %v", is, err)
	}
}

// TestOpensNothingElse: what is forged, foreign, cut, or of a key that is not read any more is one
// error, and does not say which.
func TestOpensNothingElse(t *testing.T) {
	text := sealed(t, keys(now), "employee", "/number", "1017")
	refused := func(name string, from token.Versions, d token.Domain, text string) {
		t.Helper()
		if value, err := token.Open(t.Context(), from, d, text); err != token.ErrInvalid || value != "" {
			t.Errorf("%s: %q, %v", name, value, err)
		}
	}
	domain := func(key, schema, field string) token.Domain {
		return token.Domain{Key: key, Schema: schema, Field: field}
	}
	refused("another schema", keys(now), domain("crm/tokens", "person", "/number"), text)
	refused("another field", keys(now), domain("crm/tokens", "employee", "/n"), text)
	refused("another name", ring{[]version{now}, "hub/tokens", nil}, domain("hub/tokens", "employee", "/number"), text)
	refused("moved", keys(now), domain("crm/tokens", "employe", "e/number"), text)
	refused("another tenant's key", keys(version{"2", strings.Repeat("c", 32)}), crm, text)
	refused("its key later", keys(version{"3", now.key}), crm, text)
	refused("its key gone", keys(before), crm, text)
	refused("another version", keys(now, before), crm, strings.Replace(text, ".2.", ".1.", 1))
	refused("a version of that key", keys(version{"3", now.key}, now), crm, strings.Replace(text, ".2.", ".3.", 1))
	refused("a hash", untouched{t}, crm, written(t, keys(now), "employee", "/number", "1017"))
	refused("a hash's name", keys(now), crm, "tk1"+text[3:])
	raw, err := base64.RawURLEncoding.DecodeString(text[len("ts1.2."):])
	if err != nil || len(raw) != 32 {
		t.Fatal(raw, err)
	}
	for i := range raw {
		bad := slices.Clone(raw)
		bad[i] ^= 1
		refused("changed", keys(now), crm, "ts1.2."+base64.RawURLEncoding.EncodeToString(bad))
		refused("cut", keys(now), crm, "ts1.2."+base64.RawURLEncoding.EncodeToString(raw[:i]))
	}
	refused("doubled", keys(now), crm, text+text[len("ts1.2."):])
	refused("longer by a block", keys(now), crm, "ts1.2."+base64.RawURLEncoding.EncodeToString(append(slices.Clone(raw), make([]byte, 16)...)))
}

// counting counts the keys that are lent for a token.
type counting struct {
	ring
	used *[]string
}

func (c counting) UseKeys(ctx context.Context, name string, use func(version string, key []byte) error) error {
	return c.ring.UseKeys(ctx, name, func(version string, key []byte) error {
		err := use(version, key)
		*c.used = append(*c.used, version)
		return err
	})
}

// TestALateErrorOpensNothing: what one version opened is not given away where another one is wrong.
func TestALateErrorOpensNothing(t *testing.T) {
	text := sealed(t, keys(now), "employee", "/number", "1017")
	var used []string
	value, err := token.Open(t.Context(), counting{keys(now, version{"1", "short"}), &used}, crm, text)
	if !errors.Is(err, token.ErrNoKey) || value != "" || !slices.Equal(used, []string{"2", "1"}) {
		t.Errorf("%q, %v, %q", value, err, used)
	}
}

// FuzzOpen: whatever opens is, to the last character, the one token of what it opens as.
func FuzzOpen(f *testing.F) {
	for _, value := range []string{"1017", "sixteen letters!", strings.Repeat("long ", 19)} {
		text := sealed(f, keys(now), "employee", "/number", value)
		f.Add(text)
		f.Add(text[:len(text)-1])
		f.Add(text[:len(text)-2] + "\r\n")
		f.Add(strings.Replace(text, ".2.", ".1.", 1))
	}
	f.Add(written(f, keys(now), "employee", "/number", "1017"))
	for _, text := range []string{"", "ts1", "ts1.", "ts1..", "ts1.2.", "ts1.2." + strings.Repeat("A", 43), "ts1.2." + strings.Repeat("A", 22), "tk1.2." + strings.Repeat("A", 22), "ts1.2." + strings.Repeat("A", 42) + "B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		named, ok := token.Version(text)
		value, err := token.Open(t.Context(), keys(now, before), crm, text)
		if err != nil {
			if err != token.ErrInvalid || value != "" {
				t.Fatalf("%q, %v", value, err)
			}
			return
		}
		all, err := token.AllSealed(t.Context(), keys(now, before), crm, value)
		if err != nil || !ok || !slices.Contains(all, text) || named != "1" && named != "2" {
			t.Fatalf("%q opens as %q, whose tokens are %q, %v", text, value, all, err)
		}
	})
}
