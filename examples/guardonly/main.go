// Guardonly: a service that adopts nothing but the breaker.
//
//	go run ./examples/guardonly            # against a far side of its own, which fails for a while
//	go run ./examples/guardonly URL        # against yours
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// newClient is all that the service changes: another Transport.
func newClient(out io.Writer, next http.RoundTripper) (*http.Client, error) {
	crm, err := guard.New("crm", &guard.Options{
		Failures: 4, Open: time.Second,
		Changed: func(name string, from, to guard.State) { fmt.Fprintf(out, "%s: %v, now %v\n", name, from, to) },
	})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: crm.Transport(next)}, nil
}

// ask looks n times whether the far side is well.
func ask(ctx context.Context, out io.Writer, client *http.Client, url string, n int) error {
	for range n {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		switch response, err := client.Do(r); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			fmt.Fprintln(out, guard.Classify(err)) // the class, not the text: it quotes the URL
		default:
			response.Body.Close()
			fmt.Fprintln(out, response.StatusCode)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// sick is a far side that answers with 503 four times.
func sick() *httptest.Server {
	var calls atomic.Int64
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) <= 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
}

func run(ctx context.Context, out io.Writer, args []string) error {
	url, next := "", &http.Transport{}
	defer next.CloseIdleConnections()
	switch len(args) {
	case 0:
		far := sick()
		defer far.Close()
		url = far.URL
	case 1:
		url = args[0]
	default:
		return fmt.Errorf("usage: guardonly [URL]")
	}
	client, err := newClient(out, next)
	if err != nil {
		return err
	}
	return ask(ctx, out, client, url, 16)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "guardonly:", err)
		os.Exit(1)
	}
}
