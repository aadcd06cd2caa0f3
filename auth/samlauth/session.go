// Package samlauth signs in at a SAML service provider in the name of the principal.
//
//	auth.Translators{"erp": samlauth.Session{
//		Issuer: "https://idp.acme.example", Key: v.Source("saml/signing"), Cookies: []string{"JSESSIONID"},
//	}}
//
// A call of such a system takes a session: one SAML 2.0 response, posted to the
// system's endpoint acs (bindings, section 3.5, unsolicited), and the cookies that
// come back for it.
//
// # Guarantees
//
// An assertion is minted under a live grant only, for the name that the boundary gives
// the principal, and says no more than is known: AuthnInstant is when the principal
// logged in, never now; the context class is unspecified unless it was declared for
// this issuer and this acr. Audience and recipient are always there, it is good for
// two minutes at most, and never longer than the grant. Text that XML cannot carry is
// refused, not replaced. The signature is RSA or ECDSA with SHA-256 and exclusive
// canonicalization. The key is read for one signature, or stays where Session.Signer has it;
// the material has none.
//
// One translation is one POST; no redirect is followed. Cookies go only where a
// browser would send them, and into no print-out.
//
// Nothing here reads SAML: a service provider answers with status and headers.
//
// # Limits
//
// Whether a service provider has accepted an assertion is told by cookies alone:
// Session.Cookies says which. One that gives those to everybody is not told from one that
// has accepted. A session that has gone is seen in 401, in a redirect and, where the
// operation's answer is not opaque, in a page of HTML. Sessions are left to end by themselves: there is no single
// logout. Assertions are not encrypted and hold no attributes. NotBefore is now: a
// service provider whose clock is behind ours must allow for it. There is no list of
// public suffixes: a service provider below co.uk can set cookies for its siblings
// there, if the boundary calls one of those the same system.
//
// # Errors
//
// [auth.ErrDenied]: the principal has no name in the system or no known time of login,
// or the service provider has opened no session. [auth.ErrInvalid]: what was declared,
// leased or answered is not what it should be. [auth.ErrUndeclared]: no endpoint acs, a
// field that the lease has not, or an address that may not be dialled.
// [auth.ErrExpired]: the grant, the lease or the certificate has ended.
// [auth.ErrThrottled] and [auth.ErrUnavailable]: the service provider's. Others are the
// Source's, or the Signer's.
//
// # Concurrency
//
// All values are immutable and safe for concurrent use.
package samlauth

import (
	"context"
	"crypto"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/pemkey"
	"github.com/crewjam/saml"
)

// acs is the endpoint that takes responses: the assertion consumer service.
const acs = "acs"

// uri is what SAML names things by, at most 1024 characters (core, section 8.3.6).
var uri = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,30}:[!-~]{1,990}$`)

// formats are those that say what somebody is called. Not among them: transient, which
// is another name each time, and entity, which is a system's.
var formats = []string{
	"", string(saml.UnspecifiedNameIDFormat), string(saml.EmailAddressNameIDFormat), string(saml.PersistentNameIDFormat),
	"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
	"urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
	"urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",
}

// Session signs in with an assertion, and carries the session's cookies. The system
// declares the endpoint acs, what its principals are called, and its audience.
type Session struct {
	Issuer     string            // our entity id, a URI
	Key        auth.Source       // fields key and certificate, one PEM block each; RSA of at least 2048 bits, P-256 or P-384
	Signer     crypto.Signer     // signs instead of a leased key, such as a transit key of hashivault; Key then has the certificate alone; nil: the leased key
	NameFormat string            // of names, a URI of SAML core, section 8.3; empty: persistent for pairwise ids, unspecified for others
	Contexts   map[string]string // issuer and acr, separated by a space, to AuthnContextClassRef; what is not there is unspecified
	Cookies    []string          // names of the cookies that make a session; required
	RelayState string            // goes along, at most 80 printable characters of ASCII; empty: none

	InsecureAnyCookie bool // any cookie is a session, also one that everybody gets with the login page; then Cookies is nil
}

// Check says whether it is complete.
func (s Session) Check() error {
	switch {
	case !uri.MatchString(s.Issuer):
		return fmt.Errorf("%w: Session.Issuer is not a URI", auth.ErrInvalid)
	case s.Key == nil:
		return fmt.Errorf("%w: Session.Key is nil", auth.ErrInvalid)
	case s.Signer != nil && pemkey.Strong(s.Signer) == nil:
		return fmt.Errorf("%w: Session.Signer has a key that is too weak, or of another kind", auth.ErrInvalid)
	case !slices.Contains(formats, s.NameFormat):
		return fmt.Errorf("%w: Session.NameFormat is not a format of names", auth.ErrInvalid)
	case slices.ContainsFunc(slices.Collect(maps.Keys(s.Contexts)), func(k string) bool { return !issuerAndACR(k) }):
		return fmt.Errorf("%w: Session.Contexts has a key that is not an issuer and an acr", auth.ErrInvalid)
	case slices.ContainsFunc(slices.Collect(maps.Values(s.Contexts)), func(v string) bool { return !uri.MatchString(v) }):
		return fmt.Errorf("%w: Session.Contexts has a class that is not a URI", auth.ErrInvalid)
	case (len(s.Cookies) == 0) != s.InsecureAnyCookie:
		return fmt.Errorf("%w: Session.Cookies does not say what makes a session", auth.ErrInvalid)
	case slices.ContainsFunc(s.Cookies, func(name string) bool { return !token(name) }):
		return fmt.Errorf("%w: Session.Cookies has a name that no cookie has", auth.ErrInvalid)
	case len(s.RelayState) > 80 || !printable(s.RelayState):
		return fmt.Errorf("%w: Session.RelayState is too long or not printable", auth.ErrInvalid)
	}
	return nil
}

// issuerAndACR says whether a key of Contexts can be found: neither has a space in it.
func issuerAndACR(key string) bool {
	issuer, acr, ok := strings.Cut(key, " ")
	return ok && issuer != "" && acr != "" && !strings.Contains(acr, " ")
}

// Fits says whether sessions can be opened at such a system.
func (s Session) Fits(system auth.System) error {
	subject := &system.Subject
	switch way, err := between(system, ""); {
	case system.Kind != "" && system.Kind != auth.KindAPI:
		return fmt.Errorf("%w: a session is for a system of the kind api", auth.ErrInvalid)
	case err != nil:
		return fmt.Errorf("%w: the system has no endpoint acs", auth.ErrUndeclared)
	case !way.open():
		return fmt.Errorf("%w: no cookie goes from the endpoint acs to the system's origin", auth.ErrInvalid)
	case len(subject.Table) == 0 && subject.Template == "" && subject.Pairwise == "":
		return fmt.Errorf("%w: the system's subject names nobody", auth.ErrUndeclared)
	}
	return nil
}

// Translate yields an auth.Applier: a session that is open.
func (s Session) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if s.Check() != nil {
		return nil, auth.ErrInvalid
	}
	if err := n.Grant.Live(); err != nil {
		return nil, err
	}
	system := n.Grant.System()
	way, err := between(system, n.Grant.Operation().Path)
	if err != nil || n.Client == nil {
		return nil, auth.ErrUndeclared
	}
	said, err := s.say(n, system)
	if err != nil {
		return nil, err
	}
	minted, err := s.mint(ctx, n.Grant, said)
	if err != nil {
		return nil, err
	}
	lines, err := post(ctx, n, system.Endpoints[acs], minted.response, s.RelayState)
	if err != nil {
		return nil, err
	}
	cookies, err := way.keep(lines, time.Now())
	if err != nil {
		return nil, err
	}
	return cookies.session(s.Cookies, minted, n.Grant.Operation().Output == auth.Opaque)
}

// printable says whether a text is printable ASCII.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// token is what a cookie may be called (RFC 6265, section 4.1.1).
func token(s string) bool {
	return s != "" && printable(s) && !strings.ContainsAny(s, " \"(),/:;<=>?@[\\]{}")
}
