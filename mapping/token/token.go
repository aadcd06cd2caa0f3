// Package token makes the keyed tokens that a mapping writes, for whoever has to find a value by
// its token, also while the key changes; and opens those that can be opened.
//
//	crm := token.Domain{Key: "crm/tokens", Schema: "employee", Field: "/number"}
//	known, err := token.All(ctx, vault.KeyVersions(grant), crm, "1017") // of the new key, and of the one before
//	same, err := token.Is(ctx, vault.KeyVersions(grant), crm, found, "1017")
//	number, err := token.Open(ctx, vault.KeyVersions(grant), crm, answered) // one of token.aes_siv
//
// # Rotation
//
// A mapping makes tokens of the current key alone. Where a key changes, what was written before
// has tokens of the one before: read by all of them ([All], [AllSealed]), and write each record anew when
// it comes by ([Version] says which have to be). Once none is left, the old key goes, and what it
// has sealed is lost.
//
// # Guarantees
//
// A token of the transform token.hmac is tk1.VERSION.CHARACTERS: the first 128 bits of HMAC-SHA-256 over
// the key's name, the schema's title, the field's path, the key's version and the value, each behind its
// length. One of token.aes_siv is ts1.VERSION.CHARACTERS: the value under AES-256-SIV, with the others as
// associated data. So one value has different tokens in two fields, under two keys, and for two tenants,
// whose keys are different ones; and what opens was made with the key, of that field. A key is used while it is
// lent, and not kept.
//
// # Limits
//
// A value is taken as a mapping takes it: text is not normalised, and integers are decimal digits.
// Whoever may ask for tokens can ask for that of each value, until one fits: the keys are lent
// under a grant, which the log knows, and a count is the caller's. Is compares with one value.
//
// Tenants are apart because their keys are, as those of package vault, which are derived for a tenant;
// purposes, because each has a name of a key, such as crm/tokens. A source of keys that lends one secret to
// two tenants, or one name for two purposes, joins their tokens, and opens them for both. A secret has the
// strength that it has: 32 random bytes are enough for all of this, and 16 are the least.
//
// What Open yields has no label: it is of the class of the field that it came from. Put it under the
// schema that says so, by Schema.Encode of package mapping, before it goes anywhere. That is why no
// transform opens a token: the author of a mapping would be who labels it.
//
// # Errors
//
// [ErrNoKey], where a key was not lent, or is none; [ErrInvalid] for a Domain that is not whole,
// an empty value, a text that is no token, and from Open for one that does not open, whatever the reason;
// ctx's error. What the source of keys says is in none of them.
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

// All are the tokens of token.hmac of a value, that of the current key first. It is never empty where
// there is no error.
func All(ctx context.Context, keys Versions, d Domain, value string) ([]string, error) {
	return d.all(ctx, keys, value, (*keyed.Key).Hash)
}

// AllSealed are those of token.aes_siv.
func AllSealed(ctx context.Context, keys Versions, d Domain, value string) ([]string, error) {
	return d.all(ctx, keys, value, (*keyed.Key).Seal)
}

// Is says whether a token is that of a value, under the version of the key that it names. One of a
// version that is not lent any more is of no value.
func Is(ctx context.Context, keys Versions, d Domain, token, value string) (bool, error) {
	t, ok := keyed.Read(token)
	if !ok || value == "" {
		return false, ErrInvalid
	}
	makes := (*keyed.Key).Hash
	if t.Sealed {
		makes = (*keyed.Key).Seal
	}
	is := 0
	err := d.each(ctx, keys, func(version string, key *keyed.Key, domain []byte) {
		if version == t.Version {
			is = subtle.ConstantTimeCompare(makes(key, nil, domain, []byte(value)), []byte(token))
		}
	})
	return err == nil && is == 1, err
}

// Open is the value that token.aes_siv made a token of, in that domain and under the version of the
// key that it names: no other is tried. It is ErrInvalid where a token was forged, cut or changed, is of
// another field, key, tenant or kind, and where its version is not lent any more. An integer comes in
// decimal digits.
func Open(ctx context.Context, keys Versions, d Domain, text string) (value string, err error) {
	t, ok := keyed.Read(text)
	if !ok || !t.Sealed {
		return "", ErrInvalid
	}
	opened := false
	err = d.each(ctx, keys, func(version string, key *keyed.Key, domain []byte) {
		if version == t.Version {
			value, opened = key.Open(t, domain)
		}
	})
	switch {
	case err != nil:
		return "", err
	case !opened:
		return "", ErrInvalid
	}
	return value, nil
}

// Version is that of the key that a token says it is of, of either kind; false: it is no token.
func Version(token string) (string, bool) {
	t, ok := keyed.Read(token)
	return t.Version, ok
}

// all makes a token of each version.
func (d Domain) all(ctx context.Context, keys Versions, value string, of func(k *keyed.Key, dst, domain, value []byte) []byte) ([]string, error) {
	if value == "" {
		return nil, ErrInvalid
	}
	var all []string
	err := d.each(ctx, keys, func(_ string, key *keyed.Key, domain []byte) {
		all = append(all, string(of(key, nil, domain, []byte(value))))
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// each is for each version of the key, while it is lent.
func (d Domain) each(ctx context.Context, keys Versions, use func(version string, key *keyed.Key, domain []byte)) error {
	switch {
	case d.Key == "" || d.Schema == "" || d.Field == "" || keys == nil:
		return ErrInvalid
	case ctx.Err() != nil:
		return ctx.Err()
	}
	domain, seen, bad := keyed.Domain(d.Key, d.Schema, d.Field), map[string]bool{}, false
	err := keys.UseKeys(ctx, d.Key, func(version string, secret []byte) error {
		key := keyed.New(version, secret)
		if bad = bad || key == nil || seen[version]; bad {
			return ErrNoKey
		}
		defer key.Wipe()
		seen[version] = true
		use(version, key, domain)
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
