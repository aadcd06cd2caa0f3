package peers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carnet-go/carnet/audit"
)

const ocsfSchema = "../../audit/testdata/ocsf/schema.json"

// ocsf is the schema of a line: OCSF 1.6.0 and our extension, of which every attribute that is
// not named is wrong.
func ocsf(t *testing.T) (compiled *jsonschema.Schema, text map[string]any) {
	t.Helper()
	b, err := os.ReadFile(ocsfSchema)
	must(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	must(t, err)
	c := jsonschema.NewCompiler()
	must(t, c.AddResource("ocsf.json", doc))
	compiled, err = c.Compile("ocsf.json")
	must(t, err)
	return compiled, doc.(map[string]any)
}

// classed are the actions of the table of classes, with the type_uid that each has, and who and
// where it must be of for that.
var classed = []struct {
	action         string
	type_          int64
	actor, nowhere bool
}{
	{"crm.contact.read", 600399, false, false},
	{"gate.open", 600203, false, true},
	{"gate.admit", 300201, true, false},
	{"gate.refuse", 300201, true, false},
	{"gate.freeze", 200401, false, false},
	{"gate.thaw", 200403, false, false},
	{"vault.refuse", 200401, false, false},
	{"vault.accept", 200403, false, false},
	{"run.park", 200401, false, false},
	{"run.retry", 200402, false, false},
	{"run.settle", 200402, false, false},
}

// filled puts something that an event allows into each field below v.
func filled(v reflect.Value, name string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.UnixMilli(1_795_000_000_000).UTC()))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i), v.Type().Field(i).Name)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			filled(v.Index(i), name)
		}
	case name == "RuleAt":
		v.SetString("policy.json:7")
	case name == "Decision":
		v.SetString("denied")
	case v.Kind() == reflect.String:
		v.SetString("abcdef01")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(2)
	case v.CanUint():
		v.SetUint(2)
	}
}

// kinds are events of every shape: of each class, with nothing, with everything, and with each
// field alone.
func kinds() []audit.Event {
	var all []audit.Event
	fields := reflect.TypeFor[audit.Event]()
	for _, c := range classed {
		add := func(fill func(e *audit.Event)) {
			var e audit.Event
			fill(&e)
			e.Action, e.Tenant = c.action, "acme"
			if c.actor && e.Actor == (audit.Actor{}) {
				e.Actor = audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}
			}
			if c.nowhere {
				e.Actor, e.System, e.Zone = audit.Actor{}, "", ""
			}
			all = append(all, e)
		}
		add(func(*audit.Event) {})
		add(func(e *audit.Event) { filled(reflect.ValueOf(e).Elem(), "") })
		for i := range fields.NumField() {
			add(func(e *audit.Event) { filled(reflect.ValueOf(e).Elem().Field(i), fields.Field(i).Name) })
		}
	}
	who := audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}
	return append(all,
		audit.Event{Action: "crm.contact.read", Effect: "read-only"},
		audit.Event{Action: "crm.contact.read", Actor: who, System: "crm", Decision: "needs", Needs: []string{"assurance"}},
		audit.Event{Action: "gate.refuse", Decision: "denied", Reason: "invalid", Count: 1_000_000, Outcome: audit.OutcomeFailure}, // of nobody known
		audit.Event{Action: "gate.open", Actor: who},
	)
}

// written are the lines of a log with every kind of event, that was torn, recovered and closed.
func written(t *testing.T) [][]byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	must(t, audit.Create(t.Context(), dir, origin, nil))
	log, err := audit.Open(t.Context(), dir, nil)
	must(t, err)
	for _, e := range kinds() {
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
	}
	must(t, log.Close(t.Context()))
	segment := filepath.Join(dir, "seg", fmt.Sprintf("%020d.jsonl", 0))
	f, err := os.OpenFile(segment, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString(`{"activity_id":99,"act`)
	must(t, err)
	must(t, f.Close())
	more(t, dir, 1)
	return slices.Concat(lines(t, dir), segmented(t, dir))
}

// segmented are the lines of the same log when it has had segments: with a grant that is open, one
// that the log has closed, somebody who was erased, lines that were given up, and another key.
func segmented(t *testing.T, dir string) (all [][]byte) {
	t.Helper()
	granted := func(log *audit.Log, grant string) {
		_, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Grant: grant, Decision: "allowed"})
		must(t, err)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	must(t, err)
	granted(log, "orphan")
	must(t, log.Erase(t.Context(), audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}))
	must(t, log.Close(t.Context()))
	log, err = audit.Open(t.Context(), dir, &audit.Options{SegmentBytes: 4096})
	must(t, err)
	granted(log, "open")
	fill := func() (last audit.Receipt) {
		for range 40 {
			last, err = log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess})
			must(t, err)
		}
		return last
	}
	fill()
	all = lines(t, dir)
	for _, grant := range []string{"orphan", "open"} {
		_, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Grant: grant, Outcome: audit.OutcomeSuccess})
		must(t, err)
	}
	must(t, log.Retain(t.Context(), fill().Index))
	fill()
	must(t, log.Close(t.Context()))
	_, err = audit.Rekey(t.Context(), dir, nil, nil)
	must(t, err)
	return append(all, lines(t, dir)...)
}

func decoded(t *testing.T, line []byte) map[string]any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	must(t, err)
	return v.(map[string]any)
}

// TestEveryKindOfLineIsOCSF, of every class and activity that there is; and each attribute of the
// extension is written by some.
func TestEveryKindOfLineIsOCSF(t *testing.T) {
	schema, text := ocsf(t)
	seen, types := map[string]map[string]bool{}, map[string]bool{}
	for _, line := range written(t) {
		v := decoded(t, line)
		if err := schema.Validate(v); err != nil {
			t.Fatalf("%s\n%v", line, err)
		}
		types[fmt.Sprint(v["type_uid"])] = true
		objects(v["carnet"], "carnet", text["$defs"].(map[string]any), seen)
	}
	want := []string{"200401", "200402", "200403", "300201", "300299", "600201", "600203", "600299", "600302", "600399"}
	if got := slices.Sorted(maps.Keys(types)); !slices.Equal(got, want) {
		t.Errorf("types %v, want %v", got, want)
	}
	for name, def := range text["$defs"].(map[string]any) {
		if !strings.HasPrefix(name, "carnet") {
			continue
		}
		for attribute := range def.(map[string]any)["properties"].(map[string]any) {
			if !seen[name][attribute] {
				t.Errorf("no line has %s of %s", attribute, name)
			}
		}
	}
}

// TestTheSchemaIsTheExtensions: what was derived has what the definitions say, and nothing else.
func TestTheSchemaIsTheExtensions(t *testing.T) {
	_, text := ocsf(t)
	defs := text["$defs"].(map[string]any)
	files, err := filepath.Glob("../../audit/testdata/ocsf/carnet/objects/*.json")
	must(t, err)
	named := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		must(t, err)
		var d struct {
			Name       string
			Attributes map[string]struct{ Requirement string }
		}
		must(t, json.Unmarshal(b, &d))
		named[d.Name] = true
		def, _ := defs[d.Name].(map[string]any)
		properties, _ := def["properties"].(map[string]any)
		if !slices.Equal(slices.Sorted(maps.Keys(d.Attributes)), slices.Sorted(maps.Keys(properties))) {
			t.Errorf("%s differs: generate the schema again", d.Name)
		}
		required, _ := def["required"].([]any)
		for name, a := range d.Attributes {
			if (a.Requirement == "required") != slices.Contains(required, any(name)) {
				t.Errorf("%s of %s: generate the schema again", name, d.Name)
			}
		}
	}
	for name := range defs {
		if strings.HasPrefix(name, "carnet") && !named[name] {
			t.Errorf("nobody defines %s: generate the schema again", name)
		}
	}
}

// objects remembers which attributes of the extension's objects a line has.
func objects(v any, name string, defs map[string]any, seen map[string]map[string]bool) {
	properties := defs[name].(map[string]any)["properties"].(map[string]any)
	if seen[name] == nil {
		seen[name] = map[string]bool{}
	}
	for attribute, below := range v.(map[string]any) {
		seen[name][attribute] = true
		list, ok := below.([]any)
		if !ok {
			list = []any{below}
		}
		ref := refOf(properties[attribute])
		for _, element := range list {
			if ref != "" {
				objects(element, ref, defs, seen)
			}
		}
	}
}

func refOf(schema any) string {
	s, _ := schema.(map[string]any)
	if items, ok := s["items"].(map[string]any); ok {
		s = items
	}
	ref, _ := s["$ref"].(string)
	return strings.TrimPrefix(ref, "#/$defs/")
}

// TestTheTableOfClasses: each action is of the class that it is said to be.
func TestTheTableOfClasses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	must(t, audit.Create(t.Context(), dir, origin, nil))
	log, err := audit.Open(t.Context(), dir, nil)
	must(t, err)
	for _, c := range classed {
		e := audit.Event{Action: c.action}
		if c.actor {
			e.Actor = audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}
		}
		r, err := log.Append(t.Context(), e)
		must(t, err)
		if got := decoded(t, lines(t, dir)[r.Index])["type_uid"]; fmt.Sprint(got) != fmt.Sprint(c.type_) {
			t.Errorf("%s is %v, want %d", c.action, got, c.type_)
		}
	}
	must(t, log.Close(t.Context()))
}

// TestAWrongLineIsNotOCSF: the schema would notice. Of every kind of line each member is in turn
// left out, renamed, given another type, and each number another value where only some are good.
func TestAWrongLineIsNotOCSF(t *testing.T) {
	schema, _ := ocsf(t)
	mutants, shapes, done := 0, map[string]bool{}, map[string]bool{}
	for _, line := range written(t) {
		shape := shapeOf(decoded(t, line), "")
		if shapes[shape] {
			continue
		}
		shapes[shape] = true
		class := fmt.Sprint(decoded(t, line)["class_uid"], " ")
		paths(decoded(t, line), nil, func(path []string) {
			what := class + strings.Join(path, ".")
			if done[what] {
				return
			}
			done[what] = true
			for name, change := range map[string]func(m map[string]any, key string){
				"renamed": func(m map[string]any, key string) { m[key+"_"] = m[key]; delete(m, key) },
				"of another type": func(m map[string]any, key string) {
					switch m[key].(type) {
					case string:
						m[key] = json.Number("7")
					case json.Number, bool:
						m[key] = "7"
					default:
						m[key] = "x"
					}
				},
			} {
				v := decoded(t, line)
				change(at(v, path))
				mutants++
				if schema.Validate(v) == nil {
					t.Fatalf("%v %s is still OCSF: %s", path, name, line)
				}
			}
		})
		for _, c := range []struct {
			path   string
			values []any
		}{
			{"activity_id", []any{nil, json.Number("0"), json.Number("98"), json.Number("5")}},
			{"category_uid", []any{nil, json.Number("1"), json.Number("0")}},
			{"class_uid", []any{nil, json.Number("6001"), json.Number("2001")}},
			{"metadata", []any{nil}}, {"metadata.version", []any{nil}}, {"metadata.product", []any{nil}},
			{"metadata.extensions.0.uid", []any{nil, json.Number("999")}}, {"metadata.extensions.0.version", []any{nil}},
			{"severity_id", []any{nil, json.Number("7"), json.Number("98")}},
			{"status_id", []any{json.Number("98"), json.Number("-1")}},
			{"time", []any{nil, "2026-11-26T10:00:00Z", json.Number("1.5")}},
			{"type_uid", []any{nil, json.Number("600301"), json.Number("600398")}},
			{"actor", []any{nil}}, {"actor.user.uid", []any{nil}}, {"api", []any{nil}}, {"api.operation", []any{nil}}, {"app", []any{nil}}, {"user", []any{nil}}, {"user.uid", []any{nil}}, {"finding_info", []any{nil}}, {"finding_info.uid", []any{nil}},
			{"carnet", []any{nil}}, {"carnet.outcome_id", []any{json.Number("3")}}, {"carnet.step_phase_id", []any{json.Number("5")}}, {"carnet.chain.0.uid", []any{nil}},
			{"carnet.genesis.key", []any{nil}},
		} {
			path := strings.Split(c.path, ".")
			if m, key := at(decoded(t, line), path); m == nil || m[key] == nil || done[class+"value "+c.path] {
				continue
			}
			done[class+"value "+c.path] = true
			for _, value := range c.values {
				v := decoded(t, line)
				m, key := at(v, path)
				if fmt.Sprint(m[key]) == fmt.Sprint(value) || c.path == "actor" && v["api"] == nil { // an Authentication has no actor of its own
					continue
				}
				if m[key] = value; value == nil {
					delete(m, key)
				}
				mutants++
				if schema.Validate(v) == nil {
					t.Fatalf("%s of %v is still OCSF: %s", c.path, value, line)
				}
			}
		}
	}
	t.Logf("%d mutants of %d shapes", mutants, len(shapes))
	if mutants < 700 {
		t.Errorf("only %d", mutants)
	}
}

// shapeOf is which members a line has.
func shapeOf(v any, prefix string) string {
	var b strings.Builder
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(prefix + "/" + key + shapeOf(v[key], prefix+"/"+key))
		}
	case []any:
		b.WriteString(shapeOf(v[0], prefix))
	}
	return b.String()
}

// paths visits the members of objects, at every depth.
func paths(v any, path []string, visit func(path []string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			at := append(slices.Clone(path), key)
			visit(at)
			paths(below, at, visit)
		}
	case []any:
		for i, below := range v {
			paths(below, append(slices.Clone(path), fmt.Sprint(i)), visit)
		}
	}
}

// at is the object that holds the last of a path; nil: there is none.
func at(v any, path []string) (map[string]any, string) {
	for _, key := range path[:len(path)-1] {
		switch now := v.(type) {
		case map[string]any:
			v = now[key]
		case []any:
			v = now[int(key[0]-'0')]
		}
	}
	m, _ := v.(map[string]any)
	return m, path[len(path)-1]
}

// TestWhatAServiceWritesIsOCSF: the lines of the quickstart, whose service was ended in the
// middle and started again.
func TestWhatAServiceWritesIsOCSF(t *testing.T) {
	schema, _ := ocsf(t)
	bin := filepath.Join(t.TempDir(), "quickstart")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./quickstart")
	build.Dir, build.Env = "..", append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	classes := map[string]int{}
	for _, args := range [][]string{nil, {"-kill", "contact"}} {
		dir := filepath.Join(t.TempDir(), "demo")
		run := exec.CommandContext(t.Context(), bin, append(args, "-dir", dir)...)
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("quickstart: %v\n%s", err, out)
		}
		for _, line := range lines(t, filepath.Join(dir, "audit")) {
			v := decoded(t, line)
			if err := schema.Validate(v); err != nil {
				t.Fatalf("%s\n%v", line, err)
			}
			classes[fmt.Sprint(v["class_uid"])]++
		}
	}
	t.Log(classes)
	if classes["6003"] < 20 || classes["6002"] < 4 {
		t.Errorf("the lines are of %v", classes)
	}
}
