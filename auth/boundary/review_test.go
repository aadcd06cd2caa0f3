package boundary_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carnet-go/carnet/auth/boundary"
)

func TestReview(t *testing.T) {
	got, err := boundary.Review(os.DirFS("testdata/sample"), nil)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := boundary.Load(os.DirFS("testdata/sample"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := boundary.Summary{
		Tenant: "acme", Hash: bound.Hash(), Systems: 2, Operations: 3, Permits: 2, Rules: 6, Schemas: 3, Mappings: 1,
		Opaque:     []boundary.Note{{Name: "crm.contact.read", At: "boundary.jsonc:21", Reason: "the CRM publishes no schema; approved until it does"}},
		Privileged: []boundary.Note{{Name: "crm.contact.delete", At: "boundary.jsonc:27"}},
		Endless:    []boundary.Note{{Name: "nightly-cleanup", At: "boundary.jsonc:51"}},
		Unattended: []boundary.Note{{Name: "nightly-cleanup", At: "boundary.jsonc:51"}},
		Secrets:    []boundary.Note{{Name: "crm/api", At: "boundary.jsonc:11", Reason: "crm"}, {Name: "crm/tokens", At: "boundary.jsonc:11", Reason: "crm"}},
		Released:   []boundary.Ending{{Name: "employee-to-contact", At: "mappings/employee-to-contact.jsonc:2", NotAfter: bound.Mapping("employee-to-contact").NotAfter()}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := boundary.Review(nil, nil); err == nil {
		t.Error("a review of nothing finds nothing")
	}
}

func TestReviewListsTokensThatOpen(t *testing.T) {
	dir := changed(t, crosses, "token.hmac", "token.aes_siv")
	dir[employee] = changed(t, employee, `"via": "token.hmac",`, `"via": "token.aes_siv", "args": {"key": "crm/tokens"},`)[employee]
	dir[contact] = changed(t, contact, `"maxLength": 64`, `"maxLength": 120`)[contact]
	s, err := boundary.Review(dir, nil)
	if want := []boundary.Note{{Name: "employee-to-contact", At: crosses + ":2"}}; err != nil || !slices.Equal(s.Reversible, want) {
		t.Errorf("%+v, %v", s.Reversible, err)
	}
}

func TestReviewListsWhatNobodyMayDo(t *testing.T) {
	push := func(rule string) []boundary.Note {
		return []boundary.Note{{Name: "crm.contact.push", At: "boundary.jsonc:31", Reason: rule}}
	}
	read := []boundary.Note{{Name: "crm.contact.read", At: "boundary.jsonc:21", Reason: "nothing-confidential"}}
	all := []boundary.Note{
		{Name: "crm.contact.read", At: "boundary.jsonc:21", Reason: "encrypted"}, {Name: "crm.contact.delete", At: "boundary.jsonc:27", Reason: "encrypted"},
		{Name: "crm.contact.push", At: "boundary.jsonc:31", Reason: "encrypted"},
	}
	for name, test := range map[string]struct {
		old, new string
		want     []boundary.Note
	}{
		"nothing":          {`2027-06-30`, `1999-06-30`, nil}, // a permit that has ended can be given again
		"no permit":        {`["crm.contact.read", "crm.contact.push"]`, `["crm.contact.read"]`, push("")},
		"residency":        {`["eu", "us"]}`, `["eu"], "on": ["crm.contact.push"]}`, push("eu-and-us")},
		"class":            {`"class": "internal"}`, `"class": "public"}`, push("nothing-confidential")},
		"opaque input":     {`"input": "employee-to-contact", "output": "count"`, `"input": "opaque", "reason": "x", "output": "count"`, push("nothing-confidential")},
		"zones":            {`{"production": "partners"}`, `{"production": "production"}, "on": ["crm.contact.push"]`, push("outward")},
		"a login cures it": {`"rules": [`, `"rules": [{"name": "strong", "on": ["crm.contact.push"], "level": 9},`, nil},
		"opaque":           {`"on": ["crm.contact.push"], "class"`, `"on": ["crm.contact.read"], "class"`, read},
		"plain transport":  {`https://crm.example"`, `http://127.0.0.1:8080"`, all},
	} {
		t.Run(name, func(t *testing.T) {
			dir := changed(t, boundary.File, test.old, test.new)
			if name == "opaque input" { // nothing maps any more
				dir = fstest.MapFS{boundary.File: dir[boundary.File], count: dir[count]}
			}
			s, err := boundary.Review(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(s.Unreachable, test.want) {
				t.Errorf("got %+v", s.Unreachable)
			}
		})
	}
}

// What leaves and what comes back have one class: the higher.
func TestReviewJoinsLabels(t *testing.T) {
	for _, test := range []struct {
		answer, rule string
		unreachable  int
	}{{"public", "internal", 0}, {"public", "public", 1}, {"confidential", "internal", 1}, {"confidential", "confidential", 0}} {
		dir := changed(t, boundary.File, `"class": "internal"}`, `"class": "`+test.rule+`"}`)
		dir[count] = changed(t, count, `"internal"`, `"`+test.answer+`"`)[count]
		s, err := boundary.Review(dir, nil)
		if err != nil || len(s.Unreachable) != test.unreachable {
			t.Errorf("%+v: %+v, %v", test, s.Unreachable, err)
		}
	}
}

func TestReviewListsWeakNames(t *testing.T) {
	dir := changed(t, boundary.File, `"delegation":`, `"subject": {"issuer": "https://login.acme.example", "claim": "email", "template": "{claim}",
        "domains": {"https://login.acme.example": ["acme.example"]}, "undated": true}, "delegation":`)
	s, err := boundary.Review(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []boundary.Note{{Name: "crm", At: "boundary.jsonc:11"}}
	if !reflect.DeepEqual(s.Mutable, want) || !reflect.DeepEqual(s.Undated, want) {
		t.Errorf("got %+v, %+v", s.Mutable, s.Undated)
	}
}

// The mapping that ends first stands first, whatever its name.
func TestReviewListsReleasesByTheirEnd(t *testing.T) {
	dir := changed(t, boundary.File, `"crm.contact.push", "method"`, `"crm.contact.tell", "method": "PUT", "path": "/contacts/{id}", "input": "a-later-one", "effect": "idempotent"},
        {"name": "crm.contact.hint", "method": "PUT", "path": "/contacts/{id}", "input": "harmless", "effect": "idempotent"},
        {"name": "crm.contact.push", "method"`)
	later := changed(t, "mappings/employee-to-contact.jsonc", `"mapping": "employee-to-contact"`, `"mapping": "a-later-one"`,
		`, "do": [{"mask.keep_last": {"n": 4}}], "on_error": "null"`, ``, `{"from": "/phone"}`, `{"absent": "not needed"}`, `"drop": {`, `"drop": {"/phone": "not needed", `)
	dir["mappings/a-later-one.jsonc"] = later["mappings/employee-to-contact.jsonc"]
	endless := strings.NewReplacer(`"a-later-one"`, `"harmless"`, `{"from": "/number", "do": [{"token.hmac": {"key": "crm/tokens"}}]}`, `{"const": "x"}`, `"drop": {`, `"drop": {"/number": "not needed", `)
	dir["mappings/harmless.jsonc"] = &fstest.MapFile{Data: []byte(endless.Replace(string(dir["mappings/a-later-one.jsonc"].Data)))}
	s, err := boundary.Review(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	day := func(month time.Month, day int) string {
		return time.Date(2099, month, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	var got []string
	for _, m := range s.Released {
		got = append(got, m.Name, m.NotAfter.UTC().Format(time.DateOnly))
	}
	if want := []string{"employee-to-contact", day(4, 1), "a-later-one", day(7, 1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}
