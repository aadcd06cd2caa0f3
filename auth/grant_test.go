package auth_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

// TestGrantEnds: a use must begin within 30 seconds, everything made under a grant
// ends with it, and a principal ends with its token. Nothing is sent after any of it.
func TestGrantEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := alice
		id.Expires = time.Now().Add(5 * time.Minute)
		g := authtest.Gate(t, bounded(t, decider(allow), crm()), auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
		k := &key{}
		b, err := auth.NewBroker(g, auth.Translators{"crm": k}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := admit(t, g)
		grant := authorize(t, g, "crm.contact.read")
		time.Sleep(29 * time.Second)
		if err := grant.Live(); err != nil {
			t.Errorf("after 29 seconds: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := b.Do(t.Context(), grant, mapping.Document{}); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("a use after 31 seconds: %v", err)
		}
		if err := grant.Opens(g.Log(), "crm/api"); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("a secret after 31 seconds: %v", err)
		}
		time.Sleep(5 * time.Minute)
		for name, err := range map[string]error{
			"Live":  grant.Live(),
			"Opens": grant.Opens(g.Log(), "crm/api"),
			"Do":    failure(b.Do(t.Context(), grant, mapping.Document{})),
			"Lease": failure(auth.Constant(nil).Lease(t.Context(), grant)),
			"Grant": failure(g.Authorize(t.Context(), p, "crm.contact.read")),
		} {
			if !errors.Is(err, auth.ErrExpired) {
				t.Errorf("%s after the token: %v", name, err)
			}
		}
		if made, _ := k.counts(); made != 0 {
			t.Error("a credential was made")
		}
	})
}

func failure[T any](_ T, err error) error { return err }

// TestGrantSaysWhatItIsFor, in copies that nobody can write through.
func TestGrantSaysWhatItIsFor(t *testing.T) {
	s, id := crm(), alice
	s.Operations[0].Scopes = []string{"contacts"}
	id.Scopes = []string{"openid"}
	g := authtest.Gate(t, bounded(t, decider(allow), s), auth.Verifiers{auth.SchemeBearer: authtest.As(id)})
	grant := authorize(t, g, "crm.contact.read")
	grant.Operation().Scopes[0], grant.System().Secrets[0], grant.Identity().Scopes[0] = "x", "x", "x"
	if grant.Operation().Scopes[0] != "contacts" || grant.System().Secrets[0] != "crm/api" || grant.Identity().Scopes[0] != "openid" {
		t.Error("a grant was changed from outside")
	}
	if grant.Operation().Name != "crm.contact.read" || grant.System().Name != "crm" || grant.Identity().Subject != "alice" {
		t.Error("a grant is for something else")
	}
	e := grant.Event("vault.lease")
	if e.Action != "vault.lease" || e.Grant != grant.ID() || e.System != "crm" || e.Actor.Subject != "alice" {
		t.Errorf("its event is %+v", e)
	}
}

// TestErrandForSomebody: only the service itself goes on errands for others, and the
// log says both who and for whom.
func TestErrandForSomebody(t *testing.T) {
	g := gate(t, decider(allow), crm())
	self, err := g.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	whose := auth.Identity{Issuer: alice.Issuer, Subject: "bob"}
	if _, err := g.Authorize(t.Context(), self.On(auth.Errand{Run: "r-1", For: &whose}), "crm.contact.read"); err != nil {
		t.Fatal(err)
	}
	got := events(t, g.Log(), func(e audit.Event) bool { return e.Run == "r-1" })
	if len(got) != 1 || got[0].Actor.Issuer != "local" || got[0].For.Issuer != alice.Issuer || got[0].For.Subject == "bob" || got[0].For.Subject == "" {
		t.Errorf("the log has %+v", got)
	}
}

func TestConstantLeasesUnderAGrant(t *testing.T) {
	g := gate(t, decider(allow), crm())
	grant := authorize(t, g, "crm.contact.read")
	lease, err := auth.Constant(map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}).Lease(t.Context(), grant)
	if err != nil || !lease.Expires().Equal(grant.NotAfter()) {
		t.Fatalf("Lease = %v", err)
	}
	if s, err := lease.Secret("key"); err != nil || !s.Equal([]byte("k")) {
		t.Errorf("Secret = %v", err)
	}
}

func TestFailureClasses(t *testing.T) {
	for err, want := range map[error]string{
		auth.ErrDenied: "denied", auth.ErrExpired: "expired", auth.ErrForeign: "foreign", auth.ErrUndeclared: "undeclared",
		auth.ErrInvalid: "invalid", auth.ErrThrottled: "throttled", auth.ErrUnavailable: "unavailable", auth.ErrUnknown: "unknown",
	} {
		if c, ok := err.(interface{ FailureClass() string }); !ok || c.FailureClass() != want || err.Error() != "auth: "+want {
			t.Errorf("%v is not %s", err, want)
		}
	}
	for err, want := range map[error]string{
		&auth.DeniedError{}:            "auth: denied: no permit",
		&auth.DeniedError{Rule: "mfa"}: "auth: denied: mfa",
		&auth.DeniedError{Rule: "mfa", Needs: []auth.Obligation{{Kind: auth.NeedAssurance}, {Kind: auth.NeedTransport}}}: "auth: denied: mfa: needs assurance, transport",
		&auth.FailedError{Side: auth.ErrUnavailable, System: "crm"}:                                                      "auth: unavailable: crm did not answer",
		&auth.FailedError{Side: auth.ErrUnavailable, System: "crm", Status: 503}:                                         "auth: unavailable: crm answered 503",
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	for name, c := range map[string]struct {
		needs []auth.Obligation
		want  string
	}{
		"nothing":      {nil, ""},
		"something":    {[]auth.Obligation{{Kind: auth.NeedTransport}}, ""},
		"any login":    {[]auth.Obligation{{Kind: auth.NeedAssurance}}, `Bearer error="insufficient_user_authentication"`},
		"fresh login":  {[]auth.Obligation{{Kind: auth.NeedAssurance, MaxAge: time.Minute}}, `Bearer error="insufficient_user_authentication", max_age="60"`},
		"strong login": {[]auth.Obligation{{Kind: auth.NeedAssurance, ACR: []string{"mfa", "hwk"}}}, `Bearer error="insufficient_user_authentication", acr_values="mfa hwk"`},
	} {
		if got := (&auth.DeniedError{Needs: c.needs}).Challenge(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
