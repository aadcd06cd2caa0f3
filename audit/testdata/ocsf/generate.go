// Command generate derives a JSON Schema of the lines of a log from the definitions of OCSF,
// and from those of our extension:
//
//	git clone --branch 1.6.0 https://github.com/ocsf/ocsf-schema
//	go run generate.go ocsf-schema carnet >schema.json
//
// Of OCSF (Apache-2.0) it takes names, types, bounds and numbers of enumerations. It takes the
// four classes that a log writes, without attributes of profiles, because no line names one,
// and of the objects those that a log writes; the schema is closed, so another attribute is wrong.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// classes and objects are what a log writes.
var (
	classes = []string{"api_activity", "application_lifecycle", "authentication", "detection_finding"}
	objects = []string{"actor", "api", "evidences", "extension", "finding_info", "idp", "metadata", "network_endpoint", "product", "service", "user"}
)

// attribute is one use of a name, or its entry in the dictionary.
type attribute struct {
	Type        string              `json:"type"`
	IsArray     bool                `json:"is_array"`
	Requirement string              `json:"requirement"`
	Enum        map[string]struct{} `json:"enum"`
	Profile     *string             `json:"profile"`
}

// definition is a class or an object.
type definition struct {
	Name        string                     `json:"name"`
	Extends     string                     `json:"extends"`
	UID         int                        `json:"uid"`
	Category    string                     `json:"category"`
	Attributes  map[string]json.RawMessage `json:"attributes"`
	Constraints map[string][]string        `json:"constraints"`
}

// kind is a type that is no object.
type kind struct {
	Type   string `json:"type"`
	Regex  string `json:"regex"`
	MaxLen int    `json:"max_len"`
	Range  []int  `json:"range"`
}

type schema map[string]any

// world is all that was read.
type world struct {
	attributes map[string]attribute
	kinds      map[string]kind
	classes    map[string]definition
	objects    map[string]definition
	categories map[string]int
}

func main() {
	w := read(os.Args[1], os.Args[2])
	defs := schema{}
	for _, name := range slices.Concat(objects, own(w.objects, os.Args[2])) {
		defs[name] = w.object(name, w.objects, nil)
	}
	var any []schema
	for _, name := range classes {
		defs[name] = w.class(name)
		any = append(any, schema{"$ref": "#/$defs/" + name})
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	must(out.Encode(schema{
		"$schema":  "https://json-schema.org/draft/2020-12/schema",
		"$comment": "A line of a log. Derived by generate.go from OCSF 1.6.0 (https://github.com/ocsf/ocsf-schema, Apache-2.0): names, types and enumerations.",
		"oneOf":    any, "$defs": defs,
	}))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(path string, v any) {
	b, err := os.ReadFile(path)
	must(err)
	must(json.Unmarshal(b, v))
}

func read(core, extension string) *world {
	w := &world{attributes: map[string]attribute{}, kinds: map[string]kind{}, classes: map[string]definition{}, objects: map[string]definition{}, categories: map[string]int{}}
	for _, dir := range []string{core, extension} {
		var d struct {
			Attributes map[string]attribute `json:"attributes"`
			Types      struct {
				Attributes map[string]kind `json:"attributes"`
			} `json:"types"`
		}
		load(filepath.Join(dir, "dictionary.json"), &d)
		for name, a := range d.Attributes {
			if _, twice := w.attributes[name]; twice {
				must(fmt.Errorf("the extension has %s, which OCSF has", name))
			}
			w.attributes[name] = a
		}
		maps.Copy(w.kinds, d.Types.Attributes)
		collect(filepath.Join(dir, "events"), w.classes)
		collect(filepath.Join(dir, "objects"), w.objects)
	}
	var c struct {
		Attributes map[string]struct {
			UID int `json:"uid"`
		} `json:"attributes"`
	}
	load(filepath.Join(core, "categories.json"), &c)
	for name, v := range c.Attributes {
		w.categories[name] = v.UID
	}
	return w
}

// collect reads definitions; one without a name is a patch of what it extends.
func collect(dir string, into map[string]definition) {
	must(filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		var d definition
		load(path, &d)
		if d.Name != "" {
			into[d.Name] = d
			return nil
		}
		base, ok := into[d.Extends]
		if !ok {
			return fmt.Errorf("%s extends nothing", path)
		}
		base.Attributes = maps.Clone(base.Attributes)
		maps.Copy(base.Attributes, d.Attributes)
		into[d.Extends] = base
		return nil
	}))
}

// own are the objects of the extension.
func own(all map[string]definition, dir string) []string {
	found := map[string]definition{}
	collect(filepath.Join(dir, "objects"), found)
	return slices.Sorted(maps.Keys(found))
}

// flat is a definition with what it inherits, but without what profiles add.
func flat(name string, all map[string]definition) (map[string]attribute, map[string][]string) {
	d, ok := all[name]
	if !ok {
		must(fmt.Errorf("no %s", name))
	}
	attributes, constraints := map[string]attribute{}, map[string][]string{}
	if d.Extends != "" {
		attributes, constraints = flat(d.Extends, all)
	}
	for name, raw := range d.Attributes {
		if name == "$include" {
			continue
		}
		var a attribute
		must(json.Unmarshal(raw, &a))
		if a.Profile != nil {
			continue
		}
		merged := attributes[name]
		if a.Requirement != "" {
			merged.Requirement = a.Requirement
		}
		if a.Type != "" {
			merged.Type = a.Type
		}
		merged.Enum = joined(merged.Enum, a.Enum)
		attributes[name] = merged
	}
	if d.Constraints != nil {
		constraints = d.Constraints
	}
	return attributes, constraints
}

func joined(a, b map[string]struct{}) map[string]struct{} {
	if a == nil && b == nil {
		return nil
	}
	c := map[string]struct{}{}
	maps.Copy(c, a)
	maps.Copy(c, b)
	return c
}

// class is an object whose numbers are its own.
func (w *world) class(name string) schema {
	d, category := w.classes[name], ""
	for n := name; category == "" || category == "other"; n = w.classes[n].Extends {
		category = w.classes[n].Category
		if w.classes[n].Extends == "" {
			break
		}
	}
	uid := w.categories[category]
	fixed := schema{"category_uid": schema{"const": uid}, "class_uid": schema{"const": uid*1000 + d.UID}}
	s := w.object(name, w.classes, fixed)
	var pairs []schema // type_uid is of the class and the activity
	attributes, _ := flat(name, w.classes)
	for _, id := range numbers(joined(w.attributes["activity_id"].Enum, attributes["activity_id"].Enum)) {
		pairs = append(pairs, schema{"properties": schema{"activity_id": schema{"const": id}, "type_uid": schema{"const": (uid*1000+d.UID)*100 + id}}})
	}
	s["allOf"] = []schema{{"anyOf": pairs}}
	return s
}

func (w *world) object(name string, all map[string]definition, fixed schema) schema {
	attributes, constraints := flat(name, all)
	properties, required := schema{}, []string{}
	for _, n := range slices.Sorted(maps.Keys(attributes)) {
		if s := w.use(n, attributes[n]); s != nil {
			properties[n] = s
		}
		if fixed[n] != nil {
			properties[n] = fixed[n]
		}
		if attributes[n].Requirement == "required" {
			required = append(required, n)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	if list := constraints["at_least_one"]; len(list) > 0 {
		var any []schema
		for _, n := range list {
			any = append(any, schema{"required": []string{n}})
		}
		s["anyOf"] = any
	}
	return s
}

// use is one attribute; nil: of an object that no log writes.
func (w *world) use(name string, a attribute) schema {
	entry, ok := w.attributes[name]
	if !ok {
		must(fmt.Errorf("the dictionary has no %s", name))
	}
	typ := entry.Type
	if a.Type != "" {
		typ = a.Type
	}
	s := w.kind(typ)
	if s == nil {
		return nil
	}
	if enum := joined(entry.Enum, a.Enum); enum != nil && s["type"] == "integer" {
		s["enum"] = numbers(enum)
	}
	if entry.IsArray {
		s = schema{"type": "array", "items": s}
	}
	return s
}

func (w *world) kind(typ string) schema {
	k, ok := w.kinds[typ]
	if !ok {
		if _, own := w.objects[typ]; own && (slices.Contains(objects, typ) || typ == "carnet" || len(typ) > 7 && typ[:7] == "carnet_") {
			return schema{"$ref": "#/$defs/" + typ}
		}
		return nil
	}
	s := schema{}
	if k.Type != "" {
		s = w.kind(k.Type)
	}
	switch typ {
	case "string_t":
		s["type"] = "string"
	case "integer_t", "long_t":
		s["type"] = "integer"
	case "float_t":
		s["type"] = "number"
	case "boolean_t":
		s["type"] = "boolean"
	}
	if k.Regex != "" {
		s["pattern"] = k.Regex
	}
	if k.MaxLen > 0 {
		s["maxLength"] = k.MaxLen
	}
	if len(k.Range) == 2 {
		s["minimum"], s["maximum"] = k.Range[0], k.Range[1]
	}
	return s
}

func numbers(enum map[string]struct{}) []int {
	var list []int
	for text := range enum {
		n, err := strconv.Atoi(text)
		must(err)
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}
