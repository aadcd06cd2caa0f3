package vault

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/token"
)

const (
	keyField   = "key"
	oldField   = "previous" // the key before
	oldVersion = "previous_version"
	keyPurpose = "carnet token key"
	shortest   = 32 // bytes of a stored key
	keyLength  = sha256.Size
	noVersion  = "0"
)

// versionPattern is what may stand in a token.
var versionPattern = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// Keys lends token keys under the grant, one for each path that the grant's system
// declares. What is lent is not the stored secret (field "key", 32 bytes or more)
// but 32 bytes derived from it by HKDF-SHA256 for the grant's tenant and the path: two
// tenants with one stored key have different keys. It is overwritten when use
// returns. Each UseKey is a lease of its own, given back before it returns; so under
// a privileged grant each key can be used once.
//
// The version is that of the stored secret where it matches [a-z0-9]{1,16}, the first
// 8 hexadecimal digits of its SHA-256 where it does not, and "0" where the backend
// knows none. A grant that this vault does not serve yields errors, never keys.
func (v *Vault) Keys(g auth.Grant) mapping.KeySource { return keys{v, g} }

// KeyVersions lends the same keys to those who look for tokens, while one changes with the one
// before: the stored secret has it then as "previous", and the version that its tokens name as
// "previous_version". Half of that is an error, once the current one was lent.
func (v *Vault) KeyVersions(g auth.Grant) token.Versions { return keys{v, g} }

type keys struct {
	v     *Vault
	grant auth.Grant
}

// UseKey is for mapping.KeySource. What use returns is returned as it is.
func (k keys) UseKey(ctx context.Context, name string, use func(version string, key []byte) error) error {
	return k.lend(ctx, name, use, false)
}

// UseKeys is for token.Versions.
func (k keys) UseKeys(ctx context.Context, name string, use func(version string, key []byte) error) error {
	return k.lend(ctx, name, use, true)
}

func (k keys) lend(ctx context.Context, name string, use func(version string, key []byte) error, both bool) error {
	if use == nil {
		return auth.ErrInvalid
	}
	lease, err := k.v.Lease(ctx, k.grant, name)
	if err != nil {
		return err
	}
	defer lease.Close(ctx) // a failure stands in the log; the key was used all the same
	if err := k.one(lease, name, keyField, keyVersion(lease.Version()), use); err != nil || !both {
		return err
	}
	return k.before(lease, name, use)
}

// before lends the previous key, if there is one; half of one is none.
func (k keys) before(lease *auth.Lease, name string, use func(version string, key []byte) error) error {
	_, wrong := lease.Secret(oldField)
	said, also := lease.Secret(oldVersion)
	if wrong != nil && also != nil {
		return nil
	}
	version := ""
	if wrong == nil && also == nil {
		_ = said.Use(func(b []byte) error {
			version = string(b)
			return nil
		})
	}
	if !versionPattern.MatchString(version) {
		return auth.ErrInvalid
	}
	return k.one(lease, name, oldField, version, use)
}

// one lends the key of one field.
func (k keys) one(lease *auth.Lease, name, field, version string, use func(version string, key []byte) error) error {
	stored, err := lease.Secret(field)
	if err != nil {
		return err
	}
	return stored.Use(func(b []byte) error {
		if len(b) < shortest {
			return auth.ErrInvalid
		}
		key, err := hkdf.Key(sha256.New, b, nil, keyInfo(k.grant.Event("").Tenant, name), keyLength)
		if err != nil {
			return auth.ErrInvalid
		}
		defer clear(key)
		return use(version, key)
	})
}

// keyInfo is purpose, tenant and name, each with its length: no two sets are one text.
func keyInfo(tenant, name string) string {
	var b []byte
	for _, part := range []string{keyPurpose, tenant, name} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return string(b)
}

func keyVersion(stored string) string {
	switch {
	case stored == "":
		return noVersion
	case versionPattern.MatchString(stored):
		return stored
	}
	sum := sha256.Sum256([]byte(stored))
	return hex.EncodeToString(sum[:4])
}
