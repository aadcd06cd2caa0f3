package scan

// entries reads a map, whose names are as they are described, each once.
func (w *walk) entries(n *Node, v *Value, start int) int {
	source, count := w.source, 0
	var names once
	at := space(source, start+1)
	for more := source[at] != '}'; more; count++ {
		if count == n.MaxItems {
			return w.fail(TooMany, n)
		}
		var name Value
		if at = w.entry(n, &name, at); at == 0 {
			return 0
		}
		if !names.add(source, name) {
			return w.fail(Twice, n)
		}
		if at = w.read(n.Items, w.slot(n.Items), at); at == 0 {
			return 0
		}
		switch at = space(source, at); source[at] {
		case ',':
			at = space(source, at+1)
		case '}':
			more = false
		default:
			return w.fail(NotJSON, n)
		}
	}
	v.Kind, v.N, v.Start, v.End = Map, int64(count), int32(start), int32(at+1)
	return at + 1
}

// entry reads the name of one, and steps to its value.
func (w *walk) entry(n *Node, name *Value, at int) int {
	if w.source[at] != '"' {
		return w.fail(NotJSON, n)
	}
	if at = w.string(n.Keys, name, at); at == 0 {
		return 0
	}
	if at = space(w.source, at); w.source[at] != ':' {
		return w.fail(NotJSON, n)
	}
	return space(w.source, at+1)
}

// once are names by their characters: a few in place, as most maps have few, and many in memory.
type once struct {
	few  [8]Value
	n    int
	many map[string]struct{}
}

// add says whether a name is new.
func (o *once) add(source []byte, name Value) bool {
	if o.n < len(o.few) {
		for _, known := range o.few[:o.n] {
			if same(source, known, name) {
				return false
			}
		}
		o.few[o.n] = name
		o.n++
		return true
	}
	if o.many == nil {
		o.many = map[string]struct{}{}
		for _, known := range o.few {
			o.many[string(AppendText(nil, source, known))] = struct{}{}
		}
	}
	text := AppendText(nil, source, name)
	_, known := o.many[string(text)]
	o.many[string(text)] = struct{}{}
	return !known
}

func same(source []byte, a, b Value) bool {
	if !a.Escaped && !b.Escaped {
		return string(source[a.Start:a.End]) == string(source[b.Start:b.End])
	}
	return string(AppendText(nil, source, a)) == string(AppendText(nil, source, b))
}
