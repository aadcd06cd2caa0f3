package dirvault_test

import (
	"crypto/rand"
	"os"
	"testing"

	"github.com/carnet-go/carnet/vault/dirvault"
	"github.com/carnet-go/carnet/vault/internal/memorytest"
)

// TestNothingStaysInMemory: what was read is in the secret that was issued, and nowhere else.
func TestNothingStaysInMemory(t *testing.T) {
	if child := memorytest.Told(); child != nil {
		issued, err := dirvault.Dir(os.Getenv("CARNET_TEST_DIR")).Issue(t.Context(), "crm")
		if err != nil {
			t.Fatal(err)
		}
		if child.What == "wiped" {
			for _, s := range issued.Fields {
				s.Wipe()
			}
		}
		child.Ready(issued)
		return
	}
	for what, want := range map[string]int{"issued": 1, "wiped": 0} {
		dir, secret := t.TempDir(), rand.Text()+rand.Text()
		write(t, dir, map[string]string{"crm/key": secret, "crm/other": "x"})
		if got := memorytest.Left(t, what, []byte(secret), "CARNET_TEST_DIR="+dir); got != want {
			t.Errorf("%s: %d copies, want %d", what, got, want)
		}
	}
}
