package samlauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// TestServiceProviderAccepts each kind of key, in each form.
func TestServiceProviderAccepts(t *testing.T) {
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for _, tt := range []struct {
		name string
		key  crypto.Signer
		pem  string
	}{
		{"RSA in PKCS 8", rsaKey(), pkcs8(rsaKey())},
		{"RSA in PKCS 1", rsaKey(), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))},
		{"P-256 in PKCS 8", p256Key(), pkcs8(p256Key())},
		{"P-256 in SEC 1", p256Key(), block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256Key())))},
		{"P-384", p384, pkcs8(p384) + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := signing(tt.key)
			key.fields["key"] = tt.pem
			id := alice()
			n := need(grant(t, erp(), id), "ADA", nil)
			said := says(t, session(key), n, tt.key)
			if said.name() != "ADA" || said.class() != mfa {
				t.Errorf("%q, %q", said.name(), said.class())
			}
			if at := id.Assurance.AuthTime.Truncate(time.Second); !said.Authn[0].AuthnInstant.Equal(at) {
				t.Errorf("AuthnInstant %v, want %v", said.Authn[0].AuthnInstant, at)
			}
			if until := said.Authn[0].SessionNotOnOrAfter; until.After(n.Grant.NotAfter()) || time.Until(until) < 10*time.Minute {
				t.Errorf("SessionNotOnOrAfter %v, grant %v", until, n.Grant.NotAfter())
			}
		})
	}
}

// TestShortNumbers: r and s keep their length where their first bytes are zero.
func TestShortNumbers(t *testing.T) {
	key, g := signing(p256Key()), grant(t, erp(), alice())
	for range 600 { // one signature in 128 has such a number
		says(t, session(key), need(g, "ADA", nil), p256Key())
	}
}

// TestNames: what arrives is what was meant, or nothing is sent.
func TestNames(t *testing.T) {
	key, g := signing(p256Key()), grant(t, erp(), alice())
	for _, name := range []string{
		"ADA", "uid=ada,ou=people", "a b", "Zoë Ångström", "王芳", "<ada>&\"'", "]]>", "<!--x-->", "a\u00a0b"[:1], "\u00fe\U0001f600", "\ufffd", strings.Repeat("n", 256),
	} {
		if said := says(t, session(key), need(g, name, nil), p256Key()); said.name() != name {
			t.Errorf("%q arrives as %q", name, said.name())
		}
	}
}

// TestNamesThatXMLCannotCarry are refused: replaced by U+FFFD, one would be another name.
func TestNamesThatXMLCannotCarry(t *testing.T) {
	key, g := signing(p256Key()), grant(t, erp(), alice())
	for _, name := range []string{
		"adm\x00in", "\x01", "a\x1fb", "a\tb", "a\nb", "a\r\nb", "a\x7f", "a\u0085b", "a\u2028b", "a\ufffeb", "a\uffffb",
		"a\xed\xa0\x80b", "\xed\xbf\xbf", "a\xffb", "\xc0\x80", " ada", "ada ", "\u00a0", "a\u202eb", strings.Repeat("n", 257),
	} {
		made, err := session(key).Translate(t.Context(), need(g, name, opens()))
		if err != auth.ErrInvalid || made != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if leased, _ := key.counts(); leased != 0 {
		t.Errorf("the key was leased %d times", leased)
	}
}

// TestNobodyWithoutAName: who has no name in the system is nobody there.
func TestNobodyWithoutAName(t *testing.T) {
	key := signing(p256Key())
	if made, err := session(key).Translate(t.Context(), need(grant(t, erp(), alice()), "", opens())); err != auth.ErrDenied || made != nil {
		t.Error(err)
	}
	if leased, _ := key.counts(); leased != 0 {
		t.Error("the key was leased")
	}
}

// TestAuthnInstant is when the principal logged in, and never now: a week-old login
// stays one.
func TestAuthnInstant(t *testing.T) {
	week, hour := time.Now().Add(-7*24*time.Hour), time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		name            string
		loggedIn, given time.Time
		undated         bool
		want            time.Time
		class           string
		wantErr         error
	}{
		{"auth_time", week, hour, false, week, mfa, nil},
		{"auth_time, where none is needed", week, hour, true, week, mfa, nil},
		{"none, where it is needed", time.Time{}, hour, false, time.Time{}, "", auth.ErrDenied},
		{"none: the token's, and the acr says nothing", time.Time{}, hour, true, hour, vague, nil},
		{"no time at all", time.Time{}, time.Time{}, true, time.Time{}, "", auth.ErrDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, system := alice(), erp()
			id.Assurance.AuthTime, id.Issued, system.Subject.Undated = tt.loggedIn, tt.given, tt.undated
			n, key := need(grant(t, system, id), "ADA", opens()), signing(p256Key())
			if tt.wantErr != nil {
				if made, err := session(key).Translate(t.Context(), n); err != tt.wantErr || made != nil {
					t.Errorf("%v", err)
				}
				return
			}
			said := says(t, session(key), n, p256Key())
			if got := said.Authn[0].AuthnInstant; !got.Equal(tt.want.Truncate(time.Second)) || said.class() != tt.class {
				t.Errorf("%v, %s", got, said.class())
			}
		})
	}
}

// TestContextClass is what was declared for this issuer and this acr.
func TestContextClass(t *testing.T) {
	key, s := signing(p256Key()), session(signing(p256Key()))
	s.Key = key
	s.Contexts = map[string]string{issuer + " " + gold: mfa, "https://other.example silver": mfa}
	for _, tt := range []struct{ issuer, acr, want string }{
		{issuer, gold, mfa},
		{issuer, "", vague},
		{issuer, "urn:acme:platinum", vague},
		{issuer, strings.ToUpper(gold), vague},
		{issuer, mfa, vague}, // what looks like a class is only an acr
		{issuer, "silver", vague},
		{"https://other.example", gold, vague},
		{"https://other.example", "silver", mfa},
	} {
		id := alice()
		id.Issuer, id.Assurance.ACR = tt.issuer, tt.acr
		if said := says(t, s, need(grant(t, erp(), id), "ADA", nil), p256Key()); said.class() != tt.want {
			t.Errorf("%s %q: %s", tt.issuer, tt.acr, said.class())
		}
	}
	s.Contexts = nil
	if said := says(t, s, need(grant(t, erp(), alice()), "ADA", nil), p256Key()); said.class() != vague {
		t.Errorf("without a table: %s", said.class())
	}
}

// TestAudienceAndRecipient are always there: says compares them with the system's.
func TestAudienceAndRecipient(t *testing.T) {
	key := signing(p256Key())
	for _, audience := range []string{"", "urn:acme:erp", "https://erp.acme.example/saml/metadata?x=1&y=2"} {
		system := erp()
		system.Audience = audience
		want := audience
		if want == "" {
			want = origin
		}
		said := says(t, session(key), need(grant(t, system, alice()), "ADA", nil), p256Key())
		if got := said.Conditions[0].Restriction[0].Audience[0]; got != want {
			t.Errorf("audience %q", got)
		}
		if got := said.Subject[0].Confirmation[0].Data[0].Recipient; got != acsURL {
			t.Errorf("recipient %q", got)
		}
	}
}

func TestNameFormat(t *testing.T) {
	const persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	const email = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	named, pairwise := erp(), erp()
	pairwise.Subject = auth.Subject{Issuer: issuer, Pairwise: "erp/pairwise"}
	pairwise.Secrets = []string{"erp/pairwise"}
	for _, tt := range []struct {
		system         auth.System
		declared, want string
	}{
		{named, "", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"},
		{pairwise, "", persistent},
		{named, persistent, persistent},
		{pairwise, email, email},
	} {
		s := session(signing(p256Key()))
		s.NameFormat = tt.declared
		if said := says(t, s, need(grant(t, tt.system, alice()), "ADA", nil), p256Key()); said.format() != tt.want {
			t.Errorf("%q, %q", tt.declared, said.format())
		}
	}
}

// TestAssertionEnds after two minutes, and with the identity, the system's ceiling and
// the key's lease, whichever is first.
func TestAssertionEnds(t *testing.T) {
	for _, tt := range []struct {
		name                     string
		identity, ceiling, lease time.Duration
		assertion, session       time.Duration
		wantErr                  error
	}{
		{"two minutes", time.Hour, 0, 0, 2 * time.Minute, 15 * time.Minute, nil},
		{"the identity", time.Minute, 0, 0, time.Minute, time.Minute, nil},
		{"the ceiling", time.Hour, 90 * time.Second, 0, 90 * time.Second, 90 * time.Second, nil},
		{"the lease", time.Hour, 0, 50 * time.Second, 50 * time.Second, 50 * time.Second, nil},
		{"the lease, later", time.Hour, 0, 5 * time.Minute, 2 * time.Minute, 5 * time.Minute, nil},
		{"a lease after the grant", time.Minute, 0, time.Hour, time.Minute, time.Minute, nil},
		{"parts of a second", 1500 * time.Millisecond, 0, 0, time.Second, time.Second, nil},
		{"too soon to say", 900 * time.Millisecond, 0, 0, 0, 0, auth.ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now, id, system, key := time.Now(), alice(), erp(), signing(p256Key())
				id.Expires, system.Ceiling = now.Add(tt.identity), tt.ceiling
				if tt.lease > 0 {
					key.expires = now.Add(tt.lease)
				}
				n := need(grant(t, system, id), "ADA", opens())
				made, err := session(key).Translate(t.Context(), n)
				if err != tt.wantErr {
					t.Fatalf("%v", err)
				}
				if err != nil {
					return
				}
				if until := made.Expires().Sub(now).Truncate(time.Second); until != tt.session {
					t.Errorf("the session ends in %v", until)
				}
				said := says(t, session(key), n, p256Key())
				if got := said.ends().Sub(now); got != tt.assertion {
					t.Errorf("the assertion ends in %v", got)
				}
				if got := said.Authn[0].SessionNotOnOrAfter.Sub(now); got != tt.session {
					t.Errorf("SessionNotOnOrAfter in %v", got)
				}
			})
		})
	}
}

// TestIDs are random, and begin as names do: party holds each to its pattern.
func TestIDs(t *testing.T) {
	key, g, seen := signing(p256Key()), grant(t, erp(), alice()), map[string]bool{}
	for range 20 {
		said := says(t, session(key), need(g, "ADA", nil), p256Key())
		if seen[said.ID] || seen[said.Response] || said.ID == said.Response {
			t.Fatal("an id comes twice")
		}
		seen[said.ID], seen[said.Response] = true, true
	}
}

// TestNoAttributes: claims of the inbound token stay on this side.
func TestNoAttributes(t *testing.T) {
	id := alice()
	id.Claims = map[string][]string{"groups": {"admins"}, "email": {"ada@acme.example"}}
	id.Scopes, id.Assurance.AMR = []string{"payroll"}, []string{"pwd", "otp"}
	id.Actors = []audit.Actor{{Issuer: issuer, Subject: "agent"}}
	said := says(t, session(signing(p256Key())), need(grant(t, erp(), id), "ADA", nil), p256Key())
	if len(said.Other) > 0 || len(said.Authn) != 1 {
		t.Errorf("%v", said.Other)
	}
}
