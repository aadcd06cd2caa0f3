package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/mapping"
)

// show prints how it ends for everybody, and then what the systems say that reached them.
func (s service) show(ctx context.Context, out io.Writer, w *world.World) error {
	alice, err := w.StepUp(ctx, "alice") // with a second factor
	if err != nil {
		return err
	}
	said(out, "alice hires", s.hire(ctx, alice))
	for _, user := range []string{"mallory", "carol"} {
		token, err := w.Token(ctx, user)
		if err != nil {
			return err
		}
		said(out, user+" hires", s.hire(ctx, token))
	}
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
	return nil
}

// photo asks for what has moved to another host.
func (s service) photo(ctx context.Context, token string) error {
	principal, err := s.gate.Admit(ctx, auth.Bearer(token))
	if err != nil {
		return err
	}
	_, err = s.cross(ctx, principal, "crm.photo.read", mapping.Document{})
	return err
}

// said prints how a crossing ended, and what would help.
func said(out io.Writer, what string, err error) {
	if err == nil {
		fmt.Fprintln(out, what+": done")
		return
	}
	fmt.Fprintf(out, "%s: %v\n", what, err)
	if denied, ok := errors.AsType[*auth.DeniedError](err); ok && denied.Challenge() != "" {
		fmt.Fprintln(out, "challenge:", denied.Challenge())
	}
}

func (s service) counted(ctx context.Context, out io.Writer) error {
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
