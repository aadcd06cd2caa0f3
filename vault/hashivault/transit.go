package hashivault

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"regexp"

	"github.com/carnet-go/carnet/auth"
)

// wrappedPattern is a ciphertext of transit, with the version of the key.
var wrappedPattern = regexp.MustCompile(`^vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/]+={0,2}$`)

const maxWrapped = 4 << 10

// DataKey is 32 new bytes, plain and wrapped by the transit key of that name. Kept is the
// wrapped form; OpenDataKey makes the plain one of it again.
func (v *Vault) DataKey(ctx context.Context, key string) (plain auth.Secret, wrapped string, err error) {
	if v.zero() || !isKey(key) {
		return auth.Secret{}, "", auth.ErrUndeclared
	}
	ask := request{method: http.MethodPost, path: v.transit + "/datakey/plaintext/" + key, body: map[string]any{"bits": 256}}
	err = v.call(ctx, ask, func(a answer) error {
		e, err := a.envelope()
		if err != nil {
			return err
		}
		var ok bool
		if wrapped, ok = e.data.get("ciphertext").string(); !ok || !isWrapped(wrapped) {
			return auth.ErrInvalid
		}
		plain, err = decoded(e.data.get("plaintext"), 32)
		return err
	})
	if err != nil {
		return auth.Secret{}, "", err
	}
	return plain, wrapped, nil
}

// OpenDataKey is the plain form of what DataKey wrapped. What no key of that name has
// wrapped is ErrInvalid.
func (v *Vault) OpenDataKey(ctx context.Context, key, wrapped string) (plain auth.Secret, err error) {
	if v.zero() || !isKey(key) {
		return auth.Secret{}, auth.ErrUndeclared
	}
	if !isWrapped(wrapped) {
		return auth.Secret{}, auth.ErrInvalid
	}
	ask := request{method: http.MethodPost, path: v.transit + "/decrypt/" + key, body: map[string]any{"ciphertext": wrapped}}
	err = v.call(ctx, ask, func(a answer) error {
		e, err := a.envelope()
		if err == nil {
			plain, err = decoded(e.data.get("plaintext"), 0)
		}
		return err
	})
	return plain, err
}

// isKey is one segment of a path.
func isKey(s string) bool { return isName(s) && !bytes.Contains([]byte(s), []byte("/")) }

func isWrapped(s string) bool { return len(s) <= maxWrapped && wrappedPattern.MatchString(s) }

// decoded is what stands in base64, of that many bytes; 0: of any number.
func decoded(n node, size int) (auth.Secret, error) {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(n.text)))
	got, err := base64.StdEncoding.Strict().Decode(b, n.text)
	if err != nil || n.kind != text || got == 0 || size != 0 && got != size {
		clear(b)
		return auth.Secret{}, auth.ErrInvalid
	}
	return auth.NewSecret(b[:got]), nil
}
