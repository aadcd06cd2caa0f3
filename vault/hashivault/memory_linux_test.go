package hashivault_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"os"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/internal/memorytest"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// transports is how many copies net/http and crypto/tls keep of what they read last: one that
// was decrypted, and one that was read from it.
const transports = 2

// TestMemory: what was read is in the secret that was issued, and in buffers that are not ours.
func TestMemory(t *testing.T) {
	if child := memorytest.Told(); child != nil {
		der, err := base64.StdEncoding.DecodeString(os.Getenv("CARNET_TEST_CA"))
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		roots := x509.NewCertPool()
		roots.AddCert(cert)
		v, err := hashivault.New(t.Context(), os.Getenv("CARNET_TEST_URL"), hashivault.Login{
			RoleID: os.Getenv("CARNET_TEST_ROLE"), SecretID: auth.NewSecret([]byte(os.Getenv("CARNET_TEST_SECRET"))),
		}, &hashivault.Options{RootCAs: roots, Mounts: map[string]hashivault.Engine{"secret": hashivault.KV2}, Private: []string{"127.0.0.1/32"}})
		must(t, err)
		issued, err := v.Issue(t.Context(), "secret/app")
		must(t, err)
		if child.What != "issued" {
			for _, s := range issued.Fields {
				s.Wipe()
			}
		}
		if child.What == "closed" {
			must(t, v.Close(t.Context()))
		}
		child.Ready(issued)
		must(t, v.Close(t.Context()))
		return
	}
	for what, most := range map[string]int{"issued": 1 + transports, "wiped": transports, "closed": transports} {
		h := vaulttest.NewHashi(t)
		secret := rand.Text() + rand.Text()
		h.Put("secret/app", map[string]string{"password": secret})
		role := h.AppRole("app", time.Hour, 0, "secret/app")
		got := memorytest.Left(t, what, []byte(secret), "CARNET_TEST_URL="+h.URL, "CARNET_TEST_CA="+base64.StdEncoding.EncodeToString(h.Certificate().Raw),
			"CARNET_TEST_ROLE="+role, "CARNET_TEST_SECRET="+h.SecretID("app"))
		if got > most || what == "issued" && got == 0 {
			t.Errorf("%s: %d copies, of at most %d", what, got, most)
		}
	}
}
