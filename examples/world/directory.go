package world

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/jimlambrt/gldap"
)

// suffix is the directory's naming context: accounts stand below people, and the
// service beside them.
const (
	suffix    = "o=acme"
	people    = "ou=people," + suffix
	serviceDN = "cn=" + Audience + "," + suffix
)

// directory is an LDAP server that speaks TLS from the first byte.
type directory struct {
	origin   string
	server   *gldap.Server
	served   sync.WaitGroup
	received traffic
	password string
	tree     *tree

	mu    sync.Mutex
	bound map[int]string // DN, by connection
	conns []net.Conn     // to be closed: the server waits for its clients to go
}

// listenLDAP starts the server. It takes an address and no listener, so the port is
// looked for first, and taken again when somebody was faster.
func (a *authority) listenLDAP(password string) (*directory, error) {
	var failed error
	for range 5 {
		d := &directory{password: password, tree: newTree(), bound: map[int]string{}}
		if err := d.listen(a); err == nil {
			return d, nil
		} else if failed = errors.Join(failed, err); d.server != nil {
			_ = d.close()
		}
	}
	return nil, failed
}

func (d *directory) listen(a *authority) error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	mux, err := d.routes()
	if err != nil {
		return err
	}
	d.server, err = gldap.NewServer(gldap.WithLogger(hclog.NewNullLogger()), gldap.WithOnClose(d.forget))
	if err != nil {
		return err
	}
	if err := d.server.Router(mux); err != nil {
		return err
	}
	config := a.config()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.conns = append(d.conns, hello.Conn)
		return nil, nil
	}
	d.origin = "ldaps://" + address
	ended := make(chan error, 1)
	d.served.Go(func() { ended <- d.server.Run(address, gldap.WithTLSConfig(config)) })
	return a.reach(address, ended)
}

// reach waits until a server of this authority answers, or what was to be one has ended.
func (a *authority) reach(address string, ended <-chan error) error {
	for {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS12})
		if err == nil {
			return conn.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("world: the directory does not listen: %w", err)
		default:
		}
	}
}

func (d *directory) routes() (*gldap.Mux, error) {
	mux, err := gldap.NewMux()
	if err != nil {
		return nil, err
	}
	return mux, errors.Join(mux.Bind(d.bind), mux.Add(d.add), mux.Modify(d.modify), mux.Delete(d.remove), mux.Search(d.search))
}

func (d *directory) close() error {
	stopped := make(chan error, 1)
	d.served.Go(func() { stopped <- d.server.Stop() })
	d.mu.Lock()
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.mu.Unlock()
	d.served.Wait()
	return <-stopped
}

func (d *directory) forget(connection int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.bound, connection)
}

// who is bound on the connection; empty: nobody.
func (d *directory) who(r *gldap.Request) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bound[r.ConnectionID()]
}

// bind takes the service's name and password alone. Whoever fails is nobody again.
func (d *directory) bind(w *gldap.ResponseWriter, r *gldap.Request) {
	code := gldap.ResultInvalidCredentials
	m, err := r.GetSimpleBindMessage()
	if err == nil {
		noted := d.received.add(Request{Method: "bind", Path: m.UserName})
		d.forget(r.ConnectionID())
		if key(m.UserName) == key(serviceDN) && same(d.password, string(m.Password)) {
			d.mu.Lock()
			d.bound[r.ConnectionID()] = serviceDN
			d.mu.Unlock()
			d.received.identify(noted, serviceDN)
			code = gldap.ResultSuccess
		}
	}
	_ = w.Write(r.NewBindResponse(gldap.WithResponseCode(code)))
}
