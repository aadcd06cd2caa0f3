package transform

import (
	"maps"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// Named says whether it is the name of a transform, or may be that of a function.
func Named(name string) bool {
	custom, is := strings.CutPrefix(name, CustomPrefix)
	return makers[name] != nil || is && names.Name.MatchString(custom)
}

// Names are those of all transforms, sorted.
func Names() []string { return slices.Sorted(maps.Keys(makers)) }
