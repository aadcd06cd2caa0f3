package peers_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/samlauth"
)

const (
	samlIssuer   = "https://idp.example/saml"
	samlAudience = "urn:example:erp"
	samlACS      = "https://erp.example/saml/acs"
	samlName     = "Zoë <zoe> & \"co\""
	samlFormat   = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	samlLogin    = "https://login.example"
)

// runs says that a command does what it must, or that its peer is missing.
func runs(t *testing.T, peer string, command ...string) {
	t.Helper()
	switch err := exec.CommandContext(t.Context(), command[0], command[1:]...).Run(); {
	case err == nil:
	case os.Getenv("CARNET_PEERS") == "require":
		t.Fatalf("%s is required and missing: run examples/peers/install.sh", peer)
	default:
		t.Skipf("%s is not installed: run examples/peers/install.sh", peer)
	}
}

// response is what samlauth posts for a name, and the certificate to check it with.
type response struct {
	raw         []byte
	certificate string // PEM
}

// signers are the kinds of key that samlauth takes.
func signers(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RSA": large, "P-256": newKey(t), "P-384": p384}
}

func respond(t *testing.T, key crypto.Signer) response {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "signing"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	made := response{certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))}
	source := auth.Constant(map[string]auth.Secret{
		"key":         auth.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"certificate": auth.NewSecret([]byte(made.certificate)),
	})
	s := samlauth.Session{Issuer: samlIssuer, Key: source, NameFormat: samlFormat, Cookies: []string{"sid"}}
	n := auth.Need{Grant: samlGrant(t), Name: samlName, Client: &http.Client{Transport: posted{&made}}}
	if _, err := s.Translate(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return made
}

func samlGrant(t *testing.T) auth.Grant {
	t.Helper()
	boundary := authtest.Boundary(t, auth.System{
		Name: "erp", Origin: "https://erp.example", Endpoints: map[string]string{"acs": samlACS}, Audience: samlAudience,
		Subject:    auth.Subject{Table: map[string]string{samlLogin + " zoe": samlName}},
		Operations: []auth.Operation{{Name: "erp.payroll.read", Method: "GET", Path: "/payroll", Effect: auth.ReadOnly}},
	})
	gate := authtest.Gate(t, boundary, auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{
		Issuer: samlLogin, Subject: "zoe", Assurance: audit.Assurance{AuthTime: time.Now().Add(-time.Minute)},
	})})
	return authtest.Grant(t, gate, "erp.payroll.read")
}

// posted keeps the response that is sent, and opens a session.
type posted struct{ made *response }

func (p posted) RoundTrip(r *http.Request) (*http.Response, error) {
	err := r.ParseForm()
	if err == nil {
		p.made.raw, err = base64.StdEncoding.DecodeString(r.PostForm.Get("SAMLResponse"))
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Set-Cookie": {"sid=1; Path=/"}}, Body: http.NoBody, Request: r}, nil
}

// changed is the response with one text in place of another.
func (r response) changed(t *testing.T, old, with string) response {
	t.Helper()
	if bytes.Count(r.raw, []byte(old)) == 0 {
		t.Fatalf("the response has no %s", old)
	}
	r.raw = bytes.ReplaceAll(r.raw, []byte(old), []byte(with))
	return r
}

// xmlsec is xmlsec1's verdict on the assertion's signature.
func (r response) xmlsec(t *testing.T) error {
	t.Helper()
	dir := t.TempDir()
	document, certificate := filepath.Join(dir, "response.xml"), filepath.Join(dir, "idp.crt")
	for file, content := range map[string][]byte{document: r.raw, certificate: []byte(r.certificate)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return exec.CommandContext(t.Context(), "xmlsec1", "--verify", "--enabled-reference-uris", "same-doc", "--pubkey-cert-pem", certificate,
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", document).Run()
}

func TestXmlsecVerifiesAssertions(t *testing.T) {
	runs(t, "xmlsec1", "xmlsec1", "--version")
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			r := respond(t, key)
			if err := r.xmlsec(t); err != nil {
				t.Errorf("refused: %v", err)
			}
			for old, with := range map[string]string{
				"&lt;zoe&gt;": "&lt;root&gt;", samlAudience: "urn:example:crm", samlFormat: strings.Replace(samlFormat, "persistent", "transient", 1), "2.0:cm:bearer": "2.0:cm:sender",
			} {
				if r.changed(t, old, with).xmlsec(t) == nil {
					t.Errorf("accepted with %s for %s", with, old)
				}
			}
			other := respond(t, newKey(t))
			if (response{r.raw, other.certificate}).xmlsec(t) == nil {
				t.Error("accepted with somebody else's certificate")
			}
			if bytes.Contains(r.raw, []byte("sha1")) {
				t.Error("SHA-1")
			}
		})
	}
}

// question is what testdata/service.py is asked.
type question struct {
	Response    []byte `json:"response"` // as base64
	ACS         string `json:"acs"`
	Audience    string `json:"audience"`
	Issuer      string `json:"issuer"`
	Format      string `json:"format"`
	Certificate string `json:"certificate"`
	Later       int    `json:"later"` // seconds
}

// verdict is what it answers.
type verdict struct {
	Accepted bool
	Name     string
	Format   string
	Ends     int64
	Why      string
}

func ask(t *testing.T, q question) verdict {
	t.Helper()
	asked, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/service.py")
	command.Stdin = bytes.NewReader(asked)
	var v verdict
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err != nil {
		t.Fatalf("service.py: %v", err)
	}
	return v
}

func TestServiceProviderAcceptsAssertions(t *testing.T) {
	runs(t, "python3-onelogin-saml2", "/usr/bin/python3", "-c", "import onelogin.saml2.auth")
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			r := respond(t, key)
			good := question{r.raw, samlACS, samlAudience, samlIssuer, samlFormat, r.certificate, 0}
			if v := ask(t, good); !v.Accepted || v.Name != samlName || v.Format != samlFormat || time.Until(time.Unix(v.Ends, 0)) > 15*time.Minute {
				t.Fatalf("refused: %+v", v)
			}
			for _, tt := range []struct {
				what   string
				change func(*question)
				why    string
			}{
				{"a name that was changed", func(q *question) { q.Response = r.changed(t, "&lt;zoe&gt;", "&lt;root&gt;").raw }, "Signature validation failed"},
				{"an audience that was changed", func(q *question) {
					q.Response, q.Audience = r.changed(t, samlAudience, "urn:example:crm").raw, "urn:example:crm"
				}, "Signature validation failed"},
				{"another audience", func(q *question) { q.Audience = "urn:example:crm" }, "is not a valid audience"},
				{"another recipient", func(q *question) { q.ACS = "https://crm.example/saml/acs" }, "The response was received at"},
				{"another issuer", func(q *question) { q.Issuer = "https://idp.other.example" }, "Invalid issuer"},
				{"another key", func(q *question) { q.Certificate = respond(t, newKey(t)).certificate }, "Signature validation failed"},
				{"after the window", func(q *question) { q.Later = 121 }, "expired"},
				{"before it", func(q *question) { q.Later = -60 }, "not yet valid"},
			} {
				q := good
				tt.change(&q)
				if v := ask(t, q); v.Accepted || !strings.Contains(v.Why, tt.why) {
					t.Errorf("%s: %+v", tt.what, v)
				}
			}
		})
	}
}
