package hashivault_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// shows is a Login by a client certificate.
func shows(c tls.Certificate, role string) hashivault.Login {
	return hashivault.Login{Role: role, Certificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }}
}

// everybody is a fake whose role app may be had by a JWT, a service account and a
// certificate, and the logins for that, by their names.
func everybody(t *testing.T) (*vaulttest.Hashi, map[string]hashivault.Login) {
	t.Helper()
	h, _ := server(t, 0, 0)
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte("a.b.c\n"), 0o600))
	accepts := func(jwt string) bool { return jwt == "a.b.c" }
	h.JWTRole("jwt", "app", time.Hour, 24*time.Hour, accepts, paths...)
	h.KubernetesRole("kubernetes", "app", time.Hour, 24*time.Hour, accepts, paths...)
	h.KubernetesRole("k8s/west", "app", time.Hour, 24*time.Hour, accepts, paths...)
	client := pair(t)
	leaf, err := x509.ParseCertificate(client.Certificate[0])
	must(t, err)
	h.CertRole("cert", "app", time.Hour, 24*time.Hour, leaf, paths...)
	return h, map[string]hashivault.Login{
		"jwt":                   {JWT: &tokens{value: "a.b.c"}, Role: "app"},
		"kubernetes":            {Kubernetes: hashivault.TokenFile(file), Role: "app"},
		"kubernetes, mount":     {Kubernetes: hashivault.TokenFile(file), Role: "app", Mount: "k8s/west"},
		"certificate":           shows(client, "app"),
		"certificate, any role": shows(client, ""),
	}
}

// TestLogins by whatever is no AppRole: secrets are issued, the login is renewed, replaced
// where the server knows it no more, and revoked by Close with its leases.
func TestLogins(t *testing.T) {
	h, logins := everybody(t)
	h.DatabaseRole("ro", time.Hour, time.Hour)
	for name, l := range logins {
		t.Run(name, func(t *testing.T) {
			renewed := h.Requests(renew)
			v := dial(t, h, l, hashivault.Options{})
			must(t, read(t, v))
			must(t, second(v.Issue(t.Context(), "database/creds/ro")))
			v.Age(50 * time.Minute)
			must(t, read(t, v))
			if n := h.Requests(renew) - renewed; n != 1 || h.Tokens() != 1 || h.Leases() != 1 {
				t.Errorf("%d renewals, %d tokens, %d leases", n, h.Tokens(), h.Leases())
			}
			must(t, v.Close(t.Context()))
			if h.Tokens() != 0 || h.Leases() != 0 {
				t.Errorf("%d tokens, %d leases after Close", h.Tokens(), h.Leases())
			}
			v = dial(t, h, l, hashivault.Options{})
			h.RevokeTokens()
			must(t, read(t, v))
			must(t, v.Close(t.Context()))
		})
	}
}

// TestRefusedLogins are denied, whatever the status that a method refuses with, and leave no token.
func TestRefusedLogins(t *testing.T) {
	h, logins := everybody(t)
	for name, l := range map[string]hashivault.Login{
		"jwt":                      {JWT: &tokens{value: "x.y.z"}, Role: "app"},
		"jwt, unknown role":        {JWT: &tokens{value: "a.b.c"}, Role: "other"},
		"jwt, no such mount":       {JWT: &tokens{value: "a.b.c"}, Role: "app", Mount: "oidc"},
		"kubernetes":               {Kubernetes: &tokens{value: "x.y.z"}, Role: "app"},
		"kubernetes, unknown role": {Kubernetes: &tokens{value: "a.b.c"}, Role: "other"},
		"another certificate":      shows(pair(t), "app"),
		"certificate, no role":     {Certificate: logins["certificate"].Certificate, Role: "other"},
		"no certificate":           shows(tls.Certificate{}, "app"),
	} {
		_, err := hashivault.New(t.Context(), h.URL, l, &hashivault.Options{RootCAs: h.RootCAs()})
		if !errors.Is(err, auth.ErrDenied) || h.Tokens() != 0 {
			t.Errorf("%s: %v, %d tokens", name, err, h.Tokens())
		}
	}
}
