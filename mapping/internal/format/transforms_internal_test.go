package format

import (
	"maps"
	"slices"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// TestTransformsAreSaid: an editor knows each transform, and no other.
func TestTransformsAreSaid(t *testing.T) {
	if said, all := slices.Sorted(maps.Keys(transforms)), transform.Names(); !slices.Equal(said, all) {
		t.Errorf("said\n%q\nof\n%q", said, all)
	}
}
