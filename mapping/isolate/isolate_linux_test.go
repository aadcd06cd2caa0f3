package isolate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/isolate"
	"github.com/carnet-go/carnet/mapping/isolate/internal/wall"
)

func TestMain(m *testing.M) {
	isolate.Main(attacks()...)
	goleak.VerifyTestMain(m)
}

const people = `{"title": "people", "type": "object", "additionalProperties": false, "required": ["id", "name"],
	"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
	"properties": {
		"id": {"type": "integer", "minimum": 1},
		"name": {"type": "string", "maxLength": 100},
		"tags": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 20}},
		"note": {"type": "string", "maxLength": 100},
		"rate": {"type": ["number", "null"], "scale": 2},
		"home": {"type": "object", "additionalProperties": false, "properties": {"city": {"type": "string", "maxLength": 50}}},
		"mail": {"type": "string", "format": "email", "classification": "confidential", "release": [{"via": "token.hmac", "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]}}}`

const rows = `{"title": "rows", "type": "object", "additionalProperties": false, "required": ["id", "kind", "name"],
	"properties": {
		"id": {"type": "integer", "minimum": 1, "in": "path"},
		"kind": {"type": "string", "maxLength": 10, "in": "query"},
		"tag": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 20}},
		"X-Note": {"type": "string", "maxLength": 100, "in": "header"},
		"name": {"type": "string", "maxLength": 100},
		"rate": {"type": ["number", "null"], "scale": 2},
		"place": {"type": "object", "additionalProperties": false, "properties": {"city": {"type": "string", "maxLength": 50}}},
		"mail": {"type": "string", "maxLength": 64},
		"source": {"type": "string", "maxLength": 10},
		"note": {"type": "string", "maxLength": 10}}}`

const peopleToRows = `{"mapping": "people-to-rows", "from": "people", "to": "rows",
	"set": {
		"/id": {"from": "/id"}, "/kind": {"const": "per\u0073on"}, "/tag": {"from": "/tags"}, "/X-Note": {"from": "/note"}, "/name": {"from": "/name"}, "/rate": {"from": "/rate"},
		"/place/city": {"from": "/home/city"}, "/mail": {"from": "/mail", "do": [{"token.hmac": {"key": "k"}}]},
		"/source": {"const": "hr"}, "/note": {"absent": "nobody has one"}}}`

func crm() mapping.Destination {
	return mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"crm"}}}
}

func compile(t testing.TB, src, dst, text string, funcs ...mapping.Func) *mapping.Mapper {
	t.Helper()
	from, err := mapping.ParseSchema([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	to, err := mapping.ParseSchema([]byte(dst))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(from, to, []byte(text), crm(), funcs...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// testKeys lends a key, and says whether it was given back.
type testKeys struct {
	key  string
	lent *int
}

func (k testKeys) UseKey(_ context.Context, _ string, use func(version string, key []byte) error) error {
	*k.lent++
	defer func() { *k.lent-- }()
	return use("1", []byte(k.key))
}

func keys() testKeys { return testKeys{"0123456789abcdef0123456789abcdef", new(int)} }

// line is a record or an error in one line.
func line(r mapping.Record, err error) string {
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for place, text := range r.Fields() {
		fmt.Fprintf(&b, "%s %s=%q ", place.In, place.Name, text)
	}
	return fmt.Sprintf("%s%s len %d tokens %d %s", b.String(), r.AppendBody(nil), r.Len(), r.Tokens(), r.Label())
}

func lines(t testing.TB, m *mapping.Mapper, documents io.Reader, k mapping.KeySource, l isolate.Limits) []string {
	t.Helper()
	var all []string
	for record, err := range isolate.Map(t.Context(), m, documents, k, l) {
		all = append(all, line(record, err))
	}
	return all
}

// TestMapIsMap holds that a batch yields what Map does here, of good and bad documents.
func TestMapIsMap(t *testing.T) {
	m, k := compile(t, people, rows, peopleToRows), keys()
	for name, stream := range map[string]string{
		"lines": `{"id": 1, "name": "A\u003cb\u003e\u00e9", "tags": ["x", "y"], "rate": 12.50, "home": {"city": "Ulm"}, "mail": "a@b.example"}
			{"id": 2, "name": "B", "rate": null}
			{"id": 3, "name": "cAnArY", "cAnArY": 1}
			cAnArY
			{"id": 4, "name": "D", "home": {}}
			{"id": 5, "name": "E", "tags": ["a` + "\u0007" + `"]}
			{"id": 5, "name": "E", "note": "one \" line"}
			{"id": 5, "name": "E", "note": "two\nlines"}
			{"id": 0, "name": "F"}`,
		"array":     `[{"id": 1, "name": "A", "mail": "a@b.example"}, {"id": 1, "name": "A", "mail": "A@b.example"}]`,
		"cut":       `[{"id": 1, "name": "A"}, {"id": 2`,
		"nothing":   "",
		"empty":     "[]",
		"too large": `{"id": 1, "name": "` + strings.Repeat("x", 5<<20) + "\"}\n" + `{"id": 2, "name": "B"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for d, err := range m.Source().Documents(t.Context(), strings.NewReader(stream)) {
				var r mapping.Record
				if err == nil {
					r, err = m.Map(t.Context(), d, k)
				}
				want = append(want, line(r, err))
			}
			got := lines(t, m, strings.NewReader(stream), k, isolate.Limits{})
			if len(got) != len(want) {
				t.Fatalf("got %d, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
			}
			for i := range got {
				// Of a good document Documents does not say where it stood.
				_, told, _ := strings.Cut(got[i], ": M")
				_, expected, _ := strings.Cut(want[i], ": M")
				if got[i] != want[i] && (told == "" || told != expected) {
					t.Errorf("got  %s\nwant %s", got[i], want[i])
				}
			}
			if *k.lent != 0 {
				t.Error("a key was not given back")
			}
		})
	}
}

// TestOffsets holds that a refused document is named by its place.
func TestOffsets(t *testing.T) {
	m := compile(t, people, rows, peopleToRows)
	got := lines(t, m, strings.NewReader("{\"id\": 1, \"name\": \"A\"}\n{\"id\": 0, \"name\": \"A\"}\n"), keys(), isolate.Limits{})
	if len(got) != 2 || got[1] != "mapping: document 1 at byte 23: M308 data does not fit at /id" {
		t.Error(got)
	}
}

// TestItIsAnotherProcess holds that there is one while the loop runs, and none behind it.
func TestItIsAnotherProcess(t *testing.T) {
	m := compile(t, people, rows, peopleToRows)
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	go func() { _, _ = io.WriteString(w, "{\"id\": 1, \"name\": \"A\"}\n") }()
	for _, err := range isolate.Map(t.Context(), m, r, keys(), isolate.Limits{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n := len(children(t)); n != 1 {
			t.Errorf("%d processes", n)
		}
		break
	}
	if n := len(children(t)); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

// TestEnds holds what the last error is.
func TestEnds(t *testing.T) {
	m := compile(t, people, rows, peopleToRows)
	one := "{\"id\": 1, \"name\": \"A\"}\n"
	failing := func(err error) io.Reader {
		return io.MultiReader(strings.NewReader(one+`{"id": 2, "name": "B"}`), failure{err})
	}
	broken := errors.New("cAnArY")
	for name, c := range map[string]struct {
		ctx       func(context.Context) (context.Context, context.CancelFunc)
		documents io.Reader
		keys      mapping.KeySource
		limits    isolate.Limits
		records   int
		want      error
	}{
		"reader":    {documents: failing(broken), keys: keys(), records: 1, want: broken},
		"panic":     {documents: io.MultiReader(strings.NewReader(one), failure{}), keys: keys(), records: 1, want: isolate.ErrPanic},
		"no key":    {documents: strings.NewReader(one), want: mapping.ErrNoKey},
		"short key": {documents: strings.NewReader(one), keys: testKeys{"short", new(int)}, want: mapping.ErrNoKey},
		"time":      {documents: io.MultiReader(strings.NewReader(one), hanging(t)), keys: keys(), limits: isolate.Limits{Time: 300 * time.Millisecond}, records: 1, want: isolate.ErrEnded},
		"context": {ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 300*time.Millisecond)
		}, documents: io.MultiReader(strings.NewReader(one), hanging(t)), keys: keys(), records: 1, want: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if c.ctx != nil {
				var cancel context.CancelFunc
				ctx, cancel = c.ctx(ctx)
				defer cancel()
			}
			var records int
			var last error
			for r, err := range isolate.Map(ctx, m, c.documents, c.keys, c.limits) {
				if last = err; err == nil && r.Len() > 0 {
					records++
				}
			}
			if records != c.records || !errors.Is(last, c.want) || strings.Contains(last.Error(), "cAnArY") {
				t.Errorf("%d records, then %v", records, last)
			}
		})
	}
}

// failure is a reader that fails, or panics for want of an error.
type failure struct{ err error }

func (f failure) Read([]byte) (int, error) {
	if f.err == nil {
		panic("cAnArY")
	}
	return 0, f.err
}

// hanging is a reader that waits for the end of the test.
func hanging(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	return r
}

// TestWalls holds that this system has those that a batch asks for.
func TestWalls(t *testing.T) {
	up, err := isolate.Walls(t.Context())
	if err != nil || !slices.Contains(up, "calls") || !slices.Contains(up, "limits") {
		t.Fatal(up, err)
	}
	t.Log(up)
	for _, some := range []wall.Wall{0, wall.Calls, wall.Limits, wall.Network, wall.Calls | wall.Network, wall.Limits | wall.Network} {
		if isolate.Enough(some) {
			t.Errorf("%b is enough", some)
		}
	}
}

// TestNotWithoutMain holds that a program which would run its whole main again does not.
func TestNotWithoutMain(t *testing.T) {
	defer isolate.Forget()()
	got := lines(t, compile(t, people, rows, peopleToRows), strings.NewReader(""), keys(), isolate.Limits{})
	if !slices.Equal(got, []string{isolate.ErrNoMain.Error()}) {
		t.Error(got)
	}
}

// children are the processes that this one has started and not waited for.
func children(t testing.TB) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, task := range tasks {
		raw, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		all = append(all, strings.Fields(string(raw))...)
	}
	return all
}
