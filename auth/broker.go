package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// How much of an answer is read: by Do at once, and through Client in all.
const (
	mostAnswer = 4 << 20
	mostStream = 64 << 20
)

// Broker makes the calls that grants are for. A nil or zero Broker refuses. Safe
// for concurrent use.
type Broker struct {
	gate        *Gate
	translators Translators
	lines       map[string]*wire.Line
	materials   materials
	mu          sync.Mutex // of closed, and of calls where one begins
	closed      bool
	calls       sync.WaitGroup
}

// BrokerOptions of NewBroker. Nil means the documented defaults.
type BrokerOptions struct {
	RootCAs *x509.CertPool // who may vouch for the systems; nil: the host's
}

// NewBroker checks that each system of the gate's boundary has what it needs. A nil
// or zero gate is ErrInvalid; otherwise the error is mapping.Findings.
//
//	B201 a system without a Translator
//	B202 a Translator for a system that nobody declared
//	B203 a Translator that is not complete
func NewBroker(g *Gate, t Translators, o *BrokerOptions) (*Broker, error) {
	if g == nil || g.log == nil {
		return nil, fmt.Errorf("%w: a broker needs a gate", ErrInvalid)
	}
	if o == nil {
		o = &BrokerOptions{}
	}
	b := &Broker{gate: g, translators: maps.Clone(t), lines: map[string]*wire.Line{}}
	b.materials.Brief = brief
	names := map[string]bool{}
	var findings mapping.Findings
	for _, s := range g.boundary.catalogue.systems {
		names[s.Name] = true
		line, err := wire.NewLine(s.Private, o.RootCAs)
		if err != nil {
			return nil, ErrInvalid // NewCatalogue has refused it
		}
		b.lines[s.Name] = line
		switch translator := t[s.Name].(type) {
		case nil:
			findings = append(findings, mapping.Finding{Code: "B201", Path: s.Name, Problem: "has no translator"})
		case interface{ Check() error }:
			if translator.Check() != nil {
				findings = append(findings, mapping.Finding{Code: "B203", Path: s.Name, Problem: "has a translator that is not complete"})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if !names[name] {
			nearest := declare.Nearest(name, slices.Sorted(maps.Keys(names)))
			findings = append(findings, mapping.Finding{Code: "B202", Path: "translators", Problem: "name a system that nobody declared", Nearest: nearest})
		}
	}
	if err := findings.Err(); err != nil {
		return nil, err
	}
	return b, nil
}

// Reply is a system's answer.
type Reply struct {
	Document mapping.Document // as the operation declares; zero: none
	Status   int              // of the protocol
	Receipt  audit.Receipt    // of the outcome in the log
}

// Do makes the call that the grant is for. The operation's declaration says what it
// takes; the zero Document is for operations without input, and ErrInvalid where
// there is one. Input declared opaque goes through Client. One call is at most one
// transmission; a status of 400 or more, and every redirect, is a *FailedError. The
// outcome is in the log when Do returns: if the log fails after the call, the error
// is ErrUnknown.
func (b *Broker) Do(ctx context.Context, g Grant, d mapping.Document) (Reply, error) {
	c, err := b.begin(ctx, g)
	if err != nil {
		return Reply{}, err
	}
	defer c.leave()
	if c.grant.operation.Input == Opaque {
		return Reply{}, c.fail(ErrUndeclared)
	}
	if !d.IsZero() {
		return Reply{}, c.fail(ErrInvalid)
	}
	response, err := c.send(c.request())
	if response != nil {
		defer response.Body.Close()
	}
	if err != nil {
		return Reply{}, c.fail(err)
	}
	reply := Reply{Status: response.StatusCode}
	if reply.Document, err = c.read(response); err != nil {
		return reply, c.fail(err)
	}
	reply.Receipt, err = c.finish(nil, response.StatusCode)
	return reply, err
}

// Close returns what was borrowed, until ctx ends: it waits for calls under way,
// gives material back and records what is still to be recorded. It comes after the
// runner and before the vault and the log. Calls afterwards are ErrUnavailable.
func (b *Broker) Close(ctx context.Context) error {
	if !b.ready() {
		return nil
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.calls.Wait(); close(done) }()
	var left error
	select {
	case <-done:
	case <-ctx.Done():
		left = ctx.Err()
	}
	for _, line := range b.lines {
		line.Close()
	}
	err := b.materials.Close(ctx)
	b.gate.refusals.Flush(context.WithoutCancel(ctx))
	return errors.Join(left, err)
}

func (b *Broker) ready() bool { return b != nil && b.gate != nil }

// enter counts a call, unless the broker is closed: a WaitGroup that is waited for
// must not be added to.
func (b *Broker) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.calls.Add(1)
	}
	return !b.closed
}

// refuse records that evidence was not good enough to begin. What another gate knows
// about it does not belong into this log.
func (b *Broker) refuse(ctx context.Context, g Grant, err error) {
	if g.g == nil {
		return
	}
	e := b.gate.event("broker.refuse")
	if g.g.gate == b.gate {
		e = g.Event("broker.refuse")
	}
	e.Decision, e.Reason, e.Outcome = Denied.String(), reason(err), audit.OutcomeFailure
	if b.gate.recordAnyway(ctx, e) != nil {
		b.gate.logger.Error("auth: a refusal was not recorded")
	}
}
