package otelaudit

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/carnet-go/carnet/audit"
)

const (
	scope = "github.com/carnet-go/carnet/audit/otelaudit"

	// chunk is how many records go before a flush: fewer than a batch processor of
	// OpenTelemetry exports by itself (512), when nobody hears of its errors.
	chunk = 256

	grantsDefault  = 4096
	actionsDefault = 256
)

var errProviders = errors.New("otelaudit: no provider, or less than nothing to remember")

// Providers are where it goes. Nil: nothing of that kind.
type Providers struct {
	Logs    log.LoggerProvider
	Traces  trace.TracerProvider
	Metrics metric.MeterProvider
}

// Options of New. Nil means the documented defaults.
type Options struct {
	// Flush waits until everything that was handed over is exported, as ForceFlush of the
	// SDK's providers does. Lines count when it returned nil. Nil: they count when they were
	// handed over.
	Flush func(context.Context) error

	Grants  int // that are open and remembered, for their spans; zero: 4,096
	Actions int // that have counters of their own; zero: 256
}

// Mirror is an audit.Sink for one log: the first of which it gets a line. The zero Mirror
// delivers nothing.
type Mirror struct {
	logger log.Logger
	tracer trace.Tracer
	flush  func(context.Context) error

	turn   chan struct{} // who has it may use what follows
	origin string
	next   int64 // index of the first line that was not counted
	grants *grants
	meter  *meter
}

// New has its instruments made. It shuts no provider down, and neither does a Mirror.
func New(to Providers, o *Options) (*Mirror, error) {
	if o == nil {
		o = &Options{}
	}
	if to == (Providers{}) || o.Grants < 0 || o.Actions < 0 {
		return nil, errProviders
	}
	m := &Mirror{flush: o.Flush, turn: make(chan struct{}, 1), grants: newGrants(cmp.Or(o.Grants, grantsDefault))}
	if to.Logs != nil {
		m.logger = to.Logs.Logger(scope, log.WithSchemaURL(semconv.SchemaURL))
	}
	if to.Traces != nil {
		m.tracer = to.Traces.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	}
	if to.Metrics != nil {
		var err error
		if m.meter, err = newMeter(to.Metrics.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL)), cmp.Or(o.Actions, actionsDefault)); err != nil {
			return nil, errors.New("otelaudit: the provider makes no such instruments")
		}
	}
	return m, nil
}

func refused(class string) error { return &audit.SinkError{Class: class} }

// Deliver is for audit.Sink.
func (m *Mirror) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	if m == nil || m.turn == nil {
		return 0, refused("invalid")
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	n := 0
	for n < len(batch) {
		part := batch[n:min(n+chunk, len(batch))]
		done, err := m.mirror(ctx, part)
		if done > 0 {
			if failed := m.push(ctx); failed != nil {
				return n, failed
			}
			n += done
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// mirror hands lines over, and returns how many.
func (m *Mirror) mirror(ctx context.Context, part []audit.Entry) (int, error) {
	for i, e := range part {
		switch {
		case ctx.Err() != nil:
			return i, ctx.Err()
		case !m.is(e):
			return i, refused("invalid")
		}
		l := read(e.Line)
		within := traced(ctx, l.Carnet.Trace)
		if e.Index >= m.next {
			m.next = e.Index + 1
			within = m.follow(ctx, e, &l)
			m.meter.count(ctx, &l)
		}
		if !m.emit(within, e, &l) {
			return i, refused("denied")
		}
	}
	m.meter.reach(ctx, part[len(part)-1], len(m.grants.byID))
	return len(part), nil
}

// is binds the mirror to the log of its first line.
func (m *Mirror) is(e audit.Entry) bool {
	if m.origin == "" {
		m.origin = e.Origin
		if m.meter != nil {
			m.meter.origin = keyOrigin.String(e.Origin)
		}
	}
	return e.Origin != "" && e.Origin == m.origin
}

// push waits for the export, where there is a way to.
func (m *Mirror) push(ctx context.Context) error {
	if m.flush == nil {
		return nil
	}
	if m.flush(ctx) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return refused("unavailable")
}
