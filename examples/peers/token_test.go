package peers_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/daead/subtle"

	"github.com/carnet-go/carnet/mapping/token"
)

// oneKey lends one.
type oneKey struct{ version, secret string }

func (k oneKey) UseKeys(_ context.Context, _ string, use func(version string, key []byte) error) error {
	return use(k.version, []byte(k.secret))
}

// TestTokensWithTink: what token.aes_siv seals is what Tink's AES-SIV makes of the padded value
// under the derived key, with the domain as its data, and the other way round.
func TestTokensWithTink(t *testing.T) {
	k := oneKey{"7", strings.Repeat("secret", 6)}
	d := token.Domain{Key: "crm/tokens", Schema: "employee", Field: "/number"}
	key, err := hkdf.Key(sha256.New, []byte(k.secret), nil, "carnet token.aes_siv", 64)
	if err != nil {
		t.Fatal(err)
	}
	siv, err := subtle.NewAESSIV(key)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, part := range []string{d.Key, d.Schema, d.Field, k.version} {
		data = append(binary.BigEndian.AppendUint64(data, uint64(len(part))), part...)
	}
	for size := 1; size < 100; size++ {
		value := strings.Repeat("é1", size)[:size]
		padded := value + "\x80" + strings.Repeat("\x00", 15-size%16)
		sum, err := siv.EncryptDeterministically([]byte(padded), data)
		if err != nil {
			t.Fatal(err)
		}
		theirs := fmt.Sprintf("ts1.%s.%s", k.version, base64.RawURLEncoding.EncodeToString(sum))
		ours, err := token.AllSealed(t.Context(), k, d, value)
		if err != nil || len(ours) != 1 || ours[0] != theirs {
			t.Fatalf("of %d bytes: %q, %v; with Tink %s", size, ours, err, theirs)
		}
		if opened, err := token.Open(t.Context(), k, d, theirs); err != nil || opened != value {
			t.Errorf("of %d bytes, sealed with Tink: %q, %v", size, opened, err)
		}
	}
}
