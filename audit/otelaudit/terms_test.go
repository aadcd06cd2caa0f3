package otelaudit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/otelaudit"
)

// TestTheTerms: a mirror that keeps lines elsewhere, or may not have what the log has, gets
// none.
func TestTheTerms(t *testing.T) {
	k := newKit(t)
	for name, feed := range map[string]audit.Feed{
		"elsewhere":    {Jurisdictions: []string{"us"}, Clearance: "confidential"},
		"nowhere":      {Clearance: "confidential"},
		"below":        {Jurisdictions: []string{"eu"}, Clearance: "internal"},
		"nothing said": {Jurisdictions: []string{"eu"}},
	} {
		feed.Name, feed.To = "otel", k.mirror(t, nil)
		log, err := audit.Open(t.Context(), created(t), &audit.Options{Feeds: []audit.Feed{feed}, Jurisdictions: []string{"eu"}, Class: "confidential"})
		if log != nil || !errors.Is(err, audit.ErrFeed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := k.numbers(t); len(k.records())+len(k.spans.Started())+len(got) != 0 {
		t.Errorf("%d records, %d spans, %v", len(k.records()), len(k.spans.Started()), got)
	}
}

// TestNothingIsHeldUp where a flush neither ends nor heeds its context, panics, or always
// fails: lines are written, and the log says afterwards that the mirror has not all.
func TestNothingIsHeldUp(t *testing.T) {
	never := make(chan struct{})
	for name, flush := range map[string]func(context.Context) error{
		"hangs":  func(context.Context) error { <-never; return nil },
		"panics": func(context.Context) error { panic(canary) },
		"fails":  func(context.Context) error { return errors.New(canary) },
	} {
		k := newKit(t)
		log, err := audit.Open(t.Context(), created(t), &audit.Options{
			Feeds:         []audit.Feed{{Name: "otel", To: k.mirror(t, &otelaudit.Options{Flush: flush}), Jurisdictions: []string{"eu"}, Clearance: "internal", Within: 50 * time.Millisecond}},
			Jurisdictions: []string{"eu"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if h := log.Health(); h.Failed || h.Lines < 300 || h.Feeds[0].Next != 0 {
			t.Errorf("%s: %+v", name, h)
		}
		if err := log.Close(context.Background()); !errors.Is(err, audit.ErrBehind) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	close(never)
}

// TestOneSeries: who did it, under what grant, in which run and on whose account are no
// attributes of a metric, and make no series.
func TestOneSeries(t *testing.T) {
	k := newKit(t)
	var texts []string
	for i := range 300 {
		texts = append(texts, fmt.Sprintf(`{"actor":{"idp":{"uid":"https://%[1]s-%[2]d"},"user":{"uid":"%[1]s-%[2]d"}},"api":{"operation":"a.b"},"class_uid":6003,"dst_endpoint":{"name":"%[1]s-%[2]d"},`+
			`"metadata":{"tenant_uid":"%[1]s-%[2]d"},"severity_id":1,"status_code":"%[1]s-%[2]d","status_id":2,`+
			`"carnet":{"grant":"%[1]s-%[2]d","lease":"%[1]s-%[2]d","run":"%[1]s-%[2]d","rule_name":"%[1]s-%[2]d","trace_uid":"%032[2]x","duration_ns":%[2]d}}`, canary, i))
	}
	whole(t, k.mirror(t, nil), lines(0, texts...))
	var data metricdata.ResourceMetrics
	if err := k.reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", data); strings.Contains(text, canary) {
		t.Error(text)
	}
	got := k.numbers(t)
	if delete(got, "carnet.audit.lag"); fmt.Sprint(got) != "map[carnet.audit.events a.b none failure:300 carnet.audit.grants.open:0 carnet.audit.next:300]" {
		t.Errorf("%v", got)
	}
	if n := len(attributesOf(k.records()[0])); n != 15 {
		t.Errorf("%d attributes: %v", n, attributesOf(k.records()[0]))
	}
}
