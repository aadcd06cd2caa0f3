package format

import (
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
)

// schema is the form of shape.File.
var schema = declare.Form{
	Title: "carnet schema",
	Texts: map[string]string{
		"File":                      "What a document holds, labelled by its owner: a closed profile of JSON Schema 2020-12.",
		"File.$schema":              "Where an editor finds this format. Nothing else reads it.",
		"File.$id":                  "For whoever reads the file. Nothing else reads it.",
		"File.title":                "The schema's name, by which mappings and operations call it; that of its file in a boundary.",
		"File.description":          "For people.",
		"File.type":                 "A document is an object.",
		"File.properties":           "What a document may hold, by name: nothing else.",
		"File.required":             "Names of the properties that each document has.",
		"File.additionalProperties": "Is false, and said: a document with anything else is refused.",
		"File.defaults":             "The label of the properties that say nothing of their own.",
		"File.combine":              "Fields that tell more together than each alone.",
		"File.$defs":                "Definitions that properties refer to, by name. Each is used.",

		"Labels":                "What a label says.",
		"Labels.classification": classification,
		"Labels.categories":     categories,
		"Labels.residency":      residency,
		"Labels.purposes":       purposes,

		"Property":                      "A property, or the items of an array: $ref alone, or a type with its limits and label.",
		"Property.$ref":                 "A definition of $defs that says all of it: nothing but a description stands beside.",
		"Property.description":          "For people.",
		"Property.type":                 `One type, or [type, "null"] where the value may be null.`,
		"Property.properties":           "Of an object: what it may hold, by name: nothing else.",
		"Property.required":             "Of an object: names of the properties that it always has.",
		"Property.additionalProperties": "Of an object or a map: is false, and said.",
		"Property.patternProperties":    "Of a map: the one pattern of its names, and what each of them has.",
		"Property.propertyNames":        "Of a map: how long its names are.",
		"Property.maxProperties":        "Of a map: the largest count of entries.",
		"Property.items":                "Of an array: what each element is.",
		"Property.maxItems":             "Of an array: the largest count of elements.",
		"Property.minLength":            "Of a string: the least count of characters.",
		"Property.maxLength":            "Of a string: the largest count of characters; required but with enum or format.",
		"Property.minimum":              "Of a number or integer: the least value.",
		"Property.maximum":              "Of a number or integer: the largest value.",
		"Property.scale":                "Of a number: the most digits after its point. Required there.",
		"Property.unit":                 "Of a number or integer: what it counts, such as eur or cm. Only unit.convert changes it.",
		"Property.enum":                 "Of a string or integer: the only values.",
		"Property.pattern":              "Of a string: RE2 of the whole text, from ^ to $, with choices in parentheses.",
		"Property.format":               "Of a string: the form that it is held to.",
		"Property.classification":       classification,
		"Property.categories":           categories,
		"Property.residency":            residency,
		"Property.purposes":             purposes,
		"Property.release":              "What lowers the label, each for exactly one transform. Nothing else does.",
		"Property.in":                   "Where a destination's field goes; absent: into the body.",

		"Names":           "How long the names of a map are; what else they are, their pattern says.",
		"Names.minLength": "The least count of characters.",
		"Names.maxLength": "The largest count of characters; required but with format.",
		"Names.format":    "The form that they are held to.",

		"Release":            "What the source's owner lets go: the result of one transform, under a lower label, until a day.",
		"Release.via":        "The transform that a mapping begins with.",
		"Release.args":       "Its arguments, exactly; a token without any is of every key.",
		"Release.to":         "The class of the result, not above the field's.",
		"Release.residency":  "Jurisdictions that the result may be in; absent: the field's.",
		"Release.purposes":   "What the result may be used for; absent: what the field may.",
		"Release.categories": "What the result is; absent: what the field is; empty: nothing in particular.",
		"Release.approved":   "Who approved it, such as the number of a decision.",
		"Release.until":      "Its last day, in UTC: what was compiled with it ends then.",

		"Combine":                "Fields that tell more together: where all of them are sent, each has this label too.",
		"Combine.fields":         "JSON pointers to fields of this schema.",
		"Combine.classification": "How sensitive they are together.",
		"Combine.categories":     "What they are together; absent: nothing in particular.",
		"Combine.residency":      "Jurisdictions that they may be in together; absent: any.",
		"Combine.purposes":       "What they may be used for together; absent: anything.",
		"Combine.unless":         "Transforms by field: what one of them releases counts no longer.",
	},
	Rules: map[string]keywords{
		"File":                      needs("title", "type", "properties", "additionalProperties"),
		"File.title":                name,
		"File.type":                 {"const": "object"},
		"File.properties":           properties,
		"File.additionalProperties": {"const": false},
		"File.combine":              {"maxItems": 64},
		"File.$defs":                {"propertyNames": name},

		"Labels.categories":   few,
		"Labels.categories.*": name,
		"Labels.residency":    few,
		"Labels.residency.*":  scope,
		"Labels.purposes":     few,
		"Labels.purposes.*":   scope,

		"Property":                      property,
		"Property.$ref":                 {"pattern": `^#/\$defs/[a-z0-9][a-z0-9._-]{0,63}$`},
		"Property.type":                 {"enum": types()},
		"Property.properties":           properties,
		"Property.additionalProperties": {"const": false},
		"Property.patternProperties":    {"minProperties": 1, "maxProperties": 1, "propertyNames": whole},
		"Property.maxProperties":        {"minimum": 0, "maximum": scan.MaxSize / 2},
		"Property.maxItems":             {"minimum": 0, "maximum": scan.MaxSize / 2},
		"Property.minLength":            count,
		"Property.maxLength":            count,
		"Property.minimum":              {"type": "number"},
		"Property.maximum":              {"type": "number"},
		"Property.scale":                {"minimum": 0, "maximum": scan.MaxScale},
		"Property.unit":                 name,
		"Property.enum":                 {"type": "array", "items": keywords{"type": []string{"integer", "string"}}, "minItems": 1, "maxItems": 1000, "uniqueItems": true},
		"Property.pattern":              whole,
		"Property.format":               {"enum": scan.Formats[1:]},
		"Property.in":                   {"enum": shape.Places()},
		"Property.categories":           few,
		"Property.categories.*":         name,
		"Property.residency":            few,
		"Property.residency.*":          scope,
		"Property.purposes":             few,
		"Property.purposes.*":           scope,

		"Names":           {"anyOf": []any{needs("maxLength"), needs("format")}},
		"Names.minLength": count,
		"Names.maxLength": count,
		"Names.format":    {"enum": scan.Formats[1:]},

		"Release":              needs("via", "to", "approved", "until"),
		"Release.via":          via,
		"Release.args":         {"type": "object"},
		"Release.to":           lowered,
		"Release.categories":   few,
		"Release.categories.*": name,
		"Release.residency":    few,
		"Release.residency.*":  scope,
		"Release.purposes":     few,
		"Release.purposes.*":   scope,
		"Release.approved":     line,
		"Release.until":        {"format": "date"},

		"Combine":              needs("fields", "classification"),
		"Combine.fields":       {"minItems": 2, "uniqueItems": true},
		"Combine.fields.*":     pointer,
		"Combine.categories":   few,
		"Combine.categories.*": name,
		"Combine.residency":    few,
		"Combine.residency.*":  scope,
		"Combine.purposes":     few,
		"Combine.purposes.*":   scope,
		"Combine.unless":       {"propertyNames": pointer},
		"Combine.unless.*.*":   via,
	},
}

const (
	classification = "How sensitive it is. A field whose class nobody says crosses nothing; sealed is of credentials, and crosses nothing either."
	categories     = "What it is, such as pii.contact."
	residency      = "Jurisdictions that it may be in, * for any."
	purposes       = "What it may be used for, * for anything."
)

var properties = keywords{
	"minProperties": 1, "maxProperties": scan.MaxMembers,
	"propertyNames": keywords{"pattern": `^[^/~"\\]+$`, "maxLength": scan.MaxName},
}

// whole is a pattern of all of a text.
var whole = keywords{"pattern": `^\^[\s\S]*\$$`}

// property says which keywords stand together.
var property = keywords{
	"if":   needs("$ref"),
	"then": keywords{"propertyNames": keywords{"enum": []string{"$ref", "description"}}},
	"else": needs("type"),
	"allOf": []any{
		where(scan.Object, keywords{"required": []string{"additionalProperties"}, "oneOf": []any{needs("properties"), needs("patternProperties", "propertyNames", "maxProperties")}}),
		where(scan.Array, needs("items", "maxItems")),
		where(scan.Number, needs("scale")),
		where(scan.String, keywords{"anyOf": []any{needs("maxLength"), needs("enum"), needs("format")}}),
	},
}

// where is a rule for properties of one type.
func where(kind scan.Kind, then keywords) keywords {
	is := needs("type")
	is["properties"] = keywords{"type": keywords{"enum": typed(kind)}}
	return keywords{"if": is, "then": then}
}

// typed are the two ways to say a type.
func typed(kind scan.Kind) []any {
	return []any{kind.String(), []string{kind.String(), scan.Null.String()}}
}

func types() []any {
	var all []any
	for kind := scan.Bool; kind <= scan.Object; kind++ {
		all = append(all, typed(kind)...)
	}
	return all
}
