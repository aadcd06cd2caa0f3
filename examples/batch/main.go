// Batch: the accounts of those who leave are closed, many at once. Whatever ends the
// process, the next one goes on where it was.
//
//	go run ./examples/batch                          # 200 accounts, in a temporary folder
//	go run ./examples/batch -n 5000 -dir DIR         # the log and the journal stay there
//	go run ./examples/batch -n 5000 -dir DIR         # after Ctrl-C, or kill -9
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

const (
	leaverSchema = `{
  "title": "leaver", "type": "object", "additionalProperties": false, "required": ["number"],
  "properties": {"number": {"type": "integer", "minimum": 1, "classification": "internal", "residency": ["*"], "purposes": ["*"]}},
}`
	accountSchema = `{
  "title": "account", "type": "object", "additionalProperties": false, "required": ["number"],
  "properties": {"number": {"type": "integer", "in": "path"}},
}`
	closeMapping = `{"mapping": "leaver-to-account", "from": "leaver", "to": "account", "set": {"/number": {"from": "/number"}}}`
)

// declare is what may be done to accounts, and with which data.
func declare(far *far) (*auth.Boundary, *mapping.Schema, error) {
	clearance := mapping.Clearance{Class: mapping.Internal, Purposes: []string{"hr"}}
	here := auth.System{Name: auth.Self, Jurisdictions: []string{"eu"}, Clearance: clearance}
	catalogue, err := auth.NewCatalogue("acme", here, auth.System{
		Name: "staff", Origin: far.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"staff/api"},
		Jurisdictions: []string{"eu"}, Clearance: clearance,
		Operations: []auth.Operation{
			{Name: "staff.account.close", Method: "PUT", Path: "/closed/{number}", Effect: auth.Idempotent, Input: "leaver-to-account", Undo: "staff.account.open"},
			{Name: "staff.account.open", Method: "DELETE", Path: "/closed/{number}", Effect: auth.Idempotent, Input: "leaver-to-account"},
		},
	})
	if err != nil {
		return nil, nil, err
	}
	from, err := mapping.ParseSchema([]byte(leaverSchema))
	if err != nil {
		return nil, nil, err
	}
	to, err := mapping.ParseSchema([]byte(accountSchema))
	if err != nil {
		return nil, nil, err
	}
	m, err := mapping.Compile(from, to, []byte(closeMapping), mapping.Destination{System: "staff", Kind: auth.KindAPI, Jurisdictions: []string{"eu"}, Clearance: clearance})
	if err != nil {
		return nil, nil, err
	}
	permits, err := policy.New(catalogue, policy.Declaration{Permits: []policy.Permit{{
		Name: "leavers", Who: policy.Who{Issuer: "local", Subject: "self"}, Operations: []string{"staff.account.close", "staff.account.open"},
	}}})
	if err != nil {
		return nil, nil, err
	}
	bound, err := auth.NewBoundary(catalogue, permits, &auth.BoundaryOptions{Mappings: map[string]*mapping.Mapper{"leaver-to-account": m}})
	return bound, from, err
}

// Leaver is what a run remembers.
type Leaver struct {
	Number int `json:"number"`
}

type service struct {
	leavers *failsafe.Flow[Leaver]
	runner  *failsafe.Runner
	broker  *auth.Broker
	gate    *auth.Gate
	vault   *vault.Vault
}

// close gives back what is lent, in this order.
func (s *service) close(ctx context.Context) error {
	return errors.Join(s.runner.Close(ctx), s.broker.Close(ctx), s.vault.Close(ctx))
}

func open(ctx context.Context, dir string, events *audit.Log, far *far) (s *service, err error) {
	s = new(service)
	bound, schema, err := declare(far)
	if err != nil {
		return s, err
	}
	s.vault, err = vault.New(events, dirvault.Dir(filepath.Join(dir, "secrets")), &vault.Options{Own: []string{"self/journal"}})
	if err != nil {
		return s, err
	}
	if s.gate, err = auth.NewGate(ctx, events, bound, nil, nil); err != nil {
		return s, err
	}
	s.broker, err = auth.NewBroker(s.gate, auth.Translators{
		"staff": keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("staff/api")},
	}, &auth.BrokerOptions{RootCAs: far.roots()})
	if err != nil {
		return s, err
	}
	journal, err := failsafe.OpenJournal(ctx, filepath.Join(dir, "journal"))
	if err != nil {
		return s, err
	}
	quiet := slog.New(slog.DiscardHandler) // the summary names who waits
	s.runner, err = failsafe.New(ctx, s.gate, journal, s.vault.Own("self/journal"), &failsafe.Options{Logger: quiet})
	if err != nil {
		return s, errors.Join(err, journal.Close(ctx))
	}
	cross := func(ctx context.Context, x failsafe.Crossing, l *Leaver) error {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		_, err = s.broker.Do(ctx, x.Grant, schema.Document(text))
		return err
	}
	s.leavers, err = failsafe.Compile(s.runner, failsafe.Workflow[Leaver]{Name: "leaver", Version: "1", Steps: []failsafe.Step[Leaver]{
		{Name: "close", Operation: "staff.account.close", Do: cross, Undo: cross},
	}})
	return s, err
}

// leavers are the items: the id of each run says whose it is, so that a second process
// has the same runs. There are no more once ctx has ended.
func leavers(ctx context.Context, n int) iter.Seq2[string, Leaver] {
	return func(yield func(string, Leaver) bool) {
		for i := 1; i <= n && ctx.Err() == nil; i++ {
			if !yield(fmt.Sprintf("leaver-%d", i), Leaver{i}) {
				return
			}
		}
	}
}

type options struct {
	dir         string
	n, parallel int
}

func run(ctx context.Context, out, progress io.Writer, far *far, o options) (err error) {
	if err := secrets(o.dir); err != nil {
		return err
	}
	log := filepath.Join(o.dir, "audit")
	if err := audit.Create(ctx, log, "acme.example/staff/a", nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	events, err := audit.Open(ctx, log, nil)
	if err != nil {
		return err
	}
	s, err := open(ctx, o.dir, events, far)
	defer func() {
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, s.close(ctx), events.Close(ctx))
	}()
	if err != nil {
		return err
	}
	self, err := s.gate.AdmitSelf(ctx)
	if err != nil {
		return err
	}
	var last failsafe.Progress
	show := failsafe.ProgressTo(progress)
	// Whoever interrupts begins nothing more, and cuts nothing in the middle.
	batch := s.leavers.Batch(context.WithoutCancel(ctx), self, leavers(ctx, o.n), &failsafe.BatchOptions{
		Parallel: o.parallel, Total: o.n, Progress: func(p failsafe.Progress) { last = p; show(p) },
	})
	for result, err := range batch {
		if stopped, ok := errors.AsType[*failsafe.StoppedError](err); ok {
			fmt.Fprintf(out, "%s: %v, %s\n", result.Run, stopped.End, stopped.Cause)
		} else if err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%v\nclosed %d accounts, by %d requests of this process\n", last, far.closed(), far.requests())
	return ctx.Err()
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "where log and journal are; empty: a temporary folder")
	flag.IntVar(&o.n, "n", 200, "how many leave")
	flag.IntVar(&o.parallel, "parallel", 16, "how many at once, at most 256")
	flag.Parse()
	if flag.NArg() > 0 || o.n < 0 || o.parallel < 1 || o.parallel > 256 {
		flag.Usage()
		os.Exit(2)
	}
	if err := start(o); err != nil {
		fmt.Fprintln(os.Stderr, "batch:", err)
		os.Exit(1)
	}
}

func start(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "batch-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	far := newFar()
	defer far.Close()
	return run(ctx, os.Stdout, os.Stderr, far, o)
}
