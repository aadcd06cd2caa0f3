package syslogaudit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http/httptest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/syslogaudit"
)

func Example() {
	far := httptest.NewTLSServer(nil) // for its certificate
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: far.TLS.Certificates})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer listener.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		text, _ := io.ReadAll(conn) // until the other side says that it is done
		_ = conn.Close()            // and so does this one
		got <- string(text)
	}()

	server := syslogaudit.Syslog{Address: listener.Addr().String(), TLS: &tls.Config{RootCAs: roots}, Host: "hr-1"}
	fmt.Println(server.Check())
	fmt.Println(server.Deliver(context.Background(), []audit.Entry{{ // which a log does
		Origin: "acme.example/hr/a", Index: 42, Line: []byte(`{"activity_id":99}`), Time: time.UnixMilli(1764150000123),
	}}))
	fmt.Println(<-got)
	// Output:
	// <nil>
	// 1 <nil>
	// 123 <110>1 2025-11-26T09:40:00.123Z hr-1 carnet - audit [carnet@32473 origin="acme.example/hr/a" index="42"] {"activity_id":99}
}
