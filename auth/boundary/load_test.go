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
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

func folder(content string) fstest.MapFS {
	return fstest.MapFS{boundary.File: {Data: []byte(content)}}
}

// sample is the sample file with one change.
func sample(t testing.TB, old, new string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/sample/boundary.jsonc")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(raw), old) == 0 {
		t.Fatalf("the sample has no %q", old)
	}
	return strings.Replace(string(raw), old, new, 1)
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
			Name: "crm", Origin: "https://crm.example", Zone: "production", Jurisdictions: []string{"us"},
			Secrets: []string{"crm/api"}, Delegation: auth.AuditOnly, Ceiling: 15 * time.Minute,
			Operations: []auth.Operation{
				{
					Name: "crm.contact.read", Method: "GET", Path: "/contacts/4711", Scopes: []string{"contacts.read"},
					Output: auth.Opaque, Reason: "the CRM publishes no schema; approved until it does", Effect: auth.ReadOnly,
				},
				{Name: "crm.contact.delete", Method: "DELETE", Path: "/contacts/4711", Effect: auth.Idempotent, Privileged: true},
			},
		}}, policy.Declaration{
			Levels: map[string]uint8{issuer + " pwd": 1, issuer + " mfa": 2},
			Permits: []policy.Permit{
				{
					Name: "hr-reads", Who: policy.Who{Issuer: issuer, Claim: "groups", Value: "hr"},
					Operations: []string{"crm.contact.read"}, Until: time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC),
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
			},
		}
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
	want, err := auth.NewBoundary(catalogue, p)
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
}

func TestEveryDeclarationChangesTheHash(t *testing.T) {
	seen := map[string]string{}
	for _, change := range [][2]string{
		{`"tenant": "acme"`, `"tenant": "globex"`}, {`crm.example"`, `crm2.example"`}, {`"15m",`, `"14m",`}, {`"crm/api"`, `"crm/other"`},
		{`"privileged": true`, `"privileged": false`}, {`mfa": 2`, `mfa": 1`}, {`"hr"}`, `"it"}`}, {`2027-06-30`, `2028-06-30`},
		{`"unattended": true`, `"unattended": false`}, {`"max_age": "15m"`, `"max_age": "16m"`}, {`approved until it does`, `approved`},
	} {
		b, err := boundary.Load(folder(sample(t, change[0], change[1])), nil)
		if err != nil {
			t.Fatal(err)
		}
		if twin, ok := seen[b.Hash()]; ok {
			t.Errorf("%s has the hash of %s", change[1], twin)
		}
		seen[b.Hash()] = change[1]
	}
	commented, err := boundary.Load(folder("/* new */\n"+sample(t, "// the service itself", "")), nil)
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
		"typo in a member":      {`"origin":`, `"orgin":`, []string{`boundary.jsonc:7:7 D105 /systems/0 origin`}},
		"typo in a section":     {`"systems":`, `"system":`, []string{`boundary.jsonc:4:3 D105  systems`}},
		"case":                  {`"ceiling":`, `"Ceiling":`, []string{`boundary.jsonc:12:7 D107 /systems/0 ceiling`}},
		"twice":                 {`"zone": "production",`, `"zone": "production", "zone": "test",`, []string{`boundary.jsonc:8:29 D106 /systems/0/zone`}},
		"typo in an effect":     {`"read-only"`, `"readonly"`, []string{`boundary.jsonc:18:21 D113 /systems/0/operations/0/effect read-only`}},
		"beside another":        {`"zone": "production"`, `"zoone": 1, "zone": "Production"`, []string{`boundary.jsonc:8:7 D105 /systems/0 zone`, `boundary.jsonc:8:27 B106 /systems/0/zone`}},
		"system":                {`"https://crm.example"`, `"ftp://crm.example"`, []string{`boundary.jsonc:7:17 B104 /systems/0/origin`}},
		"missing member":        {`, "reason": "the CRM publishes no schema; approved until it does"`, ``, []string{`boundary.jsonc:14:9 B126 /systems/0/operations/0/reason`}},
		"tenant":                {`"acme"`, `"Acme"`, []string{`boundary.jsonc:3:13 B101 /tenant`}},
		"unknown operation":     {`["crm.contact.delete"]`, `["crm.contact.delet"]`, []string{`boundary.jsonc:41:22 P108 /permits/1/operations/0 crm.contact.delete`}},
		"wildcard":              {`["crm.contact.delete"]`, `["crm.*"]`, []string{`boundary.jsonc:41:22 P109 /permits/1/operations/0`}},
		"rule on a typo":        {`["crm.contact.read"], "level"`, `["crm.contact.raed"], "level"`, []string{`boundary.jsonc:47:36 P113 /rules/1/on/0 crm.contact.read`}},
		"rule that sets nought": {`"transport": "tls"`, ``, []string{`boundary.jsonc:46:5 P114 /rules/0`}},
		"level":                 {`acme.example mfa"`, `acme.example  mfa"`, []string{`boundary.jsonc:29:40 P111 /levels`}},
		"duration":              {`"max_age": "15m"`, `"max_age": "quarter"`, []string{`boundary.jsonc:47:80 D111 /rules/1/max_age`}},
		"who is not read":       {`"subject": "self"`, `"subjekt": "self"`, []string{`boundary.jsonc:40:34 D105 /permits/1/who subject`}},
		"syntax":                {`"levels": {`, `"levels": {{`, []string{`boundary.jsonc:27:14 D102`}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := boundary.Load(folder(sample(t, test.old, test.new)), nil)
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
	dir := folder(content)
	dir["notes.txt"] = &fstest.MapFile{}
	_, err := boundary.Load(dir, &boundary.Options{Narrow: []auth.Decider{nil}})
	want := []string{
		":0:0 F105", "boundary.jsonc:3:13 B101 /tenant", "boundary.jsonc:18:21 D113 /systems/0/operations/0/effect",
		"boundary.jsonc:21:51 B121 /systems/0/operations/1/method", "boundary.jsonc:33:15 P101 /permits/0/name",
		"boundary.jsonc:42:7 D105 /permits/1 unattended", "boundary.jsonc:47:66 D110 /rules/1/level", "notes.txt:1:1 F102",
	}
	if got := found(t, err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFolders(t *testing.T) {
	good := &fstest.MapFile{Data: []byte(sample(t, "acme", "acme"))}
	for name, test := range map[string]struct {
		dir  fs.FS
		want []string
	}{
		"nil":           {nil, []string{":0:0 F106"}},
		"not there":     {os.DirFS("testdata/nowhere"), []string{":0:0 F106"}},
		"empty":         {fstest.MapFS{}, []string{"boundary.jsonc:1:1 F101"}},
		"other spelled": {fstest.MapFS{"Boundary.jsonc": good}, []string{"Boundary.jsonc:1:1 F102", "boundary.jsonc:1:1 F101"}},
		"also json":     {fstest.MapFS{boundary.File: good, "boundary.json": good}, []string{"boundary.json:1:1 F102"}},
		"hostile name":  {fstest.MapFS{boundary.File: good, "a\nb: sound": good}, []string{":0:0 F102"}},
		"sub-folder":    {fstest.MapFS{boundary.File: good, "more/x.jsonc": good}, []string{"more:1:1 F102"}},
		"folder":        {fstest.MapFS{boundary.File + "/x": good}, []string{"boundary.jsonc:1:1 F103"}},
		"link":          {fstest.MapFS{boundary.File: {Data: []byte("README"), Mode: fs.ModeSymlink}, "README": good}, []string{"boundary.jsonc:1:1 F103"}},
		"device":        {fstest.MapFS{boundary.File: {Mode: fs.ModeDevice}}, []string{"boundary.jsonc:1:1 F103"}},
		"README folder": {fstest.MapFS{boundary.File: good, "README/x": good}, []string{"README:1:1 F103"}},
		"welcome":       {fstest.MapFS{boundary.File: good, "README": good, "README.md": good, ".gitignore": good, ".git/config": good}, nil},
		"unreadable":    {unreadable{fstest.MapFS{boundary.File: good}}, []string{"boundary.jsonc:1:1 F104"}},
		"breaks off":    {breaks{fstest.MapFS{boundary.File: good}}, []string{"boundary.jsonc:1:1 F104"}},
		"empty file":    {folder(""), []string{"boundary.jsonc:1:1 D102"}},
		"empty object":  {folder("{}"), []string{"boundary.jsonc:1:1 B101 /tenant"}},
		"no object":     {folder("[]"), []string{"boundary.jsonc:1:1 D108"}},
		"huge":          {folder("{}" + strings.Repeat(" ", declare.MaxSize)), []string{"boundary.jsonc:1:1 D104"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := boundary.Load(test.dir, nil)
			if got := found(t, err); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A folder that is mounted as a folder of links is loaded from where they lead.
func TestLinksOnDisk(t *testing.T) {
	mount := t.TempDir()
	write := func(path string) {
		if err := os.WriteFile(path, []byte(sample(t, "acme", "acme")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	version := filepath.Join(mount, "..2027_01_15")
	if err := os.Mkdir(version, 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(version, boundary.File))
	for link, to := range map[string]string{"..data": "..2027_01_15", boundary.File: filepath.Join("..data", boundary.File)} {
		if err := os.Symlink(to, filepath.Join(mount, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := boundary.Load(os.DirFS(mount), nil)
	if got := found(t, err); !slices.Equal(got, []string{"boundary.jsonc:1:1 F103"}) {
		t.Errorf("got %q", got)
	}
	data, err := fs.Sub(os.DirFS(mount), "..data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := boundary.Load(data, nil); err != nil {
		t.Error(err)
	}
}

type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == boundary.File {
		return nil, errors.New("canary")
	}
	return u.MapFS.Open(name)
}

type breaks struct{ fstest.MapFS }

func (b breaks) Open(name string) (fs.File, error) {
	file, err := b.MapFS.Open(name)
	return broken{file}, err
}

type broken struct{ fs.File }

func (broken) Read([]byte) (int, error) { return 0, errors.New("canary") }

func (b broken) ReadDir(n int) ([]fs.DirEntry, error) { return b.File.(fs.ReadDirFile).ReadDir(n) }

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
	for _, content := range []string{raw, strings.Replace(raw, `canary}`, `"canary"}`, 1)} {
		dir := folder(content)
		dir["canary canary"] = &fstest.MapFile{}
		_, err := boundary.Load(dir, nil)
		if err == nil || strings.Contains(strings.ToLower(err.Error()), "canary") {
			t.Errorf("Load = %v", err)
		}
		if _, again := boundary.Review(dir); !reflect.DeepEqual(again, err) {
			t.Errorf("Review = %v", again)
		}
	}
	for _, dir := range []fs.FS{unreadable{folder("{}")}, breaks{folder("{}")}} {
		if _, err := boundary.Load(dir, nil); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Load = %v", err)
		}
	}
}

func TestReview(t *testing.T) {
	got, err := boundary.Review(os.DirFS("testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := boundary.Load(os.DirFS("testdata/sample"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := boundary.Summary{
		Tenant: "acme", Hash: bound.Hash(), Systems: 1, Operations: 2, Permits: 2, Rules: 3,
		Opaque:     []boundary.Note{{Name: "crm.contact.read", At: "boundary.jsonc:14", Reason: "the CRM publishes no schema; approved until it does"}},
		Privileged: []boundary.Note{{Name: "crm.contact.delete", At: "boundary.jsonc:20"}},
		Endless:    []boundary.Note{{Name: "nightly-cleanup", At: "boundary.jsonc:38"}},
		Unattended: []boundary.Note{{Name: "nightly-cleanup", At: "boundary.jsonc:38"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := boundary.Review(nil); err == nil {
		t.Error("a review of nothing finds nothing")
	}
}

func FuzzLoad(f *testing.F) {
	raw, err := os.ReadFile("testdata/sample/boundary.jsonc")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"tenant": "a", "systems": [{"name": "x"}], "levels": {"": 1, "a b": 2}, "permits": [{}], "rules": [{"on": []}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := boundary.Load(folder(string(content)), nil)
		if (b == nil) != (err != nil) {
			t.Fatalf("%v, %v", b, err)
		}
		findings, ok := errors.AsType[mapping.Findings](err)
		if err != nil && (!ok || len(findings) == 0) {
			t.Fatalf("%T", err)
		}
		for _, finding := range findings {
			if finding.File != boundary.File || finding.Line < 1 || finding.Column < 1 || finding.Code == "" {
				t.Fatalf("incomplete finding %+v", finding)
			}
		}
		again, _ := boundary.Load(folder(string(content)), nil)
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
		{gate.Explain(t.Context(), p, "crm.contact.read"), "needs mfa-to-read boundary.jsonc:47"},
		{gate.Explain(t.Context(), self, "crm.contact.delete"), "allowed nightly-cleanup boundary.jsonc:38"},
		{gate.Explain(t.Context(), p, "crm.contact.delete"), "denied"},
	} {
		d := test.decision
		if got := strings.TrimSpace(fmt.Sprintf("%v %s %s", d.Verdict, d.Rule, d.RuleAt)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
