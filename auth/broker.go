package auth

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/check"
	"github.com/carnet-go/carnet/auth/internal/deep"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
	"github.com/carnet-go/carnet/auth/internal/wire"
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
	keys        func(Grant) mapping.KeySource
	lines       map[string]*wire.Line
	materials   materials
	calls       lifetime.Door
}

// BrokerOptions of NewBroker. Nil means the documented defaults.
type BrokerOptions struct {
	Keys    func(Grant) mapping.KeySource // of keyed tokens and pairwise ids, such as vault.Keys; nil: boundaries that need them are refused
	RootCAs *x509.CertPool                // who may vouch for the systems; nil: the host's
}

// NewBroker checks that each system of the gate's boundary has what it needs. A nil
// or zero gate is ErrInvalid; otherwise the error is mapping.Findings.
//
//	B201 a system without a Translator
//	B202 a Translator for a system that nobody declared
//	B203 a Translator that is not complete, or not for such a system
//	B204 a system that needs keys, and no Keys
//	B205 a system that carries delegations, and a Translator that cannot
//
// Others are the translators' own.
func NewBroker(g *Gate, t Translators, o *BrokerOptions) (*Broker, error) {
	if g == nil || g.log == nil {
		return nil, fmt.Errorf("%w: a broker needs a gate", ErrInvalid)
	}
	o = cmp.Or(o, &BrokerOptions{})
	b := &Broker{gate: g, translators: maps.Clone(t), keys: o.Keys, lines: map[string]*wire.Line{}}
	b.materials.Brief = brief
	found := check.Broker{Translators: map[string]any{}, Keys: o.Keys != nil}
	for name, translator := range t {
		found.Translators[name] = translator
	}
	for _, s := range g.boundary.catalogue.systems {
		if s.Name == Self { // what is done to it, is done by whoever asks for the grant
			continue
		}
		line, err := wire.NewLine(s.Private, o.RootCAs)
		if err != nil {
			return nil, ErrInvalid // NewCatalogue has refused it
		}
		b.lines[s.Name] = line
		var unfit error
		if fitter, ok := t[s.Name].(interface{ Fits(System) error }); ok {
			unfit = fitter.Fits(deep.Copy(s))
		}
		found.System(s.Name, s.Delegation, unfit, g.boundary.needsKeys(s))
	}
	if err := found.Findings().Err(); err != nil {
		return nil, err
	}
	return b, nil
}

// needsKeys says whether calls to a system take keys.
func (b *Boundary) needsKeys(s System) bool {
	return s.Subject.Pairwise != "" || slices.ContainsFunc(s.Operations, func(op Operation) bool {
		return len(b.operations[op.Name].mapper.Keys()) > 0
	})
}

// Reply is a system's answer.
type Reply struct {
	Document mapping.Document // as the operation declares; zero: none
	Status   int              // of the protocol
	Receipt  audit.Receipt    // of the outcome in the log
}

// Do makes the call that the grant is for. The operation's declaration says how the
// document is mapped and where its fields go; the zero Document is for operations without
// input, and ErrInvalid where there is one; a document of another schema is ErrForeign.
// Input declared opaque goes through Client. One call is at most one transmission; a
// status of 400 or more, and every redirect, is a *FailedError; data that does not fit,
// going or coming, is a *mapping.DataError besides. The outcome is in the log when Do
// returns: if the log fails after the call, the error is ErrUnknown.
func (b *Broker) Do(ctx context.Context, g Grant, d mapping.Document) (Reply, error) {
	c, err := b.begin(ctx, g)
	if err != nil {
		return Reply{}, err
	}
	defer c.leave()
	record, err := c.record(d)
	if err != nil {
		return Reply{}, c.fail(err)
	}
	reply, err := c.carry(record)
	if err != nil {
		return reply, c.fail(err)
	}
	reply.Receipt, err = c.finish(nil, reply.Status)
	return reply, err
}

// Close returns what was borrowed, until ctx ends: it waits for calls under way,
// gives material back and records what is still to be recorded. It comes after the
// runner and before the vault and the log. Calls afterwards are ErrUnavailable.
func (b *Broker) Close(ctx context.Context) error {
	if !b.ready() {
		return nil
	}
	left := b.calls.Shut(ctx)
	for _, line := range b.lines {
		line.Close()
	}
	err := b.materials.Close(ctx)
	b.gate.refusals.Flush(context.WithoutCancel(ctx))
	return errors.Join(left, err)
}

func (b *Broker) ready() bool { return b != nil && b.gate != nil }

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
	_ = b.gate.recordAnyway(ctx, e)
}
