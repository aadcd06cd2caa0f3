package mapping_test

import (
	"encoding/json"
	"os"
	"reflect"
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

// TestJSONSchemaTakesMore: what another validator would read in another way does not leave, so
// that it takes what the check takes.
func TestJSONSchemaTakesMore(t *testing.T) {
	s := schema(t, `{"title": "p", "type": "object", "additionalProperties": false, "properties": {
		"letters": {"type": "string", "maxLength": 9, "pattern": "^[[:alpha:]]+$"}, "folded": {"type": "string", "maxLength": 9, "pattern": "^(?i)abc$"},
		"digits": {"type": "string", "maxLength": 9, "pattern": "^\\d{1,9}$"}, "choice": {"type": "string", "enum": ["x", "y"], "maxLength": 3, "pattern": "^[a-z]+$"},
		"amount": {"type": "number", "scale": 2, "minimum": 0, "maximum": 100}}}`)
	var got struct {
		Properties map[string]map[string]any
	}
	if err := json.Unmarshal(s.JSONSchema(), &got); err != nil {
		t.Fatal(err)
	}
	if want := map[string]map[string]any{
		"letters": {"type": "string", "maxLength": 9.0}, "folded": {"type": "string", "maxLength": 9.0}, "digits": {"type": "string", "maxLength": 9.0, "pattern": `^\d{1,9}$`},
		"choice": {"type": "string", "enum": []any{"x", "y"}}, "amount": {"type": "number", "minimum": 0.0, "maximum": 100.0},
	}; !reflect.DeepEqual(got.Properties, want) {
		t.Errorf("got %v", got.Properties)
	}
	if err := s.Document([]byte(`{"letters": "a", "folded": "ABC", "digits": "1", "choice": "x", "amount": 19.99}`)).Check(); err != nil {
		t.Error(err)
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
