package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/vault/api"
	"github.com/tailscale/setec/client/setec"
	setecapi "github.com/tailscale/setec/types/api"
	"gocloud.dev/runtimevar"
	"gocloud.dev/runtimevar/constantvar"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// vaultFigures are those of vault.
func vaultFigures() group {
	return group{"vault", []figure{
		{"vault/read", "a secret read from memory, against aws-sdk-go-v2's CredentialsCache, runtimevar and setec", secretRead},
		{"vault/use", "the same, counted among those whom a rotation waits for", secretUse},
		{"vault/herd", "calls of the backend when ten thousand come for a secret that has ended", herd},
		{"vault/renewals", "calls of the backend for a lease whose renewal always fails, beside vault/api's watcher", renewals},
	}}
}

// inMemory is a source of a secret without an end.
type inMemory struct {
	calls atomic.Int64
	life  time.Duration // zero: for ever
	takes time.Duration
}

// Lease implements auth.Source.
func (m *inMemory) Lease(context.Context, auth.Grant) (*auth.Lease, error) {
	m.calls.Add(1)
	time.Sleep(m.takes)
	o := &auth.LeaseOptions{}
	if m.life > 0 {
		o.Expires = time.Now().Add(m.life)
	}
	return auth.NewLease("l", map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}, o), nil
}

// Retrieve implements aws.CredentialsProvider.
func (m *inMemory) Retrieve(context.Context) (aws.Credentials, error) {
	m.calls.Add(1)
	time.Sleep(m.takes)
	c := aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key"}
	if m.life > 0 {
		c.CanExpire, c.Expires = true, time.Now().Add(m.life)
	}
	return c, nil
}

// Get implements setec.StoreClient.
func (m *inMemory) Get(context.Context, string) (*setecapi.SecretValue, error) {
	m.calls.Add(1)
	time.Sleep(m.takes)
	return &setecapi.SecretValue{Value: []byte("k"), Version: 1}, nil
}

// GetIfChanged implements setec.StoreClient.
func (m *inMemory) GetIfChanged(context.Context, string, setecapi.SecretVersion) (*setecapi.SecretValue, error) {
	m.calls.Add(1)
	return nil, setecapi.ErrValueNotChanged
}

// store is a setec store of that source that never polls; it may look up what is not among
// the names.
func (m *inMemory) store(ctx context.Context, names ...string) (*setec.Store, error) {
	return setec.NewStore(ctx, setec.StoreConfig{
		Client: m, Secrets: names, AllowLookup: true, PollInterval: -1, Logf: func(string, ...any) {},
	})
}

func secretOf(_ context.Context, l *auth.Lease) (auth.Secret, error) { return l.Secret("key") }

// secretRead compares with three peers: its line is the ratio to runtimevar, with that to
// CredentialsCache below it, and setec has a line of its own.
func secretRead(ctx context.Context, s *session) (lines []line, err error) {
	bound, err := vault.Bind(ctx, &inMemory{}, secretOf, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bound.Close(context.WithoutCancel(ctx))) }()
	ours := repeated(func() error { _, err := bound.Value(ctx); return err })
	variable := constantvar.New("key")
	defer variable.Close()
	c, err := s.pair(ctx, ours, repeated(latest(ctx, variable)))
	if err != nil {
		return nil, err
	}
	cache := aws.NewCredentialsCache(&inMemory{})
	other, err := s.pair(ctx, ours, repeated(func() error { _, err := cache.Retrieve(ctx); return err }))
	if err != nil {
		return nil, err
	}
	polled, err := s.againstSetec(ctx, bound)
	if err != nil {
		return nil, err
	}
	allocs, err := allocations(ours)
	return []line{
		{name: "vault/read", value: c.ratio, target: 0.35, detail: fmt.Sprintf("Bound.Value %s, runtimevar.Variable.Latest %s of a processor; %.2f of aws.CredentialsCache.Retrieve, %s; %v", ns(c.ours), ns(c.theirs), other.ratio, ns(other.theirs), c)},
		polled,
		{name: "vault/read allocations", value: allocs, unit: "allocs", detail: "Bound.Value"},
	}, err
}

// againstSetec reads a secret that was declared: the lock, the count and the time of the last
// access that each Secret.Get keeps are in it. What setec returns are the bytes, so ours lends
// them, too.
func (s *session) againstSetec(ctx context.Context, bound *vault.Bound[auth.Secret]) (l line, err error) {
	store, err := (&inMemory{}).store(ctx, "key")
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	secret := store.Secret("key")
	theirs := repeated(func() error { return present(secret.Get()) })
	c, err := s.pair(ctx, repeated(func() error {
		v, err := bound.Value(ctx)
		if err != nil {
			return err
		}
		return v.Use(present)
	}), theirs)
	if err != nil {
		return l, err
	}
	alone, err := s.pair(ctx, repeated(func() error { _, err := bound.Value(ctx); return err }), theirs)
	return line{
		name: "vault/read setec", value: c.ratio, target: 0.1,
		detail: fmt.Sprintf("Bound.Value and Secret.Use %s, setec.Secret.Get %s of a processor; Value alone, without the bytes, %s, %.2f; %v", ns(c.ours), ns(c.theirs), ns(alone.ours), alone.ratio, c),
	}, err
}

// present is a use of a secret.
func present(b []byte) error {
	if len(b) == 0 {
		return errors.New("there is no secret")
	}
	return nil
}

func latest(ctx context.Context, v *runtimevar.Variable) func() error {
	return func() error { _, err := v.Latest(ctx); return err }
}

func secretUse(ctx context.Context, s *session) (lines []line, err error) {
	bound, err := vault.Bind(ctx, &inMemory{}, secretOf, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bound.Close(context.WithoutCancel(ctx))) }()
	ours := repeated(func() error {
		_, done, err := bound.Get(ctx)
		if err == nil {
			done()
		}
		return err
	})
	cache := aws.NewCredentialsCache(&inMemory{})
	c, err := s.pair(ctx, ours, repeated(func() error { _, err := cache.Retrieve(ctx); return err }))
	if err != nil {
		return nil, err
	}
	allocs, err := allocations(ours)
	return []line{
		{name: "vault/use", value: c.ratio, target: 1, detail: fmt.Sprintf("Bound.Get and done %s, aws.CredentialsCache.Retrieve, which waits for nobody, %s of a processor; %v", ns(c.ours), ns(c.theirs), c)},
		{name: "vault/use allocations", value: allocs, unit: "allocs", detail: "Bound.Get"},
	}, err
}

const callers = 10_000

// herd counts, once the secret has ended, how often the backend is asked.
func herd(ctx context.Context, s *session) (lines []line, err error) {
	ours := &inMemory{life: 200 * time.Millisecond, takes: 30 * time.Millisecond}
	bound, err := vault.Bind(ctx, ours, secretOf, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bound.Close(context.WithoutCancel(ctx))) }()
	theirs := &inMemory{life: 200 * time.Millisecond, takes: 30 * time.Millisecond}
	cache := aws.NewCredentialsCache(theirs)
	if _, err := cache.Retrieve(ctx); err != nil {
		return nil, err
	}
	count := func(m *inMemory, get func() error) (int64, error) {
		time.Sleep(300 * time.Millisecond) // it has ended
		m.life = time.Hour
		before := m.calls.Load()
		err := many(ctx, callers, callers, func(int) error { return get() })
		return m.calls.Load() - before, err
	}
	n, err := count(ours, func() error { _, err := bound.Value(ctx); return err })
	if err != nil {
		return nil, err
	}
	m, err := count(theirs, func() error { _, err := cache.Retrieve(ctx); return err })
	if err != nil {
		return nil, err
	}
	unread := &inMemory{takes: 30 * time.Millisecond}
	store, err := unread.store(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	k, err := count(unread, func() error { _, err := store.LookupSecret(ctx, "key"); return err })
	return []line{{name: "vault/herd", value: float64(n), unit: "calls", target: 1, detail: fmt.Sprintf("%d callers; aws.CredentialsCache %d; setec's LookupSecret, whose secrets have no end, of one that it has not %d", callers, m, k)}}, err
}

// failing is a server of leases that renews none, and counts.
type failing struct {
	*httptest.Server
	calls atomic.Int64
}

func newFailing() *failing {
	f := &failing{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/renew") {
			f.calls.Add(1)
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"errors": ["no"]}`)
	}))
	return f
}

// issues is a backend of leases of that server.
type issues struct {
	far *failing
	ttl time.Duration
}

// Issue implements vault.Backend.
func (i issues) Issue(context.Context, string) (vault.Issued, error) {
	return vault.Issued{ID: "database/creds/ro/1", Fields: map[string]auth.Secret{"password": auth.NewSecret([]byte("p"))}, TTL: i.ttl}, nil
}

// Revoke implements vault.Backend.
func (issues) Revoke(context.Context, string) error { return nil }

// Renew implements vault.Renewer.
func (i issues) Renew(ctx context.Context, id string, _ time.Duration) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, i.far.URL+"/v1/sys/leases/renew", strings.NewReader(`{"lease_id": "`+id+`"}`))
	if err != nil {
		return 0, auth.ErrInvalid
	}
	response, err := i.far.Client().Do(r)
	if err != nil {
		return 0, auth.ErrUnavailable
	}
	response.Body.Close()
	return 0, auth.ErrUnavailable
}

// renewals lets one lease of three seconds end on either side.
func renewals(ctx context.Context, s *session) ([]line, error) {
	const ttl = 3 * time.Second
	ours, theirs := newFailing(), newFailing()
	defer ours.Close()
	defer theirs.Close()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { errs[0] = s.endsOurs(ctx, ours, ttl) })
	wg.Go(func() { errs[1] = endsTheirs(ctx, theirs, ttl) })
	wg.Wait()
	return []line{{
		name: "vault/renewals", value: float64(ours.calls.Load()), unit: "calls", target: 8,
		detail: fmt.Sprintf("for a lease of %v; vault/api's LifetimeWatcher %d", ttl, theirs.calls.Load()),
	}}, errors.Join(errs...)
}

func (s *session) endsOurs(ctx context.Context, far *failing, ttl time.Duration) (err error) {
	dir, remove, err := s.folder()
	if err != nil {
		return err
	}
	defer remove()
	dir = filepath.Join(dir, "audit")
	if err := audit.Create(ctx, dir, "acme.example/benchmarks/a", nil); err != nil {
		return err
	}
	log, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(ctx))) }()
	v, err := vault.New(log, issues{far, ttl}, &vault.Options{Own: []string{"database/creds/ro"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close(context.WithoutCancel(ctx))) }()
	l, err := v.Own("database/creds/ro").Lease(ctx, auth.Grant{})
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if _, err := l.Secret("password"); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return ctx.Err()
}

func endsTheirs(ctx context.Context, far *failing, ttl time.Duration) error {
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = far.URL, 0
	client, err := api.NewClient(config)
	if err != nil {
		return err
	}
	watcher, err := client.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: &api.Secret{
		LeaseID: "database/creds/ro/1", LeaseDuration: int(ttl.Seconds()), Renewable: true,
	}})
	if err != nil {
		return err
	}
	go watcher.Start()
	defer watcher.Stop()
	select {
	case <-watcher.DoneCh():
	case <-time.After(2 * ttl):
	case <-ctx.Done():
	}
	return ctx.Err()
}
