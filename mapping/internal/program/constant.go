package program

import "github.com/carnet-go/carnet/mapping/internal/scan"

// Constant writes a declared value once and for all: as JSON in a body, as texts elsewhere.
func Constant(n *scan.Node, source []byte, v scan.Value, bodied bool) (json []byte, texts []string) {
	w := scan.Writer{Source: source}
	switch {
	case bodied:
		w.JSON(n, v)
		return w.Out, nil
	case v.Kind != scan.Array:
		return nil, []string{w.Text(v)}
	}
	scan.Each(n, source, v, func(element scan.Value) bool {
		texts = append(texts, w.Text(element))
		return true
	})
	return nil, texts
}
