package samlauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"github.com/beevik/etree"
	"github.com/carnet-go/carnet/auth"
)

// strange is a signer that answers what it was told to.
type strange struct {
	crypto.Signer
	answer []byte
	err    error
}

func (s strange) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return s.answer, s.err }

// keyless has a public key of no kind that signs.
type keyless struct{ crypto.Signer }

func (keyless) Public() crypto.PublicKey { return "none" }

// TestStrangeSigners: what is no signature is in no assertion, and why is in no error.
func TestStrangeSigners(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, signer := range map[string]crypto.Signer{
		"fails":      strange{k, nil, errors.New("key 7 of slot 3")},
		"no ASN.1":   strange{k, []byte("x"), nil},
		"more of it": strange{k, []byte("\x30\x06\x02\x01\x01\x02\x01\x01x"), nil},
		"no numbers": strange{k, []byte("\x30\x00"), nil},
		"too long":   strange{k, append([]byte("\x30\x26\x02\x21"), append(bytes.Repeat([]byte{1}, 33), 2, 1, 1)...), nil},
		"no key":     keyless{k},
	} {
		assertion := etree.NewElement("a")
		assertion.CreateElement("b")
		if err := (key{signer: signer}).sign(assertion); err != auth.ErrInvalid || len(assertion.Child) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
