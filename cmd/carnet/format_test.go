package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFormat holds what is printed against what stands in testdata, where a review sees what
// editors learn of a change. To write it:
//
//	CARNET_UPDATE=1 go test ./cmd/carnet -run TestFormat
func TestFormat(t *testing.T) {
	for _, kind := range []string{"boundary", "schema", "mapping"} {
		t.Run(kind, func(t *testing.T) {
			file := filepath.Join("testdata", "format", kind+".json")
			got := runWith(t.Context(), "format", kind)
			if os.Getenv("CARNET_UPDATE") != "" {
				if err := os.WriteFile(file, []byte(got.stdout), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := (result{0, read(t, file), ""}); got != want {
				t.Errorf("%s differs: look at the change, and write it with CARNET_UPDATE=1\ngot %#v", file, got)
			}
			var all map[string]any
			if err := json.Unmarshal([]byte(got.stdout), &all); err != nil {
				t.Fatal(err)
			}
			if objects := described(t, kind, all); objects < 2 || all["title"] != "carnet "+kind {
				t.Errorf("%d objects, %v", objects, all["title"])
			}
		})
	}
}

// described counts the objects of a format that are closed, and holds that each of their members
// has a description.
func described(t *testing.T, at string, node any) (closed int) {
	t.Helper()
	object, _ := node.(map[string]any)
	for name, inner := range object {
		closed += described(t, at+"/"+name, inner)
	}
	if object["additionalProperties"] != false {
		return closed
	}
	members, _ := object["properties"].(map[string]any)
	for name, member := range members {
		if text, _ := member.(map[string]any)["description"].(string); !strings.HasSuffix(text, ".") {
			t.Errorf("%s/properties/%s: %q describes nothing", at, name, text)
		}
	}
	return closed + 1
}

func TestFormatCommandLine(t *testing.T) {
	usage := result{2, "", "carnet format: give one of boundary, schema and mapping\nRun carnet format -h for its arguments and an example.\n"}
	check(t, usage, "format")
	check(t, usage, "format", "boundary", "schema")
	check(t, usage, "format", "Boundary")
}
