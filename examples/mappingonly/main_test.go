package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/mapping/mappingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const records = `{"ref":"****093","company":"****@acme.example","born":"1991","postcode":"80331","group":"staff"}
{"ref":"****094","company":"****@labs.example","born":"1984","postcode":"1010","group":"lead"}
{"ref":"****096","company":"****@****","born":"2001","postcode":"110 00","group":"staff"}
`

// array is the sample as one JSON array.
func array() string {
	return "[" + strings.ReplaceAll(strings.TrimSpace(string(sample)), "\n", ",") + "]"
}

// TestRun: who is an employee comes out as the insurer may have it, and who is none is in the
// list of rejects, by place and code.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "employees.ndjson")
	if err := os.WriteFile(file, sample, 0o600); err != nil {
		t.Fatal(err)
	}
	first := strings.Join(strings.SplitAfter(records, "\n")[:2], "")
	for name, tt := range map[string]struct {
		in        string
		s         settings
		out, list string
		want      error
	}{
		"sample":      {"", settings{}, records, "2\t343\tM304\t\n4\t676\tM313\t/born\n", errRejects},
		"file":        {"", settings{file: file}, records, "2\t343\tM304\t\n4\t676\tM313\t/born\n", errRejects},
		"array":       {array(), settings{file: "-"}, records, "2\t344\tM304\t\n4\t677\tM313\t/born\n", errRejects},
		"strict":      {"", settings{strict: true}, first, "2\t343\tM304\t\n", errRejects},
		"good":        {strings.Join(strings.SplitAfter(string(sample), "\n")[:2], ""), settings{file: "-", strict: true}, first, "", nil},
		"cut":         {string(sample[:600]), settings{file: "-"}, first, "2\t343\tM304\t\n3\t502\tM301\t\n", errRejects},
		"a cut array": {array()[:600], settings{file: "-"}, first, "2\t344\tM304\t\n3\t503\tM301\t\n", errCut},
		"nothing":     {"", settings{file: "-"}, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out, list bytes.Buffer
			if err := run(t.Context(), strings.NewReader(tt.in), &out, &list, tt.s); err != tt.want {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if out.String() != tt.out || list.String() != tt.list {
				t.Errorf("records:\n%s\nrejects:\n%s", &out, &list)
			}
		})
	}
}

// TestRunEnds with a reader that fails, a context that has ended, and a writer that takes
// nothing: not as if only some documents were wrong. What is said of it quotes nothing.
func TestRunEnds(t *testing.T) {
	quoted := errors.New("quotes cAnArY")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		in   io.Reader
		out  io.Writer
		s    settings
		want error
	}{
		"reader":  {t.Context(), io.MultiReader(bytes.NewReader(sample), iotest.ErrReader(quoted)), io.Discard, settings{file: "-"}, quoted},
		"context": {ended, nil, io.Discard, settings{}, context.Canceled},
		"writer":  {t.Context(), nil, full{}, settings{}, io.ErrShortWrite},
		"no file": {t.Context(), nil, io.Discard, settings{file: filepath.Join(t.TempDir(), "none")}, os.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(tt.ctx, tt.in, tt.out, io.Discard, tt.s)
			if !errors.Is(err, tt.want) || errors.Is(err, errRejects) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), "cAnArY") {
				t.Error("quoted")
			}
		})
	}
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestNoResult: a document that is one, and that the mapping has no result for, is rejected by
// its number.
func TestNoResult(t *testing.T) {
	m, err := compile(changed(t, `"/postcode": {"from": "/postcode"}`, `"/postcode": {"from": "/postcode", "do": [{"text.truncate": {"n": 2}}], "on_error": "fail"}`))
	if err != nil {
		t.Fatal(err)
	}
	marked := strings.Replace(string(sample), `"80331"`, `"e\u0301\u0301\u0301"`, 1) // no letter without its marks
	var out, list bytes.Buffer
	if err := cross(t.Context(), m, strings.NewReader(marked), &out, &list, true); err != errRejects || out.Len() > 0 {
		t.Errorf("%v, %s", err, &out)
	}
	if list.String() != "0\t-\tM315\t/postcode\n" {
		t.Errorf("rejects:\n%s", &list)
	}
}

// TestShow: the report and the picture are had without any data.
func TestShow(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "flow.svg")
	if err := run(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF), &out, io.Discard, settings{report: true, picture: picture, file: "-"}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`set /ref <- /number | mask.keep_last {"n":3} [confidential in eu for hr -> internal in * for insurance] released by DPO-201 until 2099-12-31`,
		"drop /salary: the group says enough [restricted in eu for hr]", "leaves internal in * for insurance",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("no %q in\n%s", line, &out)
		}
	}
	svg, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(svg, new(struct {
		XMLName xml.Name `xml:"svg"`
	})); err != nil || !bytes.Contains(svg, []byte("/number")) {
		t.Errorf("no picture: %v", err)
	}
}

// changed is the mapping as somebody else wrote it.
func changed(t *testing.T, old, now string) []byte {
	t.Helper()
	if strings.Count(string(employeeToInsured), old) != 1 {
		t.Fatalf("the mapping does not have %s", old)
	}
	return []byte(strings.Replace(string(employeeToInsured), old, now, 1))
}

// TestTooMuch: a mapping that lets too much out does not compile, and says where: the first is
// what the program's doc shows.
func TestTooMuch(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	const at = "employee-to-insured.jsonc:"
	for name, tt := range map[string]struct {
		old, now  string
		want      []string
		documents bool // shown in the program's doc
	}{
		"mask": {`"/ref": {"from": "/number", "do": [{"mask.keep_last": {"n": 3}}]},`, `"/ref": {"from": "/number"},`, []string{
			at + "5:22: M219 is confidential, above what the destination accepts at /set/~1ref/from",
			at + "5:22: M221 may be in eu, and the destination is in us at /set/~1ref/from",
			at + "5:22: M222 may be used for hr, and the destination serves insurance at /set/~1ref/from",
		}, true},
		"month": {`{"date.year": {}}, {"int.to_string": {}}`, `{"date.format": {"layout": "2006-01"}}`, []string{
			at + "7:23: M226 goes together with /postcode, and then is restricted, above what the destination accepts at /set/~1born/from",
			at + "7:23: M226 goes together with /postcode, and then is pii.identity, which the destination does not accept at /set/~1born/from",
			at + "8:27: M226 goes together with /born, and then is restricted, above what the destination accepts at /set/~1postcode/from",
			at + "8:27: M226 goes together with /born, and then is pii.identity, which the destination does not accept at /set/~1postcode/from",
		}, false},
		"drop": {`"/salary": "the group says enough",`, ``, []string{at + "11:11: M205 neither uses nor drops the source's /salary at /drop"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := compile(changed(t, tt.old, tt.now))
			if m != nil || err == nil || err.Error() != strings.Join(tt.want, "\n") {
				t.Fatalf("%v", err)
			}
			for _, line := range append(tt.want, tt.now) {
				if tt.documents && !strings.Contains(string(program), "//\t"+line+"\n") {
					t.Errorf("the doc does not have %s", line)
				}
			}
		})
	}
}

func TestNoLeak(t *testing.T) {
	m, err := compile(employeeToInsured)
	if err != nil {
		t.Fatal(err)
	}
	mappingtest.NoLeak(t, m, nil, strings.Split(strings.TrimSpace(string(sample)), "\n")[:2]...)
}

// TestConstantMemory: of a stream without end only the document is held, also where each
// second one is rejected.
func TestConstantMemory(t *testing.T) {
	m, err := compile(employeeToInsured)
	if err != nil {
		t.Fatal(err)
	}
	in := &endless{text: sample, left: 8 << 20}
	if err := cross(t.Context(), m, in, io.Discard, io.Discard, false); err != errRejects {
		t.Fatal(err)
	}
	if n := len(in.heap); n < 5 || in.heap[n-1] > in.heap[1]+1<<20 {
		t.Errorf("bytes in use, after each MiB: %v", in.heap)
	}
}

// endless repeats a text, and weighs the heap after each MiB.
type endless struct {
	text     []byte
	at, left int
	heap     []uint64
}

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 && e.at == 0 {
		return 0, io.EOF
	}
	if e.left>>20 < 8-len(e.heap) {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		e.heap = append(e.heap, m.HeapAlloc)
	}
	n := copy(b, e.text[e.at:])
	e.at, e.left = (e.at+n)%len(e.text), e.left-n
	return n, nil
}

// TestStatus is what a shell sees, and what it is told beside the list.
func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
		says string
	}{{nil, 0, ""}, {errRejects, 3, ""}, {io.ErrShortWrite, 1, "mappingonly: short write\n"}} {
		var out bytes.Buffer
		if got := status(&out, tt.err); got != tt.want || out.String() != tt.says {
			t.Errorf("%v: %d, %q", tt.err, got, &out)
		}
	}
}
