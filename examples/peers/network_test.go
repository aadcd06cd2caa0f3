package peers_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// network is a vault whose server is behind a network that does what it is told.
type network struct {
	server *vaulttest.Hashi
	proxy  *toxiproxy.Proxy
	from   *hashivault.Vault
	vault  *vault.Vault
	log    *audit.Log
}

const login = "database/creds/reader"

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{server: vaulttest.NewHashi(t)}
	n.server.DatabaseRole("reader", time.Hour, 0)
	at, err := url.Parse(n.server.URL)
	must(t, err)
	n.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "vault", "127.0.0.1:0", at.Host)
	must(t, n.proxy.Start())
	t.Cleanup(n.proxy.Stop)
	who := hashivault.Login{RoleID: n.server.AppRole("app", time.Hour, 0, login), SecretID: auth.NewSecret([]byte(n.server.SecretID("app")))}
	n.from, err = hashivault.New(t.Context(), "https://"+n.proxy.Listen, who, &hashivault.Options{RootCAs: n.server.RootCAs()})
	must(t, err)
	dir := filepath.Join(t.TempDir(), "audit")
	must(t, audit.Create(t.Context(), dir, "acme.example/test", nil))
	n.log, err = audit.Open(t.Context(), dir, nil)
	must(t, err)
	n.vault, err = vault.New(n.log, n.from, &vault.Options{Own: []string{login}})
	must(t, err)
	t.Cleanup(func() { _ = n.log.Close(context.Background()) })
	return n
}

// does makes the network do something, until heal.
func (n *network) does(t *testing.T, toxic, stream, attributes string) {
	t.Helper()
	_, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type": %q, "stream": %q, "attributes": {%s}}`, toxic, stream, attributes)))
	must(t, err)
}

func (n *network) heal() { n.proxy.Toxics.ResetToxics(context.Background()) }

func (n *network) lease(within time.Duration) (*auth.Lease, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return n.vault.Own(login).Lease(ctx, auth.Grant{})
}

// end closes all, and holds that nothing is left on the server.
func (n *network) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(n.vault.Close(t.Context()), n.from.Close(t.Context())); err != nil {
		t.Error(err)
	}
	if tokens, leases := n.server.Tokens(), n.server.Leases(); tokens != 0 || leases != 0 {
		t.Errorf("%d logins and %d leases are left", tokens, leases)
	}
}

// TestNetworkFailures: whatever the network does, nobody waits longer than he wanted, each
// call is one transmission, what fails says nothing but that, and when the network is well
// so is the vault.
func TestNetworkFailures(t *testing.T) {
	for _, tt := range []struct {
		name, toxic, stream, attributes string
		calls                           int // that reach the server
	}{
		{"the request disappears", "timeout", "upstream", `"timeout": 0`, 0},
		{"the answer disappears", "timeout", "downstream", `"timeout": 0`, 1},
		{"the connection is closed instead of an answer", "timeout", "downstream", `"timeout": 50`, 1},
		{"the connection is reset", "reset_peer", "downstream", `"timeout": 0`, 1},
		{"the connection is reset while it is asked", "reset_peer", "upstream", `"timeout": 0`, 0},
		{"the answer is slower than anybody waits", "latency", "downstream", `"latency": 60000`, 1},
		{"the answer comes in drops", "bandwidth", "downstream", `"rate": 0`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t)
			first, err := n.lease(10 * time.Second)
			must(t, err)
			before := n.server.Requests(login)
			n.does(t, tt.toxic, tt.stream, tt.attributes)
			began := time.Now()
			l, err := n.lease(time.Second)
			if l != nil || !errors.Is(err, auth.ErrUnavailable) || time.Since(began) > 10*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, n.proxy.Listen) || strings.Contains(text, login) {
				t.Errorf("says %s", text)
			}
			if calls := n.server.Requests(login) - before; calls != tt.calls {
				t.Errorf("%d calls, want %d", calls, tt.calls)
			}
			if _, err := first.Secret("password"); err != nil {
				t.Errorf("what was lent before: %v", err)
			}
			n.heal()
			again, err := n.lease(20 * time.Second)
			if err != nil {
				t.Fatalf("healed: %v", err)
			}
			must(t, again.Close(t.Context()))
			n.end(t)
		})
	}
}

// TestNetworkCuts: an answer that is cut at any place is no secret, and where it is whole it
// is one. A connection begins with some 2,500 bytes of TLS.
func TestNetworkCuts(t *testing.T) {
	n := newNetwork(t)
	whole, cuts := 0, 0
	for at := 0; at <= 4200; at += 100 {
		n.does(t, "limit_data", "downstream", fmt.Sprintf(`"bytes": %d`, at))
		l, err := n.lease(10 * time.Second)
		switch {
		case err == nil:
			whole++
			if name, err := l.Secret("username"); err != nil || name.Use(func([]byte) error { return nil }) != nil {
				t.Errorf("cut at %d: %v", at, err)
			}
		case errors.Is(err, auth.ErrUnavailable):
			cuts++
		default:
			t.Errorf("cut at %d: %v", at, err)
		}
		n.heal()
	}
	if whole == 0 || cuts == 0 {
		t.Errorf("%d were whole, %d were cut", whole, cuts)
	}
	n.end(t)
}

// TestNetworkSlices: a byte at a time is an answer like others.
func TestNetworkSlices(t *testing.T) {
	n := newNetwork(t)
	n.does(t, "slicer", "downstream", `"average_size": 7, "size_variation": 6, "delay": 20`)
	n.does(t, "latency", "upstream", `"latency": 30, "jitter": 20`)
	l, err := n.lease(20 * time.Second)
	must(t, err)
	must(t, l.Close(t.Context()))
	n.end(t)
}

// TestNetworkHerd: as many as come while the network is slow, and the login has gone, make
// one login.
func TestNetworkHerd(t *testing.T) {
	n := newNetwork(t)
	n.server.RevokeTokens()
	n.does(t, "latency", "downstream", `"latency": 200`)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			l, err := n.lease(20 * time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			_ = l.Close(context.Background())
		})
	}
	all.Wait()
	if calls, logins := n.server.Requests(login), n.server.Requests("auth/approle/login"); calls < 200 || calls > 400 || logins != 2 {
		t.Errorf("%d calls in %d logins, one of them before", calls, logins)
	}
	n.heal()
	n.end(t)
}

// TestNetworkGoneAtClose: Close does not wait for a server that nobody hears, and the next
// one ends what is left.
func TestNetworkGoneAtClose(t *testing.T) {
	n := newNetwork(t)
	l, err := n.lease(10 * time.Second)
	must(t, err)
	n.does(t, "timeout", "downstream", `"timeout": 0`)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := n.vault.Close(ctx); !errors.Is(err, auth.ErrUnavailable) || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if _, err := l.Secret("password"); err != auth.ErrExpired {
		t.Errorf("closed, and still lent: %v", err)
	}
	n.heal()
	n.end(t)
}
