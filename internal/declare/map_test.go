package declare_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/carnet-go/carnet/internal/declare"
)

// TestElementsOfAMap: none has anything of another, whatever it leaves out.
func TestElementsOfAMap(t *testing.T) {
	type element struct {
		Name   string
		Scopes []string
		Raw    json.RawMessage
		Inner  *inner
		Levels map[string]uint8
	}
	type key string
	var got struct{ All map[key]element }
	_, problems := declare.Read("f.jsonc", []byte(`{"all": {
		"first": {"name": "n", "scopes": ["a", "b"], "raw": {"x": 1}, "inner": {"level": 1}, "levels": {"l": 1}},
		"none": {},
		"last": {"scopes": ["c"], "raw": [2, 3, 4, 5], "inner": {"name": "i"}, "levels": {"m": 2}},
	}}`), &got)
	want := map[key]element{
		"first": {"n", []string{"a", "b"}, json.RawMessage(`{"x":1}`), &inner{Level: 1}, map[string]uint8{"l": 1}}, "none": {},
		"last": {"", []string{"c"}, json.RawMessage(`[2,3,4,5]`), &inner{Name: "i"}, map[string]uint8{"m": 2}},
	}
	if problems != nil || !reflect.DeepEqual(got.All, want) {
		t.Errorf("%v\n%+v\n%+v", problems, got.All, want)
	}
}
