package ldapauth_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/ldapauth"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// TestIdentityNeverChanges: two logins of one directory, many callers, and every call
// goes over a session that was bound once, as its own login.
func TestIdentityNeverChanges(t *testing.T) {
	d := newDirectory(t)
	dial := d.dial(t)
	var wg sync.WaitGroup
	for i, who := range []string{"cn=reader,dc=example", "cn=remover,dc=example"} {
		operation := []string{"directory.entry.read", "directory.entry.drop"}[i]
		n := d.need(t, dial, operation)
		p := performer(t, &ldapauth.Bind{Login: &source{fields: map[string]string{"name": who, "password": password}}}, n)
		for range 12 {
			wg.Go(func() {
				for range 5 {
					if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for prefix, who := range map[string]string{"search": "cn=reader,dc=example", "delete": "cn=remover,dc=example"} {
		calls := d.asked(prefix)
		if len(calls) != 60 {
			t.Errorf("%d calls", len(calls))
		}
		for _, call := range calls {
			if !strings.HasSuffix(call, " as "+who) {
				t.Error(call)
			}
		}
	}
	if again := d.asked("bound again"); len(again) > 0 || len(d.asked("bind")) != d.dialled() || d.dialled() > 8 {
		t.Errorf("%q, %d binds on %d sessions", again, len(d.asked("bind")), d.dialled())
	}
}

// TestAnotherGrant: material is for whom and for what it was made.
func TestAnotherGrant(t *testing.T) {
	d := newDirectory(t)
	n := d.need(t, d.dial(t), "directory.entry.read")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	var none auth.Grant
	for name, other := range map[string]auth.Grant{
		"none":              none,
		"another operation": authtest.Grant(t, newGate(t, "alice", d.system()), "directory.entry.drop"),
		"another principal": authtest.Grant(t, newGate(t, "bob", d.system()), "directory.entry.read"),
	} {
		if _, err := p.Perform(t.Context(), other, nothing); err != auth.ErrForeign {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := authtest.Grant(t, newGate(t, "alice", d.system()), "directory.entry.read")
	if _, err := p.Perform(t.Context(), again, nothing); err != nil || len(d.asked("search"))+len(d.asked("delete")) != 1 {
		t.Errorf("%v: %q", err, d.asked(""))
	}
}

// TestDeadSessionIsReplacedOnce, before the call is sent, which is sent once.
func TestDeadSessionIsReplacedOnce(t *testing.T) {
	d := newDirectory(t)
	n := d.need(t, d.dial(t), "directory.entry.end")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	for i := range 3 {
		d.drop()
		d.settle()
		if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil {
			t.Fatal(err)
		}
		if d.dialled() != i+2 || len(d.asked("delete")) != i+1 || len(d.asked("bind")) != i+2 {
			t.Fatalf("%d dials: %q", d.dialled(), d.asked(""))
		}
	}
	// One that is ended right after its bind is the last.
	d.drop()
	d.settle()
	d.hookIs(func(c *served, id int64, op *ber.Packet) bool {
		if op.Tag == ldap.ApplicationBindRequest {
			_ = c.raw.Close()
		}
		return op.Tag == ldap.ApplicationBindRequest
	})
	if _, err := p.Perform(t.Context(), n.Grant, nothing); err != auth.ErrUnavailable || d.dialled() != 5 {
		t.Errorf("%v after %d dials", err, d.dialled())
	}
}

// TestAtMostOnce: whenever the directory hangs up, a call arrives at most once, and who
// is told that nothing happened has sent nothing.
func TestAtMostOnce(t *testing.T) {
	d := newDirectory(t)
	n := d.need(t, d.dial(t), "directory.entry.end")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	const calls = 100
	arrived := 0
	for i := range calls {
		var wg sync.WaitGroup
		wg.Go(func() { time.Sleep(time.Duration(i%50) * 10 * time.Microsecond); d.drop() })
		_, err := p.Perform(t.Context(), n.Grant, nothing)
		wg.Wait()
		if err != nil && err != auth.ErrUnknown && err != auth.ErrUnavailable {
			t.Errorf("%v", err)
		}
		d.heard()
		now := len(d.asked("delete"))
		if more := now - arrived; more > 1 || err == nil && more != 1 || err == auth.ErrUnavailable && more != 0 {
			t.Errorf("%v, and it arrived %d times", err, more)
		}
		arrived = now
	}
}

// TestWrongPasswordIsOneBind: however many ask, for however many principals, until
// there is another password or five minutes are over.
func TestWrongPasswordIsOneBind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		login := serviceLogin()
		d.passwordIs("another")
		d.hook = func(_ *served, _ int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationBindRequest {
				time.Sleep(time.Second / 2) // in which the others come
			}
			return false
		}
		b := &ldapauth.Bind{Login: login}
		attempt := func() {
			t.Helper()
			var wg sync.WaitGroup
			for i := range 8 {
				n := auth.Need{
					Grant: authtest.Grant(t, newGate(t, fmt.Sprint("user-", i), d.system()), "directory.entry.read"),
					Dial:  d.pipe, TLS: d.ca.client("127.0.0.1"),
				}
				wg.Go(func() {
					if made, err := b.Translate(t.Context(), n); !errors.Is(err, auth.ErrDenied) || made != nil || leaks(err) {
						t.Errorf("%v", err)
					}
				})
			}
			wg.Wait()
		}
		attempt()
		dials := d.dialled()
		attempt()
		if d.dialled() != dials {
			t.Error("there is a session for a password that will not be sent")
		}
		if sent := d.asked("refused"); len(sent) != 1 {
			t.Errorf("a wrong password was sent %d times", len(sent))
		}
		time.Sleep(5 * time.Minute)
		attempt()
		if sent := d.asked("refused"); len(sent) != 2 {
			t.Errorf("after five minutes it was sent %d times", len(sent))
		}
		login.set("password", "another")
		n := d.need(t, d.pipe, "directory.entry.read")
		if made, err := b.Translate(t.Context(), n); err != nil {
			t.Error("the right one is not sent")
		} else {
			closed(t, made)
		}
	})
}

// TestRefusedLogins: what else means that somebody may not log in.
func TestRefusedLogins(t *testing.T) {
	for _, tt := range []struct {
		code    uint16
		wantErr error
		binds   int // of two attempts
	}{
		{48, auth.ErrDenied, 1},
		{49, auth.ErrDenied, 1},
		{50, auth.ErrDenied, 1},
		{53, auth.ErrDenied, 1},
		{8, auth.ErrInvalid, 2},
		{13, auth.ErrInvalid, 2},
		{14, auth.ErrInvalid, 2},
		{10, auth.ErrUndeclared, 2},
		{51, auth.ErrUnavailable, 2},
		{52, auth.ErrUnavailable, 2},
	} {
		d := newDirectory(t)
		d.hook = answering(ldap.ApplicationBindRequest, ldap.ApplicationBindResponse, tt.code)
		n := d.need(t, d.dial(t), "directory.entry.read")
		login := serviceLogin()
		b := &ldapauth.Bind{Login: login}
		_, err := b.Translate(t.Context(), n)
		if !errors.Is(err, tt.wantErr) || status(err) != int(tt.code) || leaks(err) {
			t.Errorf("%d: %v", tt.code, err)
		}
		if login.refused != 2-tt.binds {
			t.Errorf("%d: the lease was told %d times that it is refused", tt.code, login.refused)
		}
		if _, err := b.Translate(t.Context(), n); !errors.Is(err, tt.wantErr) || len(d.asked("answered")) != tt.binds {
			t.Errorf("%d: %v, %d binds", tt.code, err, len(d.asked("answered")))
		}
	}
}

// TestPasswordThatWasGood is refused when a session is replaced: the material has ended,
// and the password is not tried again.
func TestPasswordThatWasGood(t *testing.T) {
	d := newDirectory(t)
	n := d.need(t, d.dial(t), "directory.entry.read")
	p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
	d.passwordIs("rotated")
	if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil {
		t.Fatalf("a session that is bound: %v", err)
	}
	d.drop()
	d.settle()
	_, err := p.Perform(t.Context(), n.Grant, nothing)
	if !errors.Is(err, auth.ErrExpired) || errors.Is(err, auth.ErrDenied) || status(err) != 49 {
		t.Errorf("%v", err)
	}
	if _, err := p.Perform(t.Context(), n.Grant, nothing); err != auth.ErrExpired || len(d.asked("refused")) != 1 {
		t.Errorf("%v after %q", err, d.asked("refused"))
	}
}

// TestNothingAfterTheEnd: a session stays bound in the directory, and is not used.
func TestNothingAfterTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(context.Context, *source, auth.Material)
	}{
		{"material closed", func(ctx context.Context, _ *source, m auth.Material) {
			_ = m.(interface{ Close(context.Context) error }).Close(ctx)
		}},
		{"lease closed", func(ctx context.Context, s *source, _ auth.Material) { _ = s.leases[0].Close(ctx) }},
		{"lease ended", func(_ context.Context, s *source, _ auth.Material) { time.Sleep(time.Until(s.expires)) }},
		{"grant ended before the lease", func(_ context.Context, s *source, _ auth.Material) { time.Sleep(15 * time.Minute) }},
		{"grant ended", func(context.Context, *source, auth.Material) { time.Sleep(15 * time.Minute) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(t)
				login := serviceLogin()
				switch tt.name {
				case "lease ended":
					login.expires = time.Now().Add(20 * time.Second)
				case "grant ended before the lease":
					login.expires = time.Now().Add(24 * time.Hour)
				}
				n := d.need(t, d.pipe, "directory.entry.read")
				made, err := (&ldapauth.Bind{Login: login}).Translate(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				defer closed(t, made)
				if made.Credential() != "l-1" || !made.Expires().Equal(earlier(n.Grant.NotAfter(), login.expires)) {
					t.Errorf("%q, %v", made.Credential(), made.Expires())
				}
				tt.end(t.Context(), login, made)
				if _, err := made.(auth.Performer).Perform(t.Context(), n.Grant, nothing); err != auth.ErrExpired {
					t.Errorf("%v", err)
				}
				// Also for a grant that has just been given.
				fresh := authtest.Grant(t, newGate(t, "alice", d.system()), "directory.entry.read")
				if _, err := made.(auth.Performer).Perform(t.Context(), fresh, nothing); err != auth.ErrExpired {
					t.Errorf("%v", err)
				}
				if len(d.asked("search")) > 0 {
					t.Errorf("%q", d.asked("search"))
				}
			})
		})
	}
}

// earlier is what ends first; zero ends never.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// TestFreeze: what is frozen is asked before each transmission, the bind and the call.
func TestFreeze(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   string
		want string // is the last that was sent
	}{
		{"while dialling", "dial", ""},
		{"while binding", "bind", "bind"},
		{"after the bind", "idle", "bind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			gate := newGate(t, "alice", d.system())
			frozen := tt.at
			freeze := func(at string) {
				if at == frozen {
					if err := gate.Freeze(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
			d.hook = func(_ *served, _ int64, op *ber.Packet) bool {
				if op.Tag == ldap.ApplicationBindRequest {
					freeze("bind")
				}
				return false
			}
			dial := d.dial(t)
			n := auth.Need{Grant: authtest.Grant(t, gate, "directory.entry.drop"), TLS: d.ca.client("127.0.0.1"), Dial: func(ctx context.Context) (net.Conn, error) {
				freeze("dial")
				return dial(ctx)
			}}
			made, err := (&ldapauth.Bind{Login: serviceLogin()}).Translate(t.Context(), n)
			if err == nil {
				defer closed(t, made)
				freeze("idle")
				_, err = made.(auth.Performer).Perform(t.Context(), n.Grant, nothing)
			}
			if !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("%v", err)
			}
			if seen := d.asked(""); len(d.asked("delete")) > 0 || len(d.asked(tt.want)) != len(seen) || (tt.want == "") != (len(seen) == 0) {
				t.Errorf("%q", seen)
			}
		})
	}
}

// TestCloseCutsCalls that are under way, says goodbye to who is idle, and gives the
// lease back once.
func TestCloseCutsCalls(t *testing.T) {
	d := newDirectory(t)
	reached := make(chan bool, 1)
	d.hook = func(c *served, _ int64, op *ber.Packet) bool {
		if op.Tag == ldap.ApplicationDelRequest {
			reached <- true
		}
		return op.Tag == ldap.ApplicationDelRequest
	}
	login := serviceLogin()
	n := d.need(t, d.dial(t), "directory.entry.drop")
	made, err := (&ldapauth.Bind{Login: login}).Translate(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := made.(auth.Performer).Perform(t.Context(), n.Grant, nothing)
		failed <- err
	}()
	<-reached
	closed(t, made)
	if err := <-failed; err != auth.ErrUnknown {
		t.Errorf("%v", err)
	}
	closed(t, made)
	if login.givenBack() != 1 {
		t.Errorf("given back %d times", login.givenBack())
	}

	d.hookIs(nil)
	made, err = (&ldapauth.Bind{Login: login}).Translate(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, made)
	for range 100 {
		if time.Sleep(10 * time.Millisecond); len(d.asked("unbind")) == 1 {
			return
		}
	}
	t.Error("no goodbye")
}

// TestIdleSessions are closed, and the material is good without them.
func TestIdleSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		n := d.need(t, d.pipe, "directory.entry.read")
		p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
		time.Sleep(29 * time.Second)
		if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil || d.dialled() != 1 {
			t.Errorf("%v after %d dials", err, d.dialled())
		}
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if len(d.asked("unbind")) != 0 {
			t.Error("closed before it was idle for long")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(d.asked("unbind")) != 1 {
			t.Error("not closed")
		}
		if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil || d.dialled() != 2 {
			t.Errorf("%v after %d dials", err, d.dialled())
		}
	})
}

// TestSessionsAreBounded: who comes when all are in use waits, until his context ends.
func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		d.hook = func(c *served, id int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationSearchRequest {
				time.Sleep(time.Second)
			}
			return false
		}
		n := d.need(t, d.pipe, "directory.entry.read")
		p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
		began := time.Now()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := p.Perform(t.Context(), n.Grant, nothing); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Perform(ctx, n.Grant, nothing); !errors.Is(err, auth.ErrUnavailable) || time.Since(began) != time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wg.Wait()
		if took := time.Since(began); d.dialled() != 4 || took != 2*time.Second {
			t.Errorf("%d sessions, %v", d.dialled(), took)
		}
	})
}

// TestConnectWithin: a directory that hangs takes ten seconds of a caller who has more,
// and whoever waits for his turn to bind leaves with his context.
func TestConnectWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		d.hook = func(_ *served, _ int64, op *ber.Packet) bool { return op.Tag == ldap.ApplicationBindRequest }
		b := &ldapauth.Bind{Login: serviceLogin()}
		first, second := d.need(t, d.pipe, "directory.entry.read"), d.need(t, d.pipe, "directory.entry.drop")
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Translate(t.Context(), first); err != auth.ErrUnavailable || time.Since(began) != 10*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Translate(ctx, second); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wg.Wait()
	})
}

// TestGrantEndsInBetween: while a session is made, so that the call is not sent.
func TestGrantEndsInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		d.hook = func(_ *served, _ int64, op *ber.Packet) bool {
			if op.Tag == ldap.ApplicationBindRequest {
				time.Sleep(9 * time.Second)
			}
			return false
		}
		gate := newGate(t, "alice", d.system())
		n := auth.Need{Grant: authtest.Grant(t, gate, "directory.entry.drop"), Dial: d.pipe, TLS: d.ca.client("127.0.0.1")}
		p := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n)
		time.Sleep(time.Until(n.Grant.NotAfter()) - 5*time.Second) // the session has been closed: idle
		if _, err := p.Perform(t.Context(), n.Grant, nothing); err != auth.ErrExpired || len(d.asked("delete")) > 0 || d.dialled() != 2 {
			t.Errorf("%v: %q", err, d.asked(""))
		}
	})
}
