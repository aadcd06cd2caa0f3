// Package vaulttest is for tests: the conformance of vault backends, and a server that
// speaks as HashiCorp Vault does.
//
//	func TestBackend(t *testing.T) {
//		vaulttest.Run(t, func(t *testing.T) vault.Backend { return open(t) })
//	}
//
//	server := vaulttest.NewHashi(t)
//	server.Put("secret/crm", map[string]string{"key": "k3y"})
//	id := server.AppRole("app", 0, 0, "secret/crm")
//
// # Guarantees
//
// Each rule of [vault.Backend] is one subtest. A failure prints the rule.
//
// A [Hashi] answers as a real Vault 1.21.4 was recorded to: status, headers, members, types
// and texts of errors. Its leases die with their login, renewals are capped, a wrapping token
// is good for one use.
//
// # Limits
//
// That a revoked credential no longer works, and that nothing is cached or retried,
// only the far side can see: a backend's own tests have to.
//
// A Hashi has of a Vault what package hashivault and its set-up need, and nothing to keep
// secrets with: no storage, no audit, policies of paths with a * at the end, no database
// behind its logins but a [HashiDatabase]. Logins by JWT, Kubernetes and certificate are of
// that server's source, static roles of its documentation, not of a recording. Anybody who
// reaches it may call it as root.
//
// # Errors
//
// What goes wrong fails the test.
//
// # Concurrency
//
// Run uses the backend from several goroutines at once. A Hashi is safe for concurrent use.
package vaulttest

import (
	"testing"

	"github.com/carnet-go/carnet/vault"
)

// What the backend under test has, and nothing else.
const (
	path  = "test/secret"
	field = "value"
	value = "test"
)

// Run checks a Backend: open returns one that has the field "value" = "test" at the
// path "test/secret", and nothing else. It is called once for each rule.
func Run(t *testing.T, open func(*testing.T) vault.Backend) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.check(t.Context(), open(t)); err != nil {
				t.Errorf("rule: %s\n%v", c.rule, err)
			}
		})
	}
}
