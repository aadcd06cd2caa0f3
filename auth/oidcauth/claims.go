package oidcauth

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

// Bounds of claims.
const (
	maxActors = 4
	maxList   = 32   // scopes, or methods of amr; audit.Event holds no more
	maxValue  = 1024 // of a claim that permits may name, in bytes
)

// known are the claims that this package reads.
func known() []string {
	return []string{
		"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "client_id", "typ", "events", "nonce", "at_hash",
		"c_hash", "s_hash", "scope", "scp", "acr", "amr", "auth_time", "act", "may_act", "cnf",
	}
}

// claims are of a token whose signature is verified.
type claims struct {
	strictjson.Value
	v   *Verifier
	now time.Time
}

// identity reads the claims. Expiry comes last, so that ErrExpired means that a
// fresh token of the same kind would do.
func (c claims) identity(access bool) (auth.Identity, error) {
	if !c.Distinct(known()...) {
		return auth.Identity{}, errClaims
	}
	id := auth.Identity{Issuer: c.v.issuer}
	err := c.issuer()
	if err == nil {
		err = c.audience(access)
	}
	if err == nil {
		err = c.kind(access, &id)
	}
	for _, read := range [...]func(claims, *auth.Identity) error{
		claims.subject, claims.assurance, claims.delegation, claims.named, claims.times,
	} {
		if err == nil {
			err = read(c, &id)
		}
	}
	if err != nil {
		return auth.Identity{}, err
	}
	return id, nil
}

// name is a claim that must be there.
func (c claims) name(name string) (string, bool) {
	m, ok := c.Get(name)
	return m.Text, ok && m.Kind == strictjson.Text && printable(m.Text)
}

func (c claims) issuer() error {
	iss, ok := c.name("iss")
	if !ok {
		return errClaims
	}
	if iss != c.v.issuer {
		return errIssuer
	}
	return nil
}

// audience follows RFC 7519, section 4.1.3. Where an ID token is for several, azp
// says whom it was issued to (OpenID Connect Core, section 3.1.3.7).
func (c claims) audience(access bool) error {
	aud, _ := c.Get("aud")
	all, ok := texts(aud, maxText)
	if !ok {
		return errClaims
	}
	if !slices.Contains(all, c.v.audience) {
		return errAudience
	}
	if !access && !c.v.plain && len(all) > 1 && !c.is("azp", c.v.audience) {
		return errAudience
	}
	return nil
}

// kind tells tokens apart that bear the same signature. A logout token (OpenID
// Connect Back-Channel Logout, section 2.4) need not have a typ, but has events.
func (c claims) kind(access bool, id *auth.Identity) error {
	switch {
	case c.Has("events"):
		return errProfile
	case c.Has("cnf"): // RFC 7800
		return errBound
	case access:
		return c.accessToken(id)
	case c.v.plain:
		return c.plainAccessToken(id)
	default:
		return c.idToken()
	}
}

// accessToken follows RFC 9068, section 2.2.
func (c claims) accessToken(id *auth.Identity) error {
	for _, name := range []string{"client_id", "jti"} {
		if _, ok := c.name(name); !ok {
			return errClaims
		}
	}
	if c.Has("nonce", "at_hash", "c_hash", "s_hash") {
		return errProfile
	}
	return c.scopes(id)
}

// plainAccessToken refuses what an ID token has, and what was issued to us.
func (c claims) plainAccessToken(id *auth.Identity) error {
	if c.Has("nonce", "at_hash", "c_hash", "s_hash") || c.Has("typ") && !c.is("typ", "Bearer") ||
		c.is("azp", c.v.audience) || c.is("client_id", c.v.audience) {
		return errProfile
	}
	return c.scopes(id)
}

// idToken refuses what an access token has: scopes, or a client that is not us. The
// claim typ is Keycloak's; client_id stands in ID tokens of zitadel's provider.
func (c claims) idToken() error {
	if c.Has("scope", "scp") || c.Has("client_id") && !c.is("client_id", c.v.audience) ||
		c.Has("typ") && !c.is("typ", "ID") {
		return errProfile
	}
	return nil
}

func (c claims) is(name, s string) bool {
	m, ok := c.Get(name)
	return ok && m.Kind == strictjson.Text && m.Text == s
}

// scopes follows RFC 6749, section 3.3.
func (c claims) scopes(id *auth.Identity) error {
	m, ok := c.Get("scope")
	if !ok || m.Kind == strictjson.Text && m.Text == "" {
		return nil
	}
	if m.Kind != strictjson.Text {
		return errClaims
	}
	id.Scopes = strings.Split(m.Text, " ")
	if !words(id.Scopes) {
		return errClaims
	}
	return nil
}

func (c claims) subject(id *auth.Identity) error {
	var ok bool
	if id.Subject, ok = c.name("sub"); !ok {
		return errClaims
	}
	if c.v.tenant == "" {
		return nil
	}
	if id.Tenant, ok = c.name(c.v.tenant); !ok {
		return errClaims
	}
	return nil
}

// assurance is what the issuer says; what it is worth is policy's.
func (c claims) assurance(id *auth.Identity) error {
	a := &id.Assurance
	if acr, ok := c.Get("acr"); ok {
		if a.ACR = acr.Text; acr.Kind != strictjson.Text || !word(a.ACR) {
			return errClaims
		}
	}
	if amr, is := c.Get("amr"); is {
		var ok bool
		if a.AMR, ok = texts(amr, maxText); !ok || amr.Kind != strictjson.List || !words(a.AMR) {
			return errClaims
		}
	}
	if c.Has("auth_time") {
		var ok bool
		if a.AuthTime, ok = c.date("auth_time"); !ok {
			return errClaims
		}
	}
	return nil
}

// named are the claims that permits may name.
func (c claims) named(id *auth.Identity) error {
	for _, name := range c.v.claims {
		m, ok := c.Get(name)
		if !ok {
			continue
		}
		values, ok := texts(m, maxValue)
		if name == "email_verified" && m.Kind == strictjson.Boolean { // OpenID Connect Core 1.0, section 5.1
			values, ok = []string{m.Text}, true
		}
		if !ok {
			return errClaims
		}
		if id.Claims == nil {
			id.Claims = make(map[string][]string, len(c.v.claims))
		}
		id.Claims[name] = values
	}
	return nil
}

// times allow the clocks the same skew in both directions.
func (c claims) times(id *auth.Identity) error {
	latest, earliest := c.now.Add(c.v.skew), c.now.Add(-c.v.skew)
	iat, okI := c.date("iat")
	exp, okE := c.date("exp")
	nbf, okN := c.date("nbf")
	if !okI || !okE || !okN && c.Has("nbf") {
		return errClaims
	}
	if iat.After(latest) || okN && nbf.After(latest) || id.Assurance.AuthTime.After(latest) {
		return errFuture
	}
	id.Issued, id.Expires = iat, exp
	if !exp.After(earliest) {
		return errExpired
	}
	return nil
}

// date is a NumericDate (RFC 7519, section 2) in whole seconds, between 1970 and
// the year 2286. A fraction, an exponent, a sign or a string is none.
func (c claims) date(name string) (time.Time, bool) {
	m, ok := c.Get(name)
	if !ok || m.Kind != strictjson.Number || len(m.Text) > 10 {
		return time.Time{}, false
	}
	var seconds int64
	for _, digit := range m.Text {
		if digit < '0' || digit > '9' {
			return time.Time{}, false
		}
		seconds = 10*seconds + int64(digit-'0')
	}
	return time.Unix(seconds, 0), seconds > 0
}

func words(all []string) bool {
	return len(all) <= maxList && !slices.ContainsFunc(all, func(s string) bool { return !word(s) })
}

// texts is a string or a list of strings.
func texts(v strictjson.Value, longest int) ([]string, bool) {
	items := v.Of
	switch v.Kind {
	case strictjson.Text:
		items = []strictjson.Member{{Value: v}}
	case strictjson.List:
	default:
		return nil, false
	}
	all := make([]string, len(items))
	for i, m := range items {
		item := m.Value
		if item.Kind != strictjson.Text || item.Text == "" || len(item.Text) > longest || strings.ContainsFunc(item.Text, unicode.IsControl) {
			return nil, false
		}
		all[i] = item.Text
	}
	return all, true
}
