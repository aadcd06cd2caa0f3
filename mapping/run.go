package mapping

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// Map makes a Record, or nothing. Nil keys suffice where the mapping makes no tokens. It
// fails with ErrForeign for a document of another schema, with a *DataError for one that
// its schema does not describe, that has a value which cannot go where it is meant to, or
// of which the mapping makes too much, with ErrExpired once a release has ended, with
// ErrNoKey, or with ctx's error.
func (m *Mapper) Map(ctx context.Context, d Document, keys KeySource) (Record, error) {
	if !m.made() {
		return Record{}, ErrInvalid
	}
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	if d.Schema().Hash() != m.src.hash {
		return Record{}, ErrForeign
	}
	if !m.notAfter.IsZero() && !time.Now().Before(m.notAfter) {
		return Record{}, ErrExpired
	}
	_, source := d.reveal()
	values := make([]scan.Value, m.src.slots)
	if err := m.src.check(source, values); err != nil {
		return Record{}, err
	}
	r := run{mapper: m, values: values, record: &record{mapper: m}, call: &transform.Call{}}
	r.Source = source
	if len(m.keys) == 0 {
		err := r.write(ctx)
		return r.record.sealed(err)
	}
	err := r.lend(ctx, keys)
	return r.record.sealed(err)
}

// run maps one document.
type run struct {
	scan.Writer
	mapper *Mapper
	values []scan.Value
	call   *transform.Call
	record *record
	leaves int32 // written into the body
	aside  int32 // bytes of the fields outside the body
}

// A short document can have a million elements, and an enum a long text for each: what is
// made of them has a limit of its own.
const (
	maxRecord = 16 << 20
	perField  = 32 // what it takes to list one
)

// bounded fails once the record is too large.
func (r *run) bounded(rule *rule) error {
	if len(r.Out)+int(r.aside) > maxRecord {
		return &DataError{scan.TooMuch, rule.into.path}
	}
	return nil
}

// errUsed is what a key source gets that calls back where it may not.
var errUsed = errors.New("mapping: a key is lent once")

// lend asks for the keys, and writes the record while it has all of them.
func (r *run) lend(ctx context.Context, keys KeySource) error {
	names := r.mapper.keys
	if keys == nil {
		return ErrNoKey
	}
	r.call.Macs = make(map[string]*transform.Mac, len(names))
	defer func() { r.call.Macs = nil }()
	written, err := false, error(nil)
	var next func(names []string) error
	next = func(names []string) error {
		if len(names) == 0 {
			written, err = true, r.write(ctx)
			return err
		}
		var turn sync.Mutex // held while the key is used, and for good when UseKey has returned
		defer turn.Lock()   // waits for a use that goes on elsewhere
		lent := false
		return keys.UseKey(ctx, names[0], func(version string, key []byte) error {
			if !turn.TryLock() {
				return errUsed
			}
			defer turn.Unlock()
			mac := transform.NewMac(version, key)
			if lent || mac == nil {
				return errUsed
			}
			lent, r.call.Macs[names[0]] = true, mac
			return next(names[1:])
		})
	}
	switch outer := next(names); {
	case written && err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case outer != nil || !written:
		return ErrNoKey
	default:
		return nil
	}
}

// write writes the fields outside the body, and the body.
func (r *run) write(ctx context.Context) error {
	for _, rule := range r.mapper.outside {
		if err := r.outside(ctx, rule); err != nil {
			return err
		}
	}
	if !r.mapper.bodied {
		return nil
	}
	r.Out = make([]byte, 0, 1024)
	r.Out = append(r.Out, '{')
	if err := r.object(ctx, r.mapper.body); err != nil {
		return err
	}
	r.Out = append(r.Out, '}')
	r.record.body = r.Out
	return nil
}

// object writes the members of an object. A member that is an object and not required is
// written if a scalar or an array in it is.
func (r *run) object(ctx context.Context, members []output) error {
	first := len(r.Out)
	for i := range members {
		o := &members[i]
		start := len(r.Out)
		if start > first {
			r.Out = append(r.Out, ',')
		}
		r.Out = append(r.Out, o.key...)
		there, err := r.member(ctx, o)
		if err != nil {
			return err
		}
		if !there {
			r.Out = r.Out[:start]
		}
	}
	return nil
}

func (r *run) member(ctx context.Context, o *output) (bool, error) {
	if o.rule != nil {
		there, err := r.leaf(ctx, o.rule)
		if there {
			r.leaves++
		}
		if err == nil {
			err = r.bounded(o.rule)
		}
		return there, err
	}
	before := r.leaves
	r.Out = append(r.Out, '{')
	if err := r.object(ctx, o.members); err != nil {
		return false, err
	}
	r.Out = append(r.Out, '}')
	return o.required || r.leaves > before, nil
}

// leaf writes a scalar or an array into the body, and says whether there is one.
func (r *run) leaf(ctx context.Context, rule *rule) (bool, error) {
	if rule.from == nil {
		r.Out = append(r.Out, rule.json...)
		return true, nil
	}
	v := r.values[rule.from.node.Slot]
	switch {
	case v.Kind == scan.Absent:
		r.record.without(rule)
		return false, nil
	case len(rule.steps) == 0 || v.Kind == scan.Null:
		r.JSON(rule.from.node, v)
		return true, nil
	case v.Kind == scan.Array:
		return true, r.elements(ctx, rule, v)
	}
	made, ok := r.transform(rule, v)
	switch {
	case ok:
		r.made(rule.last(), made)
		return true, nil
	case rule.onError == drop:
		r.record.without(rule)
		return false, nil
	case rule.onError == toNull:
		r.Out = append(r.Out, "null"...)
		return true, nil
	default:
		return false, &DataError{scan.Failed, rule.from.path}
	}
}

// last describes what the last transform makes.
func (r *rule) last() *scan.Node { return r.steps[len(r.steps)-1].Out }

// elements writes an array whose elements are transformed one by one.
func (r *run) elements(ctx context.Context, rule *rule, v scan.Value) error {
	r.Out = append(r.Out, '[')
	first := len(r.Out)
	err := r.each(ctx, rule, v, func(element scan.Value) error {
		if len(r.Out) > first {
			r.Out = append(r.Out, ',')
		}
		if element.Kind == scan.Null {
			r.Out = append(r.Out, "null"...)
			return r.bounded(rule)
		}
		made, ok := r.transform(rule, element)
		if !ok {
			return &DataError{scan.Failed, rule.from.path}
		}
		r.made(rule.last(), made)
		return r.bounded(rule)
	})
	r.Out = append(r.Out, ']')
	return err
}

// each goes through an array until something fails, or ctx ends.
func (r *run) each(ctx context.Context, rule *rule, v scan.Value, do func(scan.Value) error) (err error) {
	n := 0
	scan.Each(rule.from.node, r.Source, v, func(element scan.Value) bool {
		if n++; n%1024 == 0 {
			err = ctx.Err()
		}
		if err == nil {
			err = do(element)
		}
		return err == nil
	})
	return err
}

// transform runs the chain of a rule over one value.
func (r *run) transform(rule *rule, v scan.Value) (transform.Value, bool) {
	r.call.Scratch = r.call.Scratch[:0]
	value := transform.Value{Kind: v.Kind, N: v.N, Plain: v.Plain}
	if v.Kind == scan.String {
		value.Text = r.Source[v.Start:v.End]
		if v.Escaped {
			r.call.Scratch = scan.AppendText(r.call.Scratch, r.Source, v)
			value.Text = r.call.Scratch[:len(r.call.Scratch):len(r.call.Scratch)]
		}
	}
	for i := range rule.steps {
		made, ok := rule.steps[i].Apply(r.call, value)
		if !ok {
			return made, false
		}
		value = made
	}
	return value, true
}

// outside makes the texts of one field outside the body.
func (r *run) outside(ctx context.Context, rule *rule) error {
	for _, text := range rule.texts {
		if err := r.put(rule, text); err != nil {
			return err
		}
	}
	if rule.from == nil {
		return nil
	}
	v := r.values[rule.from.node.Slot]
	switch v.Kind {
	case scan.Absent:
		r.record.without(rule)
		return nil
	case scan.Array:
		return r.each(ctx, rule, v, func(element scan.Value) error { return r.scalar(rule, element) })
	default:
		return r.scalar(rule, v)
	}
}

func (r *run) scalar(rule *rule, v scan.Value) error {
	if len(rule.steps) == 0 {
		return r.put(rule, r.Text(v))
	}
	made, ok := r.transform(rule, v)
	switch {
	case ok:
		return r.put(rule, madeText(rule.last(), made))
	case rule.onError == drop:
		r.record.without(rule)
		return nil
	default:
		return &DataError{scan.Failed, rule.from.path}
	}
}

// put adds a text, if it can stand in its place.
func (r *run) put(rule *rule, text string) error {
	if rule.into.bars(text) {
		return &DataError{scan.NotAllowed, rule.into.path}
	}
	r.record.fields = append(r.record.fields, outside{rule, text})
	r.aside += int32(len(text)) + perField
	return r.bounded(rule)
}

// made writes what a transform made: text or a number.
func (r *run) made(n *scan.Node, v transform.Value) {
	switch {
	case v.Kind != scan.String:
		r.Out = scan.AppendDecimal(r.Out, v.N, n.Scale)
	case v.Plain:
		r.Out = append(append(append(r.Out, '"'), v.Text...), '"')
	default:
		r.Out = scan.AppendJSON(r.Out, v.Text)
	}
}

func madeText(n *scan.Node, v transform.Value) string {
	if v.Kind == scan.String {
		return string(v.Text)
	}
	return string(scan.AppendDecimal(nil, v.N, n.Scale))
}
