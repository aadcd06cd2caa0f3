package oidcauth

import (
	"testing"

	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

// Whatever is presented, published or claimed: an answer, never a panic.
func FuzzParse(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AAAA")
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","x":""}]}`)
	f.Add(`{"iss":"i","aud":["a"],"sub":"s","iat":1,"exp":2,"act":{"sub":"x","act":{}},"may_act":{"sub":"a"},"amr":[],"scope":"a b"}`)
	v := &Verifier{issuer: "i", audience: "a", claims: []string{"groups"}}
	f.Fuzz(func(_ *testing.T, s string) {
		_, _ = parseToken(s)
		if set := parseKeys([]byte(s)); set != nil {
			_ = set.verify(token{header: header{alg: "RS256"}, signature: []byte(s)})
		}
		if read, ok := strictjson.Read(s); ok {
			for _, access := range []bool{true, false} {
				_, _ = claims{Value: read, v: v}.identity(access)
			}
		}
	})
}
