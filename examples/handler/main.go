// Handler: a service whose own callers bring a token, in front of a system that
// wants an API key.
//
//	go run ./examples/handler
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/ldapauth"
	"github.com/carnet-go/carnet/auth/oauthauth"
	"github.com/carnet-go/carnet/auth/oidcauth"
	"github.com/carnet-go/carnet/auth/samlauth"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/filevault"
)

// Contact is what the caller gets to see.
type Contact struct {
	Name string `json:"name"`
	City string `json:"city"`
}

func contacts(gate *auth.Gate, broker *auth.Broker, operation string) http.Handler {
	return gate.Handler(func(w http.ResponseWriter, r *http.Request, p auth.Principal) error {
		grant, err := gate.Authorize(r.Context(), p, operation)
		if err != nil {
			return err // answered with 403, or with 401 and a challenge
		}
		reply, err := broker.Do(r.Context(), grant, mapping.Document{})
		if err != nil {
			return err
		}
		var c Contact
		if err := reply.Document.Decode(&c); err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(c)
	})
}

// ask is a caller; an empty token is none.
func ask(ctx context.Context, out io.Writer, url, user, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	fmt.Fprintln(out, user+":", answer.StatusCode, strings.TrimSpace(string(body)))
	if challenge := answer.Header.Get("WWW-Authenticate"); challenge != "" {
		fmt.Fprintln(out, "challenge:", challenge)
	}
	return err
}

// open wires the service as the quickstart does.
func open(ctx context.Context, w *world.World, events *audit.Log, v *vault.Vault) (*auth.Gate, *auth.Broker, error) {
	bound, err := boundary.Load(w.Boundary, nil)
	if err != nil {
		return nil, nil, err
	}
	login, err := oidcauth.New(ctx, w.Issuer, world.Audience, &oidcauth.Options{Client: w.Client})
	if err != nil {
		return nil, nil, err
	}
	gate, err := auth.NewGate(ctx, events, bound, auth.Verifiers{auth.SchemeBearer: login}, nil)
	if err != nil {
		return nil, nil, err
	}
	broker, err := auth.NewBroker(gate, auth.Translators{
		"directory": &ldapauth.Bind{Login: v.Source("directory/bind")},
		"erp":       samlauth.Session{Issuer: world.Entity, Key: v.Source("saml/signing"), Cookies: []string{"session"}},
		"crm":       keyauth.Header{Name: "X-Api-Key", Source: v.Source("crm/api")},
		"hub":       oauthauth.Exchange{Client: v.Source("hub/client")},
	}, &auth.BrokerOptions{Keys: v.Keys, RootCAs: w.RootCAs})
	return gate, broker, err
}

// serve answers on loopback, and asks on behalf of everybody.
func serve(ctx context.Context, out io.Writer, w *world.World, h http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	origin := "http://" + listener.Addr().String()
	for _, caller := range [][2]string{{"alice", "/contact"}, {"mallory", "/contact"}, {"carol", "/export"}} {
		token, err := w.Token(ctx, caller[0])
		if err == nil {
			err = ask(ctx, out, origin+caller[1], caller[0], token)
		}
		if err != nil {
			return errors.Join(err, server.Close())
		}
	}
	return errors.Join(ask(ctx, out, origin+"/contact", "nobody", ""), server.Close())
}

func demonstrate(ctx context.Context, out io.Writer, w *world.World, events *audit.Log) error {
	v, err := vault.New(events, filevault.File{Path: w.Secrets, Identity: w.Identity}, nil)
	if err != nil {
		return err
	}
	gate, broker, err := open(ctx, w, events, v)
	if err != nil {
		return errors.Join(err, v.Close(ctx))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /contact", contacts(gate, broker, "crm.contact.read"))
	mux.Handle("GET /export", contacts(gate, broker, "crm.contact.export"))
	return errors.Join(serve(ctx, out, w, mux), broker.Close(ctx), v.Close(ctx))
}

func run(ctx context.Context, out io.Writer) error {
	w, err := world.Start(ctx, "")
	if err != nil {
		return err
	}
	defer w.Close()
	signer := &audit.Options{Signer: w.Key}
	if err = audit.Create(ctx, w.Dir+"/audit", "acme.example/hr/a", signer); err != nil {
		return err
	}
	events, err := audit.Open(ctx, w.Dir+"/audit", signer)
	if err != nil {
		return err
	}
	return errors.Join(demonstrate(ctx, out, w, events), events.Close(ctx))
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "handler:", err)
		os.Exit(1)
	}
}
