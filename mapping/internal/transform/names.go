package transform

import (
	"maps"
	"slices"
)

// Names are those of all transforms, sorted.
func Names() []string { return slices.Sorted(maps.Keys(makers)) }
