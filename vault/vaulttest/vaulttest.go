// Package vaulttest is for tests: the conformance of vault backends.
//
//	func TestBackend(t *testing.T) {
//		vaulttest.Run(t, func(t *testing.T) vault.Backend { return open(t) })
//	}
//
// # Guarantees
//
// Each rule of [vault.Backend] is one subtest. A failure prints the rule.
//
// # Limits
//
// That a revoked credential no longer works, and that nothing is cached or retried,
// only the far side can see: a backend's own tests have to.
//
// # Errors
//
// What goes wrong fails the test.
//
// # Concurrency
//
// Run uses the backend from several goroutines at once.
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
