package hashivault_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// pipes is a network without sockets, so that time can be tested.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bubble runs a fake whose AppRole has tokens of ttl and at most most, in time that passes
// when everybody waits.
func bubble(t *testing.T, ttl, most time.Duration, run func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error))) {
	t.Helper()
	h := vaulttest.NewHashi(t)
	synctest.Test(t, func(t *testing.T) {
		h.Put("secret/app", map[string]string{"password": "one"})
		h.DatabaseRole("ro", time.Hour, 24*time.Hour)
		id := h.AppRole("app", ttl, most, paths[0], paths[3])
		login := hashivault.Login{RoleID: id, SecretID: secret(h.SecretID("app"))}
		network := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: h, ReadHeaderTimeout: time.Hour}
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = server.Serve(network) }()
		var opened []*hashivault.Vault
		run(t, h, func(ctx context.Context) (*hashivault.Vault, error) {
			v, err := hashivault.Dial(ctx, "http://127.0.0.1:8200", login, nil, network.dial)
			opened = append(opened, v)
			return v, err
		})
		for _, v := range opened {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			_ = v.Close(ctx)
			cancel()
		}
		_ = server.Close()
		<-stopped
		time.Sleep(time.Minute) // whatever is bounded has ended
	})
}
