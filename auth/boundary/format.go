package boundary

import (
	"reflect"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/names"
	"github.com/carnet-go/carnet/internal/declare"
)

// Format is a JSON Schema (2020-12) of boundary.jsonc: an editor that is told of it completes,
// explains and checks its members, as carnet format says. It takes what Load takes, but for
// empty text in place of a name or choice, and does not know whether names are declared
// elsewhere. Those of schemas and mappings are [mapping.SchemaFormat] and [mapping.MappingFormat].
func Format() []byte { return declare.RequireFormat(reflect.TypeFor[file](), format) }

type keywords = declare.Keywords

// What many members are.
var (
	name    = keywords{"pattern": names.Name.String()}
	few     = keywords{"maxItems": 32}
	issuer  = keywords{"pattern": names.Issuer.String()}
	secret  = keywords{"pattern": names.Secret.String(), "maxLength": 255}
	scope   = keywords{"pattern": names.Scope.String()}
	once    = keywords{"uniqueItems": true}
	some    = keywords{"minItems": 1, "uniqueItems": true}
	cleared = keywords{"enum": []string{"public", "internal", "confidential", "restricted"}} // sealed crosses nothing
)

// format is the form of file.
var format = declare.Form{
	Title: "carnet boundary",
	Texts: texts,
	Rules: map[string]keywords{
		"file":           needs("tenant"),
		"file.tenant":    name,
		"file.issuers":   once,
		"file.levels":    {"propertyNames": keywords{"pattern": "^[^ ]+ [^ ]+$"}},
		"file.issuers.*": issuer,

		"System": {
			"required": []string{"name"},
			"if":       keywords{"properties": keywords{"name": keywords{"const": auth.Self}}},
			"else": keywords{
				"required":   []string{"origin"},
				"properties": keywords{"operations": keywords{"items": needs("method")}},
			},
		},
		"System.name":            name,
		"System.kind":            {"enum": []string{auth.KindAPI, auth.KindDirectory, auth.KindStore}},
		"System.origin":          {"pattern": "^[A-Za-z]+://"},
		"System.endpoints":       {"propertyNames": keywords{"pattern": names.Word.String()}},
		"System.endpoints.*":     {"pattern": "^[A-Za-z]+://"},
		"System.audience":        {"pattern": names.Audience.String()},
		"System.private.*":       {"pattern": "/[0-9]{1,3}$"},
		"System.twin_of":         name,
		"System.zone":            name,
		"System.jurisdictions":   few,
		"System.jurisdictions.*": name,
		"System.secrets.*":       secret,
		"System.delegation":      {"enum": []string{auth.Carry, auth.AuditOnly}},

		"Clearance.class":        cleared,
		"Clearance.categories":   few,
		"Clearance.categories.*": name,
		"Clearance.purposes":     few,
		"Clearance.purposes.*":   name,

		"Subject.template": {"pattern": `\{claim\}`},
		"Subject.pairwise": secret,
		"Subject.domains":  {"propertyNames": issuer},

		"Operation": {
			"required": []string{"name", "effect"},
			"if":       keywords{"anyOf": []any{is("input", auth.Opaque), is("output", auth.Opaque)}},
			"then":     needs("reason"),
		},
		"Operation.name":         {"pattern": `^[a-z0-9][a-z0-9._-]*\.[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*$`, "maxLength": 64},
		"Operation.method":       {"enum": []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "add", "modify", "delete", "search"}},
		"Operation.path":         {"pattern": "^/"},
		"Operation.attributes.*": {"pattern": names.Attribute.String()},
		"Operation.scopes.*":     scope,
		"Operation.input":        name,
		"Operation.output":       name,
		"Operation.undo":         name,
		"Operation.ask":          name,

		"Permit":              needs("name", "who", "operations"),
		"Permit.name":         name,
		"Permit.operations":   some,
		"Permit.operations.*": name,
		"Who":                 {"oneOf": []any{needs("issuer", "subject"), needs("issuer", "claim", "value"), needs("spiffe")}},
		"Who.issuer":          issuer,
		"Who.spiffe":          {"pattern": "^spiffe://[a-z0-9._-]+/", "maxLength": 2048},

		"Rule": {
			"required": []string{"name"},
			"anyOf":    []any{needs("level"), needs("max_age"), needs("scopes"), needs("transport"), needs("residency"), needs("class"), needs("zones")},
		},
		"Rule.name":        name,
		"Rule.on":          some,
		"Rule.on.*":        name,
		"Rule.scopes":      once,
		"Rule.scopes.*":    scope,
		"Rule.transport":   {"const": auth.TransportTLS},
		"Rule.residency":   some,
		"Rule.residency.*": name,
		"Rule.class":       cleared,
		"Rule.zones":       {"minProperties": 1, "propertyNames": name},
		"Rule.zones.*":     name,
	},
}

// needs is an object that has all of these members.
func needs(members ...string) keywords { return keywords{"required": members} }

// is an object with a member of that value.
func is(member, value string) keywords {
	return keywords{"required": []string{member}, "properties": keywords{member: keywords{"const": value}}}
}
