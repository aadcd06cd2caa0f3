package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	issuerPattern = regexp.MustCompile(`^[!#-&(-\[\]-_a-~]{1,255}$`) // as the log takes it
	scopePattern  = regexp.MustCompile(`^[!#-\[\]-~]{1,128}$`)       // RFC 6749, appendix A.4
	spiffePattern = regexp.MustCompile(`^spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+$`)
)

// selfIssuer is the issuer of the service itself, which no Verifier may find.
const selfIssuer = "local"

// maxFindings is more than anybody reads: looking for near names takes time.
const maxFindings = 1000

type checker struct {
	findings      mapping.Findings
	complete      bool // there is a catalogue to look names up in
	operations    []string
	all           []string // operations and systems
	jurisdictions []string
	zones         []string
	issuers       []string // that count; nil: all
	names         map[string]bool
}

func check(c *auth.Catalogue, d Declaration) mapping.Findings {
	k := &checker{names: map[string]bool{}, complete: c.Tenant() != ""}
	k.find(!k.complete, "P100", "", "there is no catalogue to check names against")
	for _, system := range c.Systems() {
		k.learn(system)
	}
	k.trust(d.Issuers)
	for i, key := range slices.Sorted(maps.Keys(d.Levels)) {
		k.level(fmt.Sprintf("/levels/%d", i), key)
	}
	for i, permit := range d.Permits {
		if k.full() {
			break
		}
		k.permit(fmt.Sprintf("/permits/%d", i), permit)
	}
	for i, rule := range d.Rules {
		if k.full() {
			break
		}
		k.rule(fmt.Sprintf("/rules/%d", i), rule)
	}
	return k.findings
}

// trust keeps the issuers that count.
func (k *checker) trust(issuers []string) {
	if issuers != nil {
		k.issuers = []string{}
	}
	for i, issuer := range issuers {
		if !issuerPattern.MatchString(issuer) {
			k.find(true, "P105", fmt.Sprintf("/issuers/%d", i), "is not an issuer")
			continue
		}
		k.issuers = append(k.issuers, issuer)
	}
	k.distinct("/issuers", issuers)
}

// learn takes the names that a system declares.
func (k *checker) learn(system auth.System) {
	k.all = append(k.all, system.Name)
	for _, op := range system.Operations {
		k.operations = append(k.operations, op.Name)
		k.all = append(k.all, op.Name)
	}
	k.jurisdictions = append(k.jurisdictions, system.Jurisdictions...)
	if system.Zone != "" {
		k.zones = append(k.zones, system.Zone)
	}
}

func (k *checker) full() bool { return len(k.findings) >= maxFindings }

func (k *checker) find(bad bool, code, path, problem string) {
	if bad && !k.full() {
		k.findings = append(k.findings, mapping.Finding{Code: code, Path: path, Problem: problem})
	}
}

func (k *checker) name(path, name string) {
	k.find(!namePattern.MatchString(name), "P101", path, "is not a name: [a-z0-9][a-z0-9._-]{0,63}")
	k.find(name != "" && k.names[name], "P102", path, "is the name of another permit or rule")
	k.names[name] = true
}

func (k *checker) level(path, key string) {
	issuer, acr, _ := strings.Cut(key, " ")
	if !issuerPattern.MatchString(issuer) || !issuerPattern.MatchString(acr) {
		k.find(true, "P111", path, "key is not an issuer and one of its acr values, separated by one space")
		return
	}
	k.counts(path, issuer)
}

// counts looks an issuer up. The service itself needs nobody who vouches for it.
func (k *checker) counts(path, issuer string) {
	if k.issuers == nil || issuer == selfIssuer || k.full() || slices.Contains(k.issuers, issuer) {
		return
	}
	k.findings = append(k.findings, mapping.Finding{
		Code: "P120", Path: path, Problem: "is of an issuer that issuers does not list", Nearest: declare.Nearest(issuer, k.issuers),
	})
}

func (k *checker) permit(path string, permit Permit) {
	k.name(path+"/name", permit.Name)
	k.who(path+"/who", permit.Who)
	year := permit.Until.Year()
	k.find(!permit.Until.IsZero() && (year <= 1970 || year > 9999), "P119", path+"/until", "is not between 1971 and 9999")
	k.find(len(permit.Operations) == 0, "P107", path+"/operations", "permits nothing")
	for i, name := range permit.Operations {
		k.known("P108", fmt.Sprintf("%s/operations/%d", path, i), name, "is not an operation of the catalogue", k.operations)
	}
	k.distinct(path+"/operations", permit.Operations)
}

func (k *checker) who(path string, w Who) {
	if w == (Who{}) {
		k.find(true, "P103", path, "is nobody")
		return
	}
	ways := 0
	for _, set := range []bool{w.Subject != "", w.Claim != "" || w.Value != "", w.SPIFFE != ""} {
		if set {
			ways++
		}
	}
	k.find(ways != 1 || (w.Claim == "") != (w.Value == "") || w.SPIFFE != "" && w.Issuer != "", "P104", path,
		"is not exactly one of issuer and subject, issuer, claim and value, or spiffe")
	switch {
	case w.SPIFFE != "" && !isSPIFFE(w.SPIFFE):
		k.find(true, "P118", path+"/spiffe", "is not the SPIFFE id of a workload")
	case w.SPIFFE != "":
		k.counts(path+"/spiffe", trustDomain(w.SPIFFE))
	case !issuerPattern.MatchString(w.Issuer):
		k.find(true, "P105", path+"/issuer", "is not an issuer")
	default:
		k.counts(path+"/issuer", w.Issuer)
	}
	k.find(!utf8.ValidString(w.Subject), "P106", path+"/subject", "is not UTF-8")
	k.find(!utf8.ValidString(w.Claim), "P106", path+"/claim", "is not UTF-8")
	k.find(!utf8.ValidString(w.Value), "P106", path+"/value", "is not UTF-8")
}

func isSPIFFE(id string) bool {
	return len(id) <= 2048 && spiffePattern.MatchString(id) && !strings.Contains(id+"/", "/./") && !strings.Contains(id+"/", "/../")
}

// trustDomain is the issuer of a workload's identity.
func trustDomain(id string) string {
	domain, _, _ := strings.Cut(id[len("spiffe://"):], "/")
	return id[:len("spiffe://")+len(domain)]
}

func (k *checker) rule(path string, r Rule) {
	k.name(path+"/name", r.Name)
	k.find(r.On != nil && len(r.On) == 0, "P112", path+"/on", "is about nothing; for all operations, leave it out")
	for i, name := range r.On {
		k.known("P113", fmt.Sprintf("%s/on/%d", path, i), name, "is not an operation or a system of the catalogue", k.all)
	}
	k.distinct(path+"/on", r.On)
	k.find(!r.restricts(), "P114", path, "sets no condition")
	k.find(r.MaxAge < 0 || r.MaxAge%time.Second != 0, "P115", path+"/max_age", "is not a positive number of whole seconds")
	k.find(r.Transport != "" && r.Transport != auth.TransportTLS, "P116", path+"/transport", "is not tls")
	for i, scope := range r.Scopes {
		k.find(!scopePattern.MatchString(scope), "P117", fmt.Sprintf("%s/scopes/%d", path, i), "is not a scope of RFC 6749")
	}
	k.distinct(path+"/scopes", r.Scopes)
	k.way(path, r)
}

// way checks what a rule says about where data goes, and which.
func (k *checker) way(path string, r Rule) {
	k.find(r.Residency != nil && len(r.Residency) == 0, "P121", path+"/residency", "is no jurisdiction; for any, leave it out")
	for i, name := range r.Residency {
		k.known("P121", fmt.Sprintf("%s/residency/%d", path, i), name, "is not a jurisdiction of any system", k.jurisdictions)
	}
	k.distinct(path+"/residency", r.Residency)
	k.find(r.Class > mapping.Restricted, "P123", path+"/class", "is not public, internal, confidential or restricted")
	k.find(r.Zones != nil && len(r.Zones) == 0, "P122", path+"/zones", "is no way; for any, leave it out")
	for i, from := range slices.Sorted(maps.Keys(r.Zones)) {
		at := fmt.Sprintf("%s/zones/%d", path, i)
		k.known("P122", at, from, "is a way from the zone of no system", k.zones)
		k.known("P122", at, r.Zones[from], "is a way to the zone of no system", k.zones)
	}
}

func (r *Rule) restricts() bool {
	return r.Level != 0 || r.MaxAge != 0 || r.Scopes != nil || r.Transport != "" ||
		r.Residency != nil || r.Class != mapping.Unlabelled || r.Zones != nil
}

func (k *checker) distinct(path string, names []string) {
	seen := map[string]bool{}
	for i, name := range names {
		k.find(seen[name], "P110", fmt.Sprintf("%s/%d", path, i), "is listed twice")
		seen[name] = true
	}
}

// known looks a name up. A wildcard is not a name that nobody declared but a
// request for more than anybody reviewed, so it has a finding of its own.
func (k *checker) known(code, path, name, problem string, among []string) {
	switch {
	case strings.Contains(name, "*"):
		k.find(true, "P109", path, "is a wildcard; name each")
	case k.complete && !k.full() && !slices.Contains(among, name):
		k.findings = append(k.findings, mapping.Finding{Code: code, Path: path, Problem: problem, Nearest: declare.Nearest(name, among)})
	}
}
