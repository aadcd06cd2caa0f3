package vault_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

// watched issues a secret whose bytes the test looks at.
func watched() (*backend, []byte) {
	b := []byte(canary)
	return &backend{issue: func(context.Context, string) (vault.Issued, error) {
		return vault.Issued{ID: "id", Version: "1", Fields: map[string]auth.Secret{"key": auth.NewSecret(b)}}, nil
	}}, b
}

func wiped(b []byte) bool { return bytes.Equal(b, make([]byte, len(b))) }

// TestWiped: however a lease ends, its secret is overwritten, and who still has that gets
// nothing of it.
func TestWiped(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *auth.Gate, *vault.Vault, *auth.Lease){
		"closed":         func(t *testing.T, _ *auth.Gate, _ *vault.Vault, l *auth.Lease) { _ = l.Close(t.Context()) },
		"nobody waits":   func(_ *testing.T, _ *auth.Gate, _ *vault.Vault, l *auth.Lease) { _ = l.Close(cancelled()) },
		"its time is up": func(*testing.T, *auth.Gate, *vault.Vault, *auth.Lease) { time.Sleep(time.Minute) },
		"the vault is":   func(t *testing.T, _ *auth.Gate, v *vault.Vault, _ *auth.Lease) { _ = v.Close(t.Context()) },
		"the gate froze": func(t *testing.T, g *auth.Gate, _ *vault.Vault, _ *auth.Lease) { _ = g.Freeze(t.Context()) },
		"the log is gone": func(t *testing.T, g *auth.Gate, _ *vault.Vault, l *auth.Lease) {
			_ = g.Log().Close(t.Context())
			_ = l.Close(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, b, raw := gate(t), (*backend)(nil), []byte(nil)
				b, raw = watched()
				v := open(t, g.Log(), b, &vault.Options{MaxTTL: time.Minute})
				if err := v.Follow(g.Under); err != nil {
					t.Fatal(err)
				}
				lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
				if err != nil {
					t.Fatal(err)
				}
				key, err := lease.Secret("key")
				if err != nil || !key.Equal([]byte(canary)) {
					t.Fatal(err)
				}
				end(t, g, v, lease)
				synctest.Wait()
				if !wiped(raw) {
					t.Error("it is still there")
				}
				if err := key.Use(func([]byte) error { return nil }); err != auth.ErrExpired {
					t.Errorf("who still has it: %v", err)
				}
			})
		})
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestWipedUnused: what was issued and is not lent is overwritten, too.
func TestWipedUnused(t *testing.T) {
	g := gate(t)
	for name, spoil := range map[string]func(*vault.Issued){
		"no credential":     func(i *vault.Issued) { i.TTL = -1 },
		"of no store":       func(i *vault.Issued) { i.Generation = 1 },
		"wiped once before": func(i *vault.Issued) { i.Fields["other"] = dead() },
	} {
		b, raw := watched()
		issue := b.issue
		b.issue = func(ctx context.Context, path string) (vault.Issued, error) {
			i, err := issue(ctx, path)
			spoil(&i)
			return i, err
		}
		v := open(t, g.Log(), b, nil)
		if _, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if !wiped(raw) {
			t.Errorf("%s: it is still there", name)
		}
	}
}

func dead() auth.Secret {
	s := auth.NewSecret([]byte("x"))
	s.Wipe()
	return s
}

// TestWipedLate: the answer for a caller that has left.
func TestWipedLate(t *testing.T) {
	g := gate(t)
	b, raw := watched()
	asked, answer, issue := make(chan struct{}), make(chan struct{}), b.issue
	b.issue = func(ctx context.Context, path string) (vault.Issued, error) {
		close(asked)
		<-answer
		return issue(ctx, path)
	}
	v := open(t, g.Log(), b, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := v.Lease(ctx, authtest.Grant(t, g, read), path); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(answer)
	b.wantRevoked(t, "id")
	if err := v.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !wiped(raw) {
		t.Error("it is still there")
	}
}
