package hashivault_test

import (
	"context"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
	"go.uber.org/goleak"
)

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
