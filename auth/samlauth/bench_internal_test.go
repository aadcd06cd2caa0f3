package samlauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// BenchmarkMint over BenchmarkRawRSA is what XML costs. BenchmarkRead is what it costs not
// to keep the key.

func BenchmarkMint(b *testing.B) {
	k, said := benchmarked(b)
	b.ReportAllocs()
	for b.Loop() {
		said.at = time.Now()
		if _, err := said.response(k); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRawRSA(b *testing.B) {
	k, _ := benchmarked(b)
	digest := sha256.Sum256([]byte("digest"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	k, _ := benchmarked(b)
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		b.Fatal(err)
	}
	lease := auth.NewLease("l", map[string]auth.Secret{
		"key":         auth.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"certificate": auth.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certificate})),
	}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(lease, nil, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarked(b *testing.B) (key, statement) {
	b.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		b.Fatal(err)
	}
	return key{k, der}, statement{
		issuer: "https://idp.acme.example", audience: "urn:acme:erp", recipient: "https://erp.acme.example/acs", name: "ADA",
		format: formats[1], class: unspecified, authenticated: time.Now(), until: time.Now().Add(time.Hour),
	}
}
