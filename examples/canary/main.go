// Canary: a workflow is tried on the twin of its system, each night and before each
// release. What the maker of that system has changed is found there, and undone, before
// the workflow meets it.
//
//	go run ./examples/canary
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	contactSchema = `{
  "title": "contact", "type": "object", "additionalProperties": false, "required": ["number"],
  "properties": {"number": {"type": "integer", "minimum": 1, "classification": "internal", "residency": ["*"], "purposes": ["sales"]}},
}`
	noteSchema = `{
  "title": "note", "type": "object", "additionalProperties": false, "required": ["number"],
  "properties": {"number": {"type": "integer", "in": "path"}},
}`
	thereSchema = `{
  "title": "there", "type": "object", "additionalProperties": false, "required": ["there"],
  "properties": {"there": {"type": "boolean", "classification": "internal", "residency": ["*"], "purposes": ["sales"]}},
}`
	noteMapping = `{"mapping": "contact-to-note", "from": "contact", "to": "note", "set": {"/number": {"from": "/number"}}}`
)

// systems are the CRM and its twin, which has the same operations at another place, with a
// key of its own.
func systems(crm, lab *shop) []auth.System {
	clearance := mapping.Clearance{Class: mapping.Internal, Purposes: []string{"sales"}}
	return []auth.System{
		{Name: auth.Self, Jurisdictions: []string{"eu"}, Clearance: clearance},
		{
			Name: "crm", Origin: crm.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"crm/api"}, Jurisdictions: []string{"eu"}, Clearance: clearance,
			Operations: []auth.Operation{
				{Name: "crm.note.put", Method: "PUT", Path: "/notes/{number}", Effect: auth.Idempotent, Input: "contact-to-note", Undo: "crm.note.drop", Ask: "crm.note.find"},
				{Name: "crm.note.drop", Method: "DELETE", Path: "/notes/{number}", Effect: auth.Idempotent, Input: "contact-to-note"},
				{Name: "crm.note.find", Method: "GET", Path: "/notes/{number}/exists", Effect: auth.ReadOnly, Input: "contact-to-note", Output: "there"},
			},
		},
		{Name: "lab", TwinOf: "crm", Origin: lab.URL, Private: []string{"127.0.0.0/8"}, Secrets: []string{"lab/api"}, Jurisdictions: []string{"eu"}, Clearance: clearance},
	}
}

// permits say who may: the service itself, there and on the twin. What rules there are for
// the CRM hold for the twin too.
var permits = policy.Declaration{Permits: []policy.Permit{{
	Name: "notes", Who: policy.Who{Issuer: "local", Subject: "self"}, Operations: []string{
		"crm.note.put", "crm.note.drop", "crm.note.find", "lab.note.put", "lab.note.drop", "lab.note.find",
	},
}}}

func declare(crm, lab *shop) (*auth.Boundary, *mapping.Schema, error) {
	catalogue, err := auth.NewCatalogue("acme", systems(crm, lab)...)
	if err != nil {
		return nil, nil, err
	}
	from, err := mapping.ParseSchema([]byte(contactSchema))
	if err != nil {
		return nil, nil, err
	}
	to, err := mapping.ParseSchema([]byte(noteSchema))
	if err != nil {
		return nil, nil, err
	}
	there, err := mapping.ParseSchema([]byte(thereSchema))
	if err != nil {
		return nil, nil, err
	}
	mapper, err := mapping.Compile(from, to, []byte(noteMapping), catalogue.Destination("crm")) // for the twin it is checked again
	if err != nil {
		return nil, nil, err
	}
	decider, err := policy.New(catalogue, permits)
	if err != nil {
		return nil, nil, err
	}
	bound, err := auth.NewBoundary(catalogue, decider, &auth.BoundaryOptions{
		Mappings: map[string]*mapping.Mapper{"contact-to-note": mapper}, Schemas: map[string]*mapping.Schema{"there": there},
	})
	return bound, from, err
}

// Note is what a run remembers of it.
type Note struct{ Number int }

// noting is the workflow. It does not know of the twin: the grant says where it goes.
func noting(broker *auth.Broker, contact *mapping.Schema) failsafe.Workflow[Note] {
	call := func(ctx context.Context, g auth.Grant, n *Note) (auth.Reply, error) {
		document, err := contact.Encode(map[string]int{"number": n.Number})
		if err != nil {
			return auth.Reply{}, err
		}
		return broker.Do(ctx, g, document)
	}
	cross := func(ctx context.Context, x failsafe.Crossing, n *Note) error {
		_, err := call(ctx, x.Grant, n)
		return err
	}
	find := func(ctx context.Context, x failsafe.Crossing, n *Note) (bool, error) {
		reply, err := call(ctx, x.Grant, n)
		if err != nil {
			return false, err
		}
		var found struct {
			There bool `json:"there"`
		}
		err = reply.Document.Decode(&found)
		return found.There, err
	}
	return failsafe.Workflow[Note]{Name: "note", Version: "1", Steps: []failsafe.Step[Note]{
		{Name: "put", Operation: "crm.note.put", Do: cross, Undo: cross, Ask: find},
	}}
}

// printed is an Alerter that prints.
type printed struct{ to io.Writer }

// Alert implements failsafe.Alerter.
func (p printed) Alert(_ context.Context, a failsafe.Alert) error {
	_, err := fmt.Fprintf(p.to, "  alert: %s at %s: %s\n", a.Workflow, a.Step, a.Reason)
	return err
}

type service struct {
	notes  *failsafe.Flow[Note]
	runner *failsafe.Runner
	broker *auth.Broker
	gate   *auth.Gate
	vault  *vault.Vault
}

// close gives back what is lent, in this order.
func (s *service) close(ctx context.Context) error {
	return errors.Join(s.runner.Close(ctx), s.broker.Close(ctx), s.vault.Close(ctx))
}

func open(ctx context.Context, out io.Writer, dir string, events *audit.Log, crm, lab *shop) (s *service, err error) {
	s = new(service)
	bound, contact, err := declare(crm, lab)
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
		"crm": keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("crm/api")},
		"lab": keyauth.Header{Name: "X-Api-Key", Source: s.vault.Source("lab/api")},
	}, &auth.BrokerOptions{RootCAs: roots(crm, lab)})
	if err != nil {
		return s, err
	}
	journal, err := failsafe.OpenJournal(ctx, filepath.Join(dir, "journal"))
	if err != nil {
		return s, err
	}
	s.runner, err = failsafe.New(ctx, s.gate, journal, s.vault.Own("self/journal"), &failsafe.Options{
		Alerters: []failsafe.Alerter{printed{out}}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return s, errors.Join(err, journal.Close(ctx))
	}
	s.notes, err = failsafe.Compile(s.runner, noting(s.broker, contact))
	return s, err
}

// budget is what a canary may cost: a few crossings more than it takes.
const budget = 6

func run(ctx context.Context, out io.Writer, dir string) (err error) {
	if err := secrets(dir); err != nil {
		return err
	}
	crm, lab := newShop("a key of the crm"), newShop("a key of the lab")
	defer crm.Close()
	defer lab.Close()
	if err := audit.Create(ctx, filepath.Join(dir, "audit"), "acme.example/sales/a", nil); err != nil {
		return err
	}
	events, err := audit.Open(ctx, filepath.Join(dir, "audit"), nil)
	if err != nil {
		return err
	}
	s, err := open(ctx, out, dir, events, crm, lab)
	defer func() {
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, s.close(ctx), events.Close(ctx))
	}()
	if err != nil {
		return err
	}
	for _, change := range []string{"", "withdraws a permission", "says otherwise that it has deleted", "answers one field more"} {
		lab.changes(change)
		_, err := s.notes.Canary(ctx, Note{Number: 1}, budget)
		if ctx.Err() != nil {
			return err
		}
		show(out, lab, change, err)
	}
	calls, _ := crm.counts()
	fmt.Fprintf(out, "the crm was called %d times\n", calls)
	return nil
}

// show prints what a canary found.
func show(out io.Writer, lab *shop, change string, err error) {
	calls, notes := lab.counts()
	if change == "" {
		change = "is as it was declared"
	}
	fmt.Fprintf(out, "the lab %s: %d crossings, %d notes left\n", change, calls, notes)
	if findings, ok := errors.AsType[mapping.Findings](err); ok {
		for _, f := range findings {
			fmt.Fprintln(out, "  finding:", f)
		}
	}
	if err != nil {
		fmt.Fprintln(out, " ", err)
	}
}

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: canary")
		os.Exit(2)
	}
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		os.Exit(1)
	}
}

func start() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "canary-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, os.Stdout, dir)
}
