package pemkey_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/pemkey"
)

func encoded(kind string, der []byte, headers map[string]string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der, Headers: headers})
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestRead(t *testing.T) {
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	p256, p384 := curve(elliptic.P256()), curve(elliptic.P384())
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(p256)
	good := encoded("PRIVATE KEY", pkcs8(t, p256), nil)
	for name, c := range map[string]struct {
		text []byte
		want crypto.PublicKey // nil: refused
	}{
		"PKCS #8, RSA":   {encoded("PRIVATE KEY", pkcs8(t, large), nil), &large.PublicKey},
		"PKCS #1":        {encoded("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(large), nil), &large.PublicKey},
		"SEC 1":          {encoded("EC PRIVATE KEY", sec1, nil), &p256.PublicKey},
		"P-256":          {good, &p256.PublicKey},
		"P-384":          {encoded("PRIVATE KEY", pkcs8(t, p384), nil), &p384.PublicKey},
		"newlines":       {append(bytes.Clone(good), "\n \n"...), &p256.PublicKey},
		"small RSA":      {encoded("PRIVATE KEY", pkcs8(t, small), nil), nil},
		"P-224":          {encoded("PRIVATE KEY", pkcs8(t, curve(elliptic.P224())), nil), nil},
		"P-521":          {encoded("PRIVATE KEY", pkcs8(t, curve(elliptic.P521())), nil), nil},
		"Ed25519":        {encoded("PRIVATE KEY", pkcs8(t, edwards), nil), nil},
		"other name":     {encoded("CERTIFICATE", pkcs8(t, p256), nil), nil},
		"wrong form":     {encoded("EC PRIVATE KEY", pkcs8(t, p256), nil), nil},
		"encrypted":      {encoded("PRIVATE KEY", pkcs8(t, p256), map[string]string{"Proc-Type": "4,ENCRYPTED"}), nil},
		"two":            {append(bytes.Clone(good), good...), nil},
		"something more": {append(bytes.Clone(good), 'x'), nil},
		"no PEM":         {pkcs8(t, p256), nil},
		"nothing":        {nil, nil},
	} {
		got := pemkey.Read(c.text)
		if (got == nil) != (c.want == nil) {
			t.Errorf("%s: %T", name, got)
			continue
		}
		if got != nil && !got.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(c.want) {
			t.Errorf("%s: another key", name)
		}
	}
}
