package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/mapping"
)

// show prints how it ends for everybody, and then what the systems say that reached them.
func (s *service) show(ctx context.Context, out io.Writer, w *world.World) error {
	alice, err := w.StepUp(ctx, "alice") // with a second factor
	if err != nil {
		return err
	}
	s.hire(ctx, out, alice, "alice", "mueller", "nguyen")
	for _, user := range []string{"mallory", "carol"} {
		token, err := w.Token(ctx, user)
		if err != nil {
			return err
		}
		s.hire(ctx, out, token, user, "zolc")
	}
	carol, err := w.StepUp(ctx, "carol") // as the challenge asks
	if err != nil {
		return err
	}
	s.hire(ctx, out, carol, "carol", "zolc")
	if err := s.counted(ctx, out); err != nil {
		return err
	}
	if err := proposed(out, w); err != nil {
		return err
	}
	said(out, "alice looks at a photo", s.photo(ctx, alice))
	for _, system := range []string{world.Directory, world.ERP, world.CRM, world.Hub, world.Lurker} {
		received(out, system, w.Received(system))
	}
	return s.stop(ctx, out, w, alice)
}

// stop shows what is left of a hire that fails in the middle: nothing.
func (s *service) stop(ctx context.Context, out io.Writer, w *world.World, alice string) error {
	w.Break(world.CRM)
	fmt.Fprintln(out, "the CRM is out of order")
	s.hire(ctx, out, alice, "alice", "okafor")
	left(out, w, okafor)
	w.Mend(world.CRM)
	fmt.Fprintln(out, "the CRM is well again, and", bereft, "loses her permits in the middle")
	token, err := w.StepUp(ctx, bereft)
	if err != nil {
		return err
	}
	s.hire(ctx, out, token, bereft, "okafor")
	left(out, w, okafor)
	return ctx.Err()
}

// hire runs the workflow for employees, in the name of the bearer of a token.
func (s *service) hire(ctx context.Context, out io.Writer, token, user string, names ...string) {
	for _, name := range names {
		said(out, user+" hires "+name, s.one(ctx, token, user, name))
	}
}

func (s *service) one(ctx context.Context, token, user, name string) error {
	principal, err := s.gate.Admit(ctx, auth.Bearer(token)) // who; otherwise there is no Principal
	if err != nil {
		return err
	}
	employee, err := testdata.ReadFile("testdata/employees/" + name + ".json")
	if err != nil {
		return err
	}
	_, err = s.hires.Run(ctx, principal, user+"-"+name, Hire{employee})
	return err
}

// ask makes a single crossing, outside any run.
func (s *service) ask(ctx context.Context, p auth.Principal, operation string, d mapping.Document) (auth.Reply, error) {
	grant, err := s.gate.Authorize(ctx, p, operation) // whether; otherwise there is no Grant
	if err != nil {
		return auth.Reply{}, err
	}
	return s.broker.Do(ctx, grant, d)
}

// count is a background job: nobody asked, so the service acts as itself.
func (s *service) count(ctx context.Context) (answer auth.Reply, err error) {
	self, err := s.gate.AdmitSelf(ctx)
	if err != nil {
		return answer, err
	}
	return s.ask(ctx, self, "crm.contact.count", mapping.Document{})
}

// The employee whom nobody manages to hire, and who loses her permits.
const (
	okafor = "9007199254741009"
	bereft = "beatrix"
)

// revoked takes all permits from somebody as soon as the ERP has a certain payroll.
type revoked struct{ w *world.World }

// Decide is for auth.Decider.
func (r revoked) Decide(_ context.Context, f auth.Facts) auth.Decision {
	if f.Who != nil && f.Who.Subject == "u-"+bereft && slices.Contains(r.w.Keeps(world.ERP), okafor) {
		return auth.Decision{Rule: "revoked"}
	}
	return auth.Decision{Verdict: auth.Allowed}
}

// Hash is for auth.Decider.
func (revoked) Hash() string { return strings.Repeat("0", 63) + "1" }

// bell prints alerts.
type bell struct{ out io.Writer }

// Alert is for failsafe.Alerter.
func (b bell) Alert(_ context.Context, a failsafe.Alert) error {
	_, err := fmt.Fprintf(b.out, "alert: run %s at %s: %s\n", a.Run, a.Step, a.Reason)
	return err
}

// left asks the systems what they keep of somebody.
func left(out io.Writer, w *world.World, number string) {
	fmt.Fprint(out, "left of ", number, ":")
	for _, system := range []string{world.Directory, world.ERP} {
		n := 0
		if slices.Contains(w.Keeps(system), number) {
			n = 1
		}
		fmt.Fprintf(out, " %s %d", system, n)
	}
	fmt.Fprintf(out, "; the CRM keeps %d contacts\n", len(w.Keeps(world.CRM)))
}

// photo asks for what has moved to another host.
func (s *service) photo(ctx context.Context, token string) error {
	principal, err := s.gate.Admit(ctx, auth.Bearer(token))
	if err != nil {
		return err
	}
	_, err = s.ask(ctx, principal, "crm.photo.read", mapping.Document{})
	return err
}

// said prints how something ended, and what would help.
func said(out io.Writer, what string, err error) {
	stopped, ok := errors.AsType[*failsafe.StoppedError](err)
	switch {
	case err == nil:
		fmt.Fprintln(out, what+": done")
		return
	case ok && stopped.Unwrap() != nil:
		fmt.Fprintf(out, "%s: %v at %s: %v\n", what, stopped.End, stopped.Step, stopped.Unwrap())
	default:
		fmt.Fprintf(out, "%s: %v\n", what, err)
	}
	if denied, ok := errors.AsType[*auth.DeniedError](err); ok && denied.Challenge() != "" {
		fmt.Fprintln(out, "challenge:", denied.Challenge())
	}
}

func (s *service) counted(ctx context.Context, out io.Writer) error {
	reply, err := s.count(ctx)
	if err != nil {
		return err
	}
	var contacts struct {
		Count int `json:"count"`
	}
	err = reply.Document.Decode(&contacts)
	fmt.Fprintf(out, "background job: %d contacts\n", contacts.Count)
	return err
}

// proposed loads the boundary with a mapping that was written in a hurry.
func proposed(out io.Writer, w *world.World) error {
	files, err := fs.Sub(testdata, "testdata/refused")
	if err != nil {
		return err
	}
	changed, err := w.Amended(files)
	if err != nil {
		return err
	}
	_, err = boundary.Load(changed, nil)
	found, _ := errors.AsType[mapping.Findings](err)
	for _, finding := range found {
		fmt.Fprintln(out, "refused:", finding)
	}
	return nil
}

// received prints how much reached a system, and the first that was data.
func received(out io.Writer, system string, requests []world.Request) {
	fmt.Fprintf(out, "%s received %d requests\n", system, len(requests))
	for _, r := range requests {
		if len(r.Body) > 0 || len(r.Entry) > 0 {
			fmt.Fprintln(out, "   ", r)
			return
		}
	}
}
