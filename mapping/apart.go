package mapping

import (
	"context"

	"github.com/carnet-go/carnet/mapping/internal/apart"
	"github.com/carnet-go/carnet/mapping/internal/program"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Apart is for package isolate: the mapping in two halves, of which another process does one.
// The zero Permit has none.
func (m *Mapper) Apart(p apart.Permit) apart.Parts[Document, KeySource, Record] {
	if !m.made() || !p.Given() {
		return apart.Parts[Document, KeySource, Record]{}
	}
	known, halves := map[string]bool{}, program.NewApart(&m.program, m.dst.root.node)
	for _, s := range []*Schema{m.src, m.dst} {
		s.root.node.Each(func(n *scan.Node) { known[n.Path] = true })
	}
	return apart.Parts[Document, KeySource, Record]{
		Source: m.src.text, Destination: m.dst.text, Mapping: m.text,
		Known: func(path string) bool { return known[path] },
		Flat: func(ctx context.Context, d Document, keys KeySource, dst []byte) ([]byte, int, error) {
			made := new(Record).taken()
			defer made.run.Wipe()
			if err := m.do(ctx, d.held(), keys, m.src, &halves.Flat, made); err != nil {
				return dst, 0, err
			}
			if len(made.run.Out) > scan.MaxSize { // as a document it would be none
				return dst, 0, &DataError{Code: scan.TooMuch}
			}
			return append(dst, made.run.Out...), made.run.Tokens, nil
		},
		Back: func(ctx context.Context, flat []byte, tokens int) (Record, error) {
			made, d := new(Record).taken(), m.dst.Document(flat)
			if err := m.do(ctx, d.held(), nil, m.dst, &halves.Back, made); err != nil {
				return Record{}, err
			}
			made.run.Tokens = max(tokens, made.run.Tokens)
			clear(made.values)
			return Record{made.self, made.turn}, nil
		},
	}
}
