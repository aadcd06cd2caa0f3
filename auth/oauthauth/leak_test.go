package oauthauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

// TestNothingPrintsASecret: neither the client's, nor the caller's token, nor what came
// back; translators and material stand in configuration and logs.
func TestNothingPrintsASecret(t *testing.T) {
	const mine, theirs, refresh = canary, "cAnArY-caller-20485", "cAnArY-refresh-99182"
	token := "cAnArY-token-71934"
	for kind, tr := range translators(auth.Constant(map[string]auth.Secret{
		"id": auth.NewSecret([]byte("carnet")), "secret": auth.NewSecret([]byte(mine)),
	})) {
		s := newServer(t, answers(good(members{"access_token": token, "refresh_token": refresh, "id_token": refresh})))
		n := need(t, s, hub(s), theirs)
		m, err := tr.Translate(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := applied(t, m); err != nil || got != "Bearer "+token {
			t.Errorf("%s applies %q, %v", kind, got, err)
		}
		n.Client, n.TLS = nil, nil
		var out bytes.Buffer
		for _, v := range []any{tr, m, n, &tr, struct{ m auth.Material }{m}, struct{ t auth.Translator }{tr}, auth.Translators{"hub": tr}} {
			for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %w") {
				fmt.Fprintf(&out, verb, v)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
			encoded, err := json.Marshal(v)
			fmt.Fprintf(&out, "%s %v", encoded, err)
		}
		for _, secret := range []string{mine, theirs, token, refresh} {
			for _, shape := range shapes(secret) {
				if strings.Contains(out.String(), shape) {
					t.Errorf("%s shows %s", kind, secret)
				}
			}
		}
	}
}

// TestErrorsHaveNoValues: of all that a server can answer, with all secrets in it, and
// of all that can be presented.
func TestErrorsHaveNoValues(t *testing.T) {
	seen := 0
	for kind, tr := range translators(usual()) {
		for _, body := range []string{
			canary, `"` + canary + `"`, `{"` + canary + `":1,"` + canary + `":2}`, `{"access_token":"` + canary + ` "}`, `{"error":"` + canary + `"}`,
			`{"access_token":"t","token_type":"` + canary + `"}`, `{"access_token":"t","token_type":"Bearer","issued_token_type":"` + access + `","expires_in":"` + canary + `"}`,
			`{"access_token":"t","token_type":"Bearer","issued_token_type":"` + access + `","scope":"` + canary + `"}`,
			`{"access_token":"` + issued(members{"aud": canary}) + `","token_type":"Bearer","issued_token_type":"` + access + `"}`,
		} {
			s := newServer(t, says(body))
			_, err := tr.Translate(t.Context(), need(t, s, hub(s), presented(members{"sub": canary})))
			if err == nil {
				t.Errorf("%s takes %s", kind, body)
				continue
			}
			for _, shape := range append(shapes(canary), shapes(s.URL)...) {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), shape) {
					t.Errorf("%s: %v", kind, err)
				}
			}
			seen++
		}
	}
	if seen == 0 {
		t.Error("no errors")
	}
}

// filled is a Translator with all that a broker passes, whoever asks.
type filled struct {
	auth.Translator
	need func() auth.Need
}

func (f filled) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if n.Grant.ID() != "" {
		grant := n.Grant
		n = f.need()
		n.Grant = grant
	}
	return f.Translator.Translate(ctx, n)
}

func TestConformance(t *testing.T) {
	for kind, tr := range translators(usual()) {
		t.Run(kind, func(t *testing.T) {
			s := newServer(t, answers(good(nil)))
			authtest.RunTranslator(t, func(*testing.T) (auth.Translator, auth.System) {
				return filled{tr, func() auth.Need { return auth.Need{Token: auth.NewSecret([]byte("opaque")), Client: s.client()} }}, hub(s)
			})
			if s.count() == 0 {
				t.Error("nobody was asked")
			}
		})
	}
}
