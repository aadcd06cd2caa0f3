package mapping_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// TestJSONSchema: what leaves is closed at each level, and has no word of ours.
func TestJSONSchema(t *testing.T) {
	s := schema(t, file(t, "employee.jsonc"))
	got := s.JSONSchema()
	if os.Getenv("CARNET_UPDATE") != "" {
		if err := os.WriteFile("testdata/employee.schema.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := file(t, "employee.schema.json"); string(got) != want {
		t.Errorf("got\n%s", got)
	}
	for _, word := range []string{"classification", "release", "residency", "purposes", "categories", `"in"`, "scale"} {
		if strings.Contains(string(got), word) {
			t.Errorf("it says %s", word)
		}
	}
	var all any
	if err := json.Unmarshal(got, &all); err != nil {
		t.Fatal(err)
	}
	closed(t, all)
	if (*mapping.Schema)(nil).JSONSchema() != nil {
		t.Error("of nothing")
	}
}

func closed(t *testing.T, v any) {
	t.Helper()
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	if object["type"] == "object" && object["additionalProperties"] != false {
		t.Errorf("an open object: %v", object)
	}
	if properties, ok := object["properties"].(map[string]any); ok {
		for _, property := range properties {
			closed(t, property)
		}
	}
	closed(t, object["items"])
}
