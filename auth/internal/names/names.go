// Package names says which texts may stand in a declaration, and so in a log, and how
// denials and failures read.
//
//	ok := names.Name.MatchString(s)
//	places, ok := names.Places("uid={uid},ou=people")
//
// # Guarantees
//
// Each alphabet is closed, so that nothing that is not a name fits into one.
//
// # Concurrency
//
// Patterns are safe for concurrent use.
package names

import (
	"regexp"
	"slices"
	"strings"
)

// What declarations are made of.
var (
	Name      = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	Hash      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	Word      = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	Secret    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)
	Scope     = regexp.MustCompile(`^[!#-\[\]-~]{1,128}$`)         // RFC 6749, appendix A.4
	Attribute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`) // RFC 4512, section 1.4
	Audience  = regexp.MustCompile(`^[!-~]{1,255}$`)
	Issuer    = regexp.MustCompile(`^[!#-&(-\[\]-_a-~]{1,255}$`) // as the log takes it

	place = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)
)

// Path says whether it is a secret's path.
func Path(s string) bool { return len(s) <= 255 && Secret.MatchString(s) }

// Places are the names of the {places} in a template, each once; false: braces that are
// none.
func Places(template string) (all []string, ok bool) {
	for _, found := range place.FindAllStringSubmatch(template, -1) {
		if slices.Contains(all, found[1]) {
			return nil, false
		}
		all = append(all, found[1])
	}
	return all, !strings.ContainsAny(place.ReplaceAllString(template, ""), "{}")
}

// effects are the names of auth.Effect, from the one that is undeclared.
func effects() []string { return []string{"", "read-only", "idempotent", "once", "final"} }

// Effect is the name of an effect; empty: undeclared.
func Effect(n uint8) string {
	if all := effects(); int(n) < len(all) {
		return all[n]
	}
	return ""
}

// EffectOf is the effect of a name; 0: there is none.
func EffectOf(name string) uint8 { return uint8(max(0, slices.Index(effects(), name))) }

// Errand says whether an errand may be recorded: what is there is a hash and names.
func Errand(hash string, names ...string) bool {
	return (hash == "" || Hash.MatchString(hash)) && !slices.ContainsFunc(names, func(s string) bool { return s != "" && !Name.MatchString(s) })
}
