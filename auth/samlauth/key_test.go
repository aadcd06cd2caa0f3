package samlauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// TestKeys that are not good enough sign nothing, and nothing is sent.
func TestKeys(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	p224, p521 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	_, edwards := must2(ed25519.GenerateKey(rand.Reader))
	good, certificate := pkcs8(p256Key()), block("CERTIFICATE", current(p256Key()))
	hour := time.Hour
	dated := func(from, until time.Duration) string {
		return block("CERTIFICATE", certify(p256Key(), time.Now().Add(from), time.Now().Add(until)))
	}
	of := func(key crypto.Signer) string { return block("CERTIFICATE", current(key)) }
	g := grant(t, erp(), alice())
	for _, tt := range []struct {
		name, key, certificate string
		wantErr                error
	}{
		{"no key", "", certificate, auth.ErrUndeclared},
		{"no certificate", good, "", auth.ErrUndeclared},
		{"no PEM", "key", certificate, auth.ErrInvalid},
		{"two keys", good + good, certificate, auth.ErrInvalid},
		{"text behind the key", good + "x", certificate, auth.ErrInvalid},
		{"RSA of 1024 bits", pkcs8(weak), of(weak), auth.ErrInvalid},
		{"P-224", pkcs8(p224), of(p224), auth.ErrInvalid},
		{"P-521", pkcs8(p521), of(p521), auth.ErrInvalid},
		{"Ed25519", pkcs8(edwards), of(edwards), auth.ErrInvalid},
		{"a key of another kind of block", block("PRIVATE KEY", []byte("x")), certificate, auth.ErrInvalid},
		{"a public key", block("PUBLIC KEY", []byte("x")), certificate, auth.ErrInvalid},
		{"a broken PKCS 1", block("RSA PRIVATE KEY", []byte("x")), certificate, auth.ErrInvalid},
		{"a broken SEC 1", block("EC PRIVATE KEY", []byte("x")), certificate, auth.ErrInvalid},
		{"a certificate for a key", certificate, certificate, auth.ErrInvalid},
		{"a key for a certificate", good, good, auth.ErrInvalid},
		{"a broken certificate", good, block("CERTIFICATE", []byte("x")), auth.ErrInvalid},
		{"a certificate of another kind", good, block("TRUSTED CERTIFICATE", current(p256Key())), auth.ErrInvalid},
		{"a chain", good, certificate + certificate, auth.ErrInvalid},
		{"somebody else's certificate", good, of(rsaKey()), auth.ErrInvalid},
		{"another key of the same kind", good, of(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))), auth.ErrInvalid},
		{"a certificate that has ended", good, dated(-2*hour, -hour), auth.ErrExpired},
		{"a certificate that has not begun", good, dated(hour, 2*hour), auth.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := &source{fields: map[string]string{"key": tt.key, "certificate": tt.certificate}}
			sent := transport(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, nil })
			if made, err := session(key).Translate(t.Context(), need(g, "ADA", sent)); err != tt.wantErr || made != nil {
				t.Errorf("%v", err)
			}
			if leased, closed := key.counts(); leased != 1 || closed != 1 {
				t.Errorf("leased %d, given back %d times", leased, closed)
			}
		})
	}
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// TestKeyIsGivenBack before anything is sent: no wait for a service provider holds it.
func TestKeyIsGivenBack(t *testing.T) {
	key := signing(p256Key())
	n := need(grant(t, erp(), alice()), "ADA", transport(func(r *http.Request) (*http.Response, error) {
		if leased, closed := key.counts(); leased != 1 || closed != 1 {
			t.Errorf("leased %d, given back %d times", leased, closed)
		}
		return opens()(r)
	}))
	made, err := session(key).Translate(t.Context(), n)
	if err != nil || made.Credential() != leaseID {
		t.Errorf("%v", err)
	}
}

func TestSourceRefuses(t *testing.T) {
	g := grant(t, erp(), alice())
	for _, want := range []error{auth.ErrDenied, auth.ErrUnavailable} {
		if made, err := session(&source{err: want}).Translate(t.Context(), need(g, "ADA", opens())); err != want || made != nil {
			t.Errorf("%v", err)
		}
	}
	if made, err := session(&source{expires: time.Now().Add(-time.Hour)}).Translate(t.Context(), need(g, "ADA", opens())); err != auth.ErrExpired || made != nil {
		t.Errorf("a lease that has ended: %v", err)
	}
}

// elsewhere is a signer whose key nobody sees, such as one in a vault.
type elsewhere struct {
	crypto.Signer
	err error
}

func (e elsewhere) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if e.err != nil {
		return nil, fmt.Errorf("of %s: %w", canary, e.err)
	}
	return e.Signer.Sign(random, digest, o)
}

// TestSignerElsewhere: an assertion is signed by a key that no lease has, and only for the
// certificate of that; what goes wrong there is told by its side.
func TestSignerElsewhere(t *testing.T) {
	g := grant(t, erp(), alice())
	for _, key := range []crypto.Signer{p256Key(), rsaKey()} {
		s := session(&source{fields: map[string]string{"certificate": block("CERTIFICATE", current(key))}})
		s.Signer = elsewhere{Signer: key}
		if a := says(t, s, need(g, "ADA", nil), key); a.name() != "ADA" {
			t.Errorf("%+v", a)
		}
	}
	for name, tt := range map[string]struct {
		key  *source
		err  error // of the signer
		want error
	}{
		"a leased key besides":      {signing(p256Key()), nil, auth.ErrInvalid},
		"another key's certificate": {&source{fields: map[string]string{"certificate": block("CERTIFICATE", current(rsaKey()))}}, nil, auth.ErrInvalid},
		"no certificate":            {&source{}, nil, auth.ErrUndeclared},
		"it cannot be reached":      {nil, auth.ErrUnavailable, auth.ErrUnavailable},
		"it denies":                 {nil, auth.ErrDenied, auth.ErrDenied},
		"it says something":         {nil, io.ErrUnexpectedEOF, auth.ErrInvalid},
		"it is throttled":           {nil, &auth.FailedError{Side: auth.ErrThrottled, RetryAfter: time.Minute}, auth.ErrThrottled},
	} {
		if tt.key == nil {
			tt.key = &source{fields: map[string]string{"certificate": block("CERTIFICATE", current(p256Key()))}}
		}
		s := session(tt.key)
		s.Signer = elsewhere{p256Key(), tt.err}
		sent := transport(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, nil })
		made, err := s.Translate(t.Context(), need(g, "ADA", sent))
		if made != nil || !errors.Is(err, tt.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
		if said, ok := errors.AsType[*auth.FailedError](err); ok && said.RetryAfter != time.Minute {
			t.Errorf("%s: %v", name, said)
		}
	}
}
