package transform_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/keyed"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// TestTokensAreHMAC: those of crypto/hmac, for keys and values of any length, one after the
// other with one Mac.
func TestTokensAreHMAC(t *testing.T) {
	step, problem := transform.New("token.hmac", []byte(`{"key":"crm/tokens"}`), transform.Field{Node: &scan.Node{Kind: scan.String, MaxLength: 5000}, Schema: "employee", Path: "/number"})
	if problem.Kind != 0 {
		t.Fatal(problem)
	}
	for _, size := range []int{16, 32, 63, 64, 65, 200} {
		key := []byte(strings.Repeat("k0", 100)[:size])
		mac := keyed.New("v_1-", key)
		call := transform.Call{Macs: map[string]*keyed.Mac{"crm/tokens": mac}}
		for _, length := range []int{1, 100, 140, 141, 150, 3000, 7, 4999} {
			text := strings.Repeat("é7", 2500)[:length]
			want := tokenOf(key, text)
			if got, ok := step.Apply(&call, transform.Value{Kind: scan.String, Text: []byte(text)}); !ok || string(got.Text) != want {
				t.Errorf("key of %d, value of %d: %s, want %s", size, length, got.Text, want)
			}
		}
	}
	for version, takes := range map[string]bool{"": false, "aZ09_-": true, "a.b": false, "é": false, strings.Repeat("v", 36): true, strings.Repeat("v", 37): false, "a[": false, "a\x00": false} {
		if (keyed.New(version, make([]byte, 16)) != nil) != takes {
			t.Errorf("version %q", version)
		}
	}
	if keyed.New("1", make([]byte, 15)) != nil {
		t.Error("a short key")
	}
}

// tokenOf is what the documentation of the transform says.
func tokenOf(key []byte, text string) string {
	hash := hmac.New(sha256.New, key)
	for _, part := range []string{"crm/tokens", "employee", "/number", "v_1-", text} {
		hash.Write(append(binary.BigEndian.AppendUint64(nil, uint64(len(part))), part...))
	}
	return "tk1.v_1-." + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:16])
}
