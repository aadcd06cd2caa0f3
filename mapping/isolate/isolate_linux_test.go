package isolate_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
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
		"visits": {"type": "array", "maxItems": 3, "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["day"], "properties": {"day": {"type": "string", "format": "date"}, "doctor": {"type": "string", "minLength": 1, "maxLength": 50, "classification": "confidential", "release": [{"via": "token.hmac", "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]}}}},
		"serial": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615},
		"friends": {"type": "object", "patternProperties": {"^[\\s\\S]*$": {"type": ["integer", "null"], "minimum": 0}}, "additionalProperties": false, "maxProperties": 3, "propertyNames": {"minLength": 1, "maxLength": 20}, "classification": "confidential", "release": [{"via": "token.hmac", "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]},
		"grid": {"type": "array", "maxItems": 2, "items": {"type": "object", "patternProperties": {"^[a-z\"]$": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}}}, "additionalProperties": false, "maxProperties": 3, "propertyNames": {"maxLength": 1}}},
		"house": {"type": "object", "additionalProperties": false, "properties": {"city": {"type": "string", "maxLength": 50}}},
		"mail": {"type": "string", "format": "email", "classification": "confidential", "release": [{"via": "token.aes_siv", "args": {"key": "k"}, "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]}}}`

const rows = `{"title": "rows", "type": "object", "additionalProperties": false, "required": ["id", "kind", "name"],
	"properties": {
		"id": {"type": "integer", "minimum": 1, "in": "path"},
		"kind": {"type": "string", "maxLength": 10, "in": "query"},
		"tag": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 20}},
		"X-Note": {"type": "string", "maxLength": 100, "in": "header"},
		"name": {"type": "string", "maxLength": 100},
		"rate": {"type": ["number", "null"], "scale": 2},
		"serial": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615, "in": "query"},
		"friends": {"type": "object", "patternProperties": {"^[\\s\\S]*$": {"type": ["integer", "null"], "minimum": 0}}, "additionalProperties": false, "maxProperties": 3, "propertyNames": {"maxLength": 63}},
		"grid": {"type": "array", "maxItems": 2, "items": {"type": "object", "patternProperties": {"^[a-z\"]$": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}}}, "additionalProperties": false, "maxProperties": 3, "propertyNames": {"maxLength": 1}}},
		"seen": {"type": "array", "maxItems": 3, "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["year", "kind"], "properties": {"year": {"type": "integer", "minimum": 0, "maximum": 9999}, "by": {"type": "string", "maxLength": 64}, "kind": {"type": "string", "maxLength": 9}}}},
		"place": {"type": "object", "additionalProperties": false, "properties": {"city": {"type": "string", "maxLength": 50}}},
		"mail": {"type": "string", "maxLength": 404},
		"source": {"type": "string", "maxLength": 10},
		"note": {"type": "string", "maxLength": 10}}}`

const peopleToRows = `{"mapping": "people-to-rows", "from": "people", "to": "rows",
	"set": {
		"/id": {"from": "/id"}, "/kind": {"const": "per\u0073on"}, "/tag": {"from": "/tags"}, "/X-Note": {"from": "/note"}, "/name": {"from": "/name"}, "/rate": {"from": "/rate"}, "/serial": {"from": "/serial"},
		"/friends": {"from": "/friends", "do": [{"token.hmac": {"key": "k"}}]}, "/friends/*": {"from": "/friends/*"}, "/grid": {"from": "/grid"}, "/grid/*": {"from": "/grid/*"}, "/grid/*/*": {"from": "/grid/*/*"},
		"/seen": {"from": "/visits"}, "/seen/*/year": {"from": "/visits/*/day", "do": [{"date.year": {}}]}, "/seen/*/by": {"from": "/visits/*/doctor", "do": [{"token.hmac": {"key": "k"}}]}, "/seen/*/kind": {"const": "visit"},
		"/place/city": {"from": "/house/city"}, "/mail": {"from": "/mail", "do": [{"token.aes_siv": {"key": "k"}}]},
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
		"lines": `{"id": 1, "name": "A\u003cb\u003e\u00e9", "tags": ["x", "y"], "rate": 12.50, "house": {"city": "Ulm"}, "mail": "a@b.example"}
			{"id": 2, "name": "B", "rate": null}
			{"id": 3, "name": "cAnArY", "cAnArY": 1}
			cAnArY
			{"id": 4, "name": "D", "house": {}}
			{"id": 5, "name": "E", "tags": ["a` + "\u0007" + `"]}
			{"id": 5, "name": "E", "visits": [{"day": "2026-11-26", "doctor": "W"}, null, {"day": "1999-01-01"}]}
			{"id": 5, "name": "E", "visits": [{"day": "2026-11-26"}, {"day": "cAnArY"}]}
			{"id": 5, "name": "E", "visits": []}
			{"id": 6, "name": "E", "serial": 18446744073709551615, "friends": {"al\u0069ce": 1, "bob": null}, "grid": [{"a": [true, false], "\"": []}, {}]}
			{"id": 6, "name": "E", "friends": {}}
			{"id": 6, "name": "E", "friends": {"cAnArY": -1}}
			{"id": 6, "name": "E", "friends": {"cAnArY": 1, "cAnAr\u0059": 1}}
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
		records   int // or fewer, where time ends it: a busy machine may not come to them
		want      error
	}{
		"reader":    {documents: failing(broken), keys: keys(), records: 1, want: broken},
		"panic":     {documents: io.MultiReader(strings.NewReader(one), failure{}), keys: keys(), records: 1, want: isolate.ErrPanic},
		"no key":    {documents: strings.NewReader(one), want: mapping.ErrNoKey},
		"short key": {documents: strings.NewReader(one), keys: testKeys{"short", new(int)}, want: mapping.ErrNoKey},
		"nothing":   {documents: io.MultiReader(strings.NewReader(one), empty{}), keys: keys(), records: 1, want: io.ErrNoProgress},
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
			timed := c.ctx != nil || c.limits.Time > 0
			if records > c.records || records < c.records && !timed || !errors.Is(last, c.want) || strings.Contains(last.Error(), "cAnArY") {
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

// empty is a reader that reads nothing, and says nothing.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, nil }

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

// TestTimeIsNoContext holds that who holds a record for too long is told so, and not that his
// context has ended.
func TestTimeIsNoContext(t *testing.T) {
	m := compile(t, people, rows, peopleToRows)
	held, last := false, error(nil)
	for _, err := range isolate.Map(t.Context(), m, strings.NewReader(strings.Repeat("{\"id\": 1, \"name\": \"A\"}\n", 50_000)), keys(), isolate.Limits{Time: 400 * time.Millisecond}) {
		if !held && err == nil {
			held = true
			<-time.After(time.Second)
		}
		last = err
	}
	if !errors.Is(last, isolate.ErrEnded) {
		t.Error(last)
	}
}

// TestDeepPaths holds that an error of a long path is one document's.
func TestDeepPaths(t *testing.T) {
	object, drop, document := `{"type": "string", "maxLength": 1}`, "", `"cAnArY"`
	name := strings.Repeat("&", 128)
	for range 6 {
		object = fmt.Sprintf(`{"type": "object", "additionalProperties": false, "properties": {%q: %s}}`, name, object)
		document = fmt.Sprintf(`{%q: %s}`, name, document)
		drop = "/" + name + drop
	}
	src := `{"title": "a", "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, ` + object[1:]
	m := compile(t, src, `{"title": "b", "type": "object", "additionalProperties": false, "properties": {"n": {"type": "integer"}}}`, fmt.Sprintf(`{"mapping": "m", "from": "a", "to": "b", "set": {"/n": {"const": 1}}, "drop": {%q: "not needed"}}`, drop))
	got := lines(t, m, strings.NewReader(document+"\n{}"), nil, isolate.Limits{})
	if len(got) != 2 || !strings.Contains(got[0], "M309") || !strings.HasPrefix(got[1], `{"n":1}`) {
		t.Error(got)
	}
}

// TestSizes: the largest document has white space around it here, too, and one byte more is too much.
func TestSizes(t *testing.T) {
	const form = `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"a": {"type": "string", "maxLength": 4194304}, "b": {"type": "integer"}}}`
	m := compile(t, fmt.Sprintf(form, "a"), fmt.Sprintf(form, "b"), `{"mapping": "m", "from": "a", "to": "b", "set": {"/a": {"absent": "too long"}, "/b": {"from": "/b"}}, "drop": {"/a": "too long"}}`)
	fits, blank := `{"b":1,"a":"`+strings.Repeat("x", 4<<20-14)+`"}`, strings.Repeat(" \t\r", 50_000)
	more := strings.Replace(fits, ":1,", ":11,", 1)
	for name, stream := range map[string]string{"lines": blank + fits + blank + "\n" + more + "\n" + fits, "array": "[" + blank + fits + blank + "," + more + "," + fits + "\n]"} {
		got := lines(t, m, strings.NewReader(stream), nil, isolate.Limits{})
		if len(got) != 3 || !strings.HasPrefix(got[0], `{"b":1}`) || !strings.Contains(got[1], "M302") || !strings.HasPrefix(got[2], `{"b":1}`) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestTokensAreCounted holds that as many are counted as were made, also those that nobody sees.
func TestTokensAreCounted(t *testing.T) {
	const src = `{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"a": {"type": "string", "minLength": 1, "maxLength": 99}, "b": {"type": "string", "minLength": 1, "maxLength": 99}, "c": {"type": "string", "minLength": 1, "maxLength": 99}}}`
	const dst = `{"title": "b", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "maxLength": 99}, "b": {"type": "integer"}, "c": {"type": "string", "maxLength": 999}}}`
	m := compile(t, src, dst, `{"mapping": "m", "from": "a", "to": "b", "set": {
		"/a": {"from": "/a", "do": [{"token.hmac": {"key": "k"}}, {"token.hmac": {"key": "k"}}]},
		"/b": {"from": "/b", "do": [{"token.hmac": {"key": "k"}}, {"string.to_int": {}}], "on_error": "drop"},
		"/c": {"from": "/c", "do": [{"token.aes_siv": {"key": "k"}}]}}}`)
	for document, want := range map[string]string{`{"c": "x"}`: "tokens 1", `{"a": "x", "c": "x"}`: "tokens 3", `{"a": "x"}`: "tokens 2", `{"b": "x"}`: "tokens 1", `{"a": "x", "b": "x"}`: "tokens 3"} {
		if got := lines(t, m, strings.NewReader(document), keys(), isolate.Limits{}); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %s, want %s", document, got, want)
		}
	}
}

// TestTheWallsAreUp asks the kernel which walls a child has.
func TestTheWallsAreUp(t *testing.T) {
	m := compile(t, people, rows, peopleToRows)
	up, err := isolate.Walls(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	go func() { _, _ = io.WriteString(w, "{\"id\": 1, \"name\": \"A\"}\n") }()
	for _, err := range isolate.Map(t.Context(), m, r, keys(), isolate.Limits{}) {
		if err != nil {
			t.Fatal(err)
		}
		proc := "/proc/" + children(t)[0] + "/"
		status, limits := text(t, proc+"status"), text(t, proc+"limits")
		for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
			if !strings.Contains(status, want) {
				t.Errorf("%s is not in\n%s", want, status)
			}
		}
		for name, want := range map[string]string{"Max core file size": "0", "Max file size": "0", "Max open files": "3", "Max cpu time": "61"} {
			if _, after, _ := strings.Cut(limits, name); !slices.Equal(strings.Fields(after)[:2], []string{want, want}) {
				t.Errorf("%s is not %s in\n%s", name, want, limits)
			}
		}
		for _, name := range []string{"Max data size", "Max address space"} {
			if _, after, _ := strings.Cut(limits, name); strings.Fields(after)[0] == "unlimited" {
				t.Errorf("%s has no limit", name)
			}
		}
		theirs, _ := os.Readlink(proc + "ns/net")
		own, _ := os.Readlink("/proc/self/ns/net")
		if os.Geteuid() == 0 && slices.Contains(up, "network") != (theirs != own) {
			t.Errorf("%s: its network is %s, and ours is %s", up, theirs, own)
		}
		if score := strings.TrimSpace(text(t, proc+"oom_score_adj")); score != "1000" {
			t.Errorf("it is ended after others: %s", score)
		}
		break
	}
}

func text(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestItDiesWithItsParent holds that a child which computes does not outlive who started it.
func TestItDiesWithItsParent(t *testing.T) {
	if os.Getenv("CARNET_PARENT") != "" {
		go func() {
			for {
				if all := children(t); len(all) > 0 && computes(all[0]) {
					fmt.Println("child", all[0])
					return
				}
				runtime.Gosched()
			}
		}()
		lines(t, attacked(t, "spin"), strings.NewReader(document("x")), nil, isolate.Limits{})
		return
	}
	parent := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestItDiesWithItsParent$")
	parent.Env = append(os.Environ(), "CARNET_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	said.Scan()
	_ = parent.Process.Kill()
	_ = parent.Wait()
	child, ok := strings.CutPrefix(said.Text(), "child ")
	if !ok {
		t.Fatalf("it said %q", said.Text())
	}
	for end := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		status, err := os.ReadFile("/proc/" + child + "/status")
		if err != nil || strings.Contains(string(status), "State:\tZ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %s is still there", child)
		}
	}
}

// computes says whether a process has used a tenth of a second.
func computes(process string) bool {
	stat, _ := os.ReadFile("/proc/" + process + "/stat")
	_, after, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(after)
	if len(fields) < 12 {
		return false
	}
	ticks, _ := strconv.Atoi(string(fields[11]))
	return ticks >= 10
}

// TestHarderHosts holds that limits which are narrower than ours are no missing wall.
func TestHarderHosts(t *testing.T) {
	if os.Getenv("CARNET_HARD") != "" {
		if up, err := isolate.Walls(t.Context()); err != nil {
			t.Fatal(up, err)
		}
		return
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), "/bin/sh", "-c", `ulimit -t 30 && ulimit -f 100000 && exec "$0" -test.run='^TestHarderHosts$'`, own)
	again.Env = append(os.Environ(), "CARNET_HARD=1")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
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
