package isolate_test

import "testing"

// inferred calls what takes a type that this package cannot name.
func inferred[P, R any](f func(P) R) R {
	var zero P
	return f(zero)
}

// TestNobodyElseIsPermitted holds that records are not made of bytes by whoever finds a way to
// call what is for this package.
func TestNobodyElseIsPermitted(t *testing.T) {
	if parts := inferred(compile(t, people, rows, peopleToRows).Apart); parts.Back != nil || parts.Flat != nil {
		t.Error("the zero permit is one")
	}
}
