package webhookaudit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/webhookaudit"
)

func Example() {
	far := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lines, _ := io.ReadAll(r.Body)
		fmt.Printf("%s from %s of %s, %s: %s", r.Header.Get("Carnet-Count"), r.Header.Get("Carnet-First"), r.Header.Get("Carnet-Origin"), r.Header.Get("Authorization"), lines)
	}))
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())

	hook := webhookaudit.Webhook{
		URL: far.URL, TLS: &tls.Config{RootCAs: roots},
		Authorization: func(context.Context) (string, error) { return "Bearer from-a-vault", nil },
	}
	fmt.Println(hook.Check())
	fmt.Println(hook.Deliver(context.Background(), []audit.Entry{ // which a log does
		{Origin: "acme.example/hr/a", Index: 42, Line: []byte(`{"activity_id":99}`)},
	}))
	// Output:
	// <nil>
	// 1 from 42 of acme.example/hr/a, Bearer from-a-vault: {"activity_id":99}
	// 1 <nil>
}
