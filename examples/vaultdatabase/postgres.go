package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// What is made in the database, and dropped at the end.
const (
	table = "vaultdatabase_employee"
	group = "vaultdatabase_reader" // may read the table; nobody logs in as it
)

// insufficientPrivilege is an SQLSTATE: who asks may not do that.
const insufficientPrivilege = "42501"

// state is the SQLSTATE that the database has given; empty: none.
func state(err error) string {
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		return told.Code
	}
	return ""
}

// said is what the database says, without the names and values in it.
func said(ctx context.Context, err error) error {
	switch code := state(err); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case code != "":
		return fmt.Errorf("the database says %s (SQLSTATE)", code)
	}
	return errors.New("the database cannot be reached")
}

// verified says whether a password goes only to the server that is meant: TLS that verifies
// its name, also in what the driver falls back to; or a server on this machine.
func verified(c *pgx.ConnConfig) bool {
	ways := []*pgconn.FallbackConfig{{Host: c.Host, TLSConfig: c.TLSConfig}}
	for _, way := range append(ways, c.Fallbacks...) {
		addr, err := netip.ParseAddr(way.Host)
		here := way.Host == "localhost" || strings.HasPrefix(way.Host, "/") || err == nil && addr.IsLoopback()
		if !here && (way.TLSConfig == nil || way.TLSConfig.InsecureSkipVerify || way.TLSConfig.ServerName == "") {
			return false
		}
	}
	return true
}

// logins makes logins as the statements of a database engine of Vault do. It is for the
// stand-in: in earnest the superuser's password is Vault's, and no service has it.
type logins struct{ super *sql.DB }

// prepare makes what a login is to read, also where another run of this was killed.
func prepare(ctx context.Context, at *pgx.ConnConfig) (*logins, error) {
	l := &logins{stdlib.OpenDB(*at)}
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + table, "DROP ROLE IF EXISTS " + group,
		"CREATE TABLE " + table + " (name text)",
		"INSERT INTO " + table + " VALUES ('Ada'), ('Grace'), ('Barbara')",
		"CREATE ROLE " + group + " NOLOGIN",
		"GRANT SELECT ON " + table + " TO " + group,
	} {
		if _, err := l.super.ExecContext(ctx, statement); err != nil {
			_ = l.super.Close()
			return nil, fmt.Errorf("the database cannot be prepared: %w", said(ctx, err))
		}
	}
	return l, nil
}

// close says what is left of logins, and drops what prepare has made.
func (l *logins) close(ctx context.Context, out io.Writer) error {
	var left int
	err := l.super.QueryRowContext(ctx, `SELECT count(*) FROM pg_auth_members WHERE roleid = $1::regrole`, group).Scan(&left)
	if err == nil {
		fmt.Fprintln(out, "logins that are left in the database:", left)
	}
	_, dropped := l.super.ExecContext(ctx, "DROP TABLE "+table)
	_, other := l.super.ExecContext(ctx, "DROP ROLE "+group)
	return errors.Join(said(ctx, err), said(ctx, dropped), said(ctx, other), l.super.Close())
}

// gone waits until a login is no login any more.
func (l *logins) gone(ctx context.Context, out io.Writer, name string) error {
	if l == nil {
		return nil // who made it drops it
	}
	for {
		var left int
		if err := l.super.QueryRowContext(ctx, "SELECT count(*) FROM pg_roles WHERE rolname = $1", name).Scan(&left); err != nil {
			return said(ctx, err)
		}
		if left == 0 {
			fmt.Fprintln(out, "the one before was dropped")
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// do makes a statement of what no parameter can stand in, quoted by the database itself.
func (l *logins) do(ctx context.Context, format string, args ...any) error {
	var statement string
	if err := l.super.QueryRowContext(ctx, "SELECT format("+format+")", args...).Scan(&statement); err != nil {
		return err
	}
	_, err := l.super.ExecContext(ctx, statement)
	return err
}

// Create implements vaulttest.HashiDatabase.
func (l *logins) Create(ctx context.Context, _, username, password string, expires time.Time) error {
	return l.do(ctx, `'CREATE ROLE %I LOGIN PASSWORD %L VALID UNTIL %L IN ROLE `+group+`', $1::text, $2::text, $3::timestamptz`, username, password, expires)
}

// Extend implements vaulttest.HashiDatabase.
func (l *logins) Extend(ctx context.Context, username string, expires time.Time) error {
	return l.do(ctx, `'ALTER ROLE %I VALID UNTIL %L', $1::text, $2::timestamptz`, username, expires)
}

// Drop implements vaulttest.HashiDatabase. Whoever is connected as the login would stay so.
func (l *logins) Drop(ctx context.Context, username string) error {
	if _, err := l.super.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", username); err != nil {
		return err
	}
	return l.do(ctx, `'DROP ROLE IF EXISTS %I', $1::text`, username)
}
