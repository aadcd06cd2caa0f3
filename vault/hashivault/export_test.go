package hashivault

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// Dial is New over another network.
func Dial(ctx context.Context, origin string, l Login, o *Options, dial func(context.Context, string, string) (net.Conn, error)) (*Vault, error) {
	return open(ctx, origin, l, o, dial)
}

// Raw is a call under the login, of which only the error is looked at.
func (v *Vault) Raw(ctx context.Context, method, path string, body any) error {
	return v.call(ctx, request{method: method, path: path, body: body}, func(a answer) error {
		_, err := a.envelope()
		return err
	})
}

// Parse is the reader of answers: whether it takes the text, and what it took, written
// again by nobody's encoder but the test's.
func Parse(b []byte) (any, bool) {
	n, ok := parse(b)
	if !ok {
		return nil, false
	}
	return n.plain(), true
}

type Number string

func (n node) plain() any {
	switch n.kind {
	case boolean:
		return string(n.text) == "true"
	case number:
		return Number(n.text)
	case text:
		return string(n.text)
	case list:
		all := make([]any, len(n.of))
		for i := range n.of {
			all[i] = n.of[i].plain()
		}
		return all
	case object:
		all := map[string]any{}
		for i, name := range n.names {
			all[name] = n.of[i].plain()
		}
		return all
	}
	return nil
}

// Reach dials an address as a Vault of that origin does.
func Reach(ctx context.Context, origin string, o *Options, address string) error {
	c, err := newClient(origin, o, nil, nil)
	if err != nil {
		return err
	}
	conn, err := c.transport.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// Parts are what a Vault holds that a reflection could walk into.
func (v *Vault) Parts() *struct {
	Login   login
	Current session
} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &struct {
		Login   login
		Current session
	}{*v.login, *v.current}
}

// Age lets the login be older than it is.
func (v *Vault) Age(by time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current.end = v.current.end.Add(-by)
}

// Proxied says whether a proxy may be used.
func (v *Vault) Proxied() bool { return v.client.transport.Proxy != nil }

// Lent is how many leases are noted.
func (v *Vault) Lent() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.lent)
}

// Undone is how many logins could not be revoked.
func (v *Vault) Undone() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.undone)
}

// Over says whether a login whose end is so long ago is over: one that was made for life, and
// was once renewed for longest.
func Over(life, longest, ago time.Duration) bool {
	return (&session{life: life, longest: longest, end: time.Now().Add(-ago)}).over()
}

// Leave lets n logins be left that no server knows, until taken is called.
func (v *Vault) Leave(n int) (taken func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	left := make([]*session, n)
	for i := range left {
		left[i] = &session{token: auth.NewSecret([]byte("t"))}
		v.undone[left[i]] = false
	}
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, s := range left {
			delete(v.undone, s)
		}
	}
}

// Readers are what answers are read by, without a network.
func Readers() map[string]func(status int, body []byte) (vault.Issued, error) {
	with := func(take func(v *Vault, ctx context.Context) (vault.Issued, error)) func(int, []byte) (vault.Issued, error) {
		return func(status int, body []byte) (vault.Issued, error) {
			v := canned(status, body)
			issued, err := take(v, context.Background())
			v.tasks.Wait()
			return issued, err
		}
	}
	readers := map[string]func(int, []byte) (vault.Issued, error){}
	for _, path := range []string{"secret/app", "kv1/app", "database/creds/ro", "database/static-creds/ro", "pki/issue/web"} {
		readers[path] = with(func(v *Vault, ctx context.Context) (vault.Issued, error) { return v.Issue(ctx, path) })
	}
	return readers
}

// canned is logged in, and gets one answer to everything.
func canned(status int, body []byte) *Vault {
	c, _ := newClient("https://vault.example", &Options{}, nil, nil)
	c.trip = func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		}, nil
	}
	return &Vault{
		client: c, login: &login{}, old: map[*session]bool{}, undone: map[*session]bool{}, lent: map[string]loan{}, current: &session{token: auth.NewSecret([]byte("t"))},
		failure: auth.ErrUnavailable, until: time.Now().Add(time.Hour),
		mounts:       map[string]Engine{"secret": KV2, "kv1": KV1, "database": Database, "pki": PKI},
		certificates: map[string]Certificate{"pki/issue/web": {CommonName: "a"}},
	}
}
