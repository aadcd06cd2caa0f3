package oidcauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
)

// BenchmarkVerify compares a whole verification under a known key with the bare
// signature check of the same token.
func BenchmarkVerify(b *testing.B) {
	for _, s := range []signer{{"k", "RS256", rsaKey()}, {"k", "ES256", curveKey()}, {"k", "EdDSA", edKey()}} {
		token := s.sign(b, "", payload(claims{
			"nonce": "n-0S6_WzA2Mj", "azp": us, "acr": "urn:example:gold", "amr": []string{"pwd", "otp"}, "auth_time": 1,
			"email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace", "groups": []string{"hr", "staff"},
		}))
		b.Run(s.alg+"/raw", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !bare(s, token) {
					b.Fatal("refused")
				}
			}
		})
		v := published(b, s.jwk(nil))
		presented := auth.Bearer(token)
		b.Run(s.alg+"/verify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), presented); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func bare(s signer, token string) bool {
	i := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	sum := sha256.Sum256([]byte(token[:i]))
	switch public := s.key.Public().(type) {
	case *rsa.PublicKey:
		return err == nil && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		return err == nil && ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	default:
		return err == nil && ed25519.Verify(public.(ed25519.PublicKey), []byte(token[:i]), signature)
	}
}
