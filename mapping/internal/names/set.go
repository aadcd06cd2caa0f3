package names

import (
	"slices"
	"strings"
)

// Any stands in a set for all names.
const Any = "*"

// Sorted is each name once.
func Sorted(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

// Or is what is said, or else what holds where nothing is, each name once.
func Or(said, otherwise []string) []string {
	if said == nil {
		said = otherwise
	}
	return Sorted(said)
}

// Common are the names that both sets have.
func Common(a, b []string) []string {
	switch {
	case slices.Contains(a, Any):
		return Sorted(b)
	case slices.Contains(b, Any):
		return Sorted(a)
	default:
		return Sorted(slices.DeleteFunc(slices.Clone(a), func(name string) bool { return !slices.Contains(b, name) }))
	}
}

// Within says whether there are names, and a set holds all of them.
func Within(all, set []string) bool {
	return len(all) > 0 && (slices.Contains(set, Any) || !slices.ContainsFunc(all, func(name string) bool { return !slices.Contains(set, name) }))
}

// Listed is a set in words.
func Listed(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
