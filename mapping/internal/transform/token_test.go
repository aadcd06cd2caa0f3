package transform_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/keyed"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/siv"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// TestTokensAreHMAC: those of crypto/hmac, for keys and values of any length, one after the
// other with one Key.
func TestTokensAreHMAC(t *testing.T) {
	step, problem := transform.New("token.hmac", []byte(`{"key":"crm/tokens"}`), transform.Field{Node: &scan.Node{Kind: scan.String, MaxLength: 5000}, Schema: "employee", Path: "/number"})
	if problem.Kind != 0 {
		t.Fatal(problem)
	}
	for _, size := range []int{16, 32, 63, 64, 65, 200} {
		key := []byte(strings.Repeat("k0", 100)[:size])
		call := transform.Call{Keys: map[string]*keyed.Key{"crm/tokens": keyed.New("v_1-", key)}}
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

// TestTokensAreSealed: they are AES-256-SIV of the padded value, under a key that is derived for
// that, with all of the domain as data; and they open. The same key makes its hashes besides.
func TestTokensAreSealed(t *testing.T) {
	field := transform.Field{Node: &scan.Node{Kind: scan.String, MinLength: 1, MaxLength: 5000}, Schema: "employee", Path: "/number"}
	step, problem := transform.New("token.aes_siv", []byte(`{"key":"crm/tokens"}`), field)
	other, _ := transform.New("token.hmac", []byte(`{"key":"crm/tokens"}`), field)
	if problem.Kind != 0 || !step.Hides || !step.Reversible || step.Fallible || other.Reversible {
		t.Fatal(problem, step)
	}
	for _, size := range []int{16, 32, 200} {
		secret := []byte(strings.Repeat("k0", 100)[:size])
		key := keyed.New("v_1-", secret)
		call := transform.Call{Keys: map[string]*keyed.Key{"crm/tokens": key}}
		for _, length := range []int{1, 15, 16, 17, 31, 32, 150, 3000, 7, 4999} {
			text := strings.Repeat("é7", 2500)[:length]
			got, ok := step.Apply(&call, transform.Value{Kind: scan.String, Text: []byte(text)})
			if want := sealedOf(t, secret, text); !ok || string(got.Text) != want || !got.Plain {
				t.Errorf("key of %d, value of %d: %s, want %s", size, length, got.Text, want)
			}
			token, ok := keyed.Read(string(got.Text))
			if opened, is := key.Open(token, keyed.Domain("crm/tokens", "employee", "/number")); !ok || !is || opened != text {
				t.Errorf("key of %d, value of %d: opened as %q", size, length, opened)
			}
			if got, _ := other.Apply(&call, transform.Value{Kind: scan.String, Text: []byte(text)}); string(got.Text) != tokenOf(secret, text) {
				t.Errorf("key of %d, value of %d: the hash is %s", size, length, got.Text)
			}
		}
	}
}

// sealedOf is what the documentation of the transform says.
func sealedOf(t *testing.T, secret []byte, text string) string {
	t.Helper()
	key, err := hkdf.Key(sha256.New, secret, nil, "carnet token.aes_siv", 64)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, part := range []string{"crm/tokens", "employee", "/number", "v_1-"} {
		data = append(binary.BigEndian.AppendUint64(data, uint64(len(part))), part...)
	}
	padded := text + "\x80" + strings.Repeat("\x00", 15-len(text)%16)
	return "ts1.v_1-." + base64.RawURLEncoding.EncodeToString(siv.New(key).Seal(nil, []byte(padded), data))
}

// TestLengthsOfSealed: what is described holds the shortest and the longest, and no more.
func TestLengthsOfSealed(t *testing.T) {
	for name, c := range map[string]struct {
		node              scan.Node
		shortest, longest transform.Value
	}{
		"text":     {scan.Node{Kind: scan.String, MaxLength: 40}, text("a"), text(strings.Repeat("😀", 40))},
		"of 16":    {scan.Node{Kind: scan.String, MinLength: 16, MaxLength: 16}, text(strings.Repeat("a", 16)), text(strings.Repeat("😀", 16))},
		"uuid":     {scan.Node{Kind: scan.String, Format: scan.UUID, MinLength: 36, MaxLength: 36}, text(strings.Repeat("0", 36)), text(strings.Repeat("0", 36))},
		"integer":  {scan.Node{Kind: scan.Integer, Min: math.MinInt64, Max: math.MaxInt64}, transform.Value{Kind: scan.Integer}, transform.Value{Kind: scan.Integer, N: math.MinInt64}},
		"unsigned": {scan.Node{Kind: scan.Natural, Max: -1}, transform.Value{Kind: scan.Natural}, transform.Value{Kind: scan.Natural, N: -1}},
	} {
		step, problem := transform.New("token.aes_siv", []byte(`{"key":"k"}`), transform.Field{Node: &c.node, Schema: "s", Path: "/p"})
		if problem.Kind != 0 {
			t.Errorf("%s: %+v", name, problem)
			continue
		}
		for version, want := range map[string]struct {
			of   transform.Value
			size int
		}{"1": {c.shortest, step.Out.MinLength}, strings.Repeat("v", 36): {c.longest, step.Out.MaxLength}} {
			call := transform.Call{Keys: map[string]*keyed.Key{"k": keyed.New(version, make([]byte, 16))}}
			if got, ok := step.Apply(&call, want.of); !ok || len(got.Text) != want.size {
				t.Errorf("%s, version %s: %d characters of %d", name, version, len(got.Text), want.size)
			}
		}
	}
}

func text(s string) transform.Value { return transform.Value{Kind: scan.String, Text: []byte(s)} }
