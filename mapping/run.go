package mapping

import (
	"context"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/program"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Map makes a Record, or nothing. Nil keys suffice where the mapping makes no tokens. It
// fails with ErrForeign for a document of another schema, with a *DataError for one that
// its schema does not describe, that has a value which cannot go where it is meant to, or
// of which the mapping makes too much, with ErrExpired once a release has ended, with
// ErrNoKey, or with ctx's error.
func (m *Mapper) Map(ctx context.Context, d Document, keys KeySource) (Record, error) {
	var r Record
	err := m.MapInto(ctx, d, keys, &r)
	return r, err
}

// MapInto is Map into the memory of a Record that is not needed any more: what that held is
// overwritten, but for texts that Fields has given away, and copies of it are no data from then
// on. Nobody may use one meanwhile. The zero Record has no memory yet. After an error it is the
// zero Record.
func (m *Mapper) MapInto(ctx context.Context, d Document, keys KeySource, into *Record) error {
	if into == nil {
		return ErrInvalid
	}
	return m.into(ctx, d.held(), into.taken(), keys, into)
}

// MapJSON is MapInto of what Source().Document makes of raw, which it keeps in the memory of the
// Record until it returns: nothing is allocated for a document either.
func (m *Mapper) MapJSON(ctx context.Context, raw []byte, keys KeySource, into *Record) error {
	if into == nil {
		return ErrInvalid
	}
	held := into.taken()
	held.raw = content{schema: some(m).src, source: scan.Into(held.raw.source, raw)}
	defer clear(held.raw.source)
	return m.into(ctx, &held.raw, held, keys, into)
}

func (m *Mapper) into(ctx context.Context, from *content, held *record, keys KeySource, into *Record) error {
	if !m.made() {
		return ErrInvalid
	}
	err := m.do(ctx, from, keys, m.src, &m.program, held)
	clear(held.values) // they tell numbers, also of fields that were dropped
	if err == nil {
		*into = Record{held.self, held.turn}
	}
	return err
}

// do runs a program over what is described by that schema.
func (m *Mapper) do(ctx context.Context, from *content, keys KeySource, by *Schema, p *program.Program, held *record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if from == nil || from.schema.Hash() != by.hash {
		return ErrForeign
	}
	if !m.notAfter.IsZero() && !time.Now().Before(m.notAfter) {
		return ErrExpired
	}
	values, err := from.read(by, &held.values)
	if err != nil {
		return err
	}
	var lend program.Keys
	if keys != nil && len(p.Keys) > 0 {
		lend = keys.UseKey
	}
	fault, err := held.run.Do(ctx, p, from.source, values, lend)
	switch {
	case err == program.ErrNoKey:
		err = ErrNoKey
	case fault.Code != "":
		err = &DataError{fault.Code, fault.Path}
	}
	if err != nil {
		held.run.Wipe()
		return err
	}
	held.mapper = m
	return nil
}

// taken is the memory of a record, which holds nothing then.
func (r *Record) taken() *record {
	held := r.held()
	if held == nothing {
		held = &record{}
		held.self = func() *record { return held }
	}
	held.turn++
	held.run.Wipe()
	*r = Record{}
	return held
}

// read is where its values stand by that schema, if it is what that describes; in that memory,
// which is clear, where it was not checked before. A schema that is equal to its own may have its members in
// another order, and so its values in other places.
func (c *content) read(by *Schema, memory *[]scan.Value) ([]scan.Value, error) {
	if c.values != nil && c.schema == by {
		return c.values, nil
	}
	if cap(*memory) < by.slots {
		*memory = make([]scan.Value, by.slots)
	}
	values := (*memory)[:by.slots]
	return values, by.check(c.source, values)
}
