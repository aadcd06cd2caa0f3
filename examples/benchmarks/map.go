package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/itchyny/gojq"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carnet-go/carnet/mapping"
)

// mapFigures are those of mapping, of one document at a time.
func mapFigures() group {
	return group{"map", []figure{
		{"map/structs", "a document of 2 KB and 20 fields with every check, against structs by hand on encoding/json", mapStructs},
		{"map/jsonv2", "the same, against these structs on json/v2", mapJSONv2},
		{"map/validate", "the same, against reading the document and validating it with jsonschema, without mapping it", mapValidate},
		{"map/query", "the same, against a query of gojq", mapQuery},
		{"map/tokens", "the same with two tokens more, against structs by hand without and with them", mapTokens},
		{"map/allocations", "allocations of one MapInto, and of MapJSON", mapAllocations},
		{"map/stream", "growth of the heap over a stream of documents (NDJSON), each mapped", mapStream},
		{"map/compile", "Compile of a mapping of 500 fields", mapCompile},
		{"map/isolate", "a process of mapping/isolate from start to end, and a batch of documents in it against the same without", mapIsolate},
	}}
}

// The document, its schema, that of the destination, the mapping, and what gojq takes
// instead of a mapping.
var (
	//go:embed testdata/map/document.json
	orderText string
	//go:embed testdata/map/source.json
	sourceText string
	//go:embed testdata/map/destination.json
	destinationText string
	//go:embed testdata/map/mapping.json
	mappingText string
	//go:embed testdata/map/order.jq
	queryText string
)

func orderDocument() []byte { return []byte(strings.TrimSpace(orderText)) }

func carrier() mapping.Destination {
	return mapping.Destination{
		System: "carrier", Kind: "api", Jurisdictions: []string{"eu"},
		Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"delivery"}},
	}
}

// parsed are both schemas.
func parsed(src, dst string) (source, destination *mapping.Schema, err error) {
	if source, err = mapping.ParseSchema([]byte(src)); err != nil {
		return nil, nil, err
	}
	destination, err = mapping.ParseSchema([]byte(dst))
	return source, destination, err
}

func compiled(src, dst, text string) (*mapping.Mapper, error) {
	source, destination, err := parsed(src, dst)
	if err != nil {
		return nil, err
	}
	return mapping.Compile(source, destination, []byte(text), carrier())
}

func orderMapper() (*mapping.Mapper, error) {
	return compiled(sourceText, destinationText, mappingText)
}

// tokensToo is the same mapping, and two tokens.
func tokensToo() (*mapping.Mapper, error) {
	const made = `{"from": "%s", "do": [{"token.hmac": {"key": "` + tokenKey + `"}}]}`
	return compiled(sourceText, destinationText, strings.NewReplacer(
		`{"absent": "the ssn is masked"}`, fmt.Sprintf(made, "/ssn"),
		`{"absent": "the address is masked"}`, fmt.Sprintf(made, "/email"),
	).Replace(mappingText))
}

const (
	tokenKey   = "carrier/tokens"
	keyVersion = "1"
)

func keyOfTokens() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// keyring lends that key.
type keyring struct{ key []byte }

// UseKey implements mapping.KeySource.
func (k keyring) UseKey(_ context.Context, _ string, use func(string, []byte) error) error {
	return use(keyVersion, k.key)
}

// mapped takes raw JSON, as it comes, to what can be sent, in memory that is used again.
type mapped struct {
	mapper *mapping.Mapper
	keys   mapping.KeySource
	record mapping.Record
	body   []byte
}

func (m *mapped) take(ctx context.Context, raw []byte) error {
	err := m.mapper.MapJSON(ctx, raw, m.keys, &m.record)
	m.body = m.record.AppendBody(m.body[:0])
	return err
}

// byMapper is ours at the document.
func byMapper(ctx context.Context, m *mapping.Mapper, keys mapping.KeySource) side {
	ours, raw := &mapped{mapper: m, keys: keys}, orderDocument()
	return repeated(func() error { return ours.take(ctx, raw) })
}

// alone is Map, of a Document that is there.
func alone(ctx context.Context, m *mapping.Mapper) side {
	var record mapping.Record
	document := m.Source().Document(orderDocument())
	return repeated(func() error { return m.MapInto(ctx, document, nil, &record) })
}

// of is a peer at the document.
func of[T any](peer func([]byte) (T, error)) side {
	raw := orderDocument()
	return repeated(func() error { _, err := peer(raw); return err })
}

func mapStructs(ctx context.Context, s *session) ([]line, error) {
	m, err := orderMapper()
	if err != nil {
		return nil, err
	}
	c, err := s.pair(ctx, byMapper(ctx, m, nil), of(byHand))
	if err != nil {
		return nil, err
	}
	only, err := s.pair(ctx, alone(ctx, m), of(byHand))
	return []line{{
		name: "map/structs", value: c.ratio, target: 0.2,
		detail: fmt.Sprintf("MapJSON and AppendBody %s, encoding/json %s of a processor; MapInto alone %s, %.2f; %v", ns(c.ours), ns(c.theirs), ns(only.ours), only.ratio, c),
	}}, err
}

// mapAgainst compares with one peer.
func (s *session) mapAgainst(ctx context.Context, name, peer string, target float64, theirs side) ([]line, error) {
	m, err := orderMapper()
	if err != nil {
		return nil, err
	}
	c, err := s.pair(ctx, byMapper(ctx, m, nil), theirs)
	return []line{{
		name: name, value: c.ratio, target: target,
		detail: fmt.Sprintf("MapJSON and AppendBody %s, %s %s of a processor; %v", ns(c.ours), peer, ns(c.theirs), c),
	}}, err
}

func mapJSONv2(ctx context.Context, s *session) ([]line, error) {
	return s.mapAgainst(ctx, "map/jsonv2", "go-json-experiment/json", 0.4, of(byHandV2))
}

// validator has the same schema: our profile is JSON Schema, and what the labels say is
// nothing to it. It does not know scale either.
func validator() (func(raw []byte) (any, error), error) {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(sourceText))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("order.json", schema); err != nil {
		return nil, err
	}
	order, err := c.Compile("order.json")
	return func(raw []byte) (any, error) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		return v, order.Validate(v)
	}, err
}

func mapValidate(ctx context.Context, s *session) ([]line, error) {
	validate, err := validator()
	if err != nil {
		return nil, err
	}
	return s.mapAgainst(ctx, "map/validate", "jsonschema.UnmarshalJSON and Schema.Validate", 0.04, of(validate))
}

// query is gojq's. It stands in for Bloblang, whose module not every proxy serves: both run
// a program over a tree, and take about as long.
func query() (func(raw []byte) ([]byte, error), error) {
	parsed, err := gojq.Parse(queryText)
	if err != nil {
		return nil, err
	}
	code, err := gojq.Compile(parsed)
	return func(raw []byte) ([]byte, error) {
		var v any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber() // the id has more digits than a float
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		made, ok := code.Run(v).Next()
		if err, failed := made.(error); !ok || failed {
			return nil, errors.Join(errOrder, err)
		}
		return gojq.Marshal(made)
	}, err
}

func mapQuery(ctx context.Context, s *session) ([]line, error) {
	run, err := query()
	if err != nil {
		return nil, err
	}
	return s.mapAgainst(ctx, "map/query", "gojq, in the place of Bloblang,", 0.05, of(run))
}

// mapTokens compares with what makes no tokens: what they cost is to be in the target. What
// makes the same ones is below it.
func mapTokens(ctx context.Context, s *session) ([]line, error) {
	m, err := tokensToo()
	if err != nil {
		return nil, err
	}
	key := keyOfTokens()
	ours := byMapper(ctx, m, keyring{key})
	c, err := s.pair(ctx, ours, of(byHand))
	if err != nil {
		return nil, err
	}
	both, err := s.pair(ctx, ours, of(func(raw []byte) ([]byte, error) { return byHandWithTokens(raw, key) }))
	return []line{{
		name: "map/tokens", value: c.ratio, target: 0.3,
		detail: fmt.Sprintf("with two of token.hmac %s, encoding/json without %s of a processor; with crypto/hmac %s, %.2f; %v", ns(c.ours), ns(c.theirs), ns(both.theirs), both.ratio, c),
	}}, err
}

// mapAllocations counts those of MapInto alone, of a Document that is there.
func mapAllocations(ctx context.Context, s *session) ([]line, error) {
	m, err := orderMapper()
	if err != nil {
		return nil, err
	}
	sides := [...]side{alone(ctx, m), byMapper(ctx, m, nil), of(byHand), of(byHandV2)}
	var counts [len(sides)][]float64
	for i := range s.few {
		for k, do := range sides {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n, err := allocations(do)
			if err != nil {
				return nil, err
			}
			counts[k] = append(counts[k], n)
		}
		s.progress(i+1, s.few, "rounds")
	}
	return []line{{
		name: "map/allocations", value: median(counts[0]), unit: "allocs",
		detail: fmt.Sprintf("MapInto; MapJSON and AppendBody %.0f, encoding/json %.0f, go-json-experiment/json %.0f", median(counts[1]), median(counts[2]), median(counts[3])),
	}}, nil
}

// lines is a stream of so many documents.
type lines struct {
	line []byte
	left int // documents
	at   int
}

// Read implements io.Reader.
func (l *lines) Read(b []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := copy(b, l.line[l.at:])
	if l.at += n; l.at == len(l.line) {
		l.at = 0
		l.left--
	}
	return n, nil
}

// mapStream looks at the heap near the beginning and near the end of a gigabyte.
func mapStream(ctx context.Context, s *session) ([]line, error) {
	m, err := orderMapper()
	if err != nil {
		return nil, err
	}
	document := append(orderDocument(), '\n')
	all := s.stream << 20 / len(document)
	var made mapping.Record
	var first, last uint64
	n, began := 0, time.Now()
	for d, err := range m.Source().Documents(ctx, &lines{line: document, left: all}) {
		if err == nil {
			err = m.MapInto(ctx, d, nil, &made)
		}
		if err != nil {
			return nil, err
		}
		switch n++; n {
		case all / 100:
			first = heap()
		case all - 1:
			last = heap()
		}
		if n%(all/10) == 0 {
			s.progress(n, all, "documents")
		}
	}
	took := time.Since(began)
	return []line{{
		name: "map/stream", value: max(0, float64(int64(last)-int64(first))/(1<<20)), unit: "MiB", target: 1,
		detail: fmt.Sprintf("%d documents, %d MiB, in %v", n, n*len(document)>>20, took.Round(time.Millisecond)),
	}}, nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
