// Package ldapauth makes declared calls to a directory, in sessions that are bound as
// one login.
//
//	auth.Translators{"directory": &ldapauth.Bind{Login: v.Source("directory/service")}}
//
// The operation says everything: its method is add, modify, delete or search; its base
// is the entry, or where a search begins; {places} of base and filter are filled by the
// mapping's fields in dn and in filter; fields in attribute are what add writes and what
// modify replaces, an array being several values, and an attribute without a field is
// left as it is. A search with a filter covers the whole tree below the base, one
// without a filter reads the base alone. It answers
//
//	{"entries":[{"dn":"uid=ada,ou=people,dc=example","uid":["ada"],"mail":[]}]}
//
// with each declared attribute, spelled and ordered as declared, as an array that may be
// empty. Other methods answer nothing.
//
// # Guarantees
//
// Nothing is sent in the clear: with ldaps the TLS handshake comes first, with ldap
// StartTLS does, and where it is refused there is no session. A session is bound once,
// belongs to one principal and one operation, and ends with the lease or the grant that
// it was made under. An empty or blank password is never sent, and one that the
// directory refused is not sent again for five minutes, whoever asks: each time is a
// step to a lock-out. Values stay values: every byte but letters and digits is escaped,
// and what comes out is parsed again and compared with the declaration. A call is sent
// at most once; a session that has died is replaced before, not after. Everything ends
// with the context, and a session that was cut is closed. An answer is whole or an
// error: never the first thousand entries.
//
// # Limits
//
// Only simple binds. The password is in the memory of this process as plain text while
// it is sent, and it is not normalised (SASLprep): control characters are refused. The
// directory compares as its schema says, so "ada" and "ADA " may be one name. A session
// cannot say on whose behalf it is used. Referrals are refused, so a search begins below
// them. Text only: values that are not UTF-8 are refused. An attribute with options, such
// as cn;lang-de, is left out; one in part, such as member;range=0-1499, is refused. At
// most 1,000 entries and 4 MiB. modify cannot remove an attribute. Directories may say
// "no such entry" of what the login must not see.
//
// # Errors
//
// [auth.ErrDenied]: the login or the call was refused (results 48, 49, 50; of a bind 53
// too). [auth.ErrExpired]: the material has ended, or its password is no longer
// accepted. [auth.ErrUndeclared]: a referral, or a field of the login that the lease has
// not. [auth.ErrForeign]: a grant of another principal or operation. [auth.ErrInvalid]:
// what was declared, mapped or answered, and all other results; 32 of an idempotent
// delete is success. [auth.ErrUnavailable]: no session, results 51 and 52, or a search
// that broke off. [auth.ErrUnknown]: a write that broke off, result 80 of a write, and 52
// of one that must not happen twice. Where there is a result, it is the Status of an
// [auth.FailedError]. What the directory says stays out.
//
// # Concurrency
//
// A Bind is safe for concurrent use, and so is what it yields: up to four sessions, each
// closed after 30 idle seconds.
package ldapauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

// Bind performs a directory's operations as one login. It must not be copied after its
// first use.
type Bind struct {
	Login auth.Source // fields name, a DN, and password

	refused refusals
}

// Check says whether it is complete.
func (b *Bind) Check() error {
	if b == nil || b.Login == nil {
		return fmt.Errorf("%w: Bind.Login is nil", auth.ErrInvalid)
	}
	return nil
}

// Fits says whether the system is a directory whose operations can be performed. The
// error is mapping.Findings, with pointers into the system.
//
//	L101 kind     L110 method   L112 base     L114 attributes
//	L102 origin   L111 effect   L113 filter
func (b *Bind) Fits(s auth.System) error {
	var found mapping.Findings
	if s.Kind != auth.KindDirectory {
		found = append(found, mapping.Finding{Code: "L101", Path: "/kind", Problem: "is no directory"})
	}
	if scheme, _, ok := strings.Cut(strings.ToLower(s.Origin), "://"); !ok || (scheme != "ldaps" && scheme != "ldap") {
		found = append(found, mapping.Finding{Code: "L102", Path: "/origin", Problem: "is neither ldaps nor ldap"})
	}
	for i, op := range s.Operations {
		for _, f := range declared(op) {
			f.Path = fmt.Sprintf("/operations/%d%s", i, f.Path)
			found = append(found, f)
		}
	}
	return found.Err()
}

// Translate yields an auth.Performer with one bound session.
func (b *Bind) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if b.Check() != nil {
		return nil, auth.ErrInvalid
	}
	if err := n.Grant.Live(); err != nil {
		return nil, err
	}
	if b.Fits(n.Grant.System()) != nil || n.Dial == nil || n.TLS == nil || n.TLS.ServerName == "" || n.TLS.InsecureSkipVerify {
		return nil, auth.ErrInvalid
	}
	lease, err := b.Login.Lease(ctx, n.Grant)
	if err != nil {
		return nil, err
	}
	m := newMaterial(b, n, lease)
	if err := m.warm(ctx); err != nil {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackWithin)
		defer cancel()
		_ = m.Close(back)
		return nil, err
	}
	return m, nil
}

const giveBackWithin = 5 * time.Second // a lease that came to nothing

// trust is the configuration of a handshake, with a floor.
func trust(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

// unavailable is a failure before anything happened; it says whether the caller has
// left.
func unavailable(ctx context.Context) error { return lost(ctx, auth.ErrUnavailable) }

func lost(ctx context.Context, side error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", side, ended)
	}
	return side
}

// known is err without what others say in it.
func known(ctx context.Context, err error) error {
	for _, side := range []error{auth.ErrDenied, auth.ErrForeign, auth.ErrUndeclared, auth.ErrInvalid, auth.ErrExpired} {
		if errors.Is(err, side) {
			return side
		}
	}
	return unavailable(ctx)
}
