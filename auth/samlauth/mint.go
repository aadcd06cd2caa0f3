package samlauth

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/beevik/etree"
	"github.com/carnet-go/carnet/auth"
	"github.com/crewjam/saml"
)

const (
	window      = 2 * time.Minute // that an assertion is good for: it is posted at once
	longestName = 256             // bytes; SAML core, section 8.3.7

	success     = "urn:oasis:names:tc:SAML:2.0:status:Success"
	bearer      = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	unspecified = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
)

// statement is what an assertion says.
type statement struct {
	issuer, audience, recipient string
	name, format                string
	authenticated               time.Time
	class                       string
	at, until                   time.Time // until is the session's; the assertion's is at most window from at
}

// say is all that is known about the principal and may be said to the system.
func (s Session) say(n auth.Need, system auth.System) (statement, error) {
	said := statement{
		issuer: s.Issuer, audience: system.Audience, recipient: system.Endpoints[acs],
		name: n.Name, format: s.NameFormat, at: time.Now(), until: n.Grant.NotAfter(),
	}
	if said.audience == "" {
		said.audience = system.Origin
	}
	if said.format == "" {
		said.format = string(saml.UnspecifiedNameIDFormat)
		if system.Subject.Pairwise != "" {
			said.format = string(saml.PersistentNameIDFormat)
		}
	}
	switch {
	case n.Name == "":
		return said, auth.ErrDenied
	case !sayable(n.Name):
		return said, auth.ErrInvalid
	}
	id := n.Grant.Identity()
	return said, said.login(id, s.Contexts[id.Issuer+" "+id.Assurance.ACR], system.Subject.Undated)
}

// login says when and how the principal logged in: a guess would turn an old login into
// a fresh one.
func (t *statement) login(id auth.Identity, class string, undated bool) error {
	t.authenticated, t.class = id.Assurance.AuthTime, class
	if t.authenticated.IsZero() && undated {
		t.authenticated, t.class = id.Issued, ""
	}
	if t.authenticated.IsZero() {
		return auth.ErrDenied
	}
	if t.class == "" {
		t.class = unspecified
	}
	return nil
}

// sayable says whether a name arrives as it was meant: XML has no control characters, no
// U+FFFE and no U+FFFF (XML 1.0, section 2.2), and etree would write U+FFFD instead;
// breaks in a name and spaces around it get lost at some service providers.
func sayable(name string) bool {
	return len(name) <= longestName && utf8.ValidString(name) && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// minted is a response, and what it was made from.
type minted struct {
	response []byte
	lease    string
	expires  time.Time
}

// mint leases the key for as long as it takes to sign.
func (s Session) mint(ctx context.Context, g auth.Grant, said statement) (minted, error) {
	lease, err := s.Key.Lease(ctx, g)
	if err != nil {
		return minted{}, err
	}
	defer func() { _ = lease.Close(ctx) }()
	k, err := read(lease, s.Signer, said.at)
	if err != nil {
		return minted{}, err
	}
	if end := lease.Expires(); !end.IsZero() && end.Before(said.until) {
		said.until = end
	}
	response, err := said.response(k)
	return minted{response, lease.ID(), said.until}, err
}

// response is a SAML response that holds the signed assertion.
func (t statement) response(k key) ([]byte, error) {
	assertion, err := t.assertion()
	if err != nil {
		return nil, err
	}
	element := assertion.Element()
	if err := k.sign(element); err != nil {
		return nil, err
	}
	response := saml.Response{
		ID: newID(), Version: "2.0", IssueInstant: assertion.IssueInstant, Destination: t.recipient,
		Issuer: &saml.Issuer{Value: t.issuer}, Status: saml.Status{StatusCode: saml.StatusCode{Value: success}},
	}
	root := response.Element()
	root.AddChild(element)
	document := etree.NewDocumentWithRoot(root)
	raw, err := document.WriteToBytes()
	if err != nil {
		return nil, auth.ErrInvalid
	}
	return raw, nil
}

// assertion is the statement for a bearer (profiles, section 4.1.4.2). Times are whole
// seconds, none of them later than it is.
func (t statement) assertion() (*saml.Assertion, error) {
	at, until := instant(t.at), instant(t.until)
	ends := at.Add(window)
	if until.Before(ends) {
		ends = until
	}
	if !ends.After(t.at) {
		return nil, auth.ErrExpired
	}
	return &saml.Assertion{
		ID: newID(), Version: "2.0", IssueInstant: at, Issuer: saml.Issuer{Value: t.issuer},
		Subject: &saml.Subject{
			NameID: &saml.NameID{Format: t.format, Value: t.name},
			SubjectConfirmations: []saml.SubjectConfirmation{{
				Method:                  bearer,
				SubjectConfirmationData: &saml.SubjectConfirmationData{Recipient: t.recipient, NotOnOrAfter: ends},
			}},
		},
		Conditions: &saml.Conditions{
			NotBefore: at, NotOnOrAfter: ends,
			AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: t.audience}}},
		},
		AuthnStatements: []saml.AuthnStatement{{
			AuthnInstant: instant(t.authenticated), SessionNotOnOrAfter: &until,
			AuthnContext: saml.AuthnContext{AuthnContextClassRef: &saml.AuthnContextClassRef{Value: t.class}},
		}},
	}, nil
}

// instant is a time as SAML writes it (core, section 1.3.3).
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// newID is 130 random bits that begin as an XML name does (core, section 1.3.4).
func newID() string { return "_" + rand.Text() }
