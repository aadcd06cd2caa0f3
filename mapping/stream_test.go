package mapping_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carnet-go/carnet/mapping"
)

const (
	orders = `{"title": "orders", "type": "object", "additionalProperties": false, "required": ["n"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"n": {"type": "integer"}, "note": {"type": "string", "maxLength": 1000}}}`
	orderOnly = `{"mapping": "o", "from": "orders", "to": "orders", "set": {"/n": {"from": "/n"}, "/note": {"from": "/note"}}}`
)

// streamed is what comes of a stream: bodies of the records that are made of it, and errors.
func streamed(t testing.TB, r io.Reader) (got []string) {
	t.Helper()
	m := compile(t, orders, orders, orderOnly, anywhereAPI())
	for d, err := range m.Source().Documents(t.Context(), r) {
		if err != nil {
			if !d.IsZero() || strings.Contains(fmt.Sprintf("%v %+v", err, err), "cAnArY") {
				t.Errorf("an error, and data: %v", err)
			}
			got = append(got, strings.TrimPrefix(err.Error(), "mapping: "))
			continue
		}
		record, err := m.Map(t.Context(), d, nil)
		if err != nil {
			t.Errorf("it was checked: %v", err)
		}
		got = append(got, body(t, record))
	}
	return got
}

// TestDocuments: what is no document is told by number and place, and the others come; what
// was cut is never half a document, however the bytes come.
func TestDocuments(t *testing.T) {
	long := `{"n":1,"note":"` + strings.Repeat("x", 5<<20) + `"}`
	for name, tt := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":     {"", nil},
		"lines":       {"{\"n\":1}\r\n\r\n{\"n\":2,\"note\":\"\\n\"}\n{\"n\":3}", []string{`{"n":1}`, `{"n":2,"note":"\u000a"}`, `{"n":3}`}},
		"array":       {`[{"n":1}, {"n":2}]`, []string{`{"n":1}`, `{"n":2}`}},
		"rejects":     {"{\"n\":1}\n{\"cAnArY\":2}\n{\"n\":\"cAnArY\"}\n{\"n\":4}\n", []string{`{"n":1}`, "document 1 at byte 8: M304 data does not fit", "document 2 at byte 21: M307 data does not fit at /n", `{"n":4}`}},
		"of an array": {`[{"n":1},"cAnArY",{"n":1,"n":2},{"n":3}]`, []string{`{"n":1}`, "document 1 at byte 9: M307 data does not fit", "document 2 at byte 18: M305 data does not fit at /n", `{"n":3}`}},
		"a cut line":  {"{\"n\":1}\n{\"n\":2", []string{`{"n":1}`, "document 1 at byte 8: M301 data does not fit"}},
		"a cut array": {`[{"n":1},{"n":2`, []string{`{"n":1}`, "document 1 at byte 9: M301 data does not fit, where the stream breaks off"}},
		"two":         {`{"n":1}{"n":2}`, []string{"document 0 at byte 0: M301 data does not fit"}},
		"behind it":   {`[{"n":1}] cAnArY`, []string{`{"n":1}`, "document 1 at byte 10: M301 data does not fit, where the stream breaks off"}},
		"mark":        {"\ufeff{\"n\":1}\n{\"n\":2}", []string{"document 0 at byte 0: M301 data does not fit", `{"n":2}`}},
		"too large":   {"{\"n\":1}\n" + long + "\n{\"n\":3}", []string{`{"n":1}`, "document 1 at byte 8: M302 data does not fit", `{"n":3}`}},
		"in an array": {"[" + long + ",{\"n\":3}]", []string{"document 0 at byte 1: M302 data does not fit", `{"n":3}`}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "by bytes": iotest.OneByteReader(strings.NewReader(tt.in))} {
				if got := streamed(t, r); fmt.Sprint(got) != fmt.Sprint(tt.want) {
					t.Errorf("%s: got %q, want %q", how, got, tt.want)
				}
			}
		})
	}
}

// endless begins with something, and goes on with the same for ever.
type endless struct {
	begin, on string
	read      func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.begin != "" {
		n := copy(p, e.begin)
		e.begin = e.begin[n:]
		return n, nil
	}
	e.read()
	for i := range p {
		p[i] = e.on[i%len(e.on)]
	}
	return len(p), nil
}

// TestAnEndlessStreamEndsWithItsContext, also where no document ever does.
func TestAnEndlessStreamEndsWithItsContext(t *testing.T) {
	s := schema(t, orders)
	for name, in := range map[string]endless{
		"space":              {"", " ", nil},
		"empty lines":        {"{\"n\":1}\n", "\n", nil},
		"space in an array":  {"[", " ", nil},
		"and behind it":      {"[{\"n\":1}]", " ", nil},
		"and between":        {"[{\"n\":1},", "\t", nil},
		"behind a document":  {"{\"n\":1}", " ", nil},
		"one long line":      {"{\"n\":", "1", nil},
		"one of an array":    {"[{\"note\":\"", "x", nil},
		"brackets for ever":  {"[", "[", nil},
		"text in the middle": {"[{\"n\":1} ", " x", nil},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		reads := 0
		in.read = func() {
			if reads++; reads == 3 {
				cancel()
			}
		}
		var last error
		for _, err := range s.Documents(ctx, &in) {
			last = err
		}
		cancel()
		if reject, ok := errors.AsType[*mapping.RejectError](last); !ok || !reject.Last || !errors.Is(last, context.Canceled) || reads > 4 {
			t.Errorf("%s: %v after %d reads", name, last, reads)
		}
	}
}

// TestDocumentsEnd: with the reader's error, with ctx, with whoever has enough, and with a
// schema that describes nothing.
func TestDocumentsEnd(t *testing.T) {
	s, quoted := schema(t, orders), errors.New("quotes cAnArY")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, tt := range map[string]struct {
		schema *mapping.Schema
		in     string
		stop   func(n int) bool
		want   error
		read   int // documents
	}{
		"reader":    {s, "{\"n\":1}\n{\"n\":2", func(int) bool { return false }, quoted, 1},
		"enough":    {s, strings.Repeat("{\"n\":1}\n", 9), func(n int) bool { return n == 3 }, nil, 3},
		"cancelled": {s, strings.Repeat("{\"n\":1}\n", 9), func(n int) bool { cancel(); return false }, context.Canceled, 1},
		"no schema": {nil, "{\"n\":1}\n", func(int) bool { return false }, mapping.ErrInvalid, 0},
	} {
		under := t.Context()
		if name == "cancelled" {
			under = ctx
		}
		read, last := 0, error(nil)
		for _, err := range tt.schema.Documents(under, io.MultiReader(strings.NewReader(tt.in), iotest.ErrReader(quoted))) {
			if last != nil {
				t.Errorf("%s: goes on behind %v", name, last)
			}
			if last = err; err != nil {
				continue
			}
			if read++; tt.stop(read) {
				break
			}
		}
		reject, rejected := errors.AsType[*mapping.RejectError](last)
		if read != tt.read || !errors.Is(last, tt.want) || rejected && !reject.Last {
			t.Errorf("%s: %d documents, %v", name, read, last)
		}
		if last != nil && strings.Contains(last.Error(), "cAnArY") {
			t.Errorf("%s: %v", name, last)
		}
	}
}

// TestDocumentsAreKept: one that was taken stays what it was when the stream has gone on.
func TestDocumentsAreKept(t *testing.T) {
	m := compile(t, orders, orders, orderOnly, anywhereAPI())
	var all []mapping.Document
	for d, err := range m.Source().Documents(t.Context(), strings.NewReader(`[{"n":1},{"n":2},{"n":3}]`)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	for i, d := range all {
		if record, err := m.Map(t.Context(), d, nil); err != nil || body(t, record) != fmt.Sprintf(`{"n":%d}`, i+1) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestDocumentsInConstantMemory: of a long stream nothing is held but the document.
func TestDocumentsInConstantMemory(t *testing.T) {
	line := `{"n":1,"note":"` + strings.Repeat("x", 900) + "\"}\n"
	s, n := schema(t, orders), 0
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var first, last int64
	for _, err := range s.Documents(t.Context(), io.LimitReader(&again{text: line}, int64(len(line))*20_000)) {
		if err != nil {
			t.Fatal(err)
		}
		switch n++; n {
		case 100:
			first = heap()
		case 19_900:
			last = heap()
		}
	}
	if n != 20_000 || last-first > 1<<20 {
		t.Errorf("%d documents, %d bytes more at the end", n, last-first)
	}
}

// again is a text without an end.
type again struct {
	text string
	at   int
}

func (a *again) Read(b []byte) (int, error) {
	n := copy(b, a.text[a.at:])
	a.at = (a.at + n) % len(a.text)
	return n, nil
}
