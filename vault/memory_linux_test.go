package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/internal/memorytest"
	"github.com/carnet-go/carnet/vault"
)

// TestNothingStaysInMemory: of a secret that was lent, used and given back no copy is left in
// the process, and of one that is lent there is one.
func TestNothingStaysInMemory(t *testing.T) {
	if child := memorytest.Told(); child != nil {
		handle(t, child)
		return
	}
	for what, want := range map[string]int{"lent": 1, "given back": 0, "ended": 0, "revealed": 1} {
		t.Run(what, func(t *testing.T) {
			secret := make([]byte, 32)
			_, _ = rand.Read(secret)
			if got := memorytest.Left(t, what, secret); got != want {
				t.Errorf("%d copies, want %d", got, want)
			}
		})
	}
}

var made string // of the secret, for a moment

func handle(t *testing.T, child *memorytest.Child) {
	b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
		return vault.Issued{Version: "1", Fields: map[string]auth.Secret{
			"a": auth.NewSecret(bytes.Repeat([]byte("a"), 100)), "key": auth.NewSecret(child.Secret()), "z": auth.NewSecret(bytes.Repeat([]byte("z"), 300)),
		}}, nil
	}}
	g := gate(t)
	v := open(t, g.Log(), b, &vault.Options{MaxTTL: time.Second})
	lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := lease.Secret("key")
	if err != nil || key.Use(func([]byte) error { return nil }) != nil {
		t.Fatal(err)
	}
	text := ""
	switch child.What {
	case "ended":
		<-lease.Done()
	case "revealed":
		if text, err = v.Reveal(t.Context(), lease, "key", "test"); err != nil {
			t.Fatal(err)
		}
		fallthrough
	case "given back", "made and dropped":
		if child.What == "made and dropped" {
			_ = key.Use(func(b []byte) error { made = strings.Clone(string(b)) + "!"; return nil })
			made = ""
		}
		if err := lease.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	child.Ready(lease, text)
}
