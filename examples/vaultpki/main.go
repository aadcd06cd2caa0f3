// Vaultpki: a server whose certificate comes from Vault's PKI, lives for minutes, and is
// replaced while it serves; nobody restarts it, and no key is ever in a file.
//
//	go run ./examples/vaultpki             # a stand-in for Vault; certificates of 4 seconds
//	VAULT_ADDR=… VAULT_ROLE_ID=… VAULT_SECRET_ID=… go run ./examples/vaultpki -env -role web -ttl 10m
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// certificate is what the server shows: what is leased, as crypto/tls takes it.
func certificate(_ context.Context, l *auth.Lease) (*tls.Certificate, error) {
	chain, err := l.Secret("certificate")
	if err != nil {
		return nil, err
	}
	key, err := l.Secret("private_key")
	if err != nil {
		return nil, err
	}
	var pair tls.Certificate
	err = chain.Use(func(chain []byte) error {
		return key.Use(func(key []byte) (err error) {
			pair, err = tls.X509KeyPair(chain, key)
			return err
		})
	})
	if err != nil {
		return nil, auth.ErrInvalid // what crypto/tls says may quote it
	}
	return &pair, nil
}

// serve is a server that shows what is current, to each who comes.
func serve(ctx context.Context, shown *vault.Bound[*tls.Certificate]) (*http.Server, net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return shown.Value(hello.Context())
		}},
	}
	go func() { _ = s.ServeTLS(listener, "", "") }()
	return s, listener, nil
}

// ask connects anew, and says until when the certificate is valid that it was shown.
func ask(ctx context.Context, address string) (*x509.Certificate, error) {
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", address) // which one it is, is what is asked
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// settings say which Vault, and what is asked of it.
type settings struct {
	env  bool
	role string
	ttl  time.Duration
}

// backend logs in: to a stand-in, or to what the environment names.
func backend(ctx context.Context, s settings) (v *hashivault.Vault, end func(), err error) {
	path := "pki/issue/" + s.role
	asked := map[string]hashivault.Certificate{path: {CommonName: "web.acme.example", IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, TTL: s.ttl}}
	if s.env {
		origin, login, o, err := hashivault.FromEnv()
		if err != nil {
			return nil, nil, err
		}
		o.Certificates = asked
		v, err = hashivault.New(ctx, origin, login, o)
		return v, func() {}, err
	}
	server := vaulttest.StartHashi()
	server.PKIRole(s.role, time.Hour, false)
	login := hashivault.Login{RoleID: server.AppRole("web", 0, 0, path), SecretID: auth.NewSecret([]byte(server.SecretID("web")))}
	if v, err = hashivault.New(ctx, server.URL, login, &hashivault.Options{RootCAs: server.RootCAs(), Certificates: asked}); err != nil {
		server.Close()
	}
	return v, server.Close, err
}

func run(ctx context.Context, out io.Writer, dir string, s settings) (err error) {
	from, end, err := backend(ctx, s)
	if err != nil {
		return err
	}
	defer end()
	defer func() { err = errors.Join(err, from.Close(context.WithoutCancel(ctx))) }()
	dir = filepath.Join(dir, "audit")
	if err := audit.Create(ctx, dir, "acme.example/web/a", nil); err != nil {
		return err
	}
	log, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(ctx))) }()
	path := "pki/issue/" + s.role
	v, err := vault.New(log, from, &vault.Options{Own: []string{path}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close(context.WithoutCancel(ctx))) }()
	shown, err := vault.Bind(ctx, v.Own(path), certificate, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shown.Close(context.WithoutCancel(ctx))) }()
	server, listener, err := serve(ctx, shown)
	if err != nil {
		return err
	}
	defer server.Close()
	return watch(ctx, out, listener.Addr().String(), shown)
}

// watch prints the certificate that it is shown, and the one after it.
func watch(ctx context.Context, out io.Writer, address string, shown *vault.Bound[*tls.Certificate]) error {
	var last *x509.Certificate
	for n := range 2 {
		changed := shown.Changed()
		now, err := ask(ctx, address)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s shows a certificate that is valid: %t\n", now.Subject.CommonName, time.Now().Before(now.NotAfter))
		if last != nil {
			fmt.Fprintf(out, "another one: %t, while the one before is still valid: %t\n", !now.Equal(last), time.Now().Before(last.NotAfter))
		}
		if last = now; n > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func main() {
	var s settings
	flag.BoolVar(&s.env, "env", false, "log in as VAULT_ADDR and the like say; otherwise to a stand-in")
	flag.StringVar(&s.role, "role", "web", "PKI role that issues")
	flag.DurationVar(&s.ttl, "ttl", 4*time.Second, "life of a certificate")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := start(s); err != nil {
		fmt.Fprintln(os.Stderr, "vaultpki:", err)
		os.Exit(1)
	}
}

func start(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "vaultpki-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, os.Stdout, dir, s)
}
