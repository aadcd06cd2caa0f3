package slogaudit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
	"github.com/carnet-go/carnet/audit/slogaudit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a handler whose far side is a receiver.
type shelf struct{ to *audittest.Receiver }

func (shelf) Enabled(context.Context, slog.Level) bool { return true }
func (s shelf) WithAttrs([]slog.Attr) slog.Handler     { return s }
func (s shelf) WithGroup(string) slog.Handler          { return s }
func (s shelf) Handle(ctx context.Context, r slog.Record) error {
	var origin, line string
	var index int64
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "origin":
			origin = a.Value.String()
		case "index":
			index = a.Value.Int64()
		case "line":
			line = a.Value.String()
		}
		return true
	})
	return s.to.Take(ctx, origin, index, []byte(line))
}

func TestConformance(t *testing.T) {
	audittest.Run(t, func(_ testing.TB, r *audittest.Receiver) audit.Sink {
		return slogaudit.Mirror{Handler: shelf{r}}
	})
}

var entry = audit.Entry{Origin: "acme.example/hr/a", Index: 42, Line: []byte(`{"a":"<b>"}`), Time: time.UnixMilli(1764150000123).UTC()}

func TestTheRecord(t *testing.T) {
	var out bytes.Buffer
	m := slogaudit.Mirror{Handler: slog.NewTextHandler(&out, nil)}
	if n, err := m.Deliver(t.Context(), []audit.Entry{entry}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	const want = `time=2025-11-26T09:40:00.123Z level=INFO msg=audit origin=acme.example/hr/a index=42 line="{\"a\":\"<b>\"}"` + "\n"
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", &out, want)
	}
}

// TestWhatIsDroppedIsNotDelivered: by level, and without a handler.
func TestWhatIsDroppedIsNotDelivered(t *testing.T) {
	var out bytes.Buffer
	for want, m := range map[string]slogaudit.Mirror{
		"denied":  {Handler: slog.NewTextHandler(&out, nil), Level: slog.LevelDebug},
		"invalid": {},
	} {
		n, err := m.Deliver(t.Context(), []audit.Entry{entry})
		e, ok := errors.AsType[*audit.SinkError](err)
		if n != 0 || !ok || e.Class != want || out.Len() != 0 {
			t.Errorf("%s: %d, %v, printed %q", want, n, err, &out)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	failing := slogaudit.Mirror{Handler: slog.NewTextHandler(writer(func() { cancel() }), nil)}
	if n, err := failing.Deliver(ctx, []audit.Entry{entry}); n != 0 || err != context.Canceled {
		t.Error(n, err)
	}
	failing.Handler = slog.NewTextHandler(writer(func() {}), nil)
	if n, err := failing.Deliver(t.Context(), []audit.Entry{entry}); n != 0 || err == nil || strings.Contains(err.Error(), "disk") {
		t.Error(n, err)
	}
}

// writer fails, after it did something.
type writer func()

func (w writer) Write([]byte) (int, error) {
	w()
	return 0, errors.New("the disk of canary-4711")
}
