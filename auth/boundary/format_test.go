package boundary_test

import (
	"testing"

	"github.com/carnet-go/carnet/auth/boundary"
)

// TestEditorsMemberMeansNothing: where an editor finds the format is no part of a boundary.
func TestEditorsMemberMeansNothing(t *testing.T) {
	without, err := boundary.Load(whole(t, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	with, err := boundary.Load(whole(t, sample(t, `"tenant"`, `"$schema": "./boundary.json", "tenant"`)), nil)
	if err != nil || with.Hash() != without.Hash() {
		t.Errorf("hash %q and not %q, %v", with.Hash(), without.Hash(), err)
	}
}
