package ldapauth_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/ldapauth"
	"github.com/carnet-go/carnet/mapping"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ada    = "uid=ada,ou=people,dc=example"
	people = "ou=people,dc=example"
)

// operations need no input, so that what is performed is what stands here.
func operations() []auth.Operation {
	return []auth.Operation{
		{Name: "directory.entry.read", Method: "search", Base: ada, Attributes: []string{"uid", "mail"}, Effect: auth.ReadOnly},
		{Name: "directory.entry.find", Method: "search", Base: people, Filter: "(&(objectClass=person)(uid=ada))", Attributes: []string{"uid", "mail"}, Effect: auth.ReadOnly},
		{Name: "directory.entry.drop", Method: "delete", Base: ada, Effect: auth.Idempotent},
		{Name: "directory.entry.end", Method: "delete", Base: ada, Effect: auth.Final},
	}
}

func (d *directory) system() auth.System {
	origin := "ldaps://127.0.0.1:636"
	if d.startTLS {
		origin = "ldap://127.0.0.1:389"
	}
	return auth.System{Name: "directory", Kind: auth.KindDirectory, Origin: origin, Operations: operations()}
}

func newGate(t testing.TB, who string, systems ...auth.System) *auth.Gate {
	t.Helper()
	return authtest.Gate(t, authtest.Boundary(t, systems...), auth.Verifiers{
		auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: who}),
	})
}

// need is what a Broker asks for, for one operation.
func (d *directory) need(t testing.TB, dial func(context.Context) (net.Conn, error), operation string) auth.Need {
	t.Helper()
	return auth.Need{
		Grant: authtest.Grant(t, newGate(t, "alice", d.system()), operation), Dial: dial, TLS: d.ca.client("127.0.0.1"),
	}
}

// performer is material that a test closes.
func performer(t testing.TB, b *ldapauth.Bind, n auth.Need) auth.Performer {
	t.Helper()
	made, err := b.Translate(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, made) })
	return made.(auth.Performer)
}

func closed(t testing.TB, m auth.Material) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	if err := m.(interface{ Close(context.Context) error }).Close(ctx); err != nil {
		t.Error(err)
	}
}

var nothing mapping.Record

// status is the result in an error; -1: there is no FailedError.
func status(err error) int {
	if failed, ok := errors.AsType[*auth.FailedError](err); ok {
		return failed.Status
	}
	return -1
}
