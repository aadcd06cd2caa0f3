package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/auth/internal/subject"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// methods are those of each kind of system.
var methods = map[string][]string{
	KindAPI:       {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
	KindDirectory: {"add", "modify", "delete", "search"},
}

const notName = "is not a name: [a-z0-9][a-z0-9._-]{0,63}"

// mostFindings is when the check stops: nobody reads more.
const mostFindings = 1000

// longestCeiling is how long anything may live.
const longestCeiling = 24 * time.Hour

// Catalogue checks the systems of a tenant.
func Catalogue(tenant string, systems []System) mapping.Findings {
	var c check
	c.find(!names.Name.MatchString(tenant), "B101", "/tenant", notName)
	c.twins(systems)
	twinned := Twinned(systems)
	seen := map[string]bool{}
	for i, s := range systems {
		if len(c.findings) >= mostFindings {
			break
		}
		path := fmt.Sprintf("/systems/%d", i)
		if s.TwinOf != "" {
			s.Kind, s.Operations = twinned[i].Kind, nil
		}
		c.system(path, s)
		c.find(seen[s.Name], "B111", path+"/name", "is declared twice")
		seen[s.Name] = true
		for j, op := range s.Operations {
			c.find(seen["/"+op.Name], "B112", fmt.Sprintf("%s/operations/%d/name", path, j), "is declared twice")
			seen["/"+op.Name] = true
		}
	}
	c.ambiguous(systems)
	c.ways(systems)
	return c.findings
}

// ways checks what undoes an operation, and what tells whether it has happened.
func (c *check) ways(systems []System) {
	effects, all := map[string]uint8{}, []string(nil)
	for _, s := range systems {
		for _, op := range s.Operations {
			effects[op.Name] = op.Effect
			if all = append(all, op.Name); s.Name == Self {
				delete(effects, op.Name)
			}
		}
	}
	for i, s := range systems {
		for j, op := range s.Operations {
			at := fmt.Sprintf("/systems/%d/operations/%d", i, j)
			for way, name := range map[string]string{"/undo": op.Undo, "/ask": op.Ask} {
				if _, known := effects[name]; name != "" && !known && len(c.findings) < mostFindings {
					c.findings = append(c.findings, mapping.Finding{Code: "B138", Path: at + way, Problem: "is not an operation of the catalogue", Nearest: declare.Nearest(name, all)})
				}
			}
			c.find(op.Undo != "" && (op.Undo == op.Name || effects[op.Undo] == readOnly), "B138", at+"/undo", "is itself, or only reads")
			c.find(op.Undo != "" && (op.Effect == readOnly || op.Effect == final), "B138", at+"/undo", "is of what only reads, or of what is final: nothing undoes it")
			c.find(op.Ask != "" && effects[op.Ask] > readOnly, "B138", at+"/ask", "does not only read")
			c.find(op.Keyed && (s.kind() != KindAPI || op.Effect == readOnly), "B138", at+"/keyed", "is for calls of an API that change something")
		}
	}
}

// Effects, as auth counts them.
const (
	readOnly = 1
	final    = 4
)

// check collects findings about one catalogue or boundary.
type check struct{ findings mapping.Findings }

func (c *check) find(bad bool, code, path, problem string) {
	if bad && len(c.findings) < mostFindings {
		c.findings = append(c.findings, mapping.Finding{Code: code, Path: path, Problem: problem})
	}
}

func (c *check) names(all []string, code, path string) {
	c.find(len(all) > 32, code, path, "are more than the log takes: 32")
	for i, name := range all {
		c.find(!names.Name.MatchString(name), code, fmt.Sprintf("%s/%d", path, i), "is not a name")
	}
}

func (c *check) system(path string, s System) {
	c.find(!names.Name.MatchString(s.Name), "B102", path+"/name", notName)
	c.find(s.Zone != "" && !names.Name.MatchString(s.Zone), "B106", path+"/zone", "is not a name")
	c.names(s.Jurisdictions, "B107", path+"/jurisdictions")
	c.find(s.Clearance.Class > mapping.Restricted, "B133", path+"/clearance/class", "cannot be cleared for")
	c.names(s.Clearance.Categories, "B133", path+"/clearance/categories")
	c.names(s.Clearance.Purposes, "B133", path+"/clearance/purposes")
	if s.Name == Self {
		c.find(s.Kind != "" && s.Kind != KindStore, "B130", path+"/kind", "of self is store")
		c.find(s.reaches(), "B103", path, "is the service itself: it has a zone, jurisdictions, a clearance and operations of a name and an effect, and nothing else")
		for i, op := range s.Operations {
			c.called(fmt.Sprintf("%s/operations/%d", path, i), s, op)
		}
		return
	}
	_, known := methods[s.kind()]
	c.find(!known, "B130", path+"/kind", "is neither api nor directory")
	_, err := OriginOf(s.kind(), s.Origin)
	c.find(known && err != nil, "B104", path+"/origin", "is not an origin: "+originOf[s.kind()])
	for _, name := range slices.Sorted(maps.Keys(s.Endpoints)) {
		url := s.Endpoints[name]
		_, _, err := netguard.ParseEndpoint(url)
		if _, bare := netguard.ParseOrigin(url); name == "issuer" && bare == nil {
			err = nil // it is compared, and not called
		}
		c.find(!names.Word.MatchString(name) || err != nil, "B131", path+"/endpoints", "has one that is not a name and an https URL with a clean path and no query")
	}
	c.find(s.Audience != "" && !names.Audience.MatchString(s.Audience), "B132", path+"/audience", "is not what a system can be addressed as")
	for i, prefix := range s.Private {
		_, err := netguard.New([]string{prefix})
		c.find(err != nil, "B105", fmt.Sprintf("%s/private/%d", path, i), "is not a canonical CIDR range")
	}
	for i, secret := range s.Secrets {
		c.find(!names.Path(secret), "B108", fmt.Sprintf("%s/secrets/%d", path, i), "is not a secret's path: names separated by /")
	}
	c.subject(path+"/subject", s)
	c.find(!slices.Contains([]string{"", Carry, AuditOnly}, s.Delegation), "B109", path+"/delegation", "is neither carry nor audit-only")
	c.find(s.Ceiling < 0 || s.Ceiling > longestCeiling, "B110", path+"/ceiling", "is not between 0 and 24h")
	for i, op := range s.Operations {
		c.operation(fmt.Sprintf("%s/operations/%d", path, i), s, op)
	}
}

// originOf says what an origin is.
var originOf = map[string]string{
	KindAPI:       "https, a host and at most a port; http on loopback only",
	KindDirectory: "ldaps or ldap, a host and at most a port",
}

// subject checks who is called what.
func (c *check) subject(path string, s System) {
	r := s.Subject
	if !r.Declared() {
		return
	}
	ways := 0
	for _, set := range []bool{len(r.Table) > 0, r.Template != "", r.Pairwise != ""} {
		if set {
			ways++
		}
	}
	c.find(ways != 1, "B134", path, "is not exactly one of table, template and pairwise")
	c.find((len(r.Table) == 0) != names.Issuer.MatchString(r.Issuer), "B134", path+"/issuer", "is not an issuer, or the table has issuers of its own")
	c.find(r.Changes(), "B134", path+"/claim", "may change under somebody, or be set to somebody else's")
	c.find((r.Claim == subject.Email) != (len(r.Domains) > 0), "B134", path+"/domains", "are for email, and email needs them")
	for _, issuer := range slices.Sorted(maps.Keys(r.Domains)) {
		bad := slices.ContainsFunc(r.Domains[issuer], func(s string) bool { return !subject.Domain(s) })
		c.find(bad || !names.Issuer.MatchString(issuer), "B134", path+"/domains", "are not issuers with their domains in lower case")
	}
	for _, key := range slices.Sorted(maps.Keys(r.Table)) {
		issuer, value, _ := strings.Cut(key, " ")
		_, named := r.Name(issuer, value, map[string][]string{r.Claim: {value}, "email_verified": {"true"}})
		c.find(!named, "B134", path+"/table", "has a key that is not an issuer and a value, separated by a space, or a name that nobody may get")
	}
	c.find(r.Template != "" && (strings.Count(r.Template, subject.Place) != 1 || !subject.Printable(strings.Replace(r.Template, subject.Place, "", 1)+"x")),
		"B134", path+"/template", "does not have {claim} once, or cannot be printed")
	prefix, suffix, _ := strings.Cut(strings.ToLower(r.Template), subject.Place)
	for i, name := range r.Reserved {
		made := strings.HasPrefix(strings.ToLower(name), prefix) && strings.HasSuffix(strings.ToLower(name), suffix)
		c.find(r.Template != "" && !made, "B134", fmt.Sprintf("%s/reserved/%d", path, i), "is not a name that the template makes: it would keep nobody out")
	}
	c.find(r.Pairwise != "" && !slices.Contains(s.Secrets, r.Pairwise), "B134", path+"/pairwise", "is not one of the system's secrets")
}

// called checks what every operation has.
func (c *check) called(path string, s System, op Operation) {
	rest, ok := strings.CutPrefix(op.Name, s.Name+".")
	noun, verb, both := strings.Cut(rest, ".")
	c.find(!ok || !both || !names.Word.MatchString(noun) || !names.Word.MatchString(verb) || !names.Name.MatchString(op.Name),
		"B120", path+"/name", "is not system.noun.verb of its own system")
	c.find(op.Effect == 0 || op.Effect > 4, "B128", path+"/effect", "is not declared: read-only, idempotent, once or final")
}

func (c *check) operation(path string, s System, op Operation) {
	c.called(path, s, op)
	allowed, known := methods[s.kind()]
	c.find(known && !slices.Contains(allowed, op.Method), "B121", path+"/method", "is not one of "+strings.Join(allowed, ", "))
	for i, scope := range op.Scopes {
		c.find(!names.Scope.MatchString(scope), "B123", fmt.Sprintf("%s/scopes/%d", path, i), "is not a scope of RFC 6749")
	}
	c.find(op.Input != "" && !names.Name.MatchString(op.Input), "B124", path+"/input", "is neither none, opaque nor a mapping's name")
	c.find(op.Output != "" && !names.Name.MatchString(op.Output), "B125", path+"/output", "is neither none, opaque nor a schema's name")
	opaque := op.Input == Opaque || op.Output == Opaque
	c.find(opaque && strings.TrimSpace(op.Reason) == "", "B126", path+"/reason", "is required where input or output is opaque")
	c.find(op.Privileged && op.Input == Opaque, "B129", path+"/input", "cannot be opaque where the operation is privileged")
	if s.kind() == KindDirectory {
		c.entry(path, op)
		return
	}
	places, clean := netguard.Places(op.Path)
	c.find(!clean, "B122", path+"/path", "is not a clean absolute path")
	c.find(op.Base != "" || op.Filter != "" || op.Attributes != nil, "B135", path+"/base", "base, filter and attributes are a directory's")
	c.find(len(places) > 0 && Takes(op.Input) == None, "B127", path+"/path", "has places, but no input fills them")
}

// entry checks an operation of a directory.
func (c *check) entry(path string, op Operation) {
	base, ok := names.Places(op.Base)
	c.find(!ok || op.Base == "", "B135", path+"/base", "is not a DN whose {places} occur once each")
	filter, ok := names.Places(op.Filter)
	search := op.Method == "search"
	c.find(!ok || op.Filter != "" && !search, "B135", path+"/filter", "is not a search's filter whose {places} occur once each")
	c.find(search != (len(op.Attributes) > 0), "B135", path+"/attributes", "are what a search reads, and it reads nothing else")
	for i, name := range op.Attributes {
		c.find(!names.Attribute.MatchString(name), "B135", fmt.Sprintf("%s/attributes/%d", path, i), "is not an attribute")
	}
	c.find(op.Path != "", "B122", path+"/path", "is an API's: a directory has a base")
	c.find(op.Input == Opaque, "B124", path+"/input", "of a directory cannot be opaque")
	c.find(len(base)+len(filter) > 0 && Takes(op.Input) == None, "B127", path+"/base", "has places, but no input fills them")
}
