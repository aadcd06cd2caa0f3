package oauthauth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oauthauth"
)

// TestMayActMustNameTheClient, and nothing is sent where it names somebody else.
func TestMayActMustNameTheClient(t *testing.T) {
	for name, tt := range map[string]struct {
		may     any
		wantErr error
	}{
		"sub":                    {members{"sub": "carnet"}, nil},
		"client_id":              {members{"client_id": "carnet"}, nil},
		"both, and the issuer":   {members{"sub": "carnet", "client_id": "carnet", "iss": alice.Issuer}, nil},
		"somebody else":          {members{"sub": "other"}, auth.ErrDenied},
		"somebody else's client": {members{"sub": "carnet", "client_id": "other"}, auth.ErrDenied},
		"another issuer's":       {members{"sub": "carnet", "iss": "https://other.example"}, auth.ErrDenied},
		"nobody":                 {members{}, auth.ErrDenied},
		"an issuer alone":        {members{"iss": alice.Issuer}, auth.ErrDenied},
		"text":                   {"carnet", auth.ErrDenied},
		"null":                   {nil, auth.ErrDenied},
		"a list":                 {[]any{members{"sub": "carnet"}}, auth.ErrDenied},
		"a list of names":        {members{"sub": []string{"carnet"}}, auth.ErrDenied},
	} {
		s, client := newServer(t, answers(good(nil))), usual()
		n := need(t, s, hub(s), presented(members{"may_act": tt.may}))
		if _, err := (oauthauth.Exchange{Client: client}).Translate(t.Context(), n); err != tt.wantErr {
			t.Errorf("%s: %v", name, err)
		}
		if tt.wantErr != nil && (s.count() != 0 || client.closed != 1) {
			t.Errorf("%s: %d requests, lease closed %d times", name, s.count(), client.closed)
		}
	}
}

// chain is an act claim: the first acts now.
func chain(actors ...members) any {
	var act members
	for _, a := range slices.Backward(actors) {
		if act != nil {
			a["act"] = act
		}
		act = a
	}
	return act
}

// TestChainSurvives: an exchange that forgets who acts would make the caller's deed
// his subject's.
func TestChainSurvives(t *testing.T) {
	sub := func(s string) members { return members{"sub": s} }
	type token struct{ act any }
	opaque, none := (*token)(nil), &token{}
	for name, tt := range map[string]struct {
		before    any // nil: nobody acts
		after     *token
		auditOnly bool
		wantErr   error
	}{
		"nobody, nobody":              {nil, none, false, nil},
		"nobody, opaque":              {nil, opaque, false, nil},
		"nobody, the client":          {nil, &token{sub("carnet")}, false, nil},
		"nobody, the client's id":     {nil, &token{members{"client_id": "carnet"}}, false, nil},
		"nobody, somebody":            {nil, &token{sub("mallory")}, false, auth.ErrDenied},
		"nobody, somebody's client":   {nil, &token{members{"sub": "carnet", "client_id": "mallory"}}, false, auth.ErrDenied},
		"nobody, the client twice":    {nil, &token{chain(sub("carnet"), sub("carnet"))}, false, auth.ErrDenied},
		"nobody, null":                {nil, &token{[]any{}}, false, auth.ErrDenied},
		"one, the same":               {sub("bot"), &token{sub("bot")}, false, nil},
		"one, with the issuer":        {sub("bot"), &token{members{"sub": "bot", "iss": alice.Issuer}}, false, nil},
		"one, of another issuer":      {sub("bot"), &token{members{"sub": "bot", "iss": "https://other.example"}}, false, auth.ErrDenied},
		"one, behind the client":      {sub("bot"), &token{chain(sub("carnet"), sub("bot"))}, false, nil},
		"one, behind somebody":        {sub("bot"), &token{chain(sub("mallory"), sub("bot"))}, false, auth.ErrDenied},
		"one, before the client":      {sub("bot"), &token{chain(sub("bot"), sub("carnet"))}, false, auth.ErrDenied},
		"one, replaced by the client": {sub("bot"), &token{sub("carnet")}, false, auth.ErrDenied},
		"one, another":                {sub("bot"), &token{sub("mallory")}, false, auth.ErrDenied},
		"one, nobody":                 {sub("bot"), none, false, auth.ErrDenied},
		"one, opaque":                 {sub("bot"), opaque, false, auth.ErrDenied},
		"two, the same":               {chain(sub("bot"), sub("hr")), &token{chain(sub("bot"), sub("hr"))}, false, nil},
		"two, the first":              {chain(sub("bot"), sub("hr")), &token{sub("bot")}, false, auth.ErrDenied},
		"two, the other way round":    {chain(sub("bot"), sub("hr")), &token{chain(sub("hr"), sub("bot"))}, false, auth.ErrDenied},
		"declared: nobody":            {sub("bot"), none, true, nil},
		"declared: opaque":            {sub("bot"), opaque, true, nil},
		"declared: the same":          {sub("bot"), &token{sub("bot")}, true, nil},
		"declared: another":           {sub("bot"), &token{sub("mallory")}, true, auth.ErrDenied},
		"declared: from nobody":       {nil, &token{sub("mallory")}, true, auth.ErrDenied},
	} {
		before, after := members{}, "t0k3n"
		if tt.before != nil {
			before["act"] = tt.before
		}
		if tt.after != nil {
			after = issued(members{"act": tt.after.act})
		}
		s := newServer(t, answers(good(members{"access_token": after})))
		system := hub(s)
		if tt.auditOnly {
			system.Delegation = auth.AuditOnly
		}
		if _, err := (oauthauth.Exchange{Client: usual()}).Translate(t.Context(), need(t, s, system, presented(before))); err != tt.wantErr {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadChains are refused before anything is sent.
func TestBadChains(t *testing.T) {
	sub := members{"sub": "bot"}
	for name, act := range map[string]any{
		"text": "bot", "null": nil, "list": []any{sub}, "nobody": members{}, "empty": members{"sub": ""}, "number": members{"sub": 1},
		"issuer is a number": members{"sub": "bot", "iss": 1}, "issuer is empty": members{"sub": "bot", "iss": ""}, "nobody below": members{"sub": "bot", "act": members{}},
		"too long": chain(members{"sub": "1"}, members{"sub": "2"}, members{"sub": "3"}, members{"sub": "4"}, members{"sub": "5"}, members{"sub": "6"}),
	} {
		s := newServer(t, answers(good(nil)))
		if _, err := (oauthauth.Exchange{Client: usual()}).Translate(t.Context(), need(t, s, hub(s), presented(members{"act": act}))); err != auth.ErrDenied || s.count() != 0 {
			t.Errorf("%s: %v after %d requests", name, err, s.count())
		}
	}
}

// TestChainThatTheGateFound: also where the caller's token is one that only the gate's
// verifier can read.
func TestChainThatTheGateFound(t *testing.T) {
	for name, tt := range map[string]struct {
		token   string
		wantErr error
	}{
		"opaque":  {"t0k3n", nil}, // the owner declared that the log is enough
		"same":    {issued(members{"act": members{"sub": "bot"}}), nil},
		"another": {issued(members{"act": members{"sub": "mallory"}}), auth.ErrDenied},
	} {
		s := newServer(t, answers(good(members{"access_token": tt.token})))
		system, who := hub(s), alice
		system.Delegation, who.Actors = auth.AuditOnly, []audit.Actor{{Issuer: alice.Issuer, Subject: "bot"}}
		gate := authtest.Gate(t, authtest.Boundary(t, system), auth.Verifiers{auth.SchemeBearer: authtest.As(who)})
		n := auth.Need{Grant: authtest.Grant(t, gate, "hub.count.push"), Token: auth.NewSecret([]byte("opaque")), Client: s.client()}
		if _, err := (oauthauth.Exchange{Client: usual()}).Translate(t.Context(), n); err != tt.wantErr {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChainCrossesTheGate: a system that carries delegations takes a caller for whom
// somebody acts, through an exchange that says so and through nothing else.
func TestChainCrossesTheGate(t *testing.T) {
	acts := issued(members{"act": members{"sub": "bot"}})
	for name, tt := range map[string]struct {
		answer  string
		wantErr error
	}{
		"says so":      {acts, nil},
		"says nothing": {issued(nil), auth.ErrDenied},
		"is opaque":    {"t0k3n", auth.ErrDenied},
	} {
		w := newDelegating(t, oauthauth.Exchange{Client: usual()}, answers(good(members{"access_token": tt.answer})))
		if err := w.do(t, presented(members{"act": members{"sub": "bot"}}), "hub.count.push"); !errors.Is(err, tt.wantErr) {
			t.Errorf("%s: %v", name, err)
		}
		if tt.wantErr == nil && (len(w.bearers) != 1 || w.bearers[0] != "Bearer "+acts) || tt.wantErr != nil && len(w.bearers) != 0 {
			t.Errorf("%s: the hub received %d tokens", name, len(w.bearers))
		}
	}
	system := auth.System{
		Name: "hub", Origin: "https://hub.example", Endpoints: map[string]string{"token": "https://sts.example/token"}, Delegation: auth.Carry,
	}
	gate := authtest.Gate(t, authtest.Boundary(t, system), nil)
	_, err := auth.NewBroker(gate, auth.Translators{"hub": oauthauth.ClientCredentials{Client: usual()}}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "B205 ") {
		t.Errorf("a token of the service's own says on whose behalf it is used: %v", err)
	}
}

// TestCredentialsCarryNobody: what the caller's token says is not asked where it is not used.
func TestCredentialsCarryNobody(t *testing.T) {
	s := newServer(t, answers(good(members{"access_token": issued(members{"act": members{"sub": "x"}, "sub": "service"})})))
	n := need(t, s, hub(s), presented(members{"may_act": members{"sub": "other"}}))
	n.Name = "alice"
	if _, err := (oauthauth.ClientCredentials{Client: usual()}).Translate(t.Context(), n); err != nil {
		t.Error(err)
	}
	if _, form := s.only(t); form.Has("subject_token") {
		t.Errorf("%v", form)
	}
}
