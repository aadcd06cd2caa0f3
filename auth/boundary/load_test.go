package boundary_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
)

func folder(content string) fstest.MapFS {
	return fstest.MapFS{boundary.File: {Data: []byte(content)}}
}

// sample is the sample's boundary.jsonc with one change.
func sample(t testing.TB, old, new string) string {
	t.Helper()
	return string(changed(t, boundary.File, old, new)[boundary.File].Data)
}

// whole is the sample folder with another boundary.jsonc.
func whole(t testing.TB, content string) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS("testdata/sample"), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join("testdata/sample", path))
		dir[path] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if content != "" {
		dir[boundary.File].Data = []byte(content)
	}
	return dir
}

// changed is the sample folder with one change in one file; pairs of old and new
// text.
func changed(t testing.TB, path string, pairs ...string) fstest.MapFS {
	t.Helper()
	dir := whole(t, "")
	for i := 0; i < len(pairs); i += 2 {
		text := string(dir[path].Data)
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q", path, pairs[i])
		}
		dir[path].Data = []byte(strings.Replace(text, pairs[i], pairs[i+1], 1))
	}
	return dir
}

// found is the findings as position, code, path and nearest name.
func found(t testing.TB, err error) []string {
	t.Helper()
	findings, ok := errors.AsType[mapping.Findings](err)
	if err != nil && !ok {
		t.Fatalf("%T is not Findings", err)
	}
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s:%d:%d %s %s %s", f.File, f.Line, f.Column, f.Code, f.Path, f.Nearest)))
	}
	return all
}

// inGo is the sample declared in Go.
func inGo() ([]auth.System, policy.Declaration) {
	const issuer = "https://login.acme.example"
	return []auth.System{{
			Name: "self", Zone: "production", Jurisdictions: []string{"eu"},
			Clearance: mapping.Clearance{Class: mapping.Restricted, Categories: []string{"pii.contact", "pii.national-id"}, Purposes: []string{"hr"}},
		}, {
			Name: "crm", Origin: "https://crm.example", Zone: "partners", Jurisdictions: []string{"us"},
			Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"hr"}},
			Secrets:   []string{"crm/api", "crm/tokens"}, Delegation: auth.AuditOnly, Ceiling: 15 * time.Minute,
			Operations: []auth.Operation{
				{
					Name: "crm.contact.read", Method: "GET", Path: "/contacts/4711", Scopes: []string{"contacts.read"},
					Output: auth.Opaque, Reason: "the CRM publishes no schema; approved until it does", Effect: auth.ReadOnly,
				},
				{Name: "crm.contact.delete", Method: "DELETE", Path: "/contacts/4711", Effect: auth.Idempotent, Privileged: true},
				{
					Name: "crm.contact.push", Method: "PUT", Path: "/contacts/{id}", Input: "employee-to-contact", Output: "count",
					Effect: auth.Idempotent,
				},
			},
		}}, policy.Declaration{
			Issuers: []string{issuer},
			Levels:  map[string]uint8{issuer + " pwd": 1, issuer + " mfa": 2},
			Permits: []policy.Permit{
				{
					Name: "hr-reads", Who: policy.Who{Issuer: issuer, Claim: "groups", Value: "hr"},
					Operations: []string{"crm.contact.read", "crm.contact.push"}, Until: time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC),
				},
				{
					Name: "nightly-cleanup", Who: policy.Who{Issuer: "local", Subject: "self"},
					Operations: []string{"crm.contact.delete"}, Unattended: true,
				},
			},
			Rules: []policy.Rule{
				{Name: "encrypted", Transport: auth.TransportTLS},
				{Name: "mfa-to-read", On: []string{"crm.contact.read"}, Level: 2, MaxAge: 15 * time.Minute},
				{Name: "only-contacts", On: []string{"crm"}, Scopes: []string{"contacts.read"}},
				{Name: "eu-and-us", Residency: []string{"eu", "us"}},
				{Name: "nothing-confidential", On: []string{"crm.contact.push"}, Class: mapping.Internal},
				{Name: "outward", Zones: map[string]string{"production": "partners"}},
			},
		}
}

// documentsInGo are its schemas and its mapping, as terse as they can be written.
func documentsInGo(t *testing.T, c *auth.Catalogue) *auth.BoundaryOptions {
	t.Helper()
	o := &auth.BoundaryOptions{Schemas: map[string]*mapping.Schema{}}
	for _, text := range []string{
		`{"title":"contact","type":"object","additionalProperties":false,"required":["id","name"],"properties":{
"id":{"type":"string","maxLength":64,"in":"path"},"name":{"type":"string","maxLength":200,"in":"body"},"phone":{"type":["string","null"],"maxLength":30,"in":"body"}}}`,
		`{"title":"count","type":"object","additionalProperties":false,"required":["count"],
"defaults":{"classification":"internal","residency":["*"],"purposes":["*"]},"properties":{"count":{"type":"integer","minimum":0,"maximum":1000000000}}}`,
		`{"title":"employee","type":"object","additionalProperties":false,"required":["number","name","national_id"],
"defaults":{"classification":"confidential","residency":["eu"],"purposes":["hr"]},"properties":{
"number":{"type":"integer","minimum":1,"maximum":9223372036854775807,"classification":"internal",
"release":[{"via":"token.hmac","to":"internal","residency":["*"],"approved":"DPO-2026-115","until":"2099-06-30"}]},
"name":{"type":"string","maxLength":200,"classification":"internal","categories":["pii.contact"],"residency":["*"]},
"phone":{"type":["string","null"],"maxLength":30,"categories":["pii.contact"],
"release":[{"via":"mask.keep_last","args":{"n":4},"to":"internal","residency":["*"],"approved":"DPO-2026-114","until":"2099-03-31"}]},
"national_id":{"type":"string","minLength":9,"maxLength":11,"classification":"restricted","categories":["pii.national-id"]}}}`,
	} {
		schema, err := mapping.ParseSchema([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		o.Schemas[schema.Title()] = schema
	}
	mapper, err := mapping.Compile(o.Schemas["employee"], o.Schemas["contact"], []byte(`{"mapping":"employee-to-contact","from":"employee","to":"contact","set":{
"/id":{"from":"/number","do":[{"token.hmac":{"key":"crm/tokens"}}]},"/name":{"from":"/name"},"/phone":{"from":"/phone","do":[{"mask.keep_last":{"n":4}}],"on_error":"null"}},
"drop":{"/national_id":"the CRM has no use for it"}}`), c.Destination("crm"))
	if err != nil {
		t.Fatal(err)
	}
	o.Mappings = map[string]*mapping.Mapper{mapper.Name(): mapper}
	return o
}

func TestFileAndGoAreOneBoundary(t *testing.T) {
	systems, declared := inGo()
	catalogue, err := auth.NewCatalogue("acme", systems...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.New(catalogue, declared)
	if err != nil {
		t.Fatal(err)
	}
	want, err := auth.NewBoundary(catalogue, p, documentsInGo(t, catalogue))
	if err != nil {
		t.Fatal(err)
	}
	got, err := boundary.Load(os.DirFS("testdata/sample"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash() != want.Hash() || got.Hash() == "" {
		t.Errorf("hashes %s and %s", got.Hash(), want.Hash())
	}
	if !reflect.DeepEqual(got.Catalogue().Systems(), want.Catalogue().Systems()) || got.Catalogue().Tenant() != "acme" {
		t.Errorf("systems %+v", got.Catalogue().Systems())
	}
	if m, s := got.Mapping("employee-to-contact"), got.Schema("count"); m.Hash() != want.Mapping("employee-to-contact").Hash() || m.Hash() == "" ||
		s.Hash() != want.Schema("count").Hash() || s.Hash() == "" {
		t.Errorf("mapping %s, schema %s", m.Hash(), s.Hash())
	}
}

func TestEveryDeclarationChangesTheHash(t *testing.T) {
	const employee, contact, maps = "schemas/employee.jsonc", "schemas/contact.jsonc", "mappings/employee-to-contact.jsonc"
	seen := map[string]string{}
	for _, change := range [][]string{
		{boundary.File, `"tenant": "acme"`, `"tenant": "globex"`}, {boundary.File, `crm.example"`, `crm2.example"`}, {boundary.File, `"15m",`, `"14m",`},
		{boundary.File, `"crm/api"`, `"crm/other"`}, {boundary.File, `"privileged": true`, `"privileged": false`}, {boundary.File, `mfa": 2`, `mfa": 1`},
		{boundary.File, `"hr"},`, `"it"},`}, {boundary.File, `2027-06-30`, `2028-06-30`}, {boundary.File, `"unattended": true`, `"unattended": false`},
		{boundary.File, `"max_age": "15m"`, `"max_age": "16m"`}, {boundary.File, `approved until it does`, `approved`},
		{boundary.File, `"issuers": ["https://login.acme.example"],`, ``}, {boundary.File, `["eu", "us"]}`, `["us", "eu"]}`},
		{boundary.File, `"class": "internal"}`, `"class": "confidential"}`}, {boundary.File, `{"production": "partners"}`, `{"production": "partners", "partners": "production"}`},
		{boundary.File, `"restricted", "categories"`, `"restricted", "categories"`}, {boundary.File, `, "output": "count"`, ``, "schemas/count.jsonc", ""},
		{employee, `DPO-2026-114`, `DPO-2026-116`}, {employee, `2099-03-31`, `2099-04-01`}, {employee, `"minimum": 1,`, `"minimum": 2,`},
		{employee, `"maxLength": 11`, `"maxLength": 12`}, {contact, `"maxLength": 200`, `"maxLength": 201`}, {maps, `no use for it`, `no use of it`},
		{"schemas/count.jsonc", `1000000000`, `1000000001`}, {maps, `"on_error": "null"`, `"on_error": "fail"`},
	} {
		dir := changed(t, change[0], change[1], change[2])
		if len(change) > 3 {
			delete(dir, change[3])
		}
		b, err := boundary.Load(dir, nil)
		if err != nil {
			t.Fatal(change, err)
		}
		if twin, ok := seen[b.Hash()]; ok {
			t.Errorf("%s has the hash of %s", change[2], twin)
		}
		seen[b.Hash()] = change[2]
	}
	dir := changed(t, boundary.File, "// the service itself", "")
	dir["README"] = &fstest.MapFile{}
	for path, file := range dir {
		if strings.HasSuffix(path, ".jsonc") {
			file.Data = append([]byte("/* new */\n"), file.Data...)
		}
	}
	commented, err := boundary.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := boundary.Load(os.DirFS("testdata/sample"), nil)
	if err != nil || plain.Hash() != commented.Hash() {
		t.Errorf("comments change the hash, %v", err)
	}
}

func TestFindings(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		want     []string
	}{
		"typo in a member":      {`"origin":`, `"orgin":`, []string{`boundary.jsonc:13:7 D105 /systems/1 origin`}},
		"typo in a section":     {`"systems":`, `"system":`, []string{`boundary.jsonc:4:3 D105  systems`}},
		"case":                  {`"ceiling":`, `"Ceiling":`, []string{`boundary.jsonc:19:7 D107 /systems/1 ceiling`}},
		"twice":                 {`"zone": "partners",`, `"zone": "partners", "zone": "test",`, []string{`boundary.jsonc:14:27 D106 /systems/1/zone`}},
		"typo in an effect":     {`"read-only"`, `"readonly"`, []string{`boundary.jsonc:25:21 D113 /systems/1/operations/0/effect read-only`}},
		"beside another":        {`"zone": "partners"`, `"zoone": 1, "zone": "Partners"`, []string{`boundary.jsonc:14:7 D105 /systems/1 zone`, `boundary.jsonc:14:27 B106 /systems/1/zone`}},
		"system":                {`"https://crm.example"`, `"ftp://crm.example"`, []string{`boundary.jsonc:13:17 B104 /systems/1/origin`}},
		"missing member":        {`, "reason": "the CRM publishes no schema; approved until it does"`, ``, []string{`boundary.jsonc:21:9 B126 /systems/1/operations/0/reason`}},
		"tenant":                {`"acme"`, `"Acme"`, []string{`boundary.jsonc:3:13 B101 /tenant`}},
		"unknown operation":     {`["crm.contact.delete"]`, `["crm.contact.delet"]`, []string{`boundary.jsonc:54:22 P108 /permits/1/operations/0 crm.contact.delete`}},
		"wildcard":              {`["crm.contact.delete"]`, `["crm.*"]`, []string{`boundary.jsonc:54:22 P109 /permits/1/operations/0`}},
		"rule on a typo":        {`["crm.contact.read"], "level"`, `["crm.contact.raed"], "level"`, []string{`boundary.jsonc:60:36 P113 /rules/1/on/0 crm.contact.read`}},
		"rule that sets nought": {`"transport": "tls"`, ``, []string{`boundary.jsonc:59:5 P114 /rules/0`}},
		"level":                 {`acme.example mfa"`, `acme.example  mfa"`, []string{`boundary.jsonc:42:40 P111 /levels`}},
		"duration":              {`"max_age": "15m"`, `"max_age": "quarter"`, []string{`boundary.jsonc:60:80 D111 /rules/1/max_age`}},
		"who is not read":       {`"subject": "self"`, `"subjekt": "self"`, []string{`boundary.jsonc:53:34 D105 /permits/1/who subject`}},
		"syntax":                {`"levels": {`, `"levels": {{`, []string{`boundary.jsonc:40:14 D102`}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := boundary.Load(changed(t, boundary.File, test.old, test.new), nil)
			if got := found(t, err); !slices.Equal(got, test.want) || b != nil {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFindingsOfAllKindsAtOnceInOrder(t *testing.T) {
	content := sample(t, `"acme"`, `"Acme"`)
	for _, change := range [][2]string{
		{`"effect": "read-only"`, `"effect": "read"`}, {`"DELETE"`, `"KILL"`}, {`"hr-reads"`, `"HR"`}, {`"unattended"`, `"untended"`}, {`"level": 2`, `"level": 300`},
	} {
		content = strings.Replace(content, change[0], change[1], 1)
	}
	dir := whole(t, content)
	dir["notes.txt"] = &fstest.MapFile{}
	_, err := boundary.Load(dir, &boundary.Options{Narrow: []auth.Decider{nil}})
	want := []string{
		":0:0 F105", "boundary.jsonc:3:13 B101 /tenant", "boundary.jsonc:25:21 D113 /systems/1/operations/0/effect",
		"boundary.jsonc:28:51 B121 /systems/1/operations/1/method", "boundary.jsonc:46:15 P101 /permits/0/name",
		"boundary.jsonc:55:7 D105 /permits/1 unattended", "boundary.jsonc:60:66 D110 /rules/1/level", "notes.txt:1:1 F102",
	}
	if got := found(t, err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestFitsIsFoundByFileAndLine: what the translators of a kind ask of a system is found
// where it was written.
func TestFitsIsFoundByFileAndLine(t *testing.T) {
	dir := whole(t, sample(t, `"acme"`, `"acme"`))
	asked := ""
	load := func(err error) string {
		asked = ""
		o := &boundary.Options{Fits: map[string]func(auth.System) error{auth.KindAPI: func(s auth.System) error {
			asked += s.Name
			return err
		}}}
		_, got := boundary.Load(dir, o)
		return strings.Join(found(t, got), "\n")
	}
	for want, err := range map[string]error{
		"": nil,
		"boundary.jsonc:22:64 L112 /systems/1/operations/0/path": mapping.Findings{{Code: "L112", Path: "/operations/0/path", Problem: "is no DN"}},
		"boundary.jsonc:11:5 F115 /systems/1":                    auth.ErrInvalid,
	} {
		if got := load(err); got != want || asked != "crm" {
			t.Errorf("got %s of %s, want %s", got, asked, want)
		}
	}
	dir = whole(t, sample(t, `"acme"`, `"Acme"`))
	dir[boundary.File].Data = []byte(strings.Replace(string(dir[boundary.File].Data), "https://crm.example", "crm", 1))
	if got := load(auth.ErrInvalid); asked != "" {
		t.Errorf("asked about what is not in order: %s", got)
	}
}

type decider struct{ auth.Decision }

func (d decider) Decide(context.Context, auth.Facts) auth.Decision { return d.Decision }
func (decider) Hash() string                                       { return "d" }

func TestNarrowIsInTheHash(t *testing.T) {
	plain, err := boundary.Load(os.DirFS("testdata/sample"), &boundary.Options{})
	if err != nil {
		t.Fatal(err)
	}
	narrowed, err := boundary.Load(os.DirFS("testdata/sample"), &boundary.Options{Narrow: []auth.Decider{decider{}}})
	if err != nil {
		t.Fatal(err)
	}
	if plain.Hash() == narrowed.Hash() {
		t.Error("a decider that narrows does not show")
	}
}

func TestErrorsHoldNoContent(t *testing.T) {
	raw := strings.NewReplacer(
		`"origin"`, `"canary"`, `crm.example"`, `canary canary"`, `/4711`, `/../canary`, `"mfa-to-read"`, `"CANARY"`, `"crm.contact.delete"`, `"canary*"`,
		`acme.example mfa`, `canary`, `"15m"`, `"canary"`, `2027-`, `canary`, `"hr"`, `canary`,
	).Replace(sample(t, "acme", "CANARY"))
	for _, content := range []string{raw, strings.Replace(raw, `canary}`, `"canary"}`, 1), ""} {
		dir := whole(t, content)
		dir["canary canary"] = &fstest.MapFile{}
		dir["schemas/canary canary.jsonc"] = &fstest.MapFile{}
		dir[crosses].Data = []byte(strings.NewReplacer(`"employee-to-contact"`, `"canary"`, `"contact"`, `"canary-contact"`, `"name"`, `"canary"`).Replace(string(dir[crosses].Data)))
		dir[contact].Data = []byte(strings.NewReplacer(`"contact"`, `"canary"`, `maxLength`, `canary`).Replace(string(dir[contact].Data)))
		dir[employee].Data = []byte(strings.NewReplacer(`DPO-2026-115`, `canary`, `"restricted"`, `"canary"`, `"pii.contact"`, `"canary canary"`).Replace(string(dir[employee].Data)))
		_, err := boundary.Load(dir, nil)
		if err == nil || strings.Contains(strings.ToLower(err.Error()), "canary") {
			t.Errorf("Load = %v", err)
		}
		if _, again := boundary.Review(dir, nil); !reflect.DeepEqual(again, err) {
			t.Errorf("Review = %v", again)
		}
	}
	for _, dir := range []fs.FS{unreadable{folder("{}"), boundary.File}, breaks{folder("{}")}} {
		if _, err := boundary.Load(dir, nil); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Load = %v", err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	raw, err := os.ReadFile("testdata/sample/boundary.jsonc")
	if err != nil {
		f.Fatal(err)
	}
	dir := whole(f, "")
	f.Add(raw)
	f.Add([]byte(`{"tenant": "a", "systems": [{"name": "x"}], "levels": {"": 1, "a b": 2}, "permits": [{}], "rules": [{"on": []}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir[boundary.File].Data = content
		b, err := boundary.Load(dir, nil)
		if (b == nil) != (err != nil) {
			t.Fatalf("%v, %v", b, err)
		}
		findings, ok := errors.AsType[mapping.Findings](err)
		if err != nil && (!ok || len(findings) == 0) {
			t.Fatalf("%T", err)
		}
		for _, finding := range findings {
			if finding.File == "" || finding.Line < 1 || finding.Column < 1 || finding.Code == "" {
				t.Fatalf("incomplete finding %+v", finding)
			}
		}
		again, _ := boundary.Load(dir, nil)
		if b.Hash() != again.Hash() {
			t.Fatal("loading twice differs")
		}
	})
}

// What a denial names is the line that a reviewer reads.
func TestDecisionsNameTheirLine(t *testing.T) {
	bound, err := boundary.Load(os.DirFS("testdata/sample"), nil)
	if err != nil {
		t.Fatal(err)
	}
	alice := auth.Identity{Issuer: "https://login.acme.example", Subject: "alice", Claims: map[string][]string{"groups": {"hr"}}}
	gate := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
	p, err := gate.Admit(t.Context(), auth.Bearer("test"))
	if err != nil {
		t.Fatal(err)
	}
	self, err := gate.AdmitSelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		decision auth.Decision
		want     string
	}{
		{gate.Explain(t.Context(), p, "crm.contact.read"), "needs mfa-to-read boundary.jsonc:60"},
		{gate.Explain(t.Context(), self, "crm.contact.delete"), "allowed nightly-cleanup boundary.jsonc:51"},
		{gate.Explain(t.Context(), p, "crm.contact.delete"), "denied"},
	} {
		d := test.decision
		if got := strings.TrimSpace(fmt.Sprintf("%v %s %s", d.Verdict, d.Rule, d.RuleAt)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
