package split_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carnet-go/carnet/mapping/internal/split"
)

// all is what a stream has, with where each begins.
func all(r io.Reader, most int) (got []string, last error) {
	s := split.New(context.Background(), r, most)
	for {
		doc, at, err := s.Next()
		switch err {
		case nil:
			got = append(got, fmt.Sprintf("%d:%s", at, doc))
		case split.ErrTooLarge:
			got = append(got, fmt.Sprintf("%d!", at))
		default:
			if _, _, again := s.Next(); again != err {
				return got, fmt.Errorf("first %w, then %w", err, again)
			}
			return got, err
		}
	}
}

func TestNext(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want []string
		last error
	}{
		"nothing":                  {"", nil, io.EOF},
		"space":                    {" \n\t\r\n", nil, io.EOF},
		"one":                      {`{"a":1}`, []string{`0:{"a":1}`}, io.EOF},
		"lines":                    {"{\"a\":1}\n{\"a\":2}\r\n\r\n  {}  \n", []string{`0:{"a":1}`, `8:{"a":2}`, "21:{}"}, io.EOF},
		"a line of anything":       {"x\n[1]\n", []string{"0:x", "2:[1]"}, io.EOF},
		"two on a line":            {"{}{}\n", []string{"0:{}{}"}, io.EOF},
		"empty array":              {" [ ] \n", nil, io.EOF},
		"array":                    {"[\n {\"a\":[1,2]} ,\n{\"b\":\"],\\\"[{\"}\n]\n", []string{`3:{"a":[1,2]}`, `17:{"b":"],\"[{"}`}, io.EOF},
		"array of scalars":         {`[1,"a,b" , null]`, []string{"1:1", `3:"a,b"`, "11:null"}, io.EOF},
		"a backslash at the end":   {`["\\",2]`, []string{`1:"\\"`, "6:2"}, io.EOF},
		"too large":                {"[1,\"" + strings.Repeat("x", 100) + "\",3]", []string{"1:1", "3!", "106:3"}, io.EOF},
		"a line that is":           {"1\n" + strings.Repeat("x", 100) + "\n3", []string{"0:1", "2!", "103:3"}, io.EOF},
		"the last is":              {"[" + strings.Repeat("x", 100) + "]", []string{"1!"}, io.EOF},
		"data behind an array":     {"[1] 2", []string{"1:1"}, split.ErrSyntax},
		"data behind an empty one": {"[]]", nil, split.ErrSyntax},
		"comma in front":           {"[,1]", nil, split.ErrSyntax},
		"two commas":               {"[1,,2]", []string{"1:1"}, split.ErrSyntax},
		"comma at the end":         {"[1,]", []string{"1:1"}, split.ErrSyntax},
		"a brace too many":         {"[{}},1]", nil, split.ErrSyntax},
		"cut in an element":        {`[1,{"a":`, []string{"1:1"}, split.ErrSyntax},
		"cut behind a comma":       {"[1,", []string{"1:1"}, split.ErrSyntax},
		"cut behind the bracket":   {"[", nil, split.ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in), "by bytes": iotest.OneByteReader(strings.NewReader(tt.in)), "with the end": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, last := all(r, 64)
				if fmt.Sprint(got) != fmt.Sprint(tt.want) || !errors.Is(last, tt.last) {
					t.Errorf("%s: got %q, %v", how, got, last)
				}
			}
		})
	}
}

// TestReader: its error is final, and what is not whole does not come.
func TestReader(t *testing.T) {
	for _, in := range []string{"{}\n{", "[{},{", "[{} ", "[", "", "[{}]"} {
		broken := errors.New("broken")
		got, last := all(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), 64)
		if !errors.Is(last, broken) || strings.Contains(fmt.Sprint(got), "{ ") || len(got) > 1 {
			t.Errorf("%q: got %q, %v", in, got, last)
		}
	}
}

// TestMemory: what is skipped is not held, however long it is.
func TestMemory(t *testing.T) {
	for _, frame := range []string{"%s\n{}\n", "[%s,{}]"} {
		front, behind, _ := strings.Cut(frame, "%s")
		long := io.LimitReader(endless{}, 64<<20)
		s := split.New(context.Background(), io.MultiReader(strings.NewReader(front), long, strings.NewReader(behind)), 1000)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := s.Next()
		runtime.ReadMemStats(&after)
		if held := after.TotalAlloc - before.TotalAlloc; err != split.ErrTooLarge || held > 1<<20 {
			t.Fatalf("%v, with %d bytes", err, held)
		}
		if doc, _, err := s.Next(); err != nil || string(doc) != "{}" {
			t.Errorf("behind it: %q, %v", doc, err)
		}
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// FuzzNext: whatever encoding/json reads as an array has these elements.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{`[{"a":[1,2]},"x",[],null]`, "{}\n{}", `["\\\"",{}]`, "[1] 2", "[,]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var want []json.RawMessage
		isArray := json.Unmarshal(in, &want) == nil && len(bytes.TrimSpace(in)) > 0 && bytes.TrimSpace(in)[0] == '['
		s := split.New(context.Background(), bytes.NewReader(in), len(in))
		var got []string
		for {
			doc, at, err := s.Next()
			if err != nil {
				if isArray && err != io.EOF {
					t.Fatalf("an array: %v", err)
				}
				break
			}
			if !bytes.HasPrefix(in[at:], doc) {
				t.Fatalf("%q does not stand at %d", doc, at)
			}
			got = append(got, string(doc))
		}
		if !isArray {
			return
		}
		for i, raw := range want {
			if i >= len(got) || got[i] != string(raw) {
				t.Fatalf("element %d: got %q", i, got)
			}
		}
	})
}
