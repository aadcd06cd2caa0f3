package vault_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping/token"
	"github.com/carnet-go/carnet/vault"
)

const storedKey = "0123456789abcdef0123456789abcdef"

// keeps is a backend whose paths all have one stored key.
func keeps(version, key string) *backend {
	return &backend{issue: func(context.Context, string) (vault.Issued, error) {
		return vault.Issued{ID: "id", Version: version, Fields: fields("key", key)}, nil
	}}
}

// used is what UseKey lends, copied.
func used(t *testing.T, v *vault.Vault, g auth.Grant, name string) (version string, key []byte) {
	t.Helper()
	err := v.Keys(g).UseKey(t.Context(), name, func(got string, b []byte) error {
		version, key = got, bytes.Clone(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return version, key
}

// tenantGate is a gate of a tenant of that name, with the systems of gate.
func tenantGate(t *testing.T, tenant string) *auth.Gate {
	t.Helper()
	c, err := auth.NewCatalogue(tenant, auth.System{
		Name: "crm", Origin: "https://crm.invalid", Secrets: []string{path, "crm/db"},
		Operations: []auth.Operation{{Name: read, Method: "GET", Path: "/", Effect: auth.ReadOnly}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := auth.NewBoundary(c, allow{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return authtest.Gate(t, b, auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
}

type allow struct{}

func (allow) Decide(context.Context, auth.Facts) auth.Decision {
	return auth.Decision{Verdict: auth.Allowed, Rule: "allow"}
}
func (allow) Hash() string { return "allow" }

// TestKeyIsHKDF: RFC 5869 by hand, so that whoever has the stored key can make the
// same tokens without this package.
func TestKeyIsHKDF(t *testing.T) {
	g := tenantGate(t, "acme")
	v := open(t, g.Log(), keeps("7", storedKey), nil)
	version, key := used(t, v, authtest.Grant(t, g, read), path)
	mac := func(key, data []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(data)
		return h.Sum(nil)
	}
	want := mac(mac(make([]byte, 32), []byte(storedKey)), []byte("\x10carnet token key\x04acme\x07crm/api\x01"))
	if version != "7" || !bytes.Equal(key, want) {
		t.Errorf("version %q, key %x, want %x", version, key, want)
	}
}

// TestKeysDiffer by tenant and by path, where the stored key is the same.
func TestKeysDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, tenant := range []string{"acme", "acm", "umbrella"} {
		g := tenantGate(t, tenant)
		v := open(t, g.Log(), keeps("1", storedKey), nil)
		grant := authtest.Grant(t, g, read)
		for _, name := range []string{path, "crm/db"} {
			_, key := used(t, v, grant, name)
			if _, again := used(t, v, grant, name); !bytes.Equal(key, again) {
				t.Errorf("%s %s: another key the second time", tenant, name)
			}
			if other, ok := seen[string(key)]; ok || len(key) != 32 {
				t.Errorf("%s %s has the key of %s, %d bytes", tenant, name, other, len(key))
			}
			seen[string(key)] = tenant + " " + name
		}
	}
}

// TestKeyIsWiped when use returns, with an error, with none, or not at all.
func TestKeyIsWiped(t *testing.T) {
	g := gate(t)
	b := keeps("1", storedKey)
	v := open(t, g.Log(), b, nil)
	errUse := errors.New("of the caller")
	for name, end := range map[string]func() error{
		"returned": func() error { return nil }, "failed": func() error { return errUse }, "panicked": func() error { panic(errUse) },
	} {
		t.Run(name, func(t *testing.T) {
			var kept []byte
			wantErr := map[string]error{"failed": errUse, "panicked": errUse}[name]
			err := func() (err error) {
				defer func() {
					if e, ok := recover().(error); ok {
						err = e
					}
				}()
				return v.Keys(authtest.Grant(t, g, read)).UseKey(t.Context(), path, func(_ string, key []byte) error {
					if kept = key; bytes.Equal(key, make([]byte, 32)) {
						t.Error("no key")
					}
					return end()
				})
			}()
			if err != wantErr {
				t.Errorf("UseKey = %v", err)
			}
			if !bytes.Equal(kept, make([]byte, 32)) {
				t.Error("the key is still there")
			}
			if v.Lent() != 0 {
				t.Error("the lease was kept")
			}
		})
	}
	b.wantRevoked(t, "id", "id", "id")
}

// TestKeyIsALease in the log, with the grant, and given back.
func TestKeyIsALease(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), keeps("1", storedKey), nil)
	grant := authtest.Grant(t, g, read)
	used(t, v, grant, path)
	wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 1")
	for _, e := range events(t, g.Log()) {
		if e.Grant != grant.ID() || e.Lease == "" || e.Tenant != authtest.Tenant {
			t.Errorf("%+v", e)
		}
	}
}

func TestKeyVersion(t *testing.T) {
	hashed := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])[:8]
	}
	for stored, want := range map[string]string{
		"": "0", "1": "1", "0": "0", "dk3f9": "dk3f9", strings.Repeat("a", 16): strings.Repeat("a", 16),
		strings.Repeat("a", 17): hashed(strings.Repeat("a", 17)), "..2026_01_01": hashed("..2026_01_01"), "V1": hashed("V1"), "1\n": hashed("1\n"), "a.b": hashed("a.b"),
	} {
		g := gate(t)
		v := open(t, g.Log(), keeps(stored, storedKey), nil)
		if got, _ := used(t, v, authtest.Grant(t, g, read), path); got != want {
			t.Errorf("%q is %q in a token, want %q", stored, got, want)
		}
	}
}

func TestKeyRefused(t *testing.T) {
	g := gate(t)
	other := gate(t)
	good := keeps("1", storedKey)
	for name, tt := range map[string]struct {
		b       *backend
		grant   auth.Grant
		path    string
		wantErr error
	}{
		"no grant":               {good, auth.Grant{}, path, auth.ErrForeign},
		"grant of another log":   {good, authtest.Grant(t, other, read), path, auth.ErrForeign},
		"path of another system": {good, authtest.Grant(t, g, read), "erp/api", auth.ErrUndeclared},
		"path of nobody":         {good, authtest.Grant(t, g, read), "crm/none", auth.ErrUndeclared},
		"no path":                {good, authtest.Grant(t, g, read), "", auth.ErrUndeclared},
		"short key":              {keeps("1", storedKey[:31]), authtest.Grant(t, g, read), path, auth.ErrInvalid},
		"empty key":              {keeps("1", ""), authtest.Grant(t, g, read), path, auth.ErrUndeclared},
		"another field": {&backend{issue: func(context.Context, string) (vault.Issued, error) {
			return vault.Issued{ID: "id", Fields: fields("password", storedKey)}, nil
		}}, authtest.Grant(t, g, read), path, auth.ErrUndeclared},
		"backend": {&backend{issue: func(context.Context, string) (vault.Issued, error) { return vault.Issued{}, auth.ErrDenied }},
			authtest.Grant(t, g, read), path, auth.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			v := open(t, g.Log(), tt.b, nil)
			called := false
			err := v.Keys(tt.grant).UseKey(t.Context(), tt.path, func(string, []byte) error { called = true; return nil })
			if err != tt.wantErr || called {
				t.Errorf("UseKey = %v, called %v", err, called)
			}
			if v.Lent() != 0 {
				t.Error("the lease was kept")
			}
		})
	}
	if err := open(t, g.Log(), good, nil).Keys(authtest.Grant(t, g, read)).UseKey(t.Context(), path, nil); err != auth.ErrInvalid {
		t.Errorf("without use: %v", err)
	}
	for _, v := range []*vault.Vault{nil, {}} {
		if err := v.Keys(authtest.Grant(t, g, read)).UseKey(t.Context(), path, func(string, []byte) error { t.Error("called"); return nil }); err != auth.ErrUndeclared {
			t.Errorf("zero Vault: %v", err)
		}
	}
}

// TestKeyOfPrivilegedGrantOnce for each path.
func TestKeyOfPrivilegedGrantOnce(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), keeps("1", storedKey), nil)
	grant := authtest.Grant(t, g, wipe)
	for _, name := range []string{path, "crm/db"} {
		for i, wantErr := range []error{nil, auth.ErrExpired} {
			if err := v.Keys(grant).UseKey(t.Context(), name, func(string, []byte) error { return nil }); err != wantErr {
				t.Errorf("%s, time %d: %v", name, i+1, err)
			}
		}
	}
}

func TestKeyOfEndedGrant(t *testing.T) {
	g := authtest.Gate(t, authtest.Boundary(t, auth.System{
		Name: "crm", Origin: "https://crm.invalid", Secrets: []string{path},
		Operations: []auth.Operation{{Name: read, Method: "GET", Path: "/", Effect: auth.ReadOnly}},
	}), auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{
		Issuer: "https://carnet.invalid", Subject: "alice", Expires: time.Now().Add(time.Second),
	})})
	b := keeps("1", storedKey)
	v := open(t, g.Log(), b, nil)
	grant := authtest.Grant(t, g, read)
	time.Sleep(time.Until(grant.NotAfter()) + time.Millisecond)
	if err := v.Keys(grant).UseKey(t.Context(), path, func(string, []byte) error { return nil }); err != auth.ErrExpired {
		t.Errorf("UseKey = %v", err)
	}
	if n, _ := b.calls(); n != 0 {
		t.Error("the backend was asked")
	}
}

// both are the keys that UseKeys lends, copied, by version in their order.
func both(t *testing.T, v *vault.Vault, g auth.Grant) (versions []string, all [][]byte, err error) {
	t.Helper()
	err = v.KeyVersions(g).UseKeys(t.Context(), path, func(version string, key []byte) error {
		versions, all = append(versions, version), append(all, bytes.Clone(key))
		return nil
	})
	return versions, all, err
}

// TestKeyBefore: while a key changes, lookups get the one before, too, as it was lent then; what
// mappings write is of the new one alone.
func TestKeyBefore(t *testing.T) {
	g := gate(t)
	const fresh = "fedcba9876543210fedcba9876543210"
	stored := map[string]string{"key": storedKey}
	b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
		all := map[string]auth.Secret{}
		for name, text := range stored {
			all[name] = auth.NewSecret([]byte(text))
		}
		return vault.Issued{ID: "id", Version: map[bool]string{true: "2", false: "1"}[stored["key"] == fresh], Fields: all}, nil
	}}
	v := open(t, g.Log(), b, nil)
	grant := authtest.Grant(t, g, read)
	_, then := used(t, v, grant, path)
	if versions, all, err := both(t, v, grant); err != nil || len(all) != 1 || versions[0] != "1" || !bytes.Equal(all[0], then) {
		t.Errorf("%v, %v", versions, err)
	}

	stored = map[string]string{"key": fresh, "previous": storedKey, "previous_version": "1"}
	version, now := used(t, v, grant, path)
	versions, all, err := both(t, v, grant)
	if err != nil || version != "2" || len(all) != 2 || versions[0] != "2" || versions[1] != "1" || !bytes.Equal(all[0], now) || !bytes.Equal(all[1], then) || bytes.Equal(now, then) {
		t.Errorf("%s; %v, %v", version, versions, err)
	}

	for name, bad := range map[string]map[string]string{
		"no version":    {"key": fresh, "previous": storedKey},
		"a version":     {"key": fresh, "previous_version": "1"},
		"no name":       {"key": fresh, "previous": storedKey, "previous_version": "a.b"},
		"an empty name": {"key": fresh, "previous": storedKey, "previous_version": ""},
		"short":         {"key": fresh, "previous": "short", "previous_version": "1"},
	} {
		stored = bad
		if versions, _, err := both(t, v, grant); !errors.Is(err, auth.ErrInvalid) || len(versions) > 1 {
			t.Errorf("%s: %v, %v", name, versions, err)
		}
		if version, _ := used(t, v, grant, path); version != "2" {
			t.Errorf("%s: a mapping gets %q", name, version)
		}
	}
	if v.Lent() != 0 {
		t.Error("a lease was kept")
	}
	if err := v.KeyVersions(grant).UseKeys(t.Context(), path, nil); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	errUse, calls := errors.New("of the caller"), 0
	stored = map[string]string{"key": fresh, "previous": storedKey, "previous_version": "1"}
	err = v.KeyVersions(grant).UseKeys(t.Context(), path, func(string, []byte) error {
		calls++
		return errUse
	})
	if err != errUse || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestKeysForLookups: what token looks for with the vault's keys is what a mapping has written.
func TestKeysForLookups(t *testing.T) {
	g := gate(t)
	b := &backend{issue: func(context.Context, string) (vault.Issued, error) {
		return vault.Issued{ID: "id", Version: "2", Fields: fields("key", storedKey, "previous", "fedcba9876543210fedcba9876543210", "previous_version", "1")}, nil
	}}
	v := open(t, g.Log(), b, nil)
	all, err := token.All(t.Context(), v.KeyVersions(authtest.Grant(t, g, read)), token.Domain{Key: path, Schema: "employee", Field: "/number"}, "1017")
	if err != nil || len(all) != 2 || !strings.HasPrefix(all[0], "tk1.2.") || !strings.HasPrefix(all[1], "tk1.1.") {
		t.Errorf("%q, %v", all, err)
	}
}
