package shape

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// File is what a schema's owner writes: the keywords of JSON Schema 2020-12 that are taken, and
// ours. C is the class of a label.
type File[C any] struct {
	Schema               string `json:"$schema"`
	ID                   string `json:"$id"`
	Title                string
	Description          string
	Type                 json.RawMessage
	Properties           map[string]*Property[C]
	Required             []string
	AdditionalProperties *bool `json:"additionalProperties"`
	Defaults             Labels[C]
	Combine              []Combine[C]
	Defs                 map[string]*Property[C] `json:"$defs"`
}

// Labels are what a label says.
type Labels[C any] struct {
	Classification C
	Categories     []string
	Residency      []string
	Purposes       []string
}

// Property is one of an object, or the items of an array.
type Property[C any] struct {
	Ref                  *string `json:"$ref"`
	Description          string
	Type                 json.RawMessage
	Properties           map[string]*Property[C]
	Required             []string
	AdditionalProperties *bool                   `json:"additionalProperties"`
	PatternProperties    map[string]*Property[C] `json:"patternProperties"`
	PropertyNames        *Names                  `json:"propertyNames"`
	MaxProperties        *int                    `json:"maxProperties"`
	Items                *Property[C]
	MaxItems             *int `json:"maxItems"`
	MinLength            *int `json:"minLength"`
	MaxLength            *int `json:"maxLength"`
	Minimum              json.RawMessage
	Maximum              json.RawMessage
	Scale                *int
	Unit                 *string
	Enum                 json.RawMessage
	Pattern              *string
	Format               *string
	Classification       C
	Categories           []string
	Residency            []string
	Purposes             []string
	Release              []Release[C]
	In                   *string
}

const (
	anywhere = "*"
	maxWords = 32
)

// Words finds what is no name in a label.
func Words[C any](r Reader, l Labels[C], at string) {
	for name, words := range map[string][]string{"categories": l.Categories, "residency": l.Residency, "purposes": l.Purposes} {
		if len(words) == 0 {
			continue
		}
		every := name != "categories" && slices.Equal(words, []string{anywhere})
		bad := slices.ContainsFunc(words, func(word string) bool { return !names.Name.MatchString(word) })
		r.Find(bad && !every, "M116", at+"/"+name, "holds what is no name: [a-z0-9][a-z0-9._-]{0,63}, or * alone")
		r.Find(len(words) > maxWords, "M116", at+"/"+name, "holds more than 32: a log takes no more of them in an event")
	}
}

// Names are those of a map, besides their pattern.
type Names struct {
	MinLength *int `json:"minLength"`
	MaxLength *int `json:"maxLength"`
	Format    *string
}

// Release lowers a label.
type Release[C any] struct {
	Via        string
	Args       json.RawMessage
	To         C
	Residency  []string
	Purposes   []string
	Categories []string
	Approved   string
	Until      string
}

// Combine is a set of fields that tell more together than each alone.
type Combine[C any] struct {
	Fields         []string
	Classification C
	Categories     []string
	Residency      []string
	Purposes       []string
	Unless         map[string][]string
}

// OnlyRefers says whether it is a definition, with nothing but a description beside.
func (d *Property[C]) OnlyRefers() bool {
	return reflect.DeepEqual(*d, Property[C]{Ref: d.Ref, Description: d.Description})
}

// Keywords are what it says of its values.
func (d *Property[C]) Keywords() Keywords {
	return Keywords{
		Type: d.Type, MaxItems: d.MaxItems, MaxProperties: d.MaxProperties, Names: d.PropertyNames, MinLength: d.MinLength, MaxLength: d.MaxLength, Minimum: d.Minimum, Maximum: d.Maximum,
		Scale: d.Scale, Unit: d.Unit, Enum: d.Enum, Pattern: d.Pattern, Format: d.Format,
		Properties: d.Properties != nil, Patterns: d.PatternProperties != nil, Required: d.Required != nil, Closed: d.AdditionalProperties != nil, Items: d.Items != nil, Release: d.Release != nil,
	}
}
