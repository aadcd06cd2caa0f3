package ldapauth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/ldapauth"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/carnet-go/carnet/mapping"
)

// The files of a boundary: who a person is, and what each call takes and answers.
const (
	personSchema = `{"title": "person", "type": "object", "additionalProperties": false, "required": ["uid", "name", "mails"],
		"defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["*"]},
		"properties": {"uid": {"type": "string", "maxLength": 99}, "name": {"type": "string", "maxLength": 99}, "phone": {"type": "string", "maxLength": 99},
			"mails": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}}}}`
	entrySchema = `{"title": "entry", "type": "object", "additionalProperties": false, "required": ["person", "objectClass", "cn", "mail"],
		"properties": {"person": {"type": "string", "maxLength": 99, "in": "dn"},
			"objectClass": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}, "in": "attribute"},
			"cn": {"type": "string", "maxLength": 99, "in": "attribute"}, "telephoneNumber": {"type": "string", "maxLength": 99, "in": "attribute"},
			"mail": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}, "in": "attribute"}}}`
	changeSchema = `{"title": "change", "type": "object", "additionalProperties": false, "required": ["person"],
		"properties": {"person": {"type": "string", "maxLength": 99, "in": "dn"}, "telephoneNumber": {"type": "string", "maxLength": 99, "in": "attribute"}}}`
	keySchema = `{"title": "key", "type": "object", "additionalProperties": false, "required": ["person"],
		"properties": {"person": {"type": "string", "maxLength": 99, "in": "dn"}}}`
	querySchema = `{"title": "query", "type": "object", "additionalProperties": false, "required": ["uid", "name"],
		"properties": {"uid": {"type": "string", "maxLength": 99, "in": "filter"}, "name": {"type": "string", "maxLength": 99, "in": "filter"}}}`
	foundSchema = `{"title": "found", "type": "object", "additionalProperties": false, "required": ["entries"],
		"defaults": {"classification": "internal", "residency": ["eu"], "purposes": ["*"]},
		"properties": {"entries": {"type": "array", "maxItems": 1000, "items": {"type": "object", "additionalProperties": false, "required": ["dn", "uid", "mail"],
			"properties": {"dn": {"type": "string", "maxLength": 999},
				"uid": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}},
				"mail": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 99}}}}}}}`
	toEntry = `{"mapping": "to-entry", "from": "person", "to": "entry", "set": {"/person": {"from": "/uid"},
		"/objectClass": {"const": ["top", "inetOrgPerson"]}, "/cn": {"from": "/name"}, "/telephoneNumber": {"from": "/phone"}, "/mail": {"from": "/mails"}}, "drop": {}}`
	toChange = `{"mapping": "to-change", "from": "person", "to": "change", "set": {"/person": {"from": "/uid"}, "/telephoneNumber": {"from": "/phone"}},
		"drop": {"/name": "stays", "/mails": "stay"}}`
	toKey   = `{"mapping": "to-key", "from": "person", "to": "key", "set": {"/person": {"from": "/uid"}}, "drop": {"/name": "x", "/phone": "x", "/mails": "x"}}`
	toQuery = `{"mapping": "to-query", "from": "person", "to": "query", "set": {"/uid": {"from": "/uid"}, "/name": {"from": "/name"}}, "drop": {"/phone": "x", "/mails": "x"}}`
)

const inside = "uid={person},ou=people,dc=example"

func mapped() []auth.Operation {
	return []auth.Operation{
		{Name: "directory.person.add", Method: "add", Base: inside, Input: "to-entry", Effect: auth.Idempotent},
		{Name: "directory.person.change", Method: "modify", Base: inside, Input: "to-change", Effect: auth.Idempotent},
		{Name: "directory.person.remove", Method: "delete", Base: inside, Input: "to-key", Effect: auth.Idempotent},
		{Name: "directory.person.read", Method: "search", Base: inside, Attributes: []string{"uid", "mail"}, Input: "to-key", Output: "found", Effect: auth.ReadOnly},
		{Name: "directory.person.find", Method: "search", Base: people, Filter: "(&(objectClass=person)(|(uid={uid})(cn={name}*)))",
			Attributes: []string{"uid", "mail"}, Input: "to-query", Output: "found", Effect: auth.ReadOnly},
	}
}

// everything allows everything to everybody.
type everything struct{}

func (everything) Decide(_ context.Context, f auth.Facts) auth.Decision {
	return auth.Decision{Verdict: auth.Allowed, Rule: "everything"}
}

func (everything) Hash() string { return "everything" }

// border is a gate and a broker before one directory.
type border struct {
	gate   *auth.Gate
	broker *auth.Broker
	person *mapping.Schema
}

// declaredAt is the boundary of a directory that listens at address, and the schema of
// persons.
func declaredAt(t testing.TB, d *directory, address string) (*auth.Boundary, *mapping.Schema) {
	t.Helper()
	clearance := mapping.Clearance{Class: mapping.Internal, Purposes: []string{"hr"}}
	far := d.system()
	far.Origin, _, _ = strings.Cut(far.Origin, "127.")
	far.Origin += address
	far.Private, far.Jurisdictions, far.Clearance, far.Operations = []string{"127.0.0.1/32"}, []string{"eu"}, clearance, mapped()
	catalogue, err := auth.NewCatalogue("test", far, auth.System{Name: auth.Self, Jurisdictions: []string{"eu"}, Clearance: clearance})
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*mapping.Schema{}
	for _, text := range []string{personSchema, entrySchema, changeSchema, keySchema, querySchema, foundSchema} {
		s, err := mapping.ParseSchema([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		schemas[s.Title()] = s
	}
	mappings := map[string]*mapping.Mapper{}
	for to, text := range map[string]string{"entry": toEntry, "change": toChange, "key": toKey, "query": toQuery} {
		m, err := mapping.Compile(schemas["person"], schemas[to], []byte(text), catalogue.Destination("directory"))
		if err != nil {
			t.Fatal(err)
		}
		mappings[m.Name()] = m
	}
	bound, err := auth.NewBoundary(catalogue, everything{}, &auth.BoundaryOptions{Schemas: schemas, Mappings: mappings})
	if err != nil {
		t.Fatal(err)
	}
	return bound, schemas["person"]
}

func newBorder(t testing.TB, d *directory, b *ldapauth.Bind) *border {
	t.Helper()
	bound, person := declaredAt(t, d, d.listen(t))
	gate := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
	broker, err := auth.NewBroker(gate, auth.Translators{"directory": b}, &auth.BrokerOptions{RootCAs: d.ca.client("").RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return &border{gate, broker, person}
}

// do is one crossing, as a step makes it.
func (b *border) do(t testing.TB, operation, document string) (auth.Reply, error) {
	t.Helper()
	return b.broker.Do(t.Context(), authtest.Grant(t, b.gate, operation), b.person.Document([]byte(document)))
}

// TestBroker: every method, from a document to what the directory is asked, over one
// gate, and with the policy of none of its own.
func TestBroker(t *testing.T) {
	for name, startTLS := range map[string]bool{"ldaps": false, "StartTLS": true} {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(t)
			d.startTLS = startTLS
			d.entries = []entry{{ada, []ldap.Attribute{values("uid", "ada"), values("mail", "a@x.example")}}}
			b := newBorder(t, d, &ldapauth.Bind{Login: serviceLogin()})
			for _, tt := range []struct{ operation, document, asked string }{
				{"directory.person.add", `{"uid": "ada", "name": "Zoë, Ada", "mails": ["a@x.example", "b@x.example"]}`,
					"add uid=ada,ou=people,dc=example objectClass=top|inetOrgPerson cn=Zoë, Ada mail=a@x.example|b@x.example"},
				{"directory.person.change", `{"uid": "ada", "name": "Ada", "phone": "+48 1", "mails": []}`,
					"modify uid=ada,ou=people,dc=example telephoneNumber=+48 1"},
				{"directory.person.remove", `{"uid": "ada", "name": "Ada", "mails": []}`, "delete uid=ada,ou=people,dc=example"},
				{"directory.person.read", `{"uid": "ada", "name": "Ada", "mails": []}`, "search uid=ada,ou=people,dc=example (objectClass=*)"},
				{"directory.person.find", `{"uid": "ada", "name": "A", "mails": []}`, "search ou=people,dc=example (&(objectClass=person)(|(uid=ada)(cn=A*)))"},
			} {
				reply, err := b.do(t, tt.operation, tt.document)
				if err != nil {
					t.Errorf("%s: %v", tt.operation, err)
					continue
				}
				if got := d.asked(tt.asked[:6]); !slices.Contains(got, tt.asked+" as "+service) {
					t.Errorf("%s: %q", tt.operation, got)
				}
				if !strings.HasPrefix(tt.asked, "search") {
					if !reply.Document.IsZero() {
						t.Errorf("%s answers", tt.operation)
					}
					continue
				}
				var found struct {
					Entries []struct {
						DN   string   `json:"dn"`
						UID  []string `json:"uid"`
						Mail []string `json:"mail"`
					} `json:"entries"`
				}
				if err := reply.Document.Decode(&found); err != nil || fmt.Sprint(found) != "{[{"+ada+" [ada] [a@x.example]}]}" {
					t.Errorf("%s: %+v, %v", tt.operation, found, err)
				}
			}
			if _, err := b.do(t, "directory.person.change", `{"uid": "ada", "name": "Ada", "mails": []}`); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("a change of nothing: %v", err)
			}
			if bad := append(d.asked("bind in the clear"), append(d.asked("bound again"), d.asked("another change")...)...); len(bad) > 0 {
				t.Errorf("%q", bad)
			}
		})
	}
}

// TestValuesStayValues: what a document says cannot be another entry, or find another.
func TestValuesStayValues(t *testing.T) {
	d := newDirectory(t)
	var dn, filter *ber.Packet
	d.hook = func(_ *served, _ int64, op *ber.Packet) bool {
		switch op.Tag {
		case ldap.ApplicationDelRequest:
			dn = op
		case ldap.ApplicationSearchRequest:
			filter = op.Children[6]
		}
		return false
	}
	b := newBorder(t, d, &ldapauth.Bind{Login: serviceLogin()})
	for _, bad := range []string{
		"x,ou=admins", "x+cn=admin", `x\2cou=admins`, `x\`, "*", "ada)(uid=*", "*)(|(uid=*", "{name}", "{person}", " ada", "#1", `"`, "Zoë", "a=b;c<d>e", "𝒜", `\2a`,
	} {
		document := `{"uid": ` + strconv.Quote(bad) + `, "name": ` + strconv.Quote(bad) + `, "mails": []}`
		if _, err := b.do(t, "directory.person.remove", document); err != nil {
			t.Errorf("%q: %v", bad, err)
			continue
		}
		parsed, err := ldap.ParseDN(dn.Data.String())
		if err != nil || len(parsed.RDNs) != 3 || len(parsed.RDNs[0].Attributes) != 1 || parsed.RDNs[0].Attributes[0].Value != bad {
			t.Errorf("%q is %q", bad, dn.Data.String())
		}
		if _, err := b.do(t, "directory.person.find", document); err != nil {
			t.Errorf("%q: %v", bad, err)
			continue
		}
		either := filter.Children[1]
		uid, cn := either.Children[0], either.Children[1]
		if len(filter.Children) != 2 || len(either.Children) != 2 || uid.Tag != ldap.FilterEqualityMatch || uid.Children[1].Data.String() != bad ||
			cn.Tag != ldap.FilterSubstrings || len(cn.Children[1].Children) != 1 || cn.Children[1].Children[0].Data.String() != bad {
			t.Errorf("%q finds something else", bad)
		}
	}
}

// TestRecordEnds: a record is not sent after the release that allowed it.
func TestRecordEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		bound, _ := declaredAt(t, d, "127.0.0.1:636")
		today := time.Now().Format(time.DateOnly)
		from, err := mapping.ParseSchema([]byte(strings.Replace(personSchema, `"uid": {`, `"uid": {"classification": "confidential",
			"release": [{"via": "mask.keep_last", "args": {"n": 3}, "to": "internal", "approved": "DPO-1", "until": "`+today+`"}], `, 1)))
		if err != nil {
			t.Fatal(err)
		}
		to, err := mapping.ParseSchema([]byte(keySchema))
		if err != nil {
			t.Fatal(err)
		}
		masked := strings.Replace(toKey, `{"from": "/uid"}`, `{"from": "/uid", "do": [{"mask.keep_last": {"n": 3}}]}`, 1)
		mapper, err := mapping.Compile(from, to, []byte(masked), bound.Catalogue().Destination("directory"))
		if err != nil {
			t.Fatal(err)
		}
		record, err := mapper.Map(t.Context(), from.Document([]byte(`{"uid": "ada", "name": "Ada", "mails": []}`)), nil)
		if err != nil {
			t.Fatal(err)
		}
		perform := func() error {
			gate := authtest.Gate(t, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://carnet.invalid", Subject: "alice"})})
			n := auth.Need{Grant: authtest.Grant(t, gate, "directory.person.remove"), Dial: d.pipe, TLS: d.ca.client("127.0.0.1")}
			_, err := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n).Perform(t.Context(), n.Grant, record)
			return err
		}
		if err := perform(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Until(record.NotAfter()))
		if err := perform(); err != auth.ErrExpired || len(d.asked("delete")) != 1 {
			t.Errorf("%v: %q", err, d.asked("delete"))
		}
	})
}

// TestRecordWithABody: a directory has no place for one, so none is left out.
func TestRecordWithABody(t *testing.T) {
	d := newDirectory(t)
	bound, person := declaredAt(t, d, "127.0.0.1:636")
	to, err := mapping.ParseSchema([]byte(strings.ReplaceAll(keySchema, `"in": "dn"`, `"in": "body"`)))
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := mapping.Compile(person, to, []byte(toKey), bound.Catalogue().Destination("directory"))
	if err != nil {
		t.Fatal(err)
	}
	record, err := mapper.Map(t.Context(), person.Document([]byte(`{"uid": "ada", "name": "Ada", "mails": []}`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := d.need(t, d.dial(t), "directory.entry.drop")
	if _, err := performer(t, &ldapauth.Bind{Login: serviceLogin()}, n).Perform(t.Context(), n.Grant, record); err != auth.ErrInvalid || len(d.asked("delete")) > 0 {
		t.Errorf("%v: %q", err, d.asked("delete"))
	}
}

// TestBrokerEvicts material whose password is refused: the next call has the next
// password.
func TestBrokerEvicts(t *testing.T) {
	d := newDirectory(t)
	login := serviceLogin()
	b := newBorder(t, d, &ldapauth.Bind{Login: login})
	const document = `{"uid": "ada", "name": "Ada", "mails": []}`
	if _, err := b.do(t, "directory.person.remove", document); err != nil {
		t.Fatal(err)
	}
	d.passwordIs("rotated")
	d.drop()
	d.settle()
	if _, err := b.do(t, "directory.person.remove", document); !errors.Is(err, auth.ErrExpired) || status(err) != 49 {
		t.Errorf("%v", err)
	}
	login.set("password", "rotated")
	if _, err := b.do(t, "directory.person.remove", document); err != nil {
		t.Errorf("%v", err)
	}
	if len(d.asked("refused")) != 1 || len(d.asked("delete")) != 2 {
		t.Errorf("%q", d.asked(""))
	}
}

// TestBrokerRefuses a system that the translator cannot serve, before anything runs.
func TestBrokerRefuses(t *testing.T) {
	gate := newGate(t, "alice", auth.System{Name: "crm", Origin: "https://crm.invalid", Operations: []auth.Operation{{
		Name: "crm.contact.drop", Method: "DELETE", Path: "/", Effect: auth.Idempotent,
	}}})
	const unfit = "L101 crm/kind L102 crm/origin L110 crm/operations/0/method L112 crm/operations/0/base"
	for want, b := range map[string]*ldapauth.Bind{unfit: {Login: serviceLogin()}, unfit + " B203 crm": {}} {
		if _, err := auth.NewBroker(gate, auth.Translators{"crm": b}, nil); found(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
