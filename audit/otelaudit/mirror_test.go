package otelaudit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/otelaudit"
)

var begin = time.UnixMilli(1764150000123).UTC()

// lines are entries a second apart, of texts.
func lines(from int64, texts ...string) []audit.Entry {
	list := make([]audit.Entry, len(texts))
	for i, text := range texts {
		at := begin.Add(time.Duration(from+int64(i)) * time.Second)
		list[i] = audit.Entry{Origin: origin, Index: from + int64(i), Line: []byte(text), Time: at}
	}
	return list
}

// call is the line of an API Activity: an action, how it ended, and what OCSF has no place for.
func call(action string, outcome int, reason, extension string) string {
	code := ""
	if reason != "" {
		code = fmt.Sprintf(`"status_code":%q,`, reason)
	}
	return fmt.Sprintf(`{"api":{"operation":%q},"class_uid":6003,"severity_id":1,%s"status_id":%d,"carnet":{%s}}`, action, code, outcome, extension)
}

// whole delivers a batch that meets no trouble.
func whole(t testing.TB, m *otelaudit.Mirror, list []audit.Entry) {
	t.Helper()
	if n, err := m.Deliver(t.Context(), list); n != len(list) || err != nil {
		t.Fatalf("%d of %d, %v", n, len(list), err)
	}
}

// refused is the class of a delivery of which nothing counts.
func refused(t testing.TB, m *otelaudit.Mirror, list []audit.Entry) string {
	t.Helper()
	n, err := m.Deliver(t.Context(), list)
	if n != 0 || err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Errorf("%d, %v", n, err)
	}
	return classOf(err)
}

// TestWhatIsNone of OCSF is mirrored all the same, with nothing that it does not say.
func TestWhatIsNone(t *testing.T) {
	k := newKit(t)
	texts := []string{`no JSON`, `{}`, `[]`, `{"time":"now"}`, `{"class_uid":2004,"evidences":[]}`, "\xff"}
	whole(t, k.mirror(t, nil), lines(0, texts...))
	for i, r := range k.records() {
		uid := fmt.Sprintf("STRING %s/%d", origin, i)
		got := attributesOf(r)
		if r.Body().AsString() != texts[i] || len(got) != 3 || got["log.record.uid"] != uid || got["carnet.audit.index"] != fmt.Sprintf("INT64 %d", i) {
			t.Errorf("%q: %v", r.Body().AsString(), got)
		}
	}
	if got := k.numbers(t)["carnet.audit.events _OTHER none unknown"]; got != float64(len(texts)) {
		t.Errorf("%v", k.numbers(t))
	}
}

// TestAFailedFlush: nothing counts; the records come again and can be told; no counter and no
// span has them twice.
func TestAFailedFlush(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, nil)
	list := lines(0, call("crm.contact.read", 0, "", `"decision":"allowed","grant":"0123456789abcdef"`), call("crm.contact.read", 1, "", `"grant":"0123456789abcdef"`))
	k.logs.fail(errors.New("the collector of " + canary))
	for range 3 {
		if class := refused(t, m, list); class != "unavailable" {
			t.Error(class)
		}
	}
	k.logs.fail(nil)
	whole(t, m, list)
	whole(t, m, list)
	uids := map[string]int{}
	for _, r := range k.records() {
		uids[attributesOf(r)["log.record.uid"]]++
	}
	if len(uids) != 2 || uids["STRING "+origin+"/0"] != 2 || uids["STRING "+origin+"/1"] != 2 {
		t.Errorf("%v", uids)
	}
	if n := len(k.spans.Ended()); n != 1 {
		t.Errorf("%d spans", n)
	}
	if got := k.numbers(t); got["carnet.audit.events crm.contact.read allowed unknown"] != 1 || got["carnet.audit.events crm.contact.read none success"] != 1 || got["carnet.audit.next"] != 2 {
		t.Errorf("%v", got)
	}
}

// TestAFlushThatHangs ends with the context.
func TestAFlushThatHangs(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, &otelaudit.Options{Flush: func(ctx context.Context) error { <-ctx.Done(); return errors.New(canary) }})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if n, err := m.Deliver(ctx, lines(0, `{}`)); n != 0 || err != context.DeadlineExceeded {
		t.Error(n, err)
	}
}

// TestAPrefixCounts: what was flushed before a flush failed. Between two flushes there are
// fewer records than a batch processor exports by itself.
func TestAPrefixCounts(t *testing.T) {
	k := newKit(t)
	var at []int
	emitted := &counting{LoggerProvider: k.log}
	m, err := otelaudit.New(otelaudit.Providers{Logs: emitted}, &otelaudit.Options{Flush: func(context.Context) error {
		if at = append(at, emitted.n); len(at) == 3 {
			return errors.New(canary)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	n, err := m.Deliver(t.Context(), lines(0, make([]string, 1024)...))
	if n != 512 || classOf(err) != "unavailable" || fmt.Sprint(at) != "[256 512 768]" {
		t.Errorf("%d, %v, flushed at %v", n, err, at)
	}
}

// counting counts the records that its loggers emit.
type counting struct {
	log.LoggerProvider
	n int
}

func (c *counting) Logger(name string, opts ...log.LoggerOption) log.Logger {
	return counted{c.LoggerProvider.Logger(name, opts...), c}
}

type counted struct {
	log.Logger
	c *counting
}

func (c counted) Emit(ctx context.Context, r log.Record) { c.c.n++; c.Logger.Emit(ctx, r) }

// ending ends a context with the third record.
type ending struct {
	log.Logger
	provider *endingProvider
}

type endingProvider struct {
	log.LoggerProvider
	n      int
	cancel func()
}

func (p *endingProvider) Logger(name string, opts ...log.LoggerOption) log.Logger {
	return ending{p.LoggerProvider.Logger(name, opts...), p}
}

func (e ending) Emit(ctx context.Context, r log.Record) {
	if e.provider.n++; e.provider.n == 3 {
		e.provider.cancel()
	}
	e.Logger.Emit(ctx, r)
}

// TestAnEndedContext: what was handed over before counts, and nothing is afterwards, also
// where nothing is flushed.
func TestAnEndedContext(t *testing.T) {
	k := newKit(t)
	ctx, cancel := context.WithCancel(t.Context())
	provider := &endingProvider{LoggerProvider: k.log, cancel: cancel}
	m, err := otelaudit.New(otelaudit.Providers{Logs: provider}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{3, 0, 0, 0} {
		if n, err := m.Deliver(ctx, lines(0, make([]string, 10)...)); n != want || err != context.Canceled || provider.n != 3 {
			t.Errorf("%d, %v, %d records", n, err, provider.n)
		}
	}
}

// TestWithoutFlush lines count when they were handed over, whatever becomes of them.
func TestWithoutFlush(t *testing.T) {
	k := newKit(t)
	k.logs.fail(errors.New(canary))
	m, err := otelaudit.New(otelaudit.Providers{Logs: k.log}, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, m, lines(0, `{}`, `{}`))
	k.logs.fail(nil)
	if err := k.log.ForceFlush(t.Context()); err != nil || len(k.records()) != 2 {
		t.Errorf("%v, %d records", err, len(k.records()))
	}
}

// TestShutDown: a provider that is takes everything and keeps nothing, and says that its flush
// went well. It is asked before.
func TestShutDown(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, nil)
	whole(t, m, lines(0, `{}`))
	if err := k.log.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.log.ForceFlush(t.Context()); err != nil {
		t.Fatal("it says so by itself:", err)
	}
	if class := refused(t, m, lines(1, `{}`)); class != "denied" {
		t.Error(class)
	}
}

// choosy is a processor that wants only what is severe.
type choosy struct{ sdklog.Processor }

func (choosy) Enabled(_ context.Context, p sdklog.EnabledParameters) bool {
	return p.Severity >= log.SeverityError
}

// TestWhatIsDroppedIsNotDelivered: by severity; what stands before it counts.
func TestWhatIsDroppedIsNotDelivered(t *testing.T) {
	memory := new(memory)
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(choosy{sdklog.NewSimpleProcessor(memory)}))
	m, err := otelaudit.New(otelaudit.Providers{Logs: provider}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := m.Deliver(t.Context(), lines(0, `{"severity_id":4}`, `{"severity_id":5}`, `{"severity_id":6}`, `{"severity_id":1}`))
	if n != 3 || classOf(err) != "denied" || len(memory.records) != 3 {
		t.Errorf("%d, %v, %d records", n, err, len(memory.records))
	}
	for i, want := range []string{"ERROR High", "ERROR3 Critical", "FATAL Fatal"} {
		if got := fmt.Sprint(memory.records[i].Severity(), " ", memory.records[i].SeverityText()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestOneLog: of another a mirror takes nothing, because its counters and grants are the first
// one's.
func TestOneLog(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, nil)
	list := lines(0, `{}`, `{}`)
	list[1].Origin = "acme.example/hr/b"
	if n, err := m.Deliver(t.Context(), list); n != 1 || classOf(err) != "invalid" {
		t.Error(n, err)
	}
	if class := refused(t, m, list[1:]); class != "invalid" {
		t.Error(class)
	}
	list[0].Origin = ""
	if class := refused(t, k.mirror(t, nil), list[:1]); class != "invalid" {
		t.Error(class)
	}
	if n := len(k.records()); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestShortAttributes: a provider that cuts attributes leaves the line whole.
func TestShortAttributes(t *testing.T) {
	k := newKit(t, sdklog.WithAttributeValueLengthLimit(4))
	text := call("crm.contact.read", 1, "", fmt.Sprintf(`"run":%q`, strings.Repeat("r", 60_000)))
	whole(t, k.mirror(t, nil), lines(0, text))
	if r := k.records()[0]; r.Body().AsString() != text || attributesOf(r)["carnet.run"] != "STRING rrrr" {
		t.Errorf("%.100s %v", r.Body().AsString(), attributesOf(r))
	}
}

// failing makes no instruments.
type failing struct{ noopmetric.MeterProvider }

func (failing) Meter(string, ...metric.MeterOption) metric.Meter { return failingMeter{} }

type failingMeter struct{ noopmetric.Meter }

func (failingMeter) Int64Gauge(string, ...metric.Int64GaugeOption) (metric.Int64Gauge, error) {
	return nil, errors.New(canary)
}

func TestNew(t *testing.T) {
	k := newKit(t)
	for name, to := range map[string]otelaudit.Providers{"logs": {Logs: k.log}, "traces": {Traces: k.trace}, "metrics": {Metrics: k.metric}} {
		m, err := otelaudit.New(to, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		whole(t, m, lines(0, call("a.b", 0, "", `"decision":"allowed","grant":"0123456789abcdef"`), call("a.b", 1, "", `"grant":"0123456789abcdef"`)))
	}
	for name, c := range map[string]struct {
		to otelaudit.Providers
		o  *otelaudit.Options
	}{
		"nothing": {}, "fewer grants": {otelaudit.Providers{Logs: k.log}, &otelaudit.Options{Grants: -1}},
		"fewer actions":  {otelaudit.Providers{Logs: k.log}, &otelaudit.Options{Actions: -1}},
		"no instruments": {otelaudit.Providers{Metrics: failing{}}, nil},
	} {
		if m, err := otelaudit.New(c.to, c.o); m != nil || err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var none *otelaudit.Mirror
	for _, zero := range []*otelaudit.Mirror{none, new(otelaudit.Mirror)} {
		if class := refused(t, zero, lines(0, `{}`)); class != "invalid" {
			t.Error(class)
		}
	}
}

// TestOneAtATime: who waits for its turn is let go when its context ends.
func TestOneAtATime(t *testing.T) {
	k := newKit(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	m := k.mirror(t, &otelaudit.Options{Flush: func(context.Context) error { close(begun); <-goOn; return nil }})
	done := make(chan error, 1)
	go func() {
		_, err := m.Deliver(context.Background(), lines(0, `{}`))
		done <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := m.Deliver(ctx, lines(1, `{}`)); n != 0 || err != context.Canceled {
		t.Error(n, err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestBoundedSeries: whatever stands in lines, counters are of few actions, outcomes and
// decisions.
func TestBoundedSeries(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, &otelaudit.Options{Actions: 10})
	var texts []string
	for i := range 1000 {
		texts = append(texts, call(fmt.Sprintf("a.%d", i%500), i, "", fmt.Sprintf(`"decision":"d%d"`, i)))
	}
	whole(t, m, lines(0, texts...))
	events, sum := 0, 0.0
	for name, n := range k.numbers(t) {
		if strings.HasPrefix(name, "carnet.audit.events") {
			events++
			sum += n
		}
	}
	if events > 11*4 || sum != 1000 {
		t.Errorf("%d series have %v events", events, sum)
	}
}

// TestLag is the age of the newest line.
func TestLag(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, nil)
	list := lines(5, `{}`, `{}`)
	list[1].Time = time.Now().Add(-time.Hour)
	whole(t, m, list)
	if got := k.numbers(t); got["carnet.audit.lag"] < 3600 || got["carnet.audit.lag"] > 3700 || got["carnet.audit.next"] != 7 {
		t.Errorf("%v", got)
	}
	list = lines(7, `{}`)
	list[0].Time = time.Now().Add(time.Hour)
	whole(t, m, list)
	if got := k.numbers(t)["carnet.audit.lag"]; got != 0 {
		t.Errorf("a line from the future lags %v", got)
	}
}
