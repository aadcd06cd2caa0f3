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
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/internal/memorytest"
)

// TestNothingStaysInMemory: of a secret that was lent, used and given back no copy is left in
// the process, and of one that is lent there is one.
func TestNothingStaysInMemory(t *testing.T) {
	if child := memorytest.Told(); child != nil {
		handle(t, child)
		return
	}
	for _, tt := range []struct {
		what string
		size int // of the secret
		want int
	}{
		{"lent", 32, 1}, {"given back", 32, 0}, {"ended", 32, 0}, {"revealed", 32, 1},
		{"alone", 40, 0}, // the whole of it is in the last block of what is hashed
		{"long", 3000, 0},
		{"first of many", 40, 0}, // who gathers them outgrows a buffer that has it
	} {
		t.Run(tt.what, func(t *testing.T) {
			secret := make([]byte, tt.size)
			_, _ = rand.Read(secret)
			if got := memorytest.Left(t, tt.what, secret); got != tt.want {
				t.Errorf("%d copies, want %d", got, tt.want)
			}
		})
	}
}

// issued is the secret, and what else there is with it.
func issued(child *memorytest.Child) map[string]auth.Secret {
	all := map[string]auth.Secret{"key": auth.NewSecret(child.Secret())}
	switch child.What {
	case "alone", "long":
	case "first of many":
		for _, name := range []string{"l", "m", "n", "o", "p"} {
			all[name] = auth.NewSecret(bytes.Repeat([]byte(name), 700))
		}
	default:
		all["a"], all["z"] = auth.NewSecret(bytes.Repeat([]byte("a"), 100)), auth.NewSecret(bytes.Repeat([]byte("z"), 300))
	}
	return all
}

var made string // of the secret, for a moment

func handle(t *testing.T, child *memorytest.Child) {
	b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
		return vault.Issued{Version: "1", Fields: issued(child)}, nil
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
	case "lent":
	case "ended":
		<-lease.Done()
	case "revealed":
		if text, err = v.Reveal(t.Context(), lease, "key", "test"); err != nil {
			t.Fatal(err)
		}
		fallthrough
	default:
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
