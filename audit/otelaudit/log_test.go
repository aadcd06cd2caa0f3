package otelaudit_test

import (
	"context"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/carnet-go/carnet/audit"
)

// opened is a log that k mirrors, and how to close it so that everything is there.
func opened(t *testing.T, dir string, k *kit) (*audit.Log, func()) {
	t.Helper()
	log, err := audit.Open(t.Context(), dir, &audit.Options{
		Feeds:         []audit.Feed{{Name: "otel", To: k.mirror(t, nil), Jurisdictions: []string{"eu"}, Clearance: "internal"}},
		Jurisdictions: []string{"eu"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return log, func() {
		t.Helper()
		if err := log.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func created(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

var at = time.UnixMilli(1764150000123).UTC()

// rich has everything that an event can have.
var rich = audit.Event{
	Time: at, Tenant: "acme", Instance: "hr-1", Actor: audit.Actor{Issuer: "https://login.acme.example", Subject: canary},
	Assurance: audit.Assurance{Level: 2, ACR: "mfa", AMR: []string{"otp"}, AuthTime: at}, Scopes: []string{"hr"},
	Action: "erp.payroll.open", System: "erp", Jurisdictions: []string{"eu", "ch"}, Zone: "internal", Effect: "create", Privileged: true,
	Phase: audit.PhaseDo, Workflow: "aaaaaaaa", Run: "hire-4711", Step: "payroll", Attempt: 2, Use: 1,
	Decision: "denied", Rule: "second-factor", RuleAt: "policy.jsonc:8", Needs: []string{"assurance"}, Approvals: []string{"bbbbbbbb"},
	Grant: "cccccccccccccccc", Lease: "dddddddd", Material: "eeeeeeee", StartBy: at, NotAfter: at, UsedAt: at,
	Data:    audit.Data{Mapping: "ffffffff", Class: "confidential", Categories: []string{"pay"}, Residency: []string{"eu"}, Fields: 3, Tokens: 1, Digest: "abababab"},
	Outcome: audit.OutcomeFailure, Reason: "throttled", Status: 429, Resolves: 1, Duration: 1500 * time.Millisecond, Count: 4,
	Boundary: "11111111", Build: "22222222", Trace: traceID,
}

// TestTheRecord has what the event has, in the names of semantic conventions where there are
// any, and nothing else.
func TestTheRecord(t *testing.T) {
	k := newKit(t)
	log, shut := opened(t, created(t), k)
	receipt, err := log.Append(t.Context(), rich)
	if err != nil {
		t.Fatal(err)
	}
	shut()
	index := strconv.FormatInt(receipt.Index, 10)
	for _, r := range k.records() {
		got := attributesOf(r)
		if got["carnet.audit.index"] != "INT64 "+index {
			continue
		}
		want := map[string]string{
			"log.record.uid": "STRING " + origin + "/" + index, "carnet.audit.origin": "STRING " + origin, "carnet.audit.index": "INT64 " + index,
			"carnet.action": "STRING erp.payroll.open", "carnet.outcome": "STRING failure", "carnet.reason": "STRING throttled", "error.type": "STRING throttled",
			"carnet.protocol_status": "INT64 429", "carnet.resolves": "INT64 1", "carnet.count": "INT64 4", "carnet.duration": "FLOAT64 1.5",
			"carnet.tenant": "STRING acme", "carnet.instance": "STRING hr-1", "carnet.issuer": "STRING https://login.acme.example",
			"enduser.pseudo.id": "STRING " + log.Pseudonym(rich.Actor), "carnet.level": "INT64 2",
			"service.peer.name": "STRING erp", "carnet.zone": "STRING internal", "carnet.jurisdictions": "STRINGSLICE [eu ch]", "carnet.effect": "STRING create",
			"carnet.privileged": "BOOL true", "carnet.phase": "STRING do", "carnet.workflow": "STRING aaaaaaaa", "carnet.run": "STRING hire-4711",
			"carnet.step": "STRING payroll", "carnet.attempt": "INT64 2", "carnet.use": "INT64 1", "carnet.decision": "STRING denied",
			"security_rule.name": "STRING second-factor", "carnet.rule_at": "STRING policy.jsonc:8", "carnet.needs": "STRINGSLICE [assurance]",
			"carnet.grant": "STRING cccccccccccccccc", "carnet.lease": "STRING dddddddd", "carnet.data.mapping": "STRING ffffffff", "carnet.data.class": "STRING confidential",
			"carnet.boundary": "STRING 11111111", "carnet.build": "STRING 22222222",
		}
		if !maps.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		leaf := audit.Entry{Line: []byte(r.Body().AsString())}.Leaf()
		if leaf != receipt.Leaf || !r.Timestamp().Equal(at) || r.EventName() != "carnet.audit" || r.TraceID().String() != traceID || r.InstrumentationScope().SchemaURL != semconv.SchemaURL {
			t.Errorf("%v %s %v %v", r.Timestamp(), r.EventName(), r.TraceID(), r.InstrumentationScope())
		}
		if got := r.Severity().String() + " " + r.SeverityText(); got != "WARN Low" {
			t.Error(got)
		}
		return
	}
	t.Errorf("line %s is not among %d records", index, len(k.records()))
}

// TestEveryClass: whatever class of OCSF a line is of, action, outcome and instance are those
// of its event, and no subject stands anywhere.
func TestEveryClass(t *testing.T) {
	k := newKit(t)
	log, shut := opened(t, created(t), k)
	events := map[int64]audit.Event{}
	for _, e := range []audit.Event{
		{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess},
		{Action: "gate.admit", Outcome: audit.OutcomeSuccess, Actor: rich.Actor},
		{Action: "gate.freeze", Outcome: audit.OutcomeSuccess, Actor: rich.Actor},
		{Action: "vault.refuse", Outcome: audit.OutcomeFailure, Lease: "dddddddd", Reason: "denied"},
		{Action: "run.park", Outcome: audit.OutcomeUnknown, Run: "hire-4711"},
		{Action: "gate.open", Outcome: audit.OutcomeSuccess, Instance: "hr-1"},
	} {
		receipt, err := log.Append(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		events[receipt.Index] = e
	}
	shut()
	for _, r := range k.records() {
		got, seen := attributesOf(r), r.Body().AsString()
		for key, value := range got {
			if seen += value; strings.Contains(key, canary) {
				t.Error(key)
			}
		}
		if strings.Contains(seen, canary) {
			t.Error(seen)
		}
		index, err := strconv.ParseInt(strings.TrimPrefix(got["carnet.audit.index"], "INT64 "), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		e, ok := events[index]
		if delete(events, index); !ok {
			if !strings.HasPrefix(got["carnet.action"], "STRING audit.") {
				t.Errorf("line %d: %v", index, got)
			}
			continue
		}
		outcome := [...]string{"unknown", "success", "failure"}[e.Outcome]
		if got["carnet.action"] != "STRING "+e.Action || got["carnet.outcome"] != "STRING "+outcome || e.Instance != "" && got["carnet.instance"] != "STRING "+e.Instance {
			t.Errorf("%s: %v", e.Action, got)
		}
	}
	if len(events) > 0 {
		t.Errorf("not mirrored: %v", events)
	}
}

// TestAnOrphan ends when the log says that nobody knows how: with the next Open. What comes
// to light later is a record, and no second span.
func TestAnOrphan(t *testing.T) {
	k, dir := newKit(t), created(t)
	log, err := audit.Open(t.Context(), dir, nil) // which nobody mirrors
	if err != nil {
		t.Fatal(err)
	}
	given := audit.Event{Action: "crm.contact.read", Decision: "allowed", Grant: grantID, Trace: traceID}
	if _, err := log.Append(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, shut := opened(t, dir, k)
	if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Grant: grantID, Outcome: audit.OutcomeSuccess}); err != nil {
		t.Fatal(err)
	}
	shut()
	spans := k.spans.Ended()
	if len(spans) != 1 || spans[0].Status().Code != codes.Unset || spans[0].SpanContext().TraceID().String() != traceID {
		t.Fatalf("%d spans: %v", len(spans), spans)
	}
	if got := flat(spans[0].Attributes()); got["carnet.outcome"] != "STRING unknown" || got["carnet.reason"] != "STRING interrupted" {
		t.Errorf("%v", got)
	}
	resolved := false
	for _, r := range k.records() {
		got := attributesOf(r)
		resolved = resolved || got["carnet.resolves"] != "" && got["carnet.outcome"] == "STRING success"
	}
	if !resolved {
		t.Error("the answer is missing")
	}
}
