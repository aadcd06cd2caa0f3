package world

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	protocolSpace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionSpace = "urn:oasis:names:tc:SAML:2.0:assertion"
	bearer         = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	success        = "urn:oasis:names:tc:SAML:2.0:status:Success"
)

var errAssertion = errors.New("world: no assertion for this party")

// party is a SAML service provider as assertions see it: whom it trusts, and what it
// is called.
type party struct {
	issuer, audience, recipient string
	certificate                 *x509.Certificate
}

// assertion is what a party believes of one that it has verified.
type assertion struct {
	id, name, class string
	authenticated   time.Time // AuthnInstant
	ends            time.Time // NotOnOrAfter
}

// verify reads a Response of the POST binding as strictly as the standard allows:
// unsolicited, one assertion, signed with SHA-256, for this party and this moment
// (SAML core, section 2, and profiles, section 4.1.4). What it believes stands in
// the element that the signature covers.
func (p party) verify(encoded string, now time.Time) (a assertion, err error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return a, errAssertion
	}
	document := etree.NewDocument()
	if document.ReadFromBytes(raw) != nil || document.Root() == nil || !plain(&document.Element) {
		return a, errAssertion
	}
	signed, err := p.signed(document.Root())
	if err != nil {
		return a, errAssertion
	}
	r := reading{ok: true}
	a.id = r.need(signed, "ID")
	r.is(r.need(signed, "Version") == "2.0")
	r.is(!r.time(signed, "IssueInstant").After(now))
	r.is(text(r.only(signed, "Issuer")) == p.issuer)
	a.name = p.subject(&r, r.only(signed, "Subject"), now)
	a.ends = p.conditions(&r, r.only(signed, "Conditions"), now)
	statement := r.only(signed, "AuthnStatement")
	a.authenticated = r.time(statement, "AuthnInstant")
	a.class = text(r.only(r.only(statement, "AuthnContext"), "AuthnContextClassRef"))
	r.is(a.name != "" && a.class != "" && !a.authenticated.After(now))
	if !r.ok {
		return assertion{}, errAssertion
	}
	return a, nil
}

// plain says whether there is nothing but elements and text: neither comments, which
// cut names in two, nor instructions and entities.
func plain(e *etree.Element) bool {
	for _, child := range e.Child {
		switch child := child.(type) {
		case *etree.Element:
			if !plain(child) {
				return false
			}
		case *etree.CharData:
		case *etree.ProcInst:
			if child.Target != "xml" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// signed is the response's assertion as its signature covers it.
func (p party) signed(response *etree.Element) (*etree.Element, error) {
	r := reading{ok: true}
	r.is(response.Tag == "Response" && response.NamespaceURI() == protocolSpace)
	r.is(r.need(response, "Destination") == p.recipient && r.need(response, "Version") == "2.0")
	r.is(response.SelectAttr("InResponseTo") == nil)
	for _, e := range response.ChildElements() {
		known := e.Tag == "Issuer" || e.Tag == "Status" || e.Tag == "Assertion" || e.Tag == "Signature"
		r.is(known)
	}
	code := r.only(r.only(response, "Status"), "StatusCode")
	r.is(r.need(code, "Value") == success)
	if response.SelectElement("Signature") != nil {
		_, err := p.covered(response)
		r.is(err == nil)
	}
	found := r.only(response, "Assertion")
	if !r.ok || found.NamespaceURI() != assertionSpace {
		return nil, errAssertion
	}
	spaces, err := etreeutils.NSBuildParentContext(found)
	if err != nil {
		return nil, err
	}
	if found, err = etreeutils.NSDetatch(spaces, found); err != nil {
		return nil, err
	}
	return p.covered(found)
}

// covered is the part of e that its own signature covers: all of it, or nothing.
func (p party) covered(e *etree.Element) (*etree.Element, error) {
	r := reading{ok: true}
	info := r.only(r.only(e, "Signature"), "SignedInfo")
	method := r.need(r.only(info, "SignatureMethod"), "Algorithm")
	r.is(method == dsig.RSASHA256SignatureMethod || method == dsig.ECDSASHA256SignatureMethod)
	reference := r.only(info, "Reference")
	r.is(r.need(r.only(reference, "DigestMethod"), "Algorithm") == "http://www.w3.org/2001/04/xmlenc#sha256")
	r.is(r.need(reference, "URI") == "#"+r.need(e, "ID"))
	if !r.ok {
		return nil, errAssertion
	}
	trusted := &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{p.certificate}}
	return dsig.NewDefaultValidationContext(trusted).Validate(e)
}

// subject is whom the bearer is, if he came here with it, in time and unasked.
func (p party) subject(r *reading, subject *etree.Element, now time.Time) string {
	confirmation := r.only(subject, "SubjectConfirmation")
	r.is(r.need(confirmation, "Method") == bearer)
	data := r.only(confirmation, "SubjectConfirmationData")
	r.is(r.need(data, "Recipient") == p.recipient)
	r.is(now.Before(r.time(data, "NotOnOrAfter")))
	r.is(data.SelectAttr("NotBefore") == nil && data.SelectAttr("InResponseTo") == nil)
	return text(r.only(subject, "NameID"))
}

// conditions is when it ends, if it is for this party and has begun.
func (p party) conditions(r *reading, c *etree.Element, now time.Time) time.Time {
	ends := r.time(c, "NotOnOrAfter")
	r.is(now.Before(ends) && !r.time(c, "NotBefore").After(now))
	r.is(text(r.only(r.only(c, "AudienceRestriction"), "Audience")) == p.audience)
	return ends
}

// reading notes whether all was there that was looked for, exactly once.
type reading struct{ ok bool }

func (r *reading) is(ok bool) { r.ok = r.ok && ok }

// only is the one child of that name; an empty element, where there is none or more.
func (r *reading) only(e *etree.Element, tag string) *etree.Element {
	found := e.SelectElements(tag)
	if len(found) != 1 {
		r.ok = false
		return etree.NewElement(tag)
	}
	return found[0]
}

func (r *reading) need(e *etree.Element, name string) string {
	value := e.SelectAttrValue(name, "")
	r.is(value != "")
	return value
}

func (r *reading) time(e *etree.Element, name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, e.SelectAttrValue(name, ""))
	r.is(err == nil)
	return t
}

// text is all of an element that holds no elements.
func text(e *etree.Element) string {
	if len(e.ChildElements()) > 0 {
		return ""
	}
	return e.Text()
}
