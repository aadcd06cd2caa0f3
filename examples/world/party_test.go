package world

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/carnet-go/carnet/vault/filevault"
)

// response is an unsolicited one for the ERP, whose parts a test may change before it
// is signed.
func response(p party, id string, now time.Time) *etree.Element {
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339Nano) }
	text := strings.NewReplacer("ISSUER", p.issuer, "AUDIENCE", p.audience, "ACS", p.recipient, "NOW", at(0), "BEFORE", at(-time.Minute), "AFTER", at(time.Minute), "ID1", id).
		Replace(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="r-ID1" Version="2.0" IssueInstant="NOW" Destination="ACS"><saml:Issuer>ISSUER</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="ID1" Version="2.0" IssueInstant="NOW"><saml:Issuer>ISSUER</saml:Issuer><saml:Subject><saml:NameID>alice.hr</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData Recipient="ACS" NotOnOrAfter="AFTER"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="BEFORE" NotOnOrAfter="AFTER"><saml:AudienceRestriction><saml:Audience>AUDIENCE</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="BEFORE"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement></saml:Assertion></samlp:Response>`)
	d := etree.NewDocument()
	if err := d.ReadFromString(text); err != nil {
		panic(err)
	}
	return d.Root()
}

// signWith signs the assertion in place.
func signWith(t *testing.T, w *World, response *etree.Element, method string) *etree.Element {
	t.Helper()
	issued, err := filevault.File{Path: w.Secrets, Identity: w.Identity}.Issue(t.Context(), "saml/signing")
	if err != nil {
		t.Fatal(err)
	}
	var cert, key []byte
	read := func(name string, into *[]byte) error {
		return issued.Fields[name].Use(func(b []byte) error { *into = bytes.Clone(b); return nil })
	}
	if err := errors.Join(read("certificate", &cert), read("key", &key)); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return signAs(t, pair, response, method)
}

func signAs(t *testing.T, pair tls.Certificate, response *etree.Element, method string) *etree.Element {
	t.Helper()
	ctx, err := dsig.NewSigningContext(pair.PrivateKey.(crypto.Signer), pair.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(method); err != nil {
		t.Fatal(err)
	}
	assertion := response.SelectElement("Assertion")
	assertion.CreateAttr("xmlns:saml", assertionSpace)
	signature, err := ctx.ConstructSignature(assertion, true)
	if err != nil {
		t.Fatal(err)
	}
	assertion.InsertChildAt(1, signature)
	return response
}

func encoded(t *testing.T, response *etree.Element) string {
	t.Helper()
	d := etree.NewDocument()
	d.SetRoot(response)
	raw, err := d.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestPartyTakesWhatIsForIt(t *testing.T) {
	w := begin(t)
	p, now := w.sessions[ERP].party, time.Now()
	a, err := p.verify(encoded(t, signWith(t, w, response(p, "_1", now), dsig.RSASHA256SignatureMethod)), now)
	if err != nil || a.id != "_1" || a.name != "alice.hr" || !a.authenticated.Equal(now.Add(-time.Minute)) {
		t.Errorf("verify = %+v, %v", a, err)
	}
}

func TestPartyRefuses(t *testing.T) {
	w := begin(t)
	p, now := w.sessions[ERP].party, time.Now()
	find := func(r *etree.Element, path string) *etree.Element { return r.FindElement("//" + path) }
	set := func(path, name, value string) func(*etree.Element) {
		return func(r *etree.Element) { find(r, path).CreateAttr(name, value) }
	}
	drop := func(path string) func(*etree.Element) {
		return func(r *etree.Element) { e := find(r, path); e.Parent().RemoveChild(e) }
	}
	write := func(path, text string) func(*etree.Element) {
		return func(r *etree.Element) { find(r, path).SetText(text) }
	}
	past, future := now.Add(-time.Second).UTC().Format(time.RFC3339), now.Add(time.Hour).UTC().Format(time.RFC3339)
	double := func(path string) func(*etree.Element) {
		return func(r *etree.Element) { e := find(r, path); e.Parent().AddChild(e.Copy()) }
	}
	for name, change := range map[string]func(*etree.Element){
		"another issuer":             write("Assertion/Issuer", "https://other.example"),
		"another audience":           write("Audience", "https://other.example"),
		"no audience":                drop("AudienceRestriction"),
		"two restrictions":           double("AudienceRestriction"),
		"another recipient":          set("SubjectConfirmationData", "Recipient", "https://other.example/acs"),
		"another destination":        func(r *etree.Element) { r.CreateAttr("Destination", "https://other.example/acs") },
		"an answer":                  func(r *etree.Element) { r.CreateAttr("InResponseTo", "q1") },
		"an answer inside":           set("SubjectConfirmationData", "InResponseTo", "q1"),
		"bearer with NotBefore":      set("SubjectConfirmationData", "NotBefore", past),
		"holder of key":              set("SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
		"no confirmation":            drop("SubjectConfirmation"),
		"over":                       set("Conditions", "NotOnOrAfter", past),
		"confirmation over":          set("SubjectConfirmationData", "NotOnOrAfter", past),
		"not begun":                  set("Conditions", "NotBefore", future),
		"issued later":               set("Assertion", "IssueInstant", future),
		"login to come":              set("AuthnStatement", "AuthnInstant", future),
		"no login":                   drop("AuthnStatement"),
		"no name":                    write("NameID", ""),
		"no subject":                 drop("Subject"),
		"no conditions":              drop("Conditions"),
		"version 1.1":                set("Assertion", "Version", "1.1"),
		"no success":                 set("StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder"),
		"an instruction in the name": func(r *etree.Element) { find(r, "NameID").AddChild(etree.NewProcInst("x", "y")) },
	} {
		r := response(p, "_1", now)
		change(r)
		if _, err := p.verify(encoded(t, signWith(t, w, r, dsig.RSASHA256SignatureMethod)), now); err != errAssertion {
			t.Errorf("%s: verify = %v", name, err)
		}
	}
}

func TestPartyRefusesSignatures(t *testing.T) {
	w := begin(t)
	p, now := w.sessions[ERP].party, time.Now()
	good := func() *etree.Element {
		return signWith(t, w, response(p, "_1", now), dsig.RSASHA256SignatureMethod)
	}
	stranger, err := newStamp()
	if err != nil {
		t.Fatal(err)
	}
	other, err := tls.X509KeyPair(stranger.public, stranger.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*etree.Element{
		"none":         response(p, "_1", now),
		"another key":  signAs(t, other, response(p, "_1", now), dsig.RSASHA256SignatureMethod),
		"SHA-1":        signWith(t, w, response(p, "_1", now), dsig.RSASHA1SignatureMethod),
		"SHA-512":      signWith(t, w, response(p, "_1", now), dsig.RSASHA512SignatureMethod),
		"another name": func() *etree.Element { r := good(); r.FindElement("//NameID").SetText("root"); return r }(),
		"a comment in the name": func() *etree.Element { // the signature does not cover it
			r := good()
			r.FindElement("//NameID").AddChild(etree.NewComment("x"))
			return r
		}(),
		"two assertions": func() *etree.Element {
			r := good()
			r.AddChild(response(p, "_2", now).SelectElement("Assertion"))
			return r
		}(),
		"one hidden in another place": func() *etree.Element {
			r := good()
			r.CreateElement("samlp:Extensions").AddChild(response(p, "_2", now).SelectElement("Assertion"))
			return r
		}(),
	} {
		if _, err := p.verify(encoded(t, r), now); err != errAssertion {
			t.Errorf("%s: verify = %v", name, err)
		}
	}
	for _, text := range []string{"", "no base64", base64.StdEncoding.EncodeToString([]byte("no XML")), base64.StdEncoding.EncodeToString([]byte("<!DOCTYPE x><x/>"))} {
		if _, err := p.verify(text, now); err != errAssertion {
			t.Errorf("%q: verify = %v", text, err)
		}
	}
}

// call sends a request with what the browser would keep; redirects are not followed.
func call(t *testing.T, w *World, method, target, cookie string, form url.Values) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	answer, err := w.Client.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer
}

func TestSessions(t *testing.T) {
	w := begin(t)
	for _, tt := range []struct {
		system, path string
		ok, login    int
	}{{ERP, "/payroll/42", 204, 302}, {CRM, "/contacts/count", 200, 401}} {
		method := map[string]string{ERP: "PUT", CRM: "GET"}[tt.system]
		p := w.sessions[tt.system].party
		origin := strings.TrimSuffix(p.recipient, "/saml/acs")
		if got := call(t, w, method, origin+tt.path, "", nil); got.StatusCode != tt.login {
			t.Errorf("%s without a session: %d", tt.system, got.StatusCode)
		}
		form := url.Values{"SAMLResponse": {encoded(t, signWith(t, w, response(p, "_1", time.Now()), dsig.RSASHA256SignatureMethod))}}
		taken := call(t, w, "POST", p.recipient, "", form)
		if taken.StatusCode != http.StatusSeeOther || len(taken.Cookies()) != 1 {
			t.Fatalf("%s: %d, %d cookies", tt.system, taken.StatusCode, len(taken.Cookies()))
		}
		cookie := taken.Cookies()[0]
		if !cookie.HttpOnly || !cookie.Secure || cookie.MaxAge <= 0 {
			t.Errorf("%s: the cookie may be read, sent in the clear or kept", tt.system)
		}
		if got := call(t, w, "POST", p.recipient, "", form); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: the assertion a second time: %d", tt.system, got.StatusCode)
		}
		if got := call(t, w, method, origin+tt.path, cookie.Value, nil); got.StatusCode != tt.ok {
			t.Errorf("%s with a session: %d", tt.system, got.StatusCode)
		}
		w.ExpireSessions(tt.system)
		if got := call(t, w, method, origin+tt.path, cookie.Value, nil); got.StatusCode != tt.login {
			t.Errorf("%s after the session: %d", tt.system, got.StatusCode)
		}
		received := w.Received(tt.system)
		if got := received[3]; got.As != "alice.hr" || got.Path != tt.path {
			t.Errorf("%s received %+v", tt.system, got)
		}
		for _, secret := range []string{cookie.Value, form.Get("SAMLResponse")} {
			holds(t, w, secret)
			for _, r := range received {
				if r.Path == "/saml/acs" && r.Body != nil || strings.Contains(string(r.Body), secret) {
					t.Errorf("%s: Received tells a secret", tt.system)
				}
			}
		}
	}
}

func holds(t *testing.T, w *World, secret string) {
	t.Helper()
	for _, s := range w.SecretsOfRun() {
		if bytes.Equal(s, []byte(secret)) {
			return
		}
	}
	t.Error("a secret is missing from SecretsOfRun")
}
