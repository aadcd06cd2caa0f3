package declare_test

import (
	"os"
	"reflect"
	"testing"

	"github.com/carnet-go/carnet/internal/declare"
)

func FuzzRead(f *testing.F) {
	canary, err := os.ReadFile("testdata/canary.jsonc")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canary)
	f.Add([]byte(`{"tenant": "a", "levels": {"a b": 1,}, "list": [{"name": "x"},], "until": "2027-06-30T00:00:00Z"} // end`))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := string(data)
		var once, twice target
		index, problems := declare.Read("f", data, &once)
		_, again := declare.Read("f", data, &twice)
		if !reflect.DeepEqual(problems, again) || !reflect.DeepEqual(once, twice) {
			t.Fatal("reading twice differs")
		}
		if string(data) != before {
			t.Fatal("the input was changed")
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Code == "" || p.Problem == "" {
				t.Fatalf("incomplete problem %+v", p)
			}
		}
		if line, column := index.At("/list/0/name"); (line == 0) != (column == 0) {
			t.Fatalf("half a position: %d:%d", line, column)
		}
	})
}
