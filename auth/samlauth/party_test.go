package samlauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// party is a service provider that takes what the standard asks for and nothing else:
// SAML profiles, section 4.1.4.2 and 4.1.4.3, and core, section 5.4.
type party struct {
	entity, audience, acs string
	public                crypto.PublicKey
}

// assertion is all that an assertion may say; lists show what is there twice.
type assertion struct {
	XMLName      xml.Name  `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
	ID           string    `xml:",attr"`
	Version      string    `xml:",attr"`
	IssueInstant time.Time `xml:",attr"`
	Issuer       []string  `xml:"Issuer"`
	Subject      []struct {
		NameID []struct {
			Format string `xml:",attr"`
			Value  string `xml:",chardata"`
		}
		Confirmation []struct {
			Method string `xml:",attr"`
			Data   []struct {
				Recipient    string     `xml:",attr"`
				NotOnOrAfter time.Time  `xml:",attr"`
				NotBefore    *time.Time `xml:",attr"`
				InResponseTo *string    `xml:",attr"`
			} `xml:"SubjectConfirmationData"`
		} `xml:"SubjectConfirmation"`
	}
	Conditions []struct {
		NotBefore    time.Time `xml:",attr"`
		NotOnOrAfter time.Time `xml:",attr"`
		Restriction  []struct {
			Audience []string
		} `xml:"AudienceRestriction"`
		Other []anything `xml:",any"`
	}
	Authn []struct {
		AuthnInstant        time.Time `xml:",attr"`
		SessionNotOnOrAfter time.Time `xml:",attr"`
		Class               []string  `xml:"AuthnContext>AuthnContextClassRef"`
	} `xml:"AuthnStatement"`
	Other    []anything `xml:",any"`
	Response string     `xml:"-"` // ID
}

type anything struct{ XMLName xml.Name }

func (a assertion) name() string   { return a.Subject[0].NameID[0].Value }
func (a assertion) format() string { return a.Subject[0].NameID[0].Format }
func (a assertion) class() string  { return a.Authn[0].Class[0] }
func (a assertion) ends() time.Time {
	return a.Subject[0].Confirmation[0].Data[0].NotOnOrAfter
}

var idPattern = regexp.MustCompile(`^_[A-Z2-7]{26,}$`) // 130 bits and more

// accept is the verdict on the form field SAMLResponse.
func (p party) accept(field []string) (a assertion, err error) {
	if len(field) != 1 {
		return a, errors.New("not one SAMLResponse")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(field[0])
	if err != nil {
		return a, err
	}
	document := etree.NewDocument()
	if err := document.ReadFromBytes(raw); err != nil {
		return a, err
	}
	response := document.Root()
	if err := p.response(response); err != nil {
		return a, err
	}
	signed, err := p.verified(response.ChildElements()[2])
	if err != nil {
		return a, err
	}
	covered := etree.NewDocumentWithRoot(signed)
	text, err := covered.WriteToBytes()
	if err != nil {
		return a, err
	}
	if err := xml.Unmarshal(text, &a); err != nil {
		return a, err
	}
	a.Response = response.SelectAttrValue("ID", "")
	return a, p.believes(a, time.Now())
}

// response holds nothing but issuer, status and one assertion.
func (p party) response(e *etree.Element) error {
	var children []string
	for _, c := range e.ChildElements() {
		children = append(children, c.Tag)
	}
	switch {
	case e.NamespaceURI() != "urn:oasis:names:tc:SAML:2.0:protocol" || e.Tag != "Response":
		return errors.New("no response")
	case strings.Join(children, " ") != "Issuer Status Assertion":
		return fmt.Errorf("holds %v", children)
	case e.SelectAttrValue("Destination", "") != p.acs || e.SelectAttrValue("Version", "") != "2.0" || e.SelectAttr("InResponseTo") != nil:
		return errors.New("for another place, of another version, or an answer to a question")
	case !idPattern.MatchString(e.SelectAttrValue("ID", "")):
		return errors.New("id of the response")
	case e.ChildElements()[0].Text() != p.entity:
		return errors.New("issuer of the response")
	case e.ChildElements()[1].ChildElements()[0].SelectAttrValue("Value", "") != "urn:oasis:names:tc:SAML:2.0:status:Success":
		return errors.New("status")
	}
	return nil
}

// verified is what the assertion's own signature covers, by the algorithms that may be.
func (p party) verified(e *etree.Element) (*etree.Element, error) {
	e = e.Copy()
	children := e.ChildElements()
	if len(children) < 2 || children[0].Tag != "Issuer" || children[1].Tag != "Signature" {
		return nil, errors.New("the signature does not stand behind the issuer")
	}
	signature := children[1]
	algorithm := func(path string) string {
		found := signature.FindElements(path)
		var all []string
		for _, f := range found {
			all = append(all, f.SelectAttrValue("Algorithm", ""))
		}
		return strings.Join(all, " ")
	}
	const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	method := dsig.RSASHA256SignatureMethod
	elliptic, ok := p.public.(*ecdsa.PublicKey)
	if ok {
		method = dsig.ECDSASHA256SignatureMethod
	}
	references := signature.FindElements("./SignedInfo/Reference")
	switch {
	case algorithm("./SignedInfo/SignatureMethod") != method,
		algorithm("./SignedInfo/CanonicalizationMethod") != exclusive,
		algorithm("./SignedInfo/Reference/DigestMethod") != "http://www.w3.org/2001/04/xmlenc#sha256",
		algorithm("./SignedInfo/Reference/Transforms/Transform") != "http://www.w3.org/2000/09/xmldsig#enveloped-signature "+exclusive:
		return nil, errors.New("algorithms")
	case len(references) != 1 || references[0].SelectAttrValue("URI", "") != "#"+e.SelectAttrValue("ID", ""):
		return nil, errors.New("what the signature refers to")
	}
	if ok {
		if err := asASN1(signature.FindElement("./SignatureValue"), elliptic); err != nil {
			return nil, err
		}
	}
	der, err := base64.StdEncoding.DecodeString(signature.FindElement("./KeyInfo/X509Data/X509Certificate").Text())
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if !certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(p.public) {
		return nil, errors.New("signed by somebody else")
	}
	return dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}}).Validate(e)
}

// asASN1 is for goxmldsig, which reads the signatures of crypto/ecdsa only; those of the
// standard are two numbers of one length.
func asASN1(value *etree.Element, public *ecdsa.PublicKey) error {
	raw, err := base64.StdEncoding.DecodeString(value.Text())
	size := (public.Params().BitSize + 7) / 8
	if err != nil || len(raw) != 2*size {
		return fmt.Errorf("a signature of %d bytes, %v", len(raw), err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:])})
	value.SetText(base64.StdEncoding.EncodeToString(der))
	return err
}

// believes holds the assertion to the profile, each thing exactly once.
func (p party) believes(a assertion, now time.Time) error {
	once := len(a.Issuer) == 1 && len(a.Subject) == 1 && len(a.Subject[0].NameID) == 1 && len(a.Subject[0].Confirmation) == 1 &&
		len(a.Subject[0].Confirmation[0].Data) == 1 && len(a.Conditions) == 1 && len(a.Conditions[0].Restriction) == 1 &&
		len(a.Conditions[0].Restriction[0].Audience) == 1 && len(a.Authn) == 1 && len(a.Authn[0].Class) == 1
	if !once || len(a.Other) > 0 || len(a.Conditions[0].Other) > 0 {
		return fmt.Errorf("something is missing, there twice, or not asked for: %v", a.Other)
	}
	confirmation, data, conditions := a.Subject[0].Confirmation[0], a.Subject[0].Confirmation[0].Data[0], a.Conditions[0]
	switch {
	case a.Version != "2.0" || !idPattern.MatchString(a.ID) || a.Issuer[0] != p.entity:
		return errors.New("version, id or issuer")
	case a.IssueInstant.After(now) || now.Sub(a.IssueInstant) > 5*time.Second:
		return errors.New("IssueInstant")
	case a.name() == "" || a.format() == "" || confirmation.Method != "urn:oasis:names:tc:SAML:2.0:cm:bearer":
		return errors.New("subject")
	case data.Recipient != p.acs || data.NotBefore != nil || data.InResponseTo != nil:
		return errors.New("confirmation")
	case !data.NotOnOrAfter.After(now) || data.NotOnOrAfter.Sub(now) > 5*time.Minute:
		return errors.New("NotOnOrAfter of the confirmation")
	case conditions.NotBefore.After(now) || !conditions.NotOnOrAfter.Equal(data.NotOnOrAfter):
		return errors.New("conditions")
	case conditions.Restriction[0].Audience[0] != p.audience:
		return errors.New("audience")
	case a.Authn[0].AuthnInstant.IsZero() || a.Authn[0].AuthnInstant.After(now) || a.class() == "" || !a.Authn[0].SessionNotOnOrAfter.After(now):
		return errors.New("authentication")
	}
	return nil
}

// provider serves a party: sign-ins, and calls of those who have a session.
type provider struct {
	party
	mu       sync.Mutex
	seen     map[string]bool   // ids of assertions, which are good once
	sessions map[string]string // to names
	posts    int
	calls    []string // the Cookie header of each
	wrong    error
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path != "/saml/acs" {
		p.calls = append(p.calls, strings.Join(r.Header["Cookie"], " | "))
		c, err := r.Cookie("sid")
		if err != nil || p.sessions[c.Value] == "" {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(p.sessions[c.Value]))
		return
	}
	p.posts++
	said, err := p.take(r)
	if err != nil {
		p.wrong = err
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	p.sessions[said.ID] = said.name()
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: said.ID, Path: "/", Secure: true, HttpOnly: true})
	http.Redirect(w, r, "/home", http.StatusSeeOther)
}

func (p *provider) take(r *http.Request) (a assertion, err error) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return a, errors.New("not the POST binding")
	}
	if err := r.ParseForm(); err != nil {
		return a, err
	}
	if a, err = p.accept(r.PostForm["SAMLResponse"]); err != nil {
		return a, err
	}
	if p.seen[a.ID] {
		return a, errors.New("a replay")
	}
	p.seen[a.ID] = true
	return a, nil
}
