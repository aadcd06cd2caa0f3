//go:build goexperiment.runtimesecret && linux

package vault_test

import (
	"crypto/rand"
	"testing"

	"github.com/carnet-go/carnet/vault/internal/memorytest"
)

// TestWhatWasMadeIsErased: where the runtime erases, a string that was made of a secret and
// dropped is nowhere either.
func TestWhatWasMadeIsErased(t *testing.T) {
	if child := memorytest.Told(); child != nil {
		handle(t, child)
		return
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	if got := memorytest.Left(t, "made and dropped", secret); got != 0 {
		t.Errorf("%d copies", got)
	}
}
