package program

import (
	"context"
	"errors"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// A short document can have a million elements, and an enum a long text for each: what is
// made of them has a limit of its own.
const (
	maxRecord = 16 << 20
	perField  = 32 // what it takes to list one
)

// Run writes one document at a time.
type Run struct {
	scan.Writer        // Out is the body
	Fields      []Text // outside the body, in the order of the rules; an array's come one by one
	Absent      []int  // rules that the document has no value for
	Tokens      int    // that were made

	program  *Program
	values   []scan.Value
	own      []scan.Value // values, where they are written
	deep     int          // collections around what is written
	call     transform.Call
	leaves   int // written into the body
	elements int // of arrays and maps that were written
	aside    int // bytes of the fields outside the body
	fault    scan.Fault
	written  bool  // while all keys were lent
	err      error // of that
}

// errFault says that there is a fault.
var errFault = errors.New("program: a fault")

// Do writes what p makes of the values of a source. What stands in r from before is overwritten.
func (r *Run) Do(ctx context.Context, p *Program, source []byte, values []scan.Value, keys Keys) (scan.Fault, error) {
	r.program, r.values, r.Source = p, values, source
	if p.Arrays { // their elements are read one by one, and a document is not only this one's
		r.own = append(r.own[:0], values...)
		r.values = r.own
	}
	defer func() {
		clear(r.own)
		r.program, r.values, r.Source = nil, nil, nil
	}()
	var err error
	if len(p.Keys) == 0 {
		err = r.write(ctx)
	} else {
		err = r.lend(ctx, keys)
	}
	if err == errFault {
		return r.fault, nil
	}
	return scan.Fault{}, err
}

// Wipe overwrites what was made, and keeps the memory.
func (r *Run) Wipe() {
	clear(r.Out[:cap(r.Out)])
	clear(r.Fields)
	clear(r.call.Scratch[:cap(r.call.Scratch)])
	r.Writer.Wipe()
	r.Out, r.Fields, r.Absent, r.Tokens, r.leaves, r.elements, r.aside, r.fault = r.Out[:0], r.Fields[:0], r.Absent[:0], 0, 0, 0, 0, scan.Fault{}
}

func (r *Run) fail(code, path string) error {
	r.fault = scan.Fault{Code: code, Path: path}
	return errFault
}

// bounded fails once it is too much.
func (r *Run) bounded(rule *Rule) error {
	if len(r.Out)+r.aside > maxRecord {
		return r.fail(scan.TooMuch, rule.Into)
	}
	return nil
}

// goesOn counts an element of whatever array, and looks at ctx now and then.
func (r *Run) goesOn(ctx context.Context) error {
	if r.elements++; r.elements%128 == 0 {
		return ctx.Err()
	}
	return nil
}

func (r *Run) without(rule *Rule) {
	if r.deep == 0 { // other elements may have one
		r.Absent = append(r.Absent, rule.Number)
	}
}

// write writes the fields outside the body, and the body.
func (r *Run) write(ctx context.Context) error {
	for _, rule := range r.program.Outside {
		if err := r.outside(ctx, rule); err != nil {
			return err
		}
	}
	if !r.program.Bodied {
		return nil
	}
	if r.Out == nil {
		r.Out = make([]byte, 0, 1024)
	}
	r.Out = append(r.Out, '{')
	if err := r.object(ctx, r.program.Body); err != nil {
		return err
	}
	r.Out = append(r.Out, '}')
	return ctx.Err()
}

// object writes the members of an object. A member that is an object and not required is
// written if a scalar or an array in it is.
func (r *Run) object(ctx context.Context, members []Output) error {
	first := len(r.Out)
	for i := range members {
		o := &members[i]
		start := len(r.Out)
		if start > first {
			r.Out = append(r.Out, ',')
		}
		r.Out = append(r.Out, o.Key...)
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

func (r *Run) member(ctx context.Context, o *Output) (bool, error) {
	if o.Aside != nil {
		return r.flat(ctx, o)
	}
	if o.Rule != nil {
		there, err := r.field(ctx, o)
		if there {
			r.leaves++
		}
		if err == nil {
			err = r.bounded(o.Rule)
		}
		return there, err
	}
	before := r.leaves
	r.Out = append(r.Out, '{')
	if err := r.object(ctx, o.Members); err != nil {
		return false, err
	}
	r.Out = append(r.Out, '}')
	return o.Required || r.leaves > before, nil
}

// leaf writes a scalar or an array into the body, and says whether there is one.
func (r *Run) leaf(ctx context.Context, rule *Rule) (bool, error) {
	if rule.From == nil {
		r.Out = append(r.Out, rule.JSON...)
		return true, nil
	}
	v := r.values[rule.From.Slot]
	switch {
	case v.Kind == scan.Absent:
		r.without(rule)
		return false, nil
	case len(rule.Steps) == 0 || v.Kind == scan.Null:
		r.took(rule, v)
		r.JSON(rule.From, v)
		return true, nil
	case v.Kind == scan.Array:
		return true, r.list(ctx, rule, v)
	}
	made, ok := r.transform(rule, v)
	switch {
	case ok:
		r.made(rule.last(), made)
		return true, nil
	case rule.OnError == Drop:
		r.without(rule)
		return false, nil
	case rule.OnError == Null:
		r.Out = append(r.Out, "null"...)
		return true, nil
	default:
		return false, r.fail(scan.Failed, rule.From.Path)
	}
}

// list writes an array whose elements are transformed one by one.
func (r *Run) list(ctx context.Context, rule *Rule, v scan.Value) error {
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
			return r.fail(scan.Failed, rule.From.Path)
		}
		r.made(rule.last(), made)
		return r.bounded(rule)
	})
	r.Out = append(r.Out, ']')
	return err
}

// each goes through an array until something fails, or ctx ends.
func (r *Run) each(ctx context.Context, rule *Rule, v scan.Value, do func(scan.Value) error) (err error) {
	scan.Each(rule.From, r.Source, v, func(element scan.Value) bool {
		if err = r.goesOn(ctx); err == nil {
			err = do(element)
		}
		return err == nil
	})
	return err
}

// transform runs the chain of a rule over one value.
func (r *Run) transform(rule *Rule, v scan.Value) (transform.Value, bool) {
	r.call.Scratch = r.call.Scratch[:0]
	value := transform.Value{Kind: v.Kind, N: v.N, Plain: v.Plain}
	if v.Kind == scan.String {
		value.Text = r.Source[v.Start:v.End]
		if v.Escaped {
			r.call.Scratch = scan.AppendText(r.call.Scratch, r.Source, v)
			value.Text = r.call.Scratch[:len(r.call.Scratch):len(r.call.Scratch)]
		}
	}
	for i := range rule.Steps {
		made, ok := rule.Steps[i].Apply(&r.call, value)
		if !ok {
			return made, false
		}
		if rule.Steps[i].Key != "" {
			r.Tokens++
		}
		value = made
	}
	return value, true
}

// took counts the tokens that a value took where it was made.
func (r *Run) took(rule *Rule, v scan.Value) {
	switch {
	case rule.Took == 0 || v.Kind == scan.Null:
	case v.Kind == scan.Array:
		scan.Each(rule.From, r.Source, v, func(element scan.Value) bool {
			r.took(rule, element)
			return true
		})
	default:
		r.Tokens += rule.Took
	}
}

// outside makes the texts of one field outside the body.
func (r *Run) outside(ctx context.Context, rule *Rule) error {
	for _, text := range rule.Texts {
		if err := r.put(rule, text); err != nil {
			return err
		}
	}
	if rule.From == nil {
		return nil
	}
	v := r.values[rule.From.Slot]
	switch v.Kind {
	case scan.Absent:
		r.without(rule)
		return nil
	case scan.Array:
		return r.each(ctx, rule, v, func(element scan.Value) error { return r.scalar(rule, element) })
	default:
		return r.scalar(rule, v)
	}
}

func (r *Run) scalar(rule *Rule, v scan.Value) error {
	if len(rule.Steps) == 0 {
		r.took(rule, v)
		return r.put(rule, r.Text(v))
	}
	made, ok := r.transform(rule, v)
	switch {
	case ok:
		return r.put(rule, madeText(rule.last(), made))
	case rule.OnError == Drop:
		r.without(rule)
		return nil
	default:
		return r.fail(scan.Failed, rule.From.Path)
	}
}

// put adds a text, if it can stand in its place.
func (r *Run) put(rule *Rule, text string) error {
	if rule.Bars(text) {
		return r.fail(scan.NotAllowed, rule.Into)
	}
	r.Fields = append(r.Fields, Text{rule.Number, text})
	r.aside += len(text) + perField
	return r.bounded(rule)
}

// made writes what a transform made: text or a number.
func (r *Run) made(n *scan.Node, v transform.Value) {
	switch {
	case v.Kind != scan.String:
		r.Out = n.Digits(r.Out, v.N)
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
	return string(n.Digits(nil, v.N))
}
