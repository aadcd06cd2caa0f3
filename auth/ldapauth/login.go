package ldapauth

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/carnet-go/carnet/auth"
	"github.com/go-ldap/ldap/v3"
)

// login is who a session is bound as. It lives as long as a bind.
type login struct{ name, password string }

// read takes both fields from the lease. An empty or blank password would be no
// password: directories answer such a bind with success, for nobody (RFC 4513, section
// 5.1.2).
func read(l *auth.Lease) (login, error) {
	name, err := field(l, "name")
	if err != nil {
		return login{}, err
	}
	if _, err := ldap.ParseDN(name); err != nil {
		return login{}, auth.ErrInvalid
	}
	password, err := field(l, "password")
	return login{name, password}, err
}

// field is a text of the lease. A newline at the end is where a file was stored and not
// a password: to send it would be a wrong one.
func field(l *auth.Lease, name string) (text string, err error) {
	secret, err := l.Secret(name)
	if err != nil {
		return "", err
	}
	err = secret.Use(func(b []byte) error {
		text = string(b)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, control) || strings.Trim(text, " ") == "" {
			return auth.ErrInvalid
		}
		return nil
	})
	if err == auth.ErrUndeclared {
		err = auth.ErrInvalid // an empty one is not called undeclared: it is there
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// bind makes the session the login's, if the directory agrees.
func (b *Bind) bind(ctx context.Context, live func() error, s *session, l login) error {
	done, err := b.refused.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if b.refused.refused(l) {
		return auth.ErrDenied
	}
	if err := live(); err != nil {
		return err
	}
	err = s.run(ctx, func(c *ldap.Conn) error {
		_, err := c.SimpleBind(ldap.NewSimpleBindRequest(l.name, l.password, nil))
		return err
	})
	if err == nil {
		return nil
	}
	code, ok := result(err)
	if !ok {
		return auth.ErrUnavailable
	}
	side := sideOf(code, auth.ReadOnly)
	if code == ldap.LDAPResultUnwillingToPerform {
		side = auth.ErrDenied
	}
	if errors.Is(side, auth.ErrDenied) {
		b.refused.remember(l)
	}
	return &auth.FailedError{Side: side, Status: int(code)}
}
