package oauthauth

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const (
	maxToken   = 16 << 10
	unsaidLife = 5 * time.Minute  // of a token whose answer has no expires_in
	maxLife    = 24 * time.Hour   // as long as any system's ceiling
	margin     = 10 * time.Second // before its end a token is not used any more; at most a tenth of its life
)

// answer is a token, with what was said of it.
type answer struct {
	token  string
	jwt    jwt
	life   time.Duration
	scopes []string // nil: as asked
}

// read takes an answer apart (RFC 6749, section 5.1; RFC 8693, section 2.2.1).
func (o order) read(said object) (answer, error) {
	a := answer{life: unsaidLife}
	a.token, _ = said["access_token"].(string)
	kind, _ := said["token_type"].(string)
	issued := said["issued_token_type"]
	_, refused := said["error"]
	switch {
	case refused, !token68(a.token), len(a.token) > maxToken, !strings.EqualFold(kind, "Bearer"):
		return answer{}, auth.ErrInvalid
	case o.presented != nil && issued != typeAccess && issued != typeJWT:
		return answer{}, auth.ErrInvalid
	}
	if v, there := said["expires_in"]; there {
		seconds, ok := whole(v)
		if !ok {
			return answer{}, auth.ErrInvalid
		}
		a.life = time.Duration(min(seconds, int64(maxLife/time.Second))) * time.Second
		a.life -= min(margin, a.life/10)
	}
	var ok bool
	if a.scopes, ok = scopes(said); !ok {
		return answer{}, auth.ErrInvalid
	}
	if a.jwt, ok = parse(a.token); !ok {
		return answer{}, auth.ErrInvalid
	}
	return a, nil
}

// accept says whether the token is the one that was asked for.
func (o order) accept(a answer, client string) error {
	inside, ok := scopes(a.jwt.claims)
	if _, bound := a.jwt.claims["cnf"]; bound || !ok { // RFC 7800: it is no bearer's
		return auth.ErrInvalid
	}
	if !o.asked(a.scopes) || !o.asked(inside) || !o.addressed(a.jwt) {
		return auth.ErrDenied
	}
	if o.presented == nil {
		return nil
	}
	if o.need.Name != "" && a.jwt.claims != nil && a.jwt.claims["sub"] != o.need.Name {
		return auth.ErrDenied
	}
	if !o.delegated(a.jwt, client) {
		return auth.ErrDenied
	}
	return nil
}

// asked says whether scopes are those that were asked for: with more the token could do
// what nobody declared, with fewer not what it is for.
func (o order) asked(got []string) bool {
	if got == nil {
		return true
	}
	in := func(all []string) func(string) bool {
		return func(s string) bool { return !slices.Contains(all, s) }
	}
	return !slices.ContainsFunc(got, in(o.scopes)) && !slices.ContainsFunc(o.scopes, in(got))
}

// addressed says whether a token is for the system and for nobody else.
func (o order) addressed(j jwt) bool {
	aud, there := j.claims["aud"]
	if !there {
		return true
	}
	if all, ok := aud.([]any); ok && len(all) == 1 {
		aud = all[0]
	}
	return aud == cmp.Or(o.system.Audience, o.system.Origin)
}

// scopes are those of an answer or of a token's claims; nil: it says nothing.
func scopes(o object) (all []string, ok bool) {
	v, there := o["scope"]
	if !there {
		return nil, true
	}
	text, ok := v.(string)
	if !ok {
		return nil, false
	}
	if text == "" {
		return []string{}, true
	}
	all = strings.Split(text, " ")
	return all, !slices.Contains(all, "") && visible(strings.Join(all, ""))
}

// lend is the material, for as long as everything that it depends on.
func (o order) lend(lease *auth.Lease, a answer, sent time.Time) (*material, error) {
	ends := []time.Time{o.need.Grant.NotAfter(), lease.Expires(), sent.Add(a.life)}
	if v, there := a.jwt.claims["exp"]; there {
		seconds, ok := whole(v)
		if !ok {
			return nil, auth.ErrInvalid
		}
		exp := time.Unix(seconds, 0)
		ends = append(ends, exp.Add(-min(margin, max(0, exp.Sub(sent))/10)))
	}
	return newMaterial(lease, a.token, ends)
}

// whole is a positive number of seconds, as digits; a fraction, an exponent, a sign or a
// string is none, and neither is what passes the year 2286.
func whole(v any) (int64, bool) {
	number, ok := v.(json.Number)
	if !ok || len(number) > 10 {
		return 0, false
	}
	var n int64
	for i := range len(number) {
		if number[i] < '0' || number[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(number[i]-'0')
	}
	return n, n > 0
}

// token68 is what may stand behind Bearer (RFC 6750, section 2.1).
func token68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return s != ""
}

// visible is ASCII without space.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
