// Vaultdatabase: a service whose database login was made for it, may only read, and lives for
// seconds; it is renewed, replaced and dropped while the service asks on, and nobody has ever
// typed or stored its password.
//
//	go run ./examples/vaultdatabase -postgres postgres://postgres:…@127.0.0.1/postgres
//	VAULT_ADDR=… VAULT_ROLE_ID=… VAULT_SECRET_ID=… go run ./examples/vaultdatabase -env -role reader -postgres 'postgres://db.acme.example/erp?sslmode=verify-full'
//
// The first has a stand-in for Vault, which makes the logins in a PostgreSQL of yours, one to
// try things in, as the superuser that the URL names. It takes with it what it has made. In
// earnest nobody but Vault has that password, and arguments are no place for one.
//
// The driver reads PGSSLMODE, PGSSLROOTCERT and the like: what it makes of them and of the URL
// must verify the server, unless that is on this machine.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// settings say which database, and who makes logins in it.
type settings struct {
	postgres string
	env      bool
	role     string
	ttl      time.Duration
}

// build opens a pool as whom the lease names. A driver takes strings, which nobody can
// overwrite: the log has that there are some, and why.
func build(v *vault.Vault, at *pgx.ConnConfig) func(context.Context, *auth.Lease) (*sql.DB, error) {
	return func(ctx context.Context, l *auth.Lease) (*sql.DB, error) {
		as := at.Copy()
		var err error
		if as.User, err = v.Reveal(ctx, l, "username", "pgx.user"); err != nil {
			return nil, err
		}
		if as.Password, err = v.Reveal(ctx, l, "password", "pgx.password"); err != nil {
			return nil, err
		}
		pool := stdlib.OpenDB(*as)
		if err := pool.PingContext(ctx); err != nil {
			_ = pool.Close()
			return nil, auth.ErrUnavailable // what the driver says quotes whom and where
		}
		return pool, nil
	}
}

// end is called once, when nobody uses a pool any more, or those who do have had their time.
func end(_ context.Context, pool *sql.DB) error { return pool.Close() }

// backend logs in: to a stand-in that makes logins by the superuser, or to what the
// environment names.
func backend(ctx context.Context, s settings, super *logins) (v *hashivault.Vault, stop func(), err error) {
	if s.env {
		origin, login, o, err := hashivault.FromEnv()
		if err != nil {
			return nil, nil, err
		}
		v, err = hashivault.New(ctx, origin, login, o)
		return v, func() {}, err
	}
	server := vaulttest.StartHashi()
	server.Database(super)
	server.DatabaseRole(s.role, s.ttl, s.ttl*3/2) // renewed once, and then replaced
	login := hashivault.Login{RoleID: server.AppRole("erp", time.Hour, 0, "database/creds/"+s.role), SecretID: auth.NewSecret([]byte(server.SecretID("erp")))}
	if v, err = hashivault.New(ctx, server.URL, login, &hashivault.Options{RootCAs: server.RootCAs()}); err != nil {
		server.Close()
	}
	return v, server.Close, err
}

// serve keeps a pool up to date while the log is open.
func serve(ctx context.Context, out io.Writer, log *audit.Log, s settings, at *pgx.ConnConfig, super *logins) (err error) {
	late := context.WithoutCancel(ctx) // what is lent is given back, whoever has left
	from, stop, err := backend(ctx, s, super)
	if err != nil {
		return err
	}
	defer stop()
	defer func() { err = errors.Join(err, from.Close(late)) }()
	path := "database/creds/" + s.role
	v, err := vault.New(log, from, &vault.Options{Own: []string{path}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close(late)) }()
	pools, err := vault.Bind(ctx, v.Own(path), build(v, at), &vault.BindOptions[*sql.DB]{Close: end})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pools.Close(late)) }()
	return follow(ctx, out, pools, super)
}

// follow asks until it is somebody else who asks, and the first is gone.
func follow(ctx context.Context, out io.Writer, pools *vault.Bound[*sql.DB], super *logins) error {
	first, err := who(ctx, pools)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "asks as a login that was made for this service")
	if err := may(ctx, out, pools, super); err != nil {
		return err
	}
	if super == nil {
		fmt.Fprintln(out, "asks on until that is replaced, which may take as long as it may live")
	}
	began, asked, now := time.Now(), 1, first
	for ; now == first; asked++ {
		if now, err = who(ctx, pools); err != nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Fprintf(out, "asks as another one after %v; asked %d times, each was answered\n", time.Since(began).Round(time.Second), asked)
	return super.gone(ctx, out, first)
}

// who asks who asks.
func who(ctx context.Context, pools *vault.Bound[*sql.DB]) (name string, err error) {
	pool, done, err := pools.Get(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	err = pool.QueryRowContext(ctx, "SELECT current_user").Scan(&name)
	return name, said(ctx, err)
}

// may says what a login may do: what it was made for, and nothing else.
func may(ctx context.Context, out io.Writer, pools *vault.Bound[*sql.DB], super *logins) error {
	if super == nil {
		return nil // what it may, the real one has declared
	}
	pool, done, err := pools.Get(ctx)
	if err != nil {
		return err
	}
	defer done()
	var n int
	if err := pool.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		return said(ctx, err)
	}
	_, err = pool.ExecContext(ctx, "DELETE FROM "+table)
	if err != nil && state(err) != insufficientPrivilege {
		return said(ctx, err)
	}
	fmt.Fprintf(out, "may read %d rows; may delete them: %t\n", n, err == nil)
	return nil
}

// run serves, and then has the log verified, as a stranger does who has its key alone.
func run(ctx context.Context, out io.Writer, dir string, s settings) (err error) {
	at, err := pgx.ParseConfig(s.postgres)
	if err != nil {
		return errors.New("-postgres is no URL of a PostgreSQL") // what pgx says quotes it
	}
	if !verified(at) {
		return errors.New("-postgres names a server that would not be verified: add sslmode=verify-full, and sslrootcert where it is an authority of your own")
	}
	var super *logins
	if !s.env {
		if super, err = prepare(ctx, at); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, super.close(context.WithoutCancel(ctx), out)) }()
	}
	dir = filepath.Join(dir, "audit")
	if err := audit.Create(ctx, dir, "acme.example/erp/a", nil); err != nil {
		return err
	}
	log, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(serve(ctx, out, log, s, at, super), log.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	report, err := verify.Dir(ctx, os.DirFS(dir), []string{log.Key()})
	fmt.Fprintln(out, "audit:", report)
	if len(report.Findings) > 0 {
		return errors.New("the log does not verify")
	}
	return err
}

func main() {
	var s settings
	flag.StringVar(&s.postgres, "postgres", "", "URL of the database; without -env, of its superuser")
	flag.BoolVar(&s.env, "env", false, "have logins made by the Vault that VAULT_ADDR and the like name; otherwise by a stand-in")
	flag.StringVar(&s.role, "role", "reader", "role of the database engine")
	flag.DurationVar(&s.ttl, "ttl", 4*time.Second, "life of a login of the stand-in, which is renewed for half as long")
	flag.Parse()
	if flag.NArg() > 0 || s.postgres == "" || s.ttl < 2*time.Second {
		flag.Usage()
		os.Exit(2)
	}
	if err := start(s); err != nil {
		fmt.Fprintln(os.Stderr, "vaultdatabase:", err)
		os.Exit(1)
	}
}

func start(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "vaultdatabase-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, os.Stdout, dir, s)
}
