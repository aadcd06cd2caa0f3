package scan

import "strconv"

// Writer writes values of a source. A literal that was read as a number is one in JSON
// too; text goes through un-escaping and escaping, unless none of both changes it.
type Writer struct {
	Source  []byte
	Out     []byte // appended to
	scratch []byte
}

// Wipe overwrites what was un-escaped.
func (w *Writer) Wipe() { clear(w.scratch[:cap(w.scratch)]) }

// JSON appends a value as n describes it.
func (w *Writer) JSON(n *Node, v Value) {
	switch {
	case v.Kind == Null:
		w.Out = append(w.Out, "null"...)
	case v.Kind == Bool:
		w.Out = strconv.AppendBool(w.Out, v.N == 1)
	case v.Kind == Array:
		w.array(n, v)
	case v.Kind != String:
		w.Out = append(w.Out, w.Source[v.Start:v.End]...)
	case v.Plain:
		w.Out = append(w.Out, w.Source[v.Start-1:v.End+1]...) // with the quotes
	default:
		w.scratch = AppendText(w.scratch[:0], w.Source, v)
		w.Out = AppendJSON(w.Out, w.scratch)
	}
}

func (w *Writer) array(n *Node, v Value) {
	w.Out = append(w.Out, '[')
	first := len(w.Out)
	Each(n, w.Source, v, func(element Value) bool {
		if len(w.Out) > first {
			w.Out = append(w.Out, ',')
		}
		w.JSON(n.Items, element)
		return true
	})
	w.Out = append(w.Out, ']')
}

// Text is a scalar outside the body.
func (w *Writer) Text(v Value) string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.N == 1)
	case String:
		if v.Escaped {
			w.scratch = AppendText(w.scratch[:0], w.Source, v)
			return string(w.scratch)
		}
	}
	return string(w.Source[v.Start:v.End])
}
