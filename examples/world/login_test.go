package world

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func TestLogin(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	both := user{password: "correct", seed: "12345678901234567890"}
	one := user{password: "correct"}
	for _, tt := range []struct {
		name, password, otp, acr string
		user                     user
	}{
		{"password", "correct", "", "pwd", one},
		{"both", "correct", both.otp(now), "mfa", both},
		{"both, just over", "correct", both.otp(now.Add(-period)), "mfa", both},
		{"wrong password", "wrong", "", "", one},
		{"no password", "", "", "", one},
		{"nobody", "", "", "", user{}},
		{"wrong code", "correct", "000000", "", both},
		{"old code", "correct", both.otp(now.Add(-2 * period)), "", both},
		{"code without a factor", "correct", one.otp(now), "", one},
		{"code alone", "", both.otp(now), "", both},
	} {
		acr, _, ok := tt.user.login(tt.password, tt.otp, now)
		if acr != tt.acr || ok != (tt.acr != "") {
			t.Errorf("%s: login = %q, %v, want %q", tt.name, acr, ok, tt.acr)
		}
	}
}

// The vectors of RFC 6238, appendix B, cut to six digits.
func TestOneTimePassword(t *testing.T) {
	u := user{seed: "12345678901234567890"}
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got := u.otp(time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestFormRefuses(t *testing.T) {
	s, err := newStorage("", new(ledger))
	if err != nil {
		t.Fatal(err)
	}
	request := &oidc.AuthRequest{CodeChallenge: "c", CodeChallengeMethod: oidc.CodeChallengeMethodS256}
	pending, err := s.CreateAuthRequest(t.Context(), request, "")
	if err != nil {
		t.Fatal(err)
	}
	post := func(id, password string) int {
		form := url.Values{"id": {id}, "username": {"alice"}, "password": {password}}
		r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.takeForm(nil).ServeHTTP(w, r)
		return w.Code
	}
	if got := post(pending.GetID(), "wrong"); got != http.StatusUnauthorized {
		t.Errorf("wrong password: %d", got)
	}
	if got := post("unknown", s.users["alice"].password); got != http.StatusUnauthorized {
		t.Errorf("unknown request: %d", got)
	}
	if l, err := s.AuthRequestByID(t.Context(), pending.GetID()); err != nil || l.Done() {
		t.Errorf("after refusals: %v, done %v", err, l.Done())
	}
}

func TestAuthorizationNeedsPKCE(t *testing.T) {
	s, err := newStorage("", new(ledger))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*oidc.AuthRequest{{}, {CodeChallenge: "c", CodeChallengeMethod: oidc.CodeChallengeMethodPlain}} {
		if _, err := s.CreateAuthRequest(t.Context(), r, ""); err == nil {
			t.Errorf("challenge of method %q was taken", r.CodeChallengeMethod)
		}
	}
}
