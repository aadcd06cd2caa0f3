package format

import "github.com/carnet-go/carnet/internal/declare"

// mapping is the form of what mapping.Compile reads.
var mapping = declare.Form{
	Title: "carnet mapping",
	Texts: map[string]string{
		"Mapping":             "What each field of a destination is made of, for one source.",
		"Mapping.$schema":     "Where an editor finds this format. Nothing else reads it.",
		"Mapping.description": "For people.",
		"Mapping.mapping":     "The mapping's name, by which operations call it; that of its file in a boundary.",
		"Mapping.from":        "Title of the source's schema.",
		"Mapping.to":          "Title of the destination's schema.",
		"Mapping.set":         "What each field of the destination is made of, by JSON pointer; /* is each element of an array.",
		"Mapping.drop":        "Why a field of the source goes nowhere, by JSON pointer. Each field is used or stands here.",

		"Rule":          "Exactly one of from, const and absent.",
		"Rule.from":     "JSON pointer to a field of the source.",
		"Rule.do":       "Transforms, one after the other. A release is of the first.",
		"Rule.do.*":     "One transform: its name with its arguments, {} where it has none.",
		"Rule.on_error": "Where a transform has no result: fail refuses the document, drop leaves the field out, null puts null. Required where that can be.",
		"Rule.const":    "The same value for every document.",
		"Rule.absent":   "Why the field is not set.",
	},
	Rules: map[string]keywords{
		"Mapping":         needs("mapping", "from", "to", "set"),
		"Mapping.mapping": name,
		"Mapping.from":    name,
		"Mapping.to":      name,
		"Mapping.set":     {"propertyNames": pointer, "minProperties": 1},
		"Mapping.drop":    {"propertyNames": pointer},
		"Mapping.drop.*":  line,

		"Rule": {
			"oneOf":             []any{needs("from"), needs("const"), needs("absent")},
			"dependentRequired": keywords{"do": []string{"from"}, "on_error": []string{"from"}},
		},
		"Rule.from":     pointer,
		"Rule.do.*":     step(),
		"Rule.on_error": {"enum": []string{"fail", "drop", "null"}},
		"Rule.absent":   line,
	},
}

// step is one transform, by its name.
func step() keywords {
	known := keywords{}
	for name, text := range transforms {
		known[name] = arguments(text)
	}
	return keywords{
		"minProperties": 1, "maxProperties": 1, "properties": known, "additionalProperties": false,
		"patternProperties": keywords{custom: arguments("A function of the service's own: {version}. Its code is to be read.")},
	}
}

func arguments(text string) keywords {
	return keywords{"$ref": declare.Value, "type": "object", "description": text}
}

// transforms says what each does, with its arguments.
var transforms = map[string]string{
	"date.format":      "A date in another layout: {layout}, of 2006-01-02, 02.01.2006, 01/02/2006, 02/01/2006, 20060102, 20060102150405Z, or 2006-01, which a release may name.",
	"date.year":        "The year of a date or date-time. A release may name it.",
	"enum":             "Another value for each: {map, else}. A release may name it.",
	"int.bucket":       "The largest multiple of width that is not above: {width}. A release may name it.",
	"int.to_string":    "Decimal digits.",
	"mask.email":       "**** and one of these domains: {domains}. A release may name it.",
	"mask.keep_last":   "**** and the last n characters: {n}. A release may name it.",
	"minor.to_number":  "1250 as 12.50: {scale}.",
	"number.bucket":    "The largest multiple of width that is not above: {width}. A release may name it.",
	"number.scale":     "So many digits after the point: {scale, round}, rounded half_even or down.",
	"number.to_minor":  "12.50 as 1250: {scale}.",
	"number.to_string": "All digits of its scale.",
	"redact":           "[redacted]. A release may name it.",
	"string.to_int":    "An integer as JSON writes it: {minimum, maximum, unit}. It can have no result.",
	"string.to_number": "A number as JSON writes it: {scale, minimum, maximum, unit}. It can have no result.",
	"text.nfc":         "In Unicode's normal form C.",
	"text.prefix":      "The first n characters, or fewer: {n}. A release may name it.",
	"text.truncate":    "The first n characters: {n}.",
	"time.date":        "The day of a date-time in UTC.",
	"time.to_unix":     "Seconds since 1970.",
	"token.aes_siv":    "A keyed token, the same for the same value of the same field, which who has the key can open: {key}. A release may name it.",
	"token.hmac":       "A keyed token, the same for the same value of the same field: {key}. A release may name it.",
	"unit.convert":     "Another unit: {to, scale}. It is exact.",
	"unix.to_time":     "Seconds since 1970 as a date-time in UTC.",
}
