package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// grace is how long requests that are under way may take when the witness ends.
const grace = 5 * time.Second

var errListen = errors.New("the address that -listen names cannot be listened on")

var auditWitness = command{
	name:  "audit witness",
	short: "vouch, on another machine, that logs only grow",
	usage: `
carnet audit witness -new NAME -state DIR [-key FILE]
carnet audit witness -listen ADDRESS -state DIR [-key FILE] -log KEY|FILE [-log ...]
                     [-cert FILE -cert-key FILE]

  -new       make DIR and a key under this name, such as witness.example/w1, and print the public
             key, which those who ask the witness, or rely on it, have to know; nothing is overwritten
  -state     what the witness remembers; nobody else may write there
  -key       the witness's private key; DIR.key if it is not said
  -listen    address and port, such as 10.0.0.7:8443; port 0 is any that is free
  -log       public key of a log, or a file that holds it; may be repeated
  -cert      certificate for TLS, PEM; without it the witness speaks plain HTTP, and something in
             front of it has to speak TLS
  -cert-key  private key of -cert

The protocol is C2SP tlog-witness: POST /add-checkpoint, and GET /HASH/checkpoint. Where a log's key
changed, give both, the older one first, until the log has shown a checkpoint under the new one:
from then on the older one does not count. A log that shows another history is told on standard
error, and what proves it is kept in DIR. An interrupt or SIGTERM ends the witness in order, with
status 0.

DIR must never be restored from a copy: who restores it makes the witness vouch for what it has
not seen. Rather make a new one, under another name.

Example:
  carnet audit witness -new witness.example/w1 -state /var/lib/witness
  carnet audit witness -listen 127.0.0.1:8443 -state /var/lib/witness -log acme.vkey`,
	run: runAuditWitness,
}

// witnessing is what the command line asks for.
type witnessing struct {
	fresh, listen, state, key string
	logs                      list
	cert, certKey             string
}

func runAuditWitness(ctx context.Context, c *call) int {
	var w witnessing
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.StringVar(&w.fresh, "new", "", "")
	set.StringVar(&w.listen, "listen", "", "")
	set.StringVar(&w.state, "state", "", "")
	set.StringVar(&w.key, "key", "", "")
	set.Var(&w.logs, "log", "")
	set.StringVar(&w.cert, "cert", "", "")
	set.StringVar(&w.certKey, "cert-key", "", "")
	if status, done := c.flags(set); done {
		return status
	}
	if w.state != "" && w.key == "" {
		w.key = filepath.Clean(w.state) + ".key"
	}
	switch {
	case len(c.args) > 0:
		return c.misused("takes flags only")
	case w.state == "":
		return c.misused("-state is required")
	case (w.fresh == "") == (w.listen == ""):
		return c.misused("give -new once, and -listen from then on")
	case w.fresh != "" && (len(w.logs) > 0 || w.cert != "" || w.certKey != ""):
		return c.misused("-new takes -state and -key only")
	case w.listen != "" && len(w.logs) == 0:
		return c.misused("-log is required: a witness vouches for logs that it was told of, by their public keys")
	case (w.cert == "") != (w.certKey == ""):
		return c.misused("-cert and -cert-key belong together")
	}
	var err error
	if w.fresh != "" {
		err = c.newWitness(w)
	} else {
		err = c.serveWitness(ctx, w)
	}
	if err != nil {
		return c.failed(err)
	}
	return statusOK
}

// newWitness makes the key, and then the folder that is for it.
func (c *call) newWitness(w witnessing) error {
	key, err := witnessaudit.CreateKey(w.key, w.fresh)
	if err != nil {
		return err
	}
	if err := witnessaudit.Create(w.state, key); err != nil {
		return errors.Join(err, os.Remove(w.key)) // of nobody, as nobody has seen its public half
	}
	fmt.Fprintln(c.stdout, key.Verifier())
	return nil
}

func (c *call) serveWitness(ctx context.Context, w witnessing) error {
	key, err := witnessaudit.ReadKey(w.key)
	if err != nil {
		return err
	}
	logs, err := readLogKeys(w.logs)
	if err != nil {
		return err
	}
	var certificates []tls.Certificate
	if w.cert != "" {
		pair, err := tls.LoadX509KeyPair(w.cert, w.certKey)
		if err != nil {
			return errors.New("-cert and -cert-key are not a certificate and its key, PEM, that can be read")
		}
		certificates = append(certificates, pair)
	}
	var mu sync.Mutex
	witness, err := witnessaudit.Open(w.state, key, logs, &witnessaudit.Options{Report: func(origin string, err error) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(c.stderr, "carnet audit witness: %s: %s\n", origin, err)
	}})
	if err != nil {
		return err
	}
	return errors.Join(c.serve(ctx, witness, w.listen, certificates), witness.Close())
}

// readLogKeys takes public keys as they are, and files that hold one.
func readLogKeys(values []string) ([]string, error) {
	keys := make([]string, len(values))
	for i, v := range values {
		if _, err := note.NewVerifier(v); err == nil {
			keys[i] = v
			continue
		}
		b, err := readSmall(v, "-log")
		if err != nil {
			return nil, errors.New("-log is neither a key, origin+hash+base64, nor a file that can be read")
		}
		keys[i] = strings.TrimSpace(string(b))
	}
	return keys, nil
}

// serve answers until ctx ends, and lets those be answered that are under way.
func (c *call) serve(ctx context.Context, h http.Handler, address string, certificates []tls.Certificate) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errListen
	}
	server := &http.Server{
		Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // who hangs up is not news
	}
	scheme := "http"
	if len(certificates) > 0 {
		scheme, l = "https", tls.NewListener(l, &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	fmt.Fprintf(c.stderr, "carnet audit witness: listening on %s://%s\n", scheme, l.Addr())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case <-ended:
		return errors.New("the witness can no longer listen")
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if server.Shutdown(late) != nil {
		_ = server.Close()
	}
	<-ended
	return nil
}
