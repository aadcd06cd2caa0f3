package syslogfailsafe_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/failsafe/syslogfailsafe"
)

func Example() {
	far := httptest.NewTLSServer(nil) // for its certificate
	defer far.Close()
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
		defer conn.Close()
		text := make([]byte, 4096)
		n, _ := conn.Read(text)
		got <- string(text[:n])
		_, _ = conn.Read(text) // until the other side is done
	}()

	server := syslogfailsafe.Syslog{Address: listener.Addr().String(), TLS: &tls.Config{RootCAs: roots(far)}, Host: "hr-1"}
	fmt.Println(server.Check())
	since := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	fmt.Println(server.Alert(context.Background(), failsafe.Alert{ID: "a1", Workflow: "new-hire", Run: "hire-7", Step: "payroll", Reason: "stuck", Since: since}))
	fmt.Println(<-got)
	// Output:
	// <nil>
	// <nil>
	// 154 <107>1 2026-11-26T09:00:00Z hr-1 carnet - alert [carnet@32473 id="a1" workflow="new-hire" run="hire-7" step="payroll" reason="stuck"] a run needs somebody
}
