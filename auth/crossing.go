package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
	"github.com/carnet-go/carnet/auth/internal/loan"
	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// crossing is one use of a grant, from its beginning to its outcome in the log.
type crossing struct {
	broker     *Broker
	grant      *grant
	evidence   Grant
	use        int
	ctx        context.Context // ends with the caller's, the grant and a freeze; holds no values
	began      time.Time
	credential string
	data       audit.Data  // what leaves
	sent       atomic.Bool // something may have reached the far side
	leave      func()      // ends it; a second time does nothing
	lent       *loan.Item[materialKey, material]
	spent      bool // lent is not for anybody else
}

// begin checks the evidence and opens a use of it.
func (b *Broker) begin(ctx context.Context, g Grant) (*crossing, error) {
	if !b.ready() {
		return nil, ErrForeign
	}
	if err := ctx.Err(); err != nil { // the crossing's own context learns of it only in a moment
		return nil, side(ctx, err)
	}
	if !b.calls.Enter() {
		err := fmt.Errorf("%w: closed", ErrUnavailable)
		b.refuse(ctx, g, err)
		return nil, err
	}
	use, err := g.begin(b.gate)
	if err == nil && g.g.system.Name == Self {
		err = ErrUndeclared // nobody is called
	}
	if err != nil {
		defer b.calls.Leave()
		b.refuse(ctx, g, err)
		return nil, err
	}
	c := &crossing{broker: b, grant: g.g, evidence: g, use: use, began: time.Now()}
	c.ctx, c.leave = lifetime.Under(g.g.end.Running, c.left, ctx, b.gate.brake.Under())
	return c, nil
}

// left gives back what the crossing was lent: an answer may depend on it to its end.
func (c *crossing) left() {
	if c.lent != nil {
		c.broker.materials.Back(c.lent, c.spent)
	}
	c.broker.calls.Leave()
}

// lend takes material for the call.
func (c *crossing) lend() (material, error) {
	lent, err := c.broker.lend(c.ctx, c.evidence)
	if err != nil {
		return material{}, c.unlent(err)
	}
	c.lent, c.spent, c.credential = lent, c.grant.operation.Privileged, lent.Value.credential
	return lent.Value, nil
}

// unlent is the error of a call that was never made. What failed is the service's own
// way in, and not whoever calls the service, unless he is denied.
func (c *crossing) unlent(err error) error {
	said, ok := errors.AsType[*FailedError](err)
	if c.ctx.Err() != nil || c.evidence.Live() != nil || !ok && errors.Is(err, ErrDenied) {
		return side(c.ctx, err)
	}
	if !ok {
		said = &FailedError{}
	}
	failed := c.failed(cmp.Or(known(err), ErrUnavailable), max(0, said.Status)) // below 0 the log takes none
	failed.RetryAfter = said.RetryAfter
	return failed
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
	e.Use, e.UsedAt, e.Duration, e.Status, e.Lease, e.Data = c.use, c.began, time.Since(c.began), status, c.credential, c.data
	if c.grant.principal.errand.canary() {
		e.Peer.From, e.Peer.Until = c.broker.lines[c.grant.system.Name].Certificate()
	}
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

// read is the answer as the operation declares it. One that breaks off, is too long or
// is not what was declared leaves open what happened, unless the call was only to read.
func (c *crossing) read(response *http.Response) (mapping.Document, error) {
	if c.grant.operation.Output != Opaque && c.grant.answer == nil {
		return mapping.Document{}, nil
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err != nil || c.ctx.Err() != nil { // a server that sees us leave may end half an answer cleanly
		return mapping.Document{}, c.cut(response.StatusCode)
	}
	return c.label(raw, response.StatusCode)
}

// label puts an answer under what the operation declares.
func (c *crossing) label(raw []byte, status int) (mapping.Document, error) {
	strange := ErrInvalid
	if c.grant.operation.Effect != ReadOnly {
		strange = ErrUnknown
	}
	if len(raw) > mostAnswer {
		return mapping.Document{}, c.failed(strange, status)
	}
	if c.grant.answer == nil {
		return mapping.Opaque(raw), nil
	}
	d := c.grant.answer.Document(raw)
	if wrong, ok := errors.AsType[*mapping.DataError](d.Check()); ok {
		return mapping.Document{}, errors.Join(c.failed(strange, status), wrong)
	}
	return d, nil
}

// call is one transmission of somebody else's request. A status of 400 or more is an
// answer for whoever reads it, and a failure in the log.
func (c *crossing) call(r *http.Request) (*http.Response, error) {
	out, err := c.guard(r)
	if err != nil {
		return nil, c.fail(err)
	}
	response, err := c.send(out)
	if err != nil && (response == nil || response.StatusCode < 400) {
		return nil, c.fail(err)
	}
	if _, err := c.finish(err, response.StatusCode); err != nil {
		response.Body.Close()
		return nil, err
	}
	return response, nil
}

// send adds the credential, in the innermost hop, and transmits at most once.
func (c *crossing) send(r *http.Request) (*http.Response, error) {
	lent, err := c.lend()
	if err != nil {
		return nil, err
	}
	if lent.applier == nil {
		return nil, ErrUndeclared
	}
	inner := r.Clone(httptrace.WithClientTrace(c.ctx, &httptrace.ClientTrace{WroteHeaders: func() { c.sent.Store(true) }}))
	if key := c.grant.key(); key != "" {
		inner.Header.Set("Idempotency-Key", `"`+key+`"`) // a string of RFC 9651
	}
	if inner.Header, err = wire.Headers(inner, lent.applier.Apply); err != nil {
		c.spent = true // it ended before its time
		return nil, side(c.ctx, err)
	}
	if err := c.evidence.Live(); err != nil { // the wait for material may have been long
		return nil, err
	}
	response, err := c.broker.lines[c.grant.system.Name].RoundTrip(inner, c.grant.operation.once())
	if err != nil {
		return nil, c.unanswered(err)
	}
	response.Request = nil
	refused := wire.Refused(response, lent.applier)
	response.Header.Del("Set-Cookie")
	c.spent = c.spent || refused
	if err := c.answered(response, refused); err != nil {
		return response, err
	}
	return response, nil
}

// unanswered is the error of a call that got no answer. What err says stays out of
// it: it quotes addresses.
func (c *crossing) unanswered(err error) error {
	if errors.Is(err, netguard.ErrRefused) {
		return c.failed(ErrUndeclared, 0)
	}
	return c.cut(0)
}

// answered says on which side an answer is; nil: the call is done. A redirect is
// refused: the place that it names was declared by nobody.
func (c *crossing) answered(response *http.Response, refused bool) error {
	effect := c.grant.operation.Effect
	class := wire.Side(response.StatusCode, refused, effect == ReadOnly, effect == Once || effect == Final)
	if c.grant.key() != "" && response.StatusCode == http.StatusConflict {
		class = "throttled" // the call with this key is still under way
	}
	if class == "" {
		return nil
	}
	if response.StatusCode < 400 {
		response.Body.Close()
	}
	failed := c.failed(failure(class), response.StatusCode)
	failed.RetryAfter = wire.RetryAfter(response.Header.Get("Retry-After"))
	return failed
}
