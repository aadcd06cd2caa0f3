//go:build !linux

package isolate_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/isolate"
)

func TestMain(m *testing.M) {
	isolate.Main()
	os.Exit(m.Run())
}

// TestNotWithoutWalls holds that a system without walls is none for strangers, unless somebody
// says so.
func TestNotWithoutWalls(t *testing.T) {
	const schema = `{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"n": {"type": "integer"}}}`
	s, err := mapping.ParseSchema([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(s, s, []byte(`{"mapping": "m", "from": "a", "to": "a", "set": {"/n": {"from": "/n"}}}`),
		mapping.Destination{System: "b", Kind: "api", Jurisdictions: []string{"eu"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"p"}}})
	if err != nil {
		t.Fatal(err)
	}
	for weaker, want := range map[bool]error{false: isolate.ErrWalls, true: nil} {
		for _, err := range isolate.Map(t.Context(), m, strings.NewReader(`{"n": 1}`), nil, isolate.Limits{Weaker: weaker}) {
			if !errors.Is(err, want) {
				t.Errorf("weaker %v: %v", weaker, err)
			}
		}
	}
}
