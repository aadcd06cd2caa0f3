package auth

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// What may stand in a name that reaches the log. Names are closed so that nothing
// that is not a name fits into one.
var (
	namePattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	hashPattern   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	wordPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	secretPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)
	scopePattern  = regexp.MustCompile(`^[!#-\[\]-~]{1,128}$`) // RFC 6749, appendix A.4
)

// selfIssuer is the issuer of the service itself where nothing better vouches for
// it. No Verifier may find it.
const (
	selfIssuer  = "local"
	selfSubject = "self"
)

// The bounds of System.Ceiling.
const (
	defaultCeiling = 15 * time.Minute
	longestCeiling = 24 * time.Hour
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// mostFindings is when the check stops: nobody reads more.
const mostFindings = 1000

// check collects findings about one catalogue.
type check struct{ findings mapping.Findings }

func (c *check) find(bad bool, code, path, problem string) {
	if bad && len(c.findings) < mostFindings {
		c.findings = append(c.findings, mapping.Finding{Code: code, Path: path, Problem: problem})
	}
}

func (c *check) system(path string, s System) {
	c.find(!namePattern.MatchString(s.Name), "B102", path+"/name", "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	c.find(s.Name == selfSubject, "B103", path+"/name", "self is the service itself and cannot be declared")
	_, err := netguard.ParseOrigin(s.Origin)
	c.find(err != nil, "B104", path+"/origin", "is not an origin: https, a host and at most a port; http on loopback only")
	for i, prefix := range s.Private {
		_, err := netguard.New([]string{prefix})
		c.find(err != nil, "B105", fmt.Sprintf("%s/private/%d", path, i), "is not a canonical CIDR range")
	}
	c.find(s.Zone != "" && !namePattern.MatchString(s.Zone), "B106", path+"/zone", "is not a name")
	c.find(len(s.Jurisdictions) > 32, "B107", path+"/jurisdictions", "are more than the log takes: 32")
	for i, j := range s.Jurisdictions {
		c.find(!namePattern.MatchString(j), "B107", fmt.Sprintf("%s/jurisdictions/%d", path, i), "is not a name")
	}
	for i, secret := range s.Secrets {
		c.find(!secretPattern.MatchString(secret) || len(secret) > 255, "B108", fmt.Sprintf("%s/secrets/%d", path, i), "is not a secret's path: names separated by /")
	}
	c.find(!slices.Contains([]string{"", "carry", AuditOnly}, s.Delegation), "B109", path+"/delegation", "is neither carry nor audit-only")
	c.find(s.Ceiling < 0 || s.Ceiling > longestCeiling, "B110", path+"/ceiling", "is not between 0 and 24h")
	for i, op := range s.Operations {
		c.operation(fmt.Sprintf("%s/operations/%d", path, i), s, op)
	}
}

func (c *check) operation(path string, s System, op Operation) {
	rest, ok := strings.CutPrefix(op.Name, s.Name+".")
	noun, verb, both := strings.Cut(rest, ".")
	c.find(!ok || !both || !wordPattern.MatchString(noun) || !wordPattern.MatchString(verb) || !namePattern.MatchString(op.Name),
		"B120", path+"/name", "is not system.noun.verb of its own system")
	c.find(!slices.Contains(methods, op.Method), "B121", path+"/method", "is not one of GET, HEAD, POST, PUT, PATCH, DELETE")
	places, clean := netguard.Places(op.Path)
	c.find(!clean, "B122", path+"/path", "is not a clean absolute path")
	for i, scope := range op.Scopes {
		c.find(!scopePattern.MatchString(scope), "B123", fmt.Sprintf("%s/scopes/%d", path, i), "is not a scope of RFC 6749")
	}
	c.find(!knownData(op.Input), "B124", path+"/input", "is neither none nor opaque")
	c.find(!knownData(op.Output), "B125", path+"/output", "is neither none nor opaque")
	opaque := op.Input == Opaque || op.Output == Opaque
	c.find(opaque && strings.TrimSpace(op.Reason) == "", "B126", path+"/reason", "is required where input or output is opaque")
	c.find(len(places) > 0 && op.Input != Opaque, "B127", path+"/path", "has places, but no input fills them")
	c.find(op.Effect == EffectUndeclared || op.Effect > Final, "B128", path+"/effect", "is not declared: read-only, idempotent, once or final")
	c.find(op.Privileged && op.Input == Opaque, "B129", path+"/input", "cannot be opaque where the operation is privileged")
}

func knownData(s string) bool { return s == "" || s == None || s == Opaque }
