package audit_test

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carnet-go/carnet/audit"
)

// values draws something that Event allows into each field that it finds, so a field
// that is added later takes part without being named here.
func values(t *rapid.T, v reflect.Value, name string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		ms := rapid.Int64Range(1, 253_402_300_799_999).Draw(t, name)
		v.Set(reflect.ValueOf(time.UnixMilli(ms).UTC()))
	case v.Type() == reflect.TypeFor[audit.Phase]():
		v.SetUint(rapid.Uint64Range(1, uint64(audit.PhaseCanary)).Draw(t, name))
	case v.Type() == reflect.TypeFor[audit.Outcome]():
		v.SetUint(rapid.Uint64Range(1, uint64(audit.OutcomeFailure)).Draw(t, name))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			values(t, v.Field(i), v.Type().Field(i).Name)
		}
	case v.Kind() == reflect.Slice:
		n := rapid.IntRange(1, 4).Draw(t, name)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			values(t, v.Index(i), name)
		}
	case v.Kind() == reflect.String:
		v.SetString(rapid.StringMatching(pattern(name)).Draw(t, name))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(rapid.Int64Range(1, 1<<53-1).Draw(t, name))
	case v.CanUint():
		v.SetUint(rapid.Uint64Range(1, 255).Draw(t, name))
	default:
		t.Fatalf("Event has a field of type %v, which this test cannot fill", v.Type())
	}
}

func pattern(name string) string {
	switch name {
	case "RuleAt":
		return `[a-z]{1,9}/[a-zA-Z0-9._-]{1,40}\.json:[1-9][0-9]{0,3}`
	case "Decision":
		return `denied|needs|allowed`
	case "Subject":
		return `.{1,60}`
	case "Issuer", "ACR", "AMR", "Scopes":
		return `[!#-&(-\[\]-_a-~]{1,255}`
	}
	return `[0-9a-f]{8}([0-9a-f]{2}){0,28}` // a name and a hash at once
}

// pseudonyms is what is read back of an event.
func pseudonyms(l *audit.Log, e audit.Event) audit.Event {
	e.Actor.Subject = l.Pseudonym(e.Actor)
	e.For.Subject = l.Pseudonym(e.For)
	e.Chain = append([]audit.Actor(nil), e.Chain...)
	for i, a := range e.Chain {
		e.Chain[i].Subject = l.Pseudonym(a)
	}
	return e
}

func last(t testing.TB, l *audit.Log) (e audit.Event) {
	t.Helper()
	for e2, err := range l.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e2.Action, "audit.") {
			e = e2
		}
	}
	return e
}

func TestEveryFieldSurvives(t *testing.T) {
	l := open(t, create(t))
	rapid.Check(t, func(rt *rapid.T) {
		var e audit.Event
		values(rt, reflect.ValueOf(&e).Elem(), "Event")
		e.Tenant = "acme" // a log has one; TestEachFieldAloneSurvives draws it
		r, err := l.Append(t.Context(), e)
		if err != nil {
			rt.Fatal(err)
		}
		line := lines(read(t, segmentOf(l.Dir())))[r.Index]
		got, err := audit.Decode(line)
		if err != nil {
			rt.Fatal(err)
		}
		if want := pseudonyms(l, e); !reflect.DeepEqual(got, want) {
			rt.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestEachFieldAloneSurvives: no field leans on another one being there.
func TestEachFieldAloneSurvives(t *testing.T) {
	l := open(t, create(t))
	fields := reflect.TypeFor[audit.Event]()
	for i := range fields.NumField() {
		t.Run(fields.Field(i).Name, func(t *testing.T) {
			gen := rapid.Custom(func(rt *rapid.T) audit.Event {
				e := audit.Event{Time: time.UnixMilli(rapid.Int64Range(1, 9).Draw(rt, "Time")).UTC(), Action: "a"}
				values(rt, reflect.ValueOf(&e).Elem().Field(i), fields.Field(i).Name)
				return e
			})
			e := gen.Example(i)
			add(t, l, e)
			if got, want := last(t, l), pseudonyms(l, e); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestNothingIsRecordedThatEventDoesNotAllow covers oversize, log forging and each
// alphabet. The error names the field and quotes nothing.
func TestNothingIsRecordedThatEventDoesNotAllow(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	before := read(t, segmentOf(dir))
	const secret = "s3cr3t-t0ken"
	many := make([]string, 33)
	for i := range many {
		many[i] = "abc"
	}
	people := make([]audit.Actor, 33)
	for i := range people {
		people[i] = audit.Actor{Issuer: "i", Subject: "s"}
	}
	for _, forged := range []string{"\n", "\r", "\u2028", "\x1b[31m", "\x00", "\xff", `"`, `\`, " ", "\x7f", "é"} {
		bad := secret + forged
		for field, e := range map[string]audit.Event{
			"Tenant":          {Tenant: bad},
			"Instance":        {Instance: bad},
			"Actor":           {Actor: audit.Actor{Issuer: bad, Subject: "s"}},
			"Chain":           {Chain: []audit.Actor{{Issuer: bad, Subject: "s"}}},
			"Assurance.ACR":   {Assurance: audit.Assurance{ACR: bad}},
			"Assurance.AMR":   {Assurance: audit.Assurance{AMR: []string{bad}}},
			"Scopes":          {Scopes: []string{"ok", bad}},
			"Action":          {Action: bad},
			"System":          {System: bad},
			"Jurisdictions":   {Jurisdictions: []string{bad}},
			"Zone":            {Zone: bad},
			"Effect":          {Effect: bad},
			"Workflow":        {Workflow: bad},
			"Run":             {Run: bad},
			"Step":            {Step: bad},
			"Decision":        {Decision: bad},
			"Rule":            {Rule: bad},
			"RuleAt":          {RuleAt: bad + ":1"},
			"Needs":           {Needs: []string{bad}},
			"Approvals":       {Approvals: []string{bad}},
			"Grant":           {Grant: bad},
			"Lease":           {Lease: bad},
			"Material":        {Material: bad},
			"Data.Mapping":    {Data: audit.Data{Mapping: bad}},
			"Data.Class":      {Data: audit.Data{Class: bad}},
			"Data.Categories": {Data: audit.Data{Categories: []string{bad}}},
			"Data.Residency":  {Data: audit.Data{Residency: []string{bad}}},
			"Data.Digest":     {Data: audit.Data{Digest: bad}},
			"Reason":          {Reason: bad},
			"Boundary":        {Boundary: bad},
			"Build":           {Build: bad},
			"Trace":           {Trace: bad},
		} {
			refused(t, l, field, e)
		}
	}
	for _, c := range []struct {
		field string
		e     audit.Event
	}{
		{"Jurisdictions", audit.Event{Jurisdictions: []string{"*"}}}, // a system is somewhere; its data may be anywhere
		{"Data.Residency", audit.Event{Data: audit.Data{Residency: []string{"**"}}}},
		{"Data.Categories", audit.Event{Data: audit.Data{Categories: []string{"*"}}}},
		{"Action", audit.Event{Action: "-"}},
		{"Action", audit.Event{Action: "A"}},
		{"Action", audit.Event{Action: "audit.genesis"}},
		{"Action", audit.Event{Action: "audit.checkpoint"}},
		{"Action", audit.Event{Action: strings.Repeat("a", 65)}},
		{"Tenant", audit.Event{Tenant: ".a"}},
		{"Actor", audit.Event{Actor: audit.Actor{Issuer: "i"}}},
		{"Actor", audit.Event{Actor: audit.Actor{Subject: "s"}}},
		{"Actor", audit.Event{Actor: audit.Actor{Issuer: "i", Subject: strings.Repeat("s", 1025)}}},
		{"Actor", audit.Event{Actor: audit.Actor{Issuer: strings.Repeat("i", 256), Subject: "s"}}},
		{"Chain", audit.Event{Chain: []audit.Actor{{}}}},
		{"Chain", audit.Event{Chain: people}},
		{"For", audit.Event{For: audit.Actor{Issuer: "i"}}},
		{"Scopes", audit.Event{Scopes: many}},
		{"Scopes", audit.Event{Scopes: []string{""}}},
		{"Needs", audit.Event{Needs: many}},
		{"Decision", audit.Event{Decision: "maybe"}},
		{"RuleAt", audit.Event{RuleAt: "policy.json"}},
		{"RuleAt", audit.Event{RuleAt: ":12"}},
		{"RuleAt", audit.Event{RuleAt: "policy.json:"}},
		{"RuleAt", audit.Event{RuleAt: "../policy.json:1"}},
		{"RuleAt", audit.Event{RuleAt: "a$b:1"}},
		{"Boundary", audit.Event{Boundary: "abcdef1"}},
		{"Boundary", audit.Event{Boundary: "ABCDEF12"}},
		{"Boundary", audit.Event{Boundary: strings.Repeat("a", 130)}},
		{"Phase", audit.Event{Phase: audit.PhaseCanary + 1}},
		{"Outcome", audit.Event{Outcome: audit.OutcomeFailure + 1}},
		{"Attempt", audit.Event{Attempt: -1}},
		{"Use", audit.Event{Use: -1}},
		{"Status", audit.Event{Status: -1}},
		{"Resolves", audit.Event{Resolves: -1}},
		{"Duration", audit.Event{Duration: -1}},
		{"Count", audit.Event{Count: 1 << 53}},
		{"Data.Fields", audit.Event{Data: audit.Data{Fields: -1}}},
		{"Data.Tokens", audit.Event{Data: audit.Data{Tokens: -1}}},
		{"Time", audit.Event{Time: time.Unix(-1, 0)}},
		{"NotAfter", audit.Event{NotAfter: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"StartBy", audit.Event{StartBy: time.UnixMilli(0)}},
	} {
		refused(t, l, c.field, c.e)
	}
	refused(t, l, "Action", audit.Event{})
	if after := read(t, segmentOf(dir)); !bytes.Equal(after, before) {
		t.Error("something was written")
	}
}

func refused(t *testing.T, l *audit.Log, field string, e audit.Event) {
	t.Helper()
	if e.Action == "" && field != "Action" {
		e.Action = "crm.contact.read"
	}
	_, err := l.Append(t.Context(), e)
	want := "audit: not recorded: " + field + " is not what Event allows"
	if !errors.Is(err, audit.ErrNotRecorded) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestOversizeIsRefused: the longest event that the lists allow is longer than a line.
func TestOversizeIsRefused(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	e := answer()
	for range 32 {
		e.Scopes = append(e.Scopes, strings.Repeat("s", 255))
		e.Chain = append(e.Chain, audit.Actor{Issuer: strings.Repeat("i", 255), Subject: strings.Repeat("s", 1024)})
		e.Assurance.AMR = append(e.Assurance.AMR, strings.Repeat("s", 255))
		e.Approvals = append(e.Approvals, strings.Repeat("a", 128))
	}
	r := add(t, l, e) // everything at its limit fits
	if n := len(lines(read(t, segmentOf(dir)))[r.Index]); n > audit.MaxLine {
		t.Errorf("a line of %d bytes", n)
	}
	if got := last(t, l); len(got.Scopes) != 32 || len(got.Chain) != 32 {
		t.Error("it was not read back whole")
	}
}

// TestALineThatIsTooLongIsRefused, to the byte, and what follows is not hurt. No event of today
// can be as long, so the log gets a name that is.
func TestALineThatIsTooLongIsRefused(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	e := answer()
	e.Time = time.UnixMilli(1_795_000_000_000)
	r := add(t, l, e)
	short := len(lines(read(t, segmentOf(dir)))[r.Index])
	room := audit.MaxLine - short + len(origin)
	audit.Rename(l, strings.Repeat("a", room+1))
	before := read(t, segmentOf(dir))
	if _, err := l.Append(t.Context(), e); !errors.Is(err, audit.ErrNotRecorded) || err.Error() != "audit: not recorded: the line is longer than 65535 bytes" {
		t.Errorf("one byte too long: %v", err)
	}
	if after := read(t, segmentOf(dir)); !bytes.Equal(after, before) {
		t.Error("something was written")
	}
	audit.Rename(l, strings.Repeat("a", room))
	r = add(t, l, e)
	if n := len(lines(read(t, segmentOf(dir)))[r.Index]); n != audit.MaxLine {
		t.Errorf("a line of %d bytes", n)
	}
	audit.Rename(l, "")
	add(t, l, e)
	if got := last(t, l); got.Action != e.Action {
		t.Error("what follows cannot be read")
	}
	shut(t, l)
	if _, err := reopens(t, dir); err != nil {
		t.Error(err)
	}
}

func TestDataMayBeAnywhere(t *testing.T) {
	l := open(t, create(t))
	e := answer()
	e.Data.Residency = []string{"*"}
	add(t, l, e)
	if got := last(t, l).Data.Residency; !slices.Equal(got, []string{"*"}) {
		t.Errorf("read back as %q", got)
	}
}

// TestSubjectsAreNotInTheLog: pseudonyms are random, and digests keyed.
func TestSubjectsAreNotInTheLog(t *testing.T) {
	one, two := open(t, create(t)), open(t, create(t))
	a := audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711-müller"}
	if one.Pseudonym(a) != "" {
		t.Error("a look-up has made a pseudonym")
	}
	f := one.Fingerprint([]byte("secret"))
	if len(f) != 64 || f != one.Fingerprint([]byte("secret")) || f == two.Fingerprint([]byte("secret")) || f == one.Fingerprint(nil) {
		t.Errorf("fingerprint %q", f)
	}
	e := answer()
	e.Actor, e.Material, e.Chain = a, f, []audit.Actor{a}
	add(t, one, e)
	add(t, two, e)
	e.Actor, e.Chain = audit.Actor{Issuer: "ab", Subject: "c"}, []audit.Actor{{Issuer: "a", Subject: "bc"}}
	add(t, one, e)
	form := regexp.MustCompile(`^p-[0-9a-f]{32}$`)
	if p := one.Pseudonym(a); !form.MatchString(p) || p != one.Pseudonym(a) || p == two.Pseudonym(a) {
		t.Errorf("pseudonym %q", p)
	}
	if one.Pseudonym(e.Actor) == one.Pseudonym(e.Chain[0]) {
		t.Error("issuer and subject run together")
	}
	if one.Pseudonym(audit.Actor{}) != "" {
		t.Error("nobody has a pseudonym")
	}
	for _, file := range []string{segmentOf(one.Dir()), tableOf(one.Dir())} {
		if bytes.Contains(read(t, file), []byte("4711-m")) {
			t.Error("the subject is on the disk")
		}
	}
	if bytes.Count(read(t, segmentOf(one.Dir())), []byte(one.Pseudonym(a))) != 2 {
		t.Error("its pseudonym is not in the log")
	}
}

func TestTimesAreUTCMilliseconds(t *testing.T) {
	l := open(t, create(t))
	e := answer()
	e.Time = time.Date(2026, 11, 22, 10, 0, 0, 123_456_789, time.FixedZone("", 3600))
	add(t, l, e)
	if got, want := last(t, l).Time, time.Date(2026, 11, 22, 9, 0, 0, 123_000_000, time.UTC); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	before := time.Now().Truncate(time.Millisecond)
	add(t, l, answer())
	if got := last(t, l).Time; got.Before(before) || got.After(time.Now()) {
		t.Errorf("an event without a time has %v", got)
	}
}
