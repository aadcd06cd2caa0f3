package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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

// request is the declared call, where nothing of it comes from a caller.
func (c *crossing) request() *http.Request {
	path, err := url.PathUnescape(c.grant.operation.Path)
	if err != nil {
		path = "/" // NewCatalogue has refused it
	}
	r := &http.Request{
		Method: c.grant.operation.Method,
		URL: &url.URL{
			Scheme: c.grant.origin.Scheme, Host: c.grant.origin.Authority(),
			Path: path, RawPath: c.grant.operation.Path,
		},
		Header: http.Header{"User-Agent": {"carnet"}},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return r.WithContext(c.ctx)
}

// read is the answer as the operation declares it. The effect has happened, so what
// is wrong with the answer is not unknown, but invalid.
func (c *crossing) read(response *http.Response) (mapping.Document, error) {
	if c.grant.operation.Output != Opaque {
		return mapping.Document{}, nil
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err != nil || c.ctx.Err() != nil { // a server that sees us leave may end half an answer cleanly
		return mapping.Document{}, c.cut(response.StatusCode)
	}
	if len(raw) > mostAnswer {
		side := ErrInvalid
		if c.grant.operation.Effect != ReadOnly {
			side = ErrUnknown
		}
		return mapping.Document{}, c.failed(side, response.StatusCode)
	}
	return mapping.Opaque(raw), nil
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
	err := b.materials.close(ctx)
	b.gate.refusals.flush(context.WithoutCancel(ctx))
	return errors.Join(left, err)
}

// crossing is one use of a grant, from its beginning to its outcome in the log.
type crossing struct {
	broker     *Broker
	grant      *grant
	evidence   Grant
	use        int
	ctx        context.Context // ends with the caller's, the grant and a freeze; holds no values
	began      time.Time
	credential string
	sent       atomic.Bool // something may have reached the far side
	leave      func()      // ends it; a second time does nothing
}

// begin checks the evidence and opens a use of it. The crossing's context carries no
// values: a caller's httptrace would be shown every header.
func (b *Broker) begin(ctx context.Context, g Grant) (*crossing, error) {
	if !b.ready() {
		return nil, ErrForeign
	}
	if !b.enter() {
		err := fmt.Errorf("%w: closed", ErrUnavailable)
		b.refuse(ctx, g, err)
		return nil, err
	}
	use, err := g.begin(b.gate)
	if err != nil {
		defer b.calls.Done()
		b.refuse(ctx, g, err)
		return nil, err
	}
	end := g.g.end.running
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	inner, cancel := context.WithDeadline(context.Background(), end)
	stops := [...]func() bool{context.AfterFunc(ctx, cancel), context.AfterFunc(b.gate.under, cancel)}
	c := &crossing{broker: b, grant: g.g, evidence: g, use: use, ctx: inner, began: time.Now()}
	c.leave = sync.OnceFunc(func() {
		stops[0]()
		stops[1]()
		cancel()
		b.calls.Done()
	})
	return c, nil
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

// failed is a *FailedError of this crossing.
func (c *crossing) failed(side error, status int) *FailedError {
	return &FailedError{Side: side, System: c.grant.system.Name, Credential: c.credential, Status: status}
}

// lost is which side a failure is on after which nobody answered.
func (c *crossing) lost() error {
	if c.sent.Load() && c.grant.operation.Effect != ReadOnly {
		return ErrUnknown
	}
	return ErrUnavailable
}

// cut is the error of a call whose answer did not come, or not whole.
func (c *crossing) cut(status int) error {
	failed := c.failed(c.lost(), status)
	if dead := c.evidence.Live(); dead != nil { // not the caller's context has ended
		if failed.Side == ErrUnavailable {
			failed.Side = dead
		}
		return failed
	}
	if ended := c.ctx.Err(); ended != nil {
		return errors.Join(failed, ended)
	}
	return failed
}

// fail records that the crossing failed, and returns the error to the caller.
func (c *crossing) fail(err error) error {
	status := 0
	if failed, ok := errors.AsType[*FailedError](err); ok {
		status = failed.Status
	}
	if _, wrong := c.finish(err, status); wrong != nil {
		return errors.Join(err, wrong)
	}
	return err
}

// finish records the outcome, also for a caller who has left.
func (c *crossing) finish(err error, status int) (audit.Receipt, error) {
	e := c.grant.event(c.grant.operation.Name)
	e.Use, e.UsedAt, e.Duration, e.Status, e.Lease = c.use, c.began, time.Since(c.began), status, c.credential
	e.Outcome = audit.OutcomeSuccess
	if err != nil {
		e.Outcome, e.Reason = audit.OutcomeFailure, reason(err)
		if errors.Is(err, ErrUnknown) {
			e.Outcome = audit.OutcomeUnknown
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordWithin)
	defer cancel()
	receipt, wrong := c.broker.gate.log.Append(ctx, e)
	if wrong != nil {
		return audit.Receipt{}, fmt.Errorf("%w: the outcome was not recorded", ErrUnknown)
	}
	return receipt, nil
}
