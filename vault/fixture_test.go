package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "cAnArY-s3cret-78051120"

// backend is one whose answers a test sets. It counts, and remembers what was revoked.
type backend struct {
	issue  func(ctx context.Context, path string) (vault.Issued, error) // nil: leases with an id each
	revoke func(ctx context.Context, id string) error                   // nil: no error

	mu      sync.Mutex
	issued  int
	revoked []string
}

func (b *backend) Issue(ctx context.Context, path string) (vault.Issued, error) {
	b.mu.Lock()
	b.issued++
	n := b.issued
	b.mu.Unlock()
	if b.issue != nil {
		return b.issue(ctx, path)
	}
	return vault.Issued{ID: fmt.Sprintf("id-%d", n), Fields: fields("key", canary)}, nil
}

func (b *backend) Revoke(ctx context.Context, id string) error {
	b.mu.Lock()
	b.revoked = append(b.revoked, id)
	b.mu.Unlock()
	if b.revoke != nil {
		return b.revoke(ctx, id)
	}
	return ctx.Err()
}

func (b *backend) calls() (issued int, revoked []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.issued, slices.Clone(b.revoked)
}

// wantRevoked waits for what goes on without its caller.
func (b *backend) wantRevoked(t *testing.T, want ...string) {
	t.Helper()
	for range 200 {
		if _, got := b.calls(); slices.Equal(got, want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_, got := b.calls()
	t.Errorf("revoked %q, want %q", got, want)
}

func fields(pairs ...string) map[string]auth.Secret {
	m := map[string]auth.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = auth.NewSecret([]byte(pairs[i+1]))
	}
	return m
}

// again is what a backend issues that has it already: the vault wipes what it gets.
func again(i vault.Issued) vault.Issued {
	i.Fields = maps.Clone(i.Fields)
	for name, s := range i.Fields {
		_ = s.Use(func(b []byte) error { i.Fields[name] = auth.NewSecret(bytes.Clone(b)); return nil })
	}
	return i
}

const (
	read = "crm.contact.read"
	wipe = "crm.contact.wipe" // privileged
	path = "crm/api"
)

func gate(t *testing.T) *auth.Gate {
	t.Helper()
	self := auth.System{Name: auth.Self, Operations: []auth.Operation{
		{Name: "self.secret.accept", Effect: auth.Idempotent}, {Name: "self.run.halt", Effect: auth.Idempotent},
	}}
	return authtest.Gate(t, authtest.Boundary(t, self, auth.System{
		Name: "crm", Origin: "https://crm.invalid", Secrets: []string{path, "crm/db"},
		Operations: []auth.Operation{
			{Name: read, Method: "GET", Path: "/", Effect: auth.ReadOnly},
			{Name: wipe, Method: "DELETE", Path: "/", Effect: auth.Final, Privileged: true},
		},
	}, auth.System{
		Name: "erp", Origin: "https://erp.invalid", Secrets: []string{"erp/api"},
		Operations: []auth.Operation{{Name: "erp.order.read", Method: "GET", Path: "/", Effect: auth.ReadOnly}},
	}), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
}

// open is a vault that is closed with the test.
func open(t *testing.T, log *audit.Log, b vault.Backend, o *vault.Options) *vault.Vault {
	t.Helper()
	v, err := vault.New(log, b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = v.Close(ctx)
	})
	return v
}

// events are those of the vault, in order.
func events(t *testing.T, log *audit.Log) []audit.Event {
	t.Helper()
	var all []audit.Event
	for e, err := range log.Events(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Action, "vault.") {
			all = append(all, e)
		}
	}
	return all
}

// story is events as "action outcome reason".
func story(t *testing.T, log *audit.Log) []string {
	t.Helper()
	var lines []string
	for _, e := range events(t, log) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %d %s", e.Action, e.Outcome, e.Reason)))
	}
	return lines
}

// wantStory waits for what is recorded without its caller.
func wantStory(t *testing.T, log *audit.Log, want ...string) {
	t.Helper()
	for range 200 {
		if slices.Equal(story(t, log), want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("recorded %q, want %q", story(t, log), want)
}
