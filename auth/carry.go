package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth/internal/aside"
	"github.com/carnet-go/carnet/auth/internal/wire"
	"github.com/carnet-go/carnet/mapping"
)

// record maps a document as the operation declares, and notes what kind of data it is.
func (c *crossing) record(d mapping.Document) (mapping.Record, error) {
	switch {
	case c.grant.input == Opaque:
		return mapping.Record{}, ErrUndeclared
	case c.grant.mapper == nil && !d.IsZero():
		return mapping.Record{}, ErrInvalid
	case c.grant.mapper == nil:
		return mapping.Record{}, nil
	}
	var keys wire.Keys
	if c.broker.keys != nil {
		keys.Of = c.broker.keys(c.evidence)
	}
	r, err := c.grant.mapper.Map(c.ctx, d, &keys)
	if err != nil {
		return mapping.Record{}, c.unmapped(errors.Join(err, keys.Err))
	}
	label := r.Label()
	c.data = audit.Data{
		Mapping: r.Mapping(), Class: label.Class.String(), Categories: label.Categories, Residency: label.Residency,
		Fields: r.Len(), Tokens: r.Tokens(), Digest: c.broker.gate.log.Fingerprint(wire.Canonical(r)),
	}
	return r, nil
}

// unmapped is why there is no record: whose fault it is, and where in the document.
func (c *crossing) unmapped(err error) error {
	if wrong, ok := errors.AsType[*mapping.DataError](err); ok {
		return fmt.Errorf("%w: %w", ErrInvalid, wrong)
	}
	for _, is := range [][2]error{{mapping.ErrForeign, ErrForeign}, {mapping.ErrExpired, ErrExpired}, {mapping.ErrInvalid, ErrInvalid}} {
		if errors.Is(err, is[0]) {
			return is[1]
		}
	}
	return side(c.ctx, err)
}

// carry makes the declared call, by whatever protocol the system's material speaks.
func (c *crossing) carry(r mapping.Record) (reply Reply, err error) {
	if c.grant.system.kind() != KindAPI {
		reply.Document, err = c.perform(r)
		return reply, err
	}
	request, ok := c.grant.call().Request(c.ctx, r)
	if !ok {
		return reply, ErrInvalid
	}
	response, err := c.send(request)
	if response != nil {
		defer response.Body.Close()
		reply.Status = response.StatusCode
	}
	if err == nil {
		reply.Document, err = c.read(response)
	}
	return reply, err
}

// lastWord is how long a performer whose context has ended is still listened to: it may
// know that nothing was sent, which nobody else does.
const lastWord = 100 * time.Millisecond

// perform lets the material make the call itself.
func (c *crossing) perform(r mapping.Record) (mapping.Document, error) {
	lent, err := c.lend()
	if err != nil {
		return mapping.Document{}, err
	}
	if lent.performer == nil {
		return mapping.Document{}, ErrUndeclared
	}
	if err := c.evidence.Live(); err != nil {
		return mapping.Document{}, err
	}
	answer, err := aside.Ask(c.ctx, lastWord, ErrUnknown, func(ctx context.Context) ([]byte, error) {
		return lent.performer.Perform(ctx, c.evidence, r)
	})
	if err != nil {
		c.spent = c.spent || c.ctx.Err() != nil || errors.Is(err, ErrExpired)
		return mapping.Document{}, c.performed(err)
	}
	if c.grant.answer == nil && c.grant.operation.Output != Opaque {
		return mapping.Document{}, nil // nobody declared that there is one
	}
	return c.label(answer, 0)
}

// performed is the error of a call that its material made. What it does not know, may
// have happened.
func (c *crossing) performed(err error) error {
	said, _ := errors.AsType[*FailedError](err)
	if said == nil {
		said = &FailedError{}
	}
	if c.ctx.Err() != nil && !errors.Is(err, ErrUnavailable) {
		c.sent.Store(true)
		return c.cut(max(0, said.Status))
	}
	failed := c.failed(cmp.Or(known(err), ErrUnknown), max(0, said.Status)) // below 0 the log takes none
	failed.RetryAfter = said.RetryAfter
	if failed.Side == ErrUnknown && c.grant.operation.Effect == ReadOnly {
		failed.Side = ErrUnavailable
	}
	return failed
}
