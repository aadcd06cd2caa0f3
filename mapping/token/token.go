// Package token makes the keyed tokens that a mapping writes, for whoever has to find a value by
// its token: also while the key changes.
//
//	crm := token.Domain{Key: "crm/tokens", Schema: "employee", Field: "/number"}
//	known, err := token.All(ctx, vault.KeyVersions(grant), crm, "1017") // of the new key, and of the one before
//	same, err := token.Is(ctx, vault.KeyVersions(grant), crm, found, "1017")
//
// # Rotation
//
// A mapping makes tokens of the current key alone. Where a key changes, what was written before
// has tokens of the one before: read by all of them ([All]), and write each record anew when it
// comes by ([Version] says which have to be). Once none is left, the old key goes.
//
// # Guarantees
//
// A token is tk1.VERSION.CHARACTERS: the first 128 bits of HMAC-SHA-256 over the key's name, the
// schema's title, the field's path, the key's version and the value, each behind its length, as in
// the transform token.hmac. So one value has different tokens in two fields, under two keys, and
// for two tenants, whose keys are different ones. A key is used while it is lent, and not kept.
//
// # Limits
//
// A value is taken as a mapping takes it: text is not normalised, and integers are decimal digits.
// Whoever may ask for tokens can ask for that of each value, until one fits: the keys are lent
// under a grant, which the log knows, and a count is the caller's. Is compares with one value; a
// token does not say what it was made of.
//
// # Errors
//
// [ErrNoKey], where a key was not lent, or is none; [ErrInvalid] for a Domain that is not whole,
// an empty value, and a text that is no token; ctx's error. What the source of keys says is in
// none of them.
//
// # Concurrency
//
// All functions may be called concurrently, if the source of keys may.
package token

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/carnet-go/carnet/mapping/internal/keyed"
)

var (
	// ErrNoKey is that a key cannot be had.
	ErrNoKey = errors.New("token: a key cannot be had")
	// ErrInvalid is that something is missing, or no token.
	ErrInvalid = errors.New("token: no domain, no value or no token")
)

// Versions lends the versions of a key that are still read, the current one first, one after the
// other and each until use returns. An error of use ends it, and is what it returns.
type Versions interface {
	UseKeys(ctx context.Context, name string, use func(version string, key []byte) error) error
}

// Domain is what a token is bound to, besides the version of its key and the value. The zero
// Domain has no tokens.
type Domain struct {
	Key    string // the name that the mapping gives the key
	Schema string // title of the source's schema
	Field  string // path of the source's field, such as /number
}

// All are the tokens of a value, that of the current key first. It is never empty where there is
// no error.
func All(ctx context.Context, keys Versions, d Domain, value string) ([]string, error) {
	var all []string
	err := d.each(ctx, keys, value, func(_ string, token []byte) { all = append(all, string(token)) })
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Is says whether a token is that of a value, under the version of the key that it names. One of a
// version that is not lent any more is of no value.
func Is(ctx context.Context, keys Versions, d Domain, token, value string) (bool, error) {
	version, ok := keyed.Version(token)
	if !ok {
		return false, ErrInvalid
	}
	is := 0
	err := d.each(ctx, keys, value, func(of string, made []byte) {
		if of == version {
			is |= subtle.ConstantTimeCompare(made, []byte(token))
		}
	})
	return err == nil && is == 1, err
}

// Version is that of the key that a token says it is of; false: it is no token.
func Version(token string) (string, bool) { return keyed.Version(token) }

// each makes a token of each version.
func (d Domain) each(ctx context.Context, keys Versions, value string, take func(version string, token []byte)) error {
	switch {
	case d.Key == "" || d.Schema == "" || d.Field == "" || value == "" || keys == nil:
		return ErrInvalid
	case ctx.Err() != nil:
		return ctx.Err()
	}
	domain, seen, bad := keyed.Domain(d.Key, d.Schema, d.Field), map[string]bool{}, false
	err := keys.UseKeys(ctx, d.Key, func(version string, key []byte) error {
		mac := keyed.New(version, key)
		if bad = bad || mac == nil || seen[version]; bad {
			return ErrNoKey
		}
		defer mac.Wipe()
		seen[version] = true
		take(version, mac.Append(nil, domain, []byte(value)))
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || bad || len(seen) == 0:
		return ErrNoKey
	}
	return nil
}
