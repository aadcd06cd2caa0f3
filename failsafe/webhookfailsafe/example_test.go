package webhookfailsafe_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/webhookfailsafe"
)

func Example() {
	far := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Println(r.Method, r.Header.Get("Idempotency-Key"), string(text))
	}))
	defer far.Close()

	hook := webhookfailsafe.Webhook{
		URL: far.URL, Authorization: auth.NewSecret([]byte("Bearer t0k3n")),
		TLS: &tls.Config{RootCAs: far.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs},
	}
	fmt.Println(hook.Check())
	since := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	fmt.Println(hook.Alert(context.Background(), failsafe.Alert{ID: "a1", Workflow: "new-hire", Run: "hire-7", Step: "payroll", Reason: "stuck", Since: since}))
	// Output:
	// <nil>
	// POST a1 {"id":"a1","workflow":"new-hire","run":"hire-7","step":"payroll","reason":"stuck","since":"2026-11-26T09:00:00Z"}
	// <nil>
}
