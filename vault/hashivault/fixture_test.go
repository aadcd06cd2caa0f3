package hashivault_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
	"go.uber.org/goleak"
)

var _ vault.Renewer = (*hashivault.Vault)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func secret(s string) auth.Secret { return auth.NewSecret([]byte(s)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// paths are what the AppRole of the tests may use.
var paths = []string{
	"secret/*", "kv1/*", "test/*", "database/creds/*", "database/static-creds/*", "pki/issue/*", "transit/*",
}

// server is a fake with the AppRole app, and a login for that.
func server(t testing.TB, ttl, most time.Duration) (*vaulttest.Hashi, hashivault.Login) {
	t.Helper()
	h := vaulttest.NewHashi(t)
	for mount, engine := range map[string]string{"kv1": "kv1", "test": "kv2", "database": "database", "pki": "pki", "transit": "transit"} {
		h.Mount(mount, engine)
	}
	h.Put("secret/app", map[string]string{"password": "one"})
	id := h.AppRole("app", ttl, most, paths...)
	return h, hashivault.Login{RoleID: id, SecretID: secret(h.SecretID("app"))}
}

// dial logs in.
func dial(t testing.TB, h *vaulttest.Hashi, l hashivault.Login, o hashivault.Options) *hashivault.Vault {
	t.Helper()
	o.RootCAs = h.RootCAs()
	v, err := hashivault.New(t.Context(), h.URL, l, &o)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = v.Close(ctx)
	})
	return v
}

// logged is a fake and a login of an hour.
func logged(t testing.TB, o hashivault.Options) (*vaulttest.Hashi, *hashivault.Vault) {
	t.Helper()
	h, l := server(t, 0, 0)
	return h, dial(t, h, l, o)
}

func TestConformance(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vault.Backend {
		h, l := server(t, 0, 0)
		h.Put("test/secret", map[string]string{"value": "test"})
		return dial(t, h, l, hashivault.Options{Mounts: map[string]hashivault.Engine{"test": hashivault.KV2}})
	})
}

// TestUnderAVault: what a lease of package vault borrowed is revoked when that is closed.
func TestUnderAVault(t *testing.T) {
	h, b := logged(t, hashivault.Options{})
	h.DatabaseRole("ro", time.Minute, time.Hour)
	v, err := vault.New(authtest.Log(t), b, &vault.Options{Own: []string{"database/creds/ro", "secret/app"}})
	must(t, err)
	for _, path := range []string{"database/creds/ro", "secret/app"} {
		lease, err := v.Own(path).Lease(t.Context(), auth.Grant{})
		must(t, err)
		if _, err := lease.Secret("password"); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if h.Leases() != 1 {
		t.Errorf("%d leases", h.Leases())
	}
	must(t, v.Close(t.Context()))
	if h.Leases() != 0 || h.Tokens() != 1 {
		t.Errorf("%d leases, %d tokens", h.Leases(), h.Tokens())
	}
	h.Seal()
	if _, err := vault.New(authtest.Log(t), b, nil); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("sealed: %v", err)
	}
	h.Unseal()
}
