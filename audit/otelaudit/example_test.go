package otelaudit_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/otelaudit"
)

// printer is an exporter: in a service, that of OTLP.
type printer struct{}

func (printer) Shutdown(context.Context) error   { return nil }
func (printer) ForceFlush(context.Context) error { return nil }
func (printer) Export(_ context.Context, records []sdklog.Record) error {
	for _, r := range records {
		fmt.Println(r.Severity(), r.Body().AsString())
		r.WalkAttributes(func(kv attribute.KeyValue) bool {
			fmt.Printf("  %s=%s\n", kv.Key, kv.Value)
			return true
		})
	}
	return nil
}

func Example() {
	ctx := context.Background()
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(printer{})))
	mirror, err := otelaudit.New(otelaudit.Providers{Logs: provider}, &otelaudit.Options{Flush: provider.ForceFlush})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mirror.Deliver(ctx, []audit.Entry{{ // which a log does
		Origin: "acme.example/hr/a", Index: 42,
		Line: []byte(`{"api":{"operation":"crm.contact.read"},"class_uid":6003,"severity_id":1,"status_id":1}`),
	}}))
	fmt.Println(provider.Shutdown(ctx)) // after the log is closed
	// Output:
	// INFO {"api":{"operation":"crm.contact.read"},"class_uid":6003,"severity_id":1,"status_id":1}
	//   log.record.uid=acme.example/hr/a/42
	//   carnet.audit.origin=acme.example/hr/a
	//   carnet.audit.index=42
	//   carnet.action=crm.contact.read
	//   carnet.outcome=success
	// 1 <nil>
	// <nil>
}
