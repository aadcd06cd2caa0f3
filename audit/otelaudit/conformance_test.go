package otelaudit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
	"github.com/carnet-go/carnet/audit/otelaudit"
)

// collector keeps what is exported to it; where it may not it says no, or hangs up.
func collector(t testing.TB, r *audittest.Receiver) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		for d := json.NewDecoder(bytes.NewReader(body)); ; {
			var e posted
			if err := d.Decode(&e); err == io.EOF {
				return
			} else if err != nil {
				t.Error(err)
				return
			}
			if err := r.Take(q.Context(), e.Origin, e.Index, []byte(e.Line)); errors.Is(err, audittest.ErrLost) {
				panic(http.ErrAbortHandler)
			} else if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
	}
}

// TestConformance is of a mirror whose provider can be flushed, over the network: without,
// no failure behind the provider could be heard of, and none of the rules about one holds.
func TestConformance(t *testing.T) {
	audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink {
		transport := &http.Transport{TLSClientConfig: r.TLS()}
		exporter := posting{r.HTTP(collector(t, r)), &http.Client{Transport: transport}}
		// Nothing but a flush exports: what an interval exported, nobody would hear the error of.
		provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter, sdklog.WithExportInterval(time.Hour))))
		t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
		m, err := otelaudit.New(otelaudit.Providers{Logs: provider}, &otelaudit.Options{Flush: provider.ForceFlush})
		if err != nil {
			t.Fatal(err)
		}
		return m
	})
}
