package hashivault_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
)

// TestSigner signs certificates and digests, which the standard library verifies.
func TestSigner(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	for _, kind := range []string{"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"} {
		h.TransitKey(kind, kind)
		s, err := v.Signer(t.Context(), kind, 0)
		must(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, s.Public(), s)
		must(t, err)
		made, err := x509.ParseCertificate(der)
		must(t, err)
		if err := made.CheckSignature(made.SignatureAlgorithm, made.RawTBSCertificate, made.Signature); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	s, err := v.Signer(t.Context(), "rsa-2048", 0)
	must(t, err)
	digest, wide := sha256.Sum256([]byte("x")), sha512.Sum512([]byte("x"))
	for _, length := range []int{rsa.PSSSaltLengthAuto, rsa.PSSSaltLengthEqualsHash, 20} {
		opts := &rsa.PSSOptions{SaltLength: length, Hash: crypto.SHA256}
		signature, err := s.Sign(nil, digest[:], opts)
		if err != nil || rsa.VerifyPSS(s.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature, opts) != nil {
			t.Errorf("salt %d: %v", length, err)
		}
	}
	if _, err := s.Sign(nil, wide[:], crypto.SHA512); err != nil {
		t.Error(err)
	}
	e, err := v.Signer(t.Context(), "ed25519", 0)
	must(t, err)
	for name, err := range map[string]error{
		"no options":        second(s.Sign(nil, digest[:], nil)),
		"short digest":      second(s.Sign(nil, digest[:8], crypto.SHA256)),
		"digest of another": second(s.Sign(nil, digest[:], crypto.SHA512)),
		"SHA-1":             second(s.Sign(nil, digest[:20], crypto.SHA1)),
		"no hash":           second(s.Sign(nil, digest[:], crypto.Hash(0))),
		"Ed25519ph":         second(e.Sign(nil, wide[:], crypto.SHA512)),
		"Ed25519ctx":        second(e.Sign(nil, digest[:], &ed25519.Options{Context: "x"})),
	} {
		if err != auth.ErrInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSignerOfALog: checkpoints are signed by a key that is in no file, also after it was
// rotated, and by no other version. The client needs no log for that.
func TestSignerOfALog(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.TransitKey("log", "ed25519")
	s, err := v.Signer(t.Context(), "log", 1)
	must(t, err)
	dir, o := filepath.Join(t.TempDir(), "audit"), &audit.Options{Signer: s}
	must(t, audit.Create(t.Context(), dir, "acme.example/hr/a", o))
	if files, err := filepath.Glob(dir + ".key"); err != nil || len(files) > 0 {
		t.Errorf("a key beside the log: %q, %v", files, err)
	}
	h.TransitKey("log", "ed25519")
	for range 2 {
		log, err := audit.Open(t.Context(), dir, o)
		must(t, err)
		_, err = log.Append(t.Context(), audit.Event{Action: "hr.employee.read", Decision: "allowed"})
		must(t, errors.Join(err, log.Close(t.Context())))
	}
	key, err := os.ReadFile(dir + ".vkey")
	must(t, err)
	report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{strings.TrimSpace(string(key))})
	if err != nil || len(report.Findings) > 0 || report.Events == 0 {
		t.Errorf("%v, %v", report, err)
	}
	newest, err := v.Signer(t.Context(), "log", 0)
	must(t, err)
	if log, err := audit.Open(t.Context(), dir, &audit.Options{Signer: newest}); err == nil {
		_ = log.Close(t.Context())
		t.Error("another key opens the log")
	}
}

// TestSignerIsOfOneVersion: a certificate that names the key stays true.
func TestSignerIsOfOneVersion(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.TransitKey("k", "ecdsa-p256")
	s, err := v.Signer(t.Context(), "k", 0)
	must(t, err)
	h.TransitKey("k", "ecdsa-p256")
	digest := sha256.Sum256([]byte("x"))
	signature, err := s.Sign(nil, digest[:], crypto.SHA256)
	if err != nil || !ecdsa.VerifyASN1(s.Public().(*ecdsa.PublicKey), digest[:], signature) {
		t.Errorf("after a rotation: %v", err)
	}
	next, err := v.Signer(t.Context(), "k", 0)
	if err != nil || s.Public().(*ecdsa.PublicKey).Equal(next.Public()) {
		t.Errorf("the next one: %v", err)
	}
	first, err := v.Signer(t.Context(), "k", 1)
	if err != nil || !s.Public().(*ecdsa.PublicKey).Equal(first.Public()) {
		t.Errorf("the first one: %v", err)
	}
	if _, err := first.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("with the first one: %v", err)
	}
	for _, version := range []int{-1, 3} {
		if _, err := v.Signer(t.Context(), "k", version); err != auth.ErrUndeclared {
			t.Errorf("version %d: %v", version, err)
		}
	}
	h.TransitKey("e", "aes256-gcm96")
	for key, want := range map[string]error{"none": auth.ErrUndeclared, "e": auth.ErrInvalid} {
		if _, err := v.Signer(t.Context(), key, 0); err != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestForeignSignature: what the public key does not verify is none.
func TestForeignSignature(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.TransitKey("k", "ecdsa-p256")
	s, err := v.Signer(t.Context(), "k", 0)
	must(t, err)
	digest, other := sha256.Sum256([]byte("x")), sha256.Sum256([]byte("y"))
	good, err := s.Sign(nil, digest[:], crypto.SHA256)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	must(t, err)
	pem := `-----BEGIN PUBLIC KEY-----\n` + base64.StdEncoding.EncodeToString(der) + `\n-----END PUBLIC KEY-----\n`
	for name, tt := range map[string]struct {
		keys, signature string
		digest          []byte
		open, sign      error
	}{
		"as it should be": {pem, "vault:v1:" + base64.StdEncoding.EncodeToString(good), digest[:], nil, nil},
		"of another text": {pem, "vault:v1:" + base64.StdEncoding.EncodeToString(good), other[:], nil, auth.ErrInvalid},
		"another version": {pem, "vault:v2:" + base64.StdEncoding.EncodeToString(good), digest[:], nil, auth.ErrInvalid},
		"no base64":       {pem, "vault:v1:!", digest[:], nil, auth.ErrInvalid},
		"no signature":    {pem, "", digest[:], nil, auth.ErrInvalid},
		"two keys":        {pem + pem, "", digest[:], auth.ErrInvalid, nil},
		"a private key":   {strings.ReplaceAll(pem, "PUBLIC", "PRIVATE"), "", digest[:], auth.ErrInvalid, nil},
		"no key":          {strings.Replace(pem, base64.StdEncoding.EncodeToString(der), "AAAA", 1), "", digest[:], auth.ErrInvalid, nil},
		"empty":           {"", "", digest[:], auth.ErrInvalid, nil},
	} {
		v := stubbed(t, map[string]http.HandlerFunc{
			"/v1/transit/keys/k": ok(`{"data":{"latest_version":1,"keys":{"1":{"public_key":"` + tt.keys + `"}}}}`),
			"/v1/transit/sign/k": ok(fmt.Sprintf(`{"data":{"signature":%q}}`, tt.signature)),
		})
		s, err := v.Signer(t.Context(), "k", 0)
		if !errors.Is(err, tt.open) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if _, err := s.Sign(nil, tt.digest, crypto.SHA256); !errors.Is(err, tt.sign) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, keys := range []string{`{}`, `{"data":{"latest_version":"1"}}`, `{"data":{"latest_version":-1}}`, `x`} {
		if _, err := stubbed(t, map[string]http.HandlerFunc{"/v1/transit/keys/k": ok(keys)}).Signer(t.Context(), "k", 0); err != auth.ErrInvalid {
			t.Errorf("%s: %v", keys, err)
		}
	}
}

func TestDataKey(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.TransitKey("e", "aes256-gcm96")
	plain, wrapped, err := v.DataKey(t.Context(), "e")
	must(t, err)
	h.TransitKey("e", "aes256-gcm96") // an older version still opens
	opened, err := v.OpenDataKey(t.Context(), "e", wrapped)
	must(t, err)
	must(t, plain.Use(func(b []byte) error {
		if len(b) != 32 || !opened.Equal(b) {
			t.Errorf("%d bytes, or others", len(b))
		}
		return nil
	}))
	for _, bad := range []string{"", "x", "vault:v0:aaaa", "vault:v1:", "vault:v1:a b", "vault:v1:aaaa\n", strings.Repeat("x", 5000), "vault:v9:aaaa", "vault:v1:aaaa"} {
		if _, err := v.OpenDataKey(t.Context(), "e", bad); err != auth.ErrInvalid {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	for _, bad := range []string{
		`{}`, `x`, `{"data":{"ciphertext":"vault:v1:aaaa","plaintext":"AAAA"}}`, `{"data":{"ciphertext":"x","plaintext":"` + strings.Repeat("A", 43) + `="}}`,
		`{"data":{"ciphertext":"vault:v1:aaaa","plaintext":"!"}}`, `{"data":{"ciphertext":"vault:v1:aaaa","plaintext":1}}`,
	} {
		plain, wrapped, err := stubbed(t, map[string]http.HandlerFunc{"/v1/transit/datakey/plaintext/e": ok(bad)}).DataKey(t.Context(), "e")
		if err != auth.ErrInvalid || wrapped != "" || plain.Use(func([]byte) error { return nil }) == nil {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := stubbed(t, map[string]http.HandlerFunc{"/v1/transit/decrypt/e": ok(`{"data":[]}`)}).OpenDataKey(t.Context(), "e", wrapped); err != auth.ErrInvalid {
		t.Errorf("a list: %v", err)
	}
}
