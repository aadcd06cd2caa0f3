package vaulttest_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// memory is a backend of leases that can be revoked, as it should be. A test bends it.
type memory struct {
	last     atomic.Int64
	issue    func(ctx context.Context, path string) (vault.Issued, error) // nil: as it should be
	describe func(*vault.Issued)                                          // nil: as it is
	revoke   func(id string) error                                        // nil: no error
}

func (m *memory) Issue(ctx context.Context, path string) (vault.Issued, error) {
	if m.issue != nil {
		return m.issue(ctx, path)
	}
	return m.right(ctx, path)
}

func (m *memory) right(ctx context.Context, path string) (vault.Issued, error) {
	if ctx.Err() != nil {
		return vault.Issued{}, auth.ErrUnavailable
	}
	if path != "test/secret" {
		return vault.Issued{}, auth.ErrUndeclared
	}
	issued := vault.Issued{ID: fmt.Sprint(m.last.Add(1)), Fields: test()}
	if m.describe != nil {
		m.describe(&issued)
	}
	return issued, nil
}

func (m *memory) Revoke(_ context.Context, id string) error {
	if m.revoke != nil {
		return m.revoke(id)
	}
	return nil
}

func test() map[string]auth.Secret {
	return map[string]auth.Secret{"value": auth.NewSecret([]byte("test"))}
}

func TestRun(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) vault.Backend { return &memory{} })
}

// TestCatches: each rule has a backend that breaks it.
func TestCatches(t *testing.T) {
	shared, one := test(), test()
	for _, tt := range []struct {
		name    string
		bend    func(*memory)
		wantAny string
	}{
		{"another value", func(m *memory) {
			m.describe = func(i *vault.Issued) {
				i.Fields = map[string]auth.Secret{"value": auth.NewSecret([]byte("test\n"))}
			}
		}, "value"},
		{"one field more", func(m *memory) {
			m.describe = func(i *vault.Issued) { i.Fields["other"] = auth.Secret{} }
		}, "value"},
		{"no field", func(m *memory) { m.describe = func(i *vault.Issued) { i.Fields = nil } }, "value"},
		{"always down", func(m *memory) {
			m.issue = func(context.Context, string) (vault.Issued, error) { return vault.Issued{}, auth.ErrUnavailable }
		}, "value"},
		{"neither id nor version", func(m *memory) { m.describe = func(i *vault.Issued) { i.ID = "" } }, "described"},
		{"negative TTL", func(m *memory) { m.describe = func(i *vault.Issued) { i.TTL = -1 } }, "described"},
		{"denied for undeclared", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				issued, err := m.right(ctx, path)
				if err == auth.ErrUndeclared {
					err = auth.ErrDenied
				}
				return issued, err
			}
		}, "unknown"},
		{"everything is there", func(m *memory) {
			m.issue = func(ctx context.Context, _ string) (vault.Issued, error) { return m.right(ctx, "test/secret") }
		}, "unknown"},
		{"fields with an error", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				_, err := m.right(ctx, path)
				return vault.Issued{Fields: test()}, err
			}
		}, "unknown"},
		{"cleans paths", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				return m.right(ctx, strings.Trim(path, "/"))
			}
		}, "tricks"},
		{"any case", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				return m.right(ctx, strings.ToLower(path))
			}
		}, "tricks"},
		{"private error for tricks", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				if strings.Contains(path, "..") {
					return vault.Issued{}, fmt.Errorf("bad path")
				}
				return m.right(ctx, path)
			}
		}, "tricks"},
		{"deaf to its context", func(m *memory) {
			m.issue = func(_ context.Context, path string) (vault.Issued, error) { return m.right(context.Background(), path) }
		}, "cancelled"},
		{"denied for cancelled", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				if ctx.Err() != nil {
					return vault.Issued{}, auth.ErrDenied
				}
				return m.right(ctx, path)
			}
		}, "cancelled"},
		{"quotes the path", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				issued, err := m.right(ctx, path)
				if err != nil {
					err = fmt.Errorf("%w: %q", err, path)
				}
				return issued, err
			}
		}, "errors"},
		{"quotes the id", func(m *memory) {
			m.revoke = func(id string) error { return fmt.Errorf("no lease %q", id) }
		}, "errors"},
		{"loses concurrent calls", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				issued, err := m.right(ctx, path)
				if m.last.Load() > 50 {
					return vault.Issued{}, auth.ErrThrottled
				}
				return issued, err
			}
		}, "concurrent"},
		{"mixes concurrent calls", func(m *memory) {
			m.issue = func(ctx context.Context, path string) (vault.Issued, error) {
				issued, err := m.right(ctx, path)
				if m.last.Load() > 50 {
					issued.Fields = map[string]auth.Secret{"value": {}}
				}
				return issued, err
			}
		}, "concurrent"},
		{"gone is an error", func(m *memory) {
			m.revoke = func(id string) error {
				if id == "no-such-id" {
					return auth.ErrUndeclared
				}
				return nil
			}
		}, "revoke"},
		{"one map for all", func(m *memory) { m.describe = func(i *vault.Issued) { i.Fields = shared } }, "independent"},
		{"one secret for all", func(m *memory) { m.describe = func(i *vault.Issued) { i.Fields = maps.Clone(one) } }, "independent"},
		{"one id for all", func(m *memory) { m.describe = func(i *vault.Issued) { i.ID = "1" } }, "independent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			broken := vaulttest.Broken(t.Context(), func() vault.Backend {
				m := &memory{}
				tt.bend(m)
				return m
			})
			if !slices.Contains(broken, tt.wantAny) {
				t.Errorf("breaks %q, and not %q", broken, tt.wantAny)
			}
		})
	}
	if broken := vaulttest.Broken(t.Context(), func() vault.Backend { return &memory{} }); broken != nil {
		t.Errorf("the right one breaks %q", broken)
	}
}

func ExampleRun() {
	// In a test of the backend:
	_ = func(t *testing.T) {
		vaulttest.Run(t, func(*testing.T) vault.Backend { return &memory{} })
	}
	fmt.Println("one subtest for each rule")
	// Output: one subtest for each rule
}
