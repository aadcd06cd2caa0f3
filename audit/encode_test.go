package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carnet-go/carnet/audit"
)

// TestLinesAreOCSF: what the class of a line requires is there, in every line, also the log's
// own, and nothing is written that is zero. That each is what the schema says, and nothing
// besides, is tested in examples/peers.
func TestLinesAreOCSF(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	full := rapid.Custom(func(rt *rapid.T) (e audit.Event) {
		values(rt, reflect.ValueOf(&e).Elem(), "Event")
		return e
	}).Example(1)
	who := audit.Actor{Issuer: "https://login.acme.example", Subject: "u-1"}
	add(t, l, full)
	add(t, l, audit.Event{Action: "a.b", Effect: "read-only"})
	add(t, l, audit.Event{Action: "a.b", Decision: "denied"})
	add(t, l, audit.Event{Action: "a.b", Actor: who, Decision: "needs", Needs: []string{"approval", "assurance"}})
	add(t, l, audit.Event{Action: "a.b", Decision: "needs", Needs: []string{"assurance"}}) // nobody's
	add(t, l, audit.Event{Action: "gate.open", Instance: "a"})
	add(t, l, audit.Event{Action: "gate.open", Actor: who})
	add(t, l, audit.Event{Action: "gate.refuse", Actor: who, Outcome: audit.OutcomeFailure})
	add(t, l, audit.Event{Action: "gate.refuse", Count: 7, Outcome: audit.OutcomeFailure})
	add(t, l, audit.Event{Action: "gate.freeze", Outcome: audit.OutcomeSuccess})
	add(t, l, audit.Event{Action: "run.park", Actor: who, Run: "r-1", Outcome: audit.OutcomeFailure})
	shut(t, l)
	required := map[int64][]string{
		2004: {"evidences", "finding_info"}, 3002: {"actor", "user", "service", "src_endpoint"}, 6002: {"app"}, 6003: {"actor", "api", "src_endpoint"},
	}
	var types []int64
	for i, line := range lines(read(t, segmentOf(dir))) {
		var v struct {
			Activity, Category, Class, Type, Severity, Status int64
			Time                                              int64
		}
		var members map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(snake(line), &v), json.Unmarshal(line, &members)); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		for _, name := range append(required[v.Class], "metadata", "carnet", "status_id", "time") {
			if members[name] == nil {
				t.Errorf("line %d of class %d has no %s: %s", i, v.Class, name, line)
			}
		}
		if v.Category != v.Class/1000 || v.Type != v.Class*100+v.Activity || v.Activity == 0 || v.Severity == 0 || v.Time == 0 ||
			!bytes.Contains(line, []byte(`"version":"1.6.0"`)) || !bytes.HasPrefix(line, []byte(`{"activity_id":`)) {
			t.Errorf("line %d: %s", i, line)
		}
		if bytes.Contains(line, []byte(`""`)) || bytes.Contains(line, []byte(`null`)) || bytes.Contains(line, []byte(`[]`)) {
			t.Errorf("line %d has zeros: %s", i, line)
		}
		types = append(types, v.Type)
	}
	want := []int64{600201, 600299, 600399, 600302, 600399, 300299, 600399, 600203, 600399, 300201, 600399, 200401, 200401, 600299}
	if !slices.Equal(types, want) {
		t.Errorf("types %v, want %v", types, want)
	}
}

// TestAFindingIsClosedByItsName: what opens one, and what is said of it later, have one uid, and
// another one has another.
func TestAFindingIsClosedByItsName(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	who := audit.Actor{Issuer: "i", Subject: "s"}
	for _, c := range []struct {
		want string
		e    audit.Event
	}{
		{"gate.freeze", audit.Event{Action: "gate.freeze"}},
		{"gate.freeze", audit.Event{Action: "gate.thaw", Actor: who, System: "self", Grant: "g-1", Run: "r-1"}},
		{"vault.refuse:l-1", audit.Event{Action: "vault.refuse", System: "crm", Lease: "l-1", Grant: "g-2", Run: "r-1"}},
		{"vault.refuse:l-1", audit.Event{Action: "vault.accept", Actor: who, System: "self", Lease: "l-1", Grant: "g-3"}},
		{"run.park:r-1", audit.Event{Action: "run.park", Run: "r-1"}},
		{"run.park:r-1", audit.Event{Action: "run.retry", Actor: who, System: "self", Run: "r-1", Grant: "g-4"}},
		{"run.park:r-2", audit.Event{Action: "run.settle", Run: "r-2"}},
		{"run.park", audit.Event{Action: "run.park"}},
	} {
		r := add(t, l, c.e)
		if line := lines(read(t, segmentOf(dir)))[r.Index]; !bytes.Contains(line, []byte(`"finding_info":{"title":"`+c.e.Action+`","uid":"`+c.want+`"}`)) {
			t.Errorf("%s is not of %s: %s", c.e.Action, c.want, line)
		}
	}
}

// snake names the members that encoding/json is to find.
func snake(line []byte) []byte {
	return []byte(strings.NewReplacer(`"activity_id"`, `"activity"`, `"category_uid"`, `"category"`, `"class_uid"`, `"class"`,
		`"type_uid"`, `"type"`, `"severity_id"`, `"severity"`, `"status_id"`, `"status"`).Replace(string(line)))
}

// TestEveryFieldSurvivesInEveryClass: also where the class has no place for it.
func TestEveryFieldSurvivesInEveryClass(t *testing.T) {
	l := open(t, create(t))
	fields := reflect.TypeFor[audit.Event]()
	who := audit.Actor{Issuer: "i", Subject: "s"}
	for _, base := range []audit.Event{{Action: "gate.open"}, {Action: "gate.refuse", Actor: who}, {Action: "gate.freeze"}, {Action: "run.settle"}} {
		for i := range fields.NumField() {
			name := fields.Field(i).Name
			if name == "Action" {
				continue
			}
			e := rapid.Custom(func(rt *rapid.T) audit.Event {
				e := base
				e.Time = time.UnixMilli(rapid.Int64Range(1, 9).Draw(rt, "Time")).UTC()
				values(rt, reflect.ValueOf(&e).Elem().Field(i), name)
				e.Tenant = ""
				return e
			}).Example(i)
			add(t, l, e)
			if got, want := last(t, l), pseudonyms(l, e); !reflect.DeepEqual(got, want) {
				t.Errorf("%s of %s\ngot  %+v\nwant %+v", name, base.Action, got, want)
			}
		}
	}
}

// TestNotesAreEscaped: the only text of which not each byte was judged. Whoever looks at a line
// sees one line, and nothing that moves his cursor.
func TestNotesAreEscaped(t *testing.T) {
	for _, text := range []string{"a\nb", "\r\n", "\u2028\u2029", "\x1b[31m", "\x00", `"`, `\`, "\x7f", "é", "— w AAAA\n", "\U0001f600", `","decision":"allowed`, "\u0085\u202e"} {
		escaped := audit.NoteText(text)
		var got string
		if err := json.Unmarshal(escaped, &got); err != nil || got != text {
			t.Errorf("%q is written as %s, and read as %q, %v", text, escaped, got, err)
		}
		for _, b := range escaped[1 : len(escaped)-1] {
			if b < ' ' || b > '~' || b == '"' && !bytes.Contains(escaped, []byte(`\u0022`)) {
				t.Errorf("%q is written as %q", text, escaped)
			}
		}
	}
	if got := string(audit.NoteText("a\xffb")); got != `"a\ufffdb"` {
		t.Errorf("bad UTF-8 is written as %s", got)
	}
}

// TestEncodingAllocatesNothing, in any class.
func TestEncodingAllocatesNothing(t *testing.T) {
	who := audit.Actor{Issuer: "https://login.acme.example", Subject: "u-1"}
	full := rapid.Custom(func(rt *rapid.T) (e audit.Event) {
		values(rt, reflect.ValueOf(&e).Elem(), "Event")
		return e
	}).Example(1)
	for _, e := range []audit.Event{
		full, grant("g-1"), answer(), {Action: "gate.open"}, {Action: "gate.refuse", Actor: who, Reason: "invalid"}, {Action: "run.park", Actor: who, Run: "r-1"},
	} {
		if race { // its pools forget now and then
			e.Actor, e.For, e.Chain = audit.Actor{}, audit.Actor{}, nil
		}
		encode := audit.Encoder(open(t, create(t)), e)
		if n := testing.AllocsPerRun(200, func() { encode() }); n != 0 {
			t.Errorf("%s: %v allocations", e.Action, n)
		}
	}
}
