package otelaudit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"go.opentelemetry.io/otel/attribute"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/otelaudit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	origin = "acme.example/hr/a"
	canary = "canary-5dA9x"
)

// memory is an exporter that keeps everything, or fails.
type memory struct {
	mu      sync.Mutex
	failure error
	records []sdklog.Record
}

func (m *memory) Export(_ context.Context, records []sdklog.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	for _, r := range records {
		m.records = append(m.records, r.Clone())
	}
	return nil
}

func (*memory) Shutdown(context.Context) error   { return nil }
func (*memory) ForceFlush(context.Context) error { return nil }

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

// kit is the SDK, in memory.
type kit struct {
	logs   *memory
	log    *sdklog.LoggerProvider
	spans  *tracetest.SpanRecorder
	trace  *trace.TracerProvider
	reader *metric.ManualReader
	metric *metric.MeterProvider
}

func newKit(t testing.TB, opts ...sdklog.LoggerProviderOption) *kit {
	k := &kit{logs: new(memory), spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	k.log = sdklog.NewLoggerProvider(append(opts, sdklog.WithProcessor(sdklog.NewBatchProcessor(k.logs)))...)
	k.trace = trace.NewTracerProvider(trace.WithSpanProcessor(k.spans))
	k.metric = metric.NewMeterProvider(metric.WithReader(k.reader))
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(k.log.Shutdown(ctx), k.trace.Shutdown(ctx), k.metric.Shutdown(ctx)); err != nil {
			t.Error(err)
		}
	})
	return k
}

func (k *kit) mirror(t testing.TB, o *otelaudit.Options) *otelaudit.Mirror {
	t.Helper()
	if o == nil {
		o = &otelaudit.Options{}
	}
	if o.Flush == nil {
		o.Flush = k.log.ForceFlush
	}
	m, err := otelaudit.New(otelaudit.Providers{Logs: k.log, Traces: k.trace, Metrics: k.metric}, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// records are those that were exported.
func (k *kit) records() []sdklog.Record {
	k.logs.mu.Lock()
	defer k.logs.mu.Unlock()
	return append([]sdklog.Record(nil), k.logs.records...)
}

// numbers are what is measured, by instrument and attributes without the origin's.
func (k *kit) numbers(t testing.TB) map[string]float64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := k.reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, s := range data.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					all[m.Name+series(t, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					all[m.Name+series(t, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					all[m.Name+series(t, p.Attributes)] = p.Value
				}
			default:
				t.Errorf("%s is a %T", m.Name, d)
			}
		}
	}
	return all
}

func series(t testing.TB, set attribute.Set) string {
	text := ""
	for _, kv := range set.ToSlice() {
		if kv.Key == "carnet.audit.origin" {
			if kv.Value.AsString() != origin {
				t.Errorf("%v", kv)
			}
			continue
		}
		text += " " + kv.Value.AsString()
	}
	return text
}

// flat are attributes as text, by key.
func flat(kvs []attribute.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range kvs {
		all[string(kv.Key)] = fmt.Sprintf("%s %v", kv.Value.Type(), kv.Value.AsInterface())
	}
	return all
}

func attributesOf(r sdklog.Record) map[string]string {
	var kvs []attribute.KeyValue
	r.WalkAttributes(func(kv attribute.KeyValue) bool { kvs = append(kvs, kv); return true })
	return flat(kvs)
}

// posting is an exporter to a far side over the network: one request for each export.
type posting struct {
	url    string
	client *http.Client
}

type posted struct {
	Origin string
	Index  int64
	Line   string
}

func (p posting) Export(ctx context.Context, records []sdklog.Record) error {
	var body bytes.Buffer
	for _, r := range records {
		entry := posted{Line: r.Body().AsString()}
		r.WalkAttributes(func(kv attribute.KeyValue) bool {
			switch kv.Key {
			case "carnet.audit.origin":
				entry.Origin = kv.Value.AsString()
			case "carnet.audit.index":
				entry.Index = kv.Value.AsInt64()
			}
			return true
		})
		if err := json.NewEncoder(&body).Encode(entry); err != nil {
			return err
		}
	}
	if body.Len() == 0 {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, &body)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s", p.url, response.Status)
	}
	return nil
}

func (p posting) Shutdown(context.Context) error { p.client.CloseIdleConnections(); return nil }
func (posting) ForceFlush(context.Context) error { return nil }

func classOf(err error) string {
	e, ok := errors.AsType[*audit.SinkError](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return e.Class
}
