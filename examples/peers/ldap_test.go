package peers_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/ldapauth"
	"github.com/carnet-go/carnet/mapping"
)

const (
	slapdSuffix  = "dc=example,dc=test"
	slapdLogin   = "uid=carnet,ou=services," + slapdSuffix
	slapdSecret  = "a-password-of-a-test"
	slapdPeople  = "ou=people," + slapdOrg
	slapdAdmins  = "ou=admins," + slapdOrg
	slapdOrg     = "o=org," + slapdSuffix // without the entry that is elsewhere
	slapdLockout = 3
)

// slapdConf has no schema but the usual ones, refuses binds without TLS, locks an
// account after three wrong passwords and tells nobody what he may not see.
const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCertificateFile %[2]s
TLSCertificateKeyFile %[3]s
security simple_bind=128
idletimeout 2
database mdb
suffix dc=example,dc=test
directory %[1]s/db
limits * size.soft=100 size.hard=100
overlay ppolicy
ppolicy_default cn=default,ou=policies,dc=example,dc=test
ppolicy_use_lockout
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=people,o=org,dc=example,dc=test" by dn.exact="uid=carnet,ou=services,dc=example,dc=test" write by * none
access to * by users read by * none
`

const slapdEntries = `
dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: a test

dn: o=org,dc=example,dc=test
objectClass: organization
o: org

dn: ou=people,o=org,dc=example,dc=test
objectClass: organizationalUnit
ou: people

dn: ou=admins,o=org,dc=example,dc=test
objectClass: organizationalUnit
ou: admins

dn: uid=root,ou=admins,o=org,dc=example,dc=test
objectClass: inetOrgPerson
uid: root
cn: root
sn: root

dn: ou=elsewhere,dc=example,dc=test
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=elsewhere,dc=example,dc=test

dn: ou=services,dc=example,dc=test
objectClass: organizationalUnit
ou: services

dn: uid=carnet,ou=services,dc=example,dc=test
objectClass: account
objectClass: simpleSecurityObject
uid: carnet
userPassword: a-password-of-a-test

dn: ou=policies,dc=example,dc=test
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,dc=example,dc=test
objectClass: pwdPolicy
objectClass: device
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: 0

dn: ou=many,dc=example,dc=test
objectClass: organizationalUnit
ou: many
`

// slapd is a running OpenLDAP.
type slapd struct {
	ca           authority
	conf         string
	plain, under string // addresses
}

func startSlapd(t *testing.T) *slapd {
	t.Helper()
	runs(t, "slapd", "/usr/sbin/slapd", "-VVV")
	s, dir := &slapd{ca: newAuthority(t)}, t.TempDir()
	key, cert := s.ca.loopback(t)
	s.conf = filepath.Join(dir, "slapd.conf")
	var many strings.Builder
	for i := range 101 {
		fmt.Fprintf(&many, "\ndn: uid=m%d,ou=many,%s\nobjectClass: account\nuid: m%d\n", i, slapdSuffix, i)
	}
	entries := filepath.Join(dir, "entries.ldif")
	for file, text := range map[string]string{s.conf: fmt.Sprintf(slapdConf, dir, cert, key), entries: slapdEntries + many.String()} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "/usr/sbin/slapadd", "-f", s.conf, "-l", entries).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	s.plain, s.under = "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "/usr/sbin/slapd", "-f", s.conf, "-h", "ldap://"+s.plain+"/ ldaps://"+s.under+"/", "-d", "0")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended, and with it the process
	for range 100 {
		if c, err := net.Dial("tcp", s.under); err == nil {
			_ = c.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("slapd does not listen: %s", said.String())
	return nil
}

// dump is what slapd has stored, as its own tool reads it: attributes by DN.
func (s *slapd) dump(t *testing.T) map[string]map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/sbin/slapcat", "-f", s.conf, "-o", "ldif-wrap=no").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string][]string{}
	for record := range strings.SplitSeq(string(out), "\n\n") {
		entry := map[string][]string{}
		for line := range strings.Lines(record) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			if encoded, ok := strings.CutPrefix(value, ": "); ok {
				decoded, err := base64.StdEncoding.DecodeString(encoded)
				if err != nil {
					t.Fatal(err)
				}
				value = " " + string(decoded)
			}
			entry[name] = append(entry[name], strings.TrimPrefix(value, " "))
		}
		if dn := entry["dn"]; len(dn) == 1 {
			all[dn[0]] = entry
		}
	}
	return all
}

// below counts the entries under a base.
func below(all map[string]map[string][]string, base string) int {
	n := 0
	for dn := range all {
		if strings.HasSuffix(dn, ","+base) {
			n++
		}
	}
	return n
}

const (
	slapdPerson = `{"title": "person", "type": "object", "additionalProperties": false, "required": ["uid", "cn", "sn"],
		"defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["hr"]},
		"properties": {"uid": {"type": "string", "maxLength": 99}, "cn": {"type": "string", "maxLength": 99},
			"sn": {"type": "string", "maxLength": 99}, "mails": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}}}}`
	slapdEntry = `{"title": "entry", "type": "object", "additionalProperties": false, "required": ["person", "objectClass", "cn", "sn"],
		"properties": {"person": {"type": "string", "maxLength": 99, "in": "dn"}, "cn": {"type": "string", "maxLength": 99, "in": "attribute"},
			"objectClass": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}, "in": "attribute"},
			"sn": {"type": "string", "maxLength": 99, "in": "attribute"}, "mail": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}, "in": "attribute"}}}`
	slapdChange = `{"title": "change", "type": "object", "additionalProperties": false, "required": ["person", "cn", "sn"],
		"properties": {"person": {"type": "string", "maxLength": 99, "in": "dn"}, "cn": {"type": "string", "maxLength": 99, "in": "attribute"},
			"sn": {"type": "string", "maxLength": 99, "in": "attribute"}, "mail": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}, "in": "attribute"}}}`
	slapdKey = `{"title": "key", "type": "object", "additionalProperties": false, "required": ["person"],
		"properties": {"person": {"type": "string", "maxLength": 99, "in": "dn"}}}`
	slapdQuery = `{"title": "query", "type": "object", "additionalProperties": false, "required": ["uid"],
		"properties": {"uid": {"type": "string", "maxLength": 99, "in": "filter"}}}`
	slapdFound = `{"title": "found", "type": "object", "additionalProperties": false, "required": ["entries"],
		"defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["hr"]},
		"properties": {"entries": {"type": "array", "maxItems": 1000, "items": {"type": "object", "additionalProperties": false, "required": ["dn", "uid", "sn", "mail"],
			"properties": {"dn": {"type": "string", "maxLength": 999}, "uid": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}},
				"sn": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}}, "mail": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}}}}}}}`
)

var slapdMappings = map[string]string{
	"entry": `{"mapping": "to-entry", "from": "person", "to": "entry", "set": {"/person": {"from": "/uid"}, "/objectClass": {"const": ["inetOrgPerson"]},
		"/cn": {"from": "/cn"}, "/sn": {"from": "/sn"}, "/mail": {"from": "/mails"}}, "drop": {}}`,
	"change": `{"mapping": "to-change", "from": "person", "to": "change", "set": {"/person": {"from": "/uid"}, "/cn": {"from": "/cn"}, "/sn": {"from": "/sn"}, "/mail": {"from": "/mails"}}, "drop": {}}`,
	"key":    `{"mapping": "to-key", "from": "person", "to": "key", "set": {"/person": {"from": "/uid"}}, "drop": {"/cn": "x", "/sn": "x", "/mails": "x"}}`,
	"query":  `{"mapping": "to-query", "from": "person", "to": "query", "set": {"/uid": {"from": "/uid"}}, "drop": {"/cn": "x", "/sn": "x", "/mails": "x"}}`,
}

func slapdOperations() []auth.Operation {
	read := []string{"uid", "sn", "mail"}
	const inside = "uid={person}," + slapdPeople
	return []auth.Operation{
		{Name: "slapd.person.add", Method: "add", Base: inside, Input: "to-entry", Effect: auth.Idempotent},
		{Name: "slapd.person.change", Method: "modify", Base: inside, Input: "to-change", Effect: auth.Idempotent},
		{Name: "slapd.person.remove", Method: "delete", Base: inside, Input: "to-key", Effect: auth.Idempotent},
		{Name: "slapd.person.find", Method: "search", Base: slapdOrg, Filter: "(&(objectClass=inetOrgPerson)(uid={uid}))", Attributes: read, Input: "to-query", Output: "found", Effect: auth.ReadOnly},
		{Name: "slapd.person.read", Method: "search", Base: inside, Attributes: read, Input: "to-key", Output: "found", Effect: auth.ReadOnly},
		{Name: "slapd.admin.remove", Method: "delete", Base: "uid={person}," + slapdAdmins, Input: "to-key", Effect: auth.Idempotent},
		{Name: "slapd.elsewhere.read", Method: "search", Base: "ou=elsewhere," + slapdSuffix, Attributes: read, Effect: auth.ReadOnly, Output: "found"},
		{Name: "slapd.many.list", Method: "search", Base: "ou=many," + slapdSuffix, Filter: "(objectClass=account)", Attributes: read, Effect: auth.ReadOnly, Output: "found"},
	}
}

// permissive allows everything: it is not policy that is tested here.
type permissive struct{}

func (permissive) Decide(context.Context, auth.Facts) auth.Decision {
	return auth.Decision{Verdict: auth.Allowed, Rule: "permissive"}
}

func (permissive) Hash() string { return "permissive" }

// entries is a service before a slapd.
type entries struct {
	gate   *auth.Gate
	broker *auth.Broker
	person *mapping.Schema
}

func (s *slapd) service(t *testing.T, origin, password string, trusted authority) *entries {
	t.Helper()
	clearance := mapping.Clearance{Class: mapping.Internal, Purposes: []string{"hr"}}
	catalogue, err := auth.NewCatalogue("test", auth.System{Name: auth.Self, Jurisdictions: []string{"eu"}, Clearance: clearance}, auth.System{
		Name: "slapd", Kind: auth.KindDirectory, Origin: origin, Private: []string{"127.0.0.1/32"}, Jurisdictions: []string{"eu"}, Clearance: clearance, Operations: slapdOperations(),
	})
	if err != nil {
		t.Fatal(err)
	}
	schemas, mappings := map[string]*mapping.Schema{}, map[string]*mapping.Mapper{}
	for _, text := range []string{slapdPerson, slapdEntry, slapdChange, slapdKey, slapdQuery, slapdFound} {
		schema, err := mapping.ParseSchema([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		schemas[schema.Title()] = schema
	}
	for to, text := range slapdMappings {
		mapper, err := mapping.Compile(schemas["person"], schemas[to], []byte(text), catalogue.Destination("slapd"))
		if err != nil {
			t.Fatal(err)
		}
		mappings[mapper.Name()] = mapper
	}
	bound, err := auth.NewBoundary(catalogue, permissive{}, &auth.BoundaryOptions{Schemas: schemas, Mappings: mappings})
	if err != nil {
		t.Fatal(err)
	}
	made := &entries{person: schemas["person"]}
	made.gate = authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.cert.Raw}))
	login := auth.Constant(map[string]auth.Secret{"name": auth.NewSecret([]byte(slapdLogin)), "password": auth.NewSecret([]byte(password))})
	made.broker, err = auth.NewBroker(made.gate, auth.Translators{"slapd": &ldapauth.Bind{Login: login}}, &auth.BrokerOptions{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made.broker.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return made
}

// do makes a call with a person's document; an empty uid is a call without input.
func (e *entries) do(t *testing.T, operation, uid, sn string, mails ...string) (string, error) {
	t.Helper()
	var document mapping.Document
	if uid != "" {
		list := make([]string, len(mails))
		for i, m := range mails {
			list[i] = strconv.Quote(m)
		}
		document = e.person.Document([]byte(`{"uid": ` + strconv.Quote(uid) + `, "cn": ` + strconv.Quote(uid) + `, "sn": ` + strconv.Quote(sn) + `, "mails": [` + strings.Join(list, ",") + `]}`))
	}
	reply, err := e.broker.Do(t.Context(), authtest.Grant(t, e.gate, operation), document)
	if err != nil || reply.Document.IsZero() {
		return "", err
	}
	var found struct {
		Entries []struct {
			DN   string   `json:"dn"`
			UID  []string `json:"uid"`
			SN   []string `json:"sn"`
			Mail []string `json:"mail"`
		} `json:"entries"`
	}
	err = reply.Document.Decode(&found)
	return fmt.Sprintf("%v", found.Entries), err
}

func statusOf(err error) int {
	failed, ok := errors.AsType[*auth.FailedError](err)
	if !ok {
		return -1
	}
	return failed.Status
}

// TestSlapdPerforms what is declared, over both ways to TLS, and stores what was mapped.
func TestSlapdPerforms(t *testing.T) {
	s := startSlapd(t)
	for name, origin := range map[string]string{"ldaps": "ldaps://" + s.under, "StartTLS": "ldap://" + s.plain} {
		t.Run(name, func(t *testing.T) {
			e := s.service(t, origin, slapdSecret, s.ca)
			for _, tt := range []struct {
				operation, uid, sn string
				mails              []string
				want               string
				wantErr            error
				status             int
			}{
				{"slapd.person.add", "ada", "Lovelace", []string{"ada@x.example", "al@x.example"}, "", nil, -1},
				{"slapd.person.add", "ada", "Lovelace", nil, "", auth.ErrInvalid, 68},
				{"slapd.person.find", "ada", "", nil, "[{uid=ada," + slapdPeople + " [ada] [Lovelace] [ada@x.example al@x.example]}]", nil, -1},
				{"slapd.person.change", "ada", "Łukasiewicz", nil, "", nil, -1},
				{"slapd.person.read", "ada", "", nil, "[{uid=ada," + slapdPeople + " [ada] [Łukasiewicz] [ada@x.example al@x.example]}]", nil, -1},
				{"slapd.person.change", "ada", "B", []string{"b@x.example"}, "", nil, -1},
				{"slapd.person.read", "ada", "", nil, "[{uid=ada," + slapdPeople + " [ada] [B] [b@x.example]}]", nil, -1},
				{"slapd.person.remove", "ada", "", nil, "", nil, -1},
				{"slapd.person.remove", "ada", "", nil, "", nil, -1},
				{"slapd.person.find", "ada", "", nil, "[]", nil, -1},
				{"slapd.person.read", "ada", "", nil, "", auth.ErrInvalid, 32},
				{"slapd.person.change", "ada", "B", nil, "", auth.ErrInvalid, 32},
				{"slapd.admin.remove", "root", "", nil, "", auth.ErrDenied, 50},
				{"slapd.elsewhere.read", "", "", nil, "", auth.ErrUndeclared, 10},
				{"slapd.many.list", "", "", nil, "", auth.ErrInvalid, 4},
			} {
				got, err := e.do(t, tt.operation, tt.uid, tt.sn, tt.mails...)
				if got != tt.want || !errors.Is(err, tt.wantErr) || statusOf(err) != tt.status {
					t.Errorf("%s: %s, %v", tt.operation, got, err)
				}
				if tt.operation == "slapd.person.add" {
					stored := s.dump(t)["uid=ada,"+slapdPeople]
					if fmt.Sprint(stored["sn"], stored["mail"]) != "[Lovelace] [ada@x.example al@x.example]" {
						t.Errorf("stored %q", stored)
					}
				}
			}
			if all := s.dump(t); below(all, slapdPeople) != 0 || below(all, slapdAdmins) != 1 {
				t.Error("something is left, or gone")
			}
		})
	}
}

// TestSlapdHangsUp on idle sessions: each call has one that lives.
func TestSlapdHangsUp(t *testing.T) {
	s := startSlapd(t)
	e := s.service(t, "ldaps://"+s.under, slapdSecret, s.ca)
	for range 3 {
		if _, err := e.do(t, "slapd.person.remove", "nobody", ""); err != nil {
			t.Error(err)
		}
		time.Sleep(4 * time.Second) // longer than idletimeout
	}
}

// TestSlapdOfAnotherAuthority gets no password.
func TestSlapdOfAnotherAuthority(t *testing.T) {
	s := startSlapd(t)
	for _, origin := range []string{"ldaps://" + s.under, "ldap://" + s.plain} {
		e := s.service(t, origin, "wrong", newAuthority(t))
		if _, err := e.do(t, "slapd.person.remove", "ada", ""); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s: %v", origin, err)
		}
	}
	if failures := s.dump(t)[slapdLogin]["pwdFailureTime"]; len(failures) != 0 {
		t.Errorf("a password was sent: %q", failures)
	}
}

// TestSlapdDoesNotLockOut: a wrong password is tried once, however many calls there are,
// and the account is still good for the right one.
func TestSlapdDoesNotLockOut(t *testing.T) {
	s := startSlapd(t)
	wrong := s.service(t, "ldaps://"+s.under, "wrong", s.ca)
	for range 2 * slapdLockout {
		for _, operation := range []string{"slapd.person.remove", "slapd.person.find", "slapd.admin.remove"} {
			if _, err := wrong.do(t, operation, "ada", ""); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: %v", operation, err)
			}
		}
	}
	if failures := s.dump(t)[slapdLogin]["pwdFailureTime"]; len(failures) != 1 {
		t.Errorf("%d wrong passwords were sent", len(failures))
	}
	if _, err := s.service(t, "ldap://"+s.plain, slapdSecret, s.ca).do(t, "slapd.person.remove", "ada", ""); err != nil {
		t.Errorf("the right password: %v", err)
	}
}

// TestSlapdTakesValuesAsValues: what would be another entry or another filter is a name,
// for a server that reads DNs and filters by its own rules.
func TestSlapdTakesValuesAsValues(t *testing.T) {
	s := startSlapd(t)
	e := s.service(t, "ldaps://"+s.under, slapdSecret, s.ca)
	for _, uid := range []string{
		"x,ou=admins", "x," + slapdAdmins, "x+cn=admin", `x\2cou=admins`, `x\`, `x\,`, "ada)(uid=*", "*)(|(uid=*", "*", "r*", "root)", `\2a`, "#1", `"q"`, "a;b", "<a>", "a=b", "{person}", "Zoë", "𝒜",
	} {
		if _, err := e.do(t, "slapd.person.add", uid, "S"); err != nil {
			t.Errorf("add %q: %v", uid, err)
			continue
		}
		all := s.dump(t)
		if below(all, slapdPeople) != 1 || below(all, slapdAdmins) != 1 {
			t.Errorf("%q is more than one entry, or elsewhere", uid)
		}
		for dn, entry := range all {
			if strings.HasSuffix(dn, ","+slapdPeople) && fmt.Sprint(entry["uid"], len(entry["cn"])) != fmt.Sprint([]string{uid}, 1) {
				t.Errorf("%q is stored as %q", uid, entry["uid"])
			}
		}
		found, err := e.do(t, "slapd.person.find", uid, "")
		if err != nil || !strings.HasSuffix(found, " ["+uid+"] [S] []}]") || strings.Contains(found, "root]") && uid != "root)" {
			t.Errorf("find %q: %s, %v", uid, found, err)
		}
		if _, err := e.do(t, "slapd.person.remove", uid, ""); err != nil {
			t.Errorf("remove %q: %v", uid, err)
		}
		if all := s.dump(t); below(all, slapdPeople) != 0 || below(all, slapdAdmins) != 1 {
			t.Errorf("%q was not removed, or something else was", uid)
		}
	}
}
