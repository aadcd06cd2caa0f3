package awsvault_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/carnet-go/carnet/vault/awsvault"
)

// FuzzFlat: what is taken apart is an object, each of whose members another reader finds
// too, with the same value.
func FuzzFlat(f *testing.F) {
	for _, seed := range []string{
		"", "k3y", "{}", `{"a":"b"}`, `{"a":1e3,"b":-0.5}`, `{"a":"b","a":"c"}`, `{"a":{}}`, `{"a":"\ud800"}`, `{"a":"b"}x`, "{\"a\":\"\xff\"}", `{"":""}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields := awsvault.Flat(text)
		if fields == nil {
			return
		}
		var other map[string]any
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.UseNumber()
		if err := decoder.Decode(&other); err != nil || len(other) != len(fields) || len(fields) == 0 {
			t.Fatalf("%d fields, %d members, %v", len(fields), len(other), err)
		}
		for name, value := range other {
			s, ok := value.(string)
			if n, is := value.(json.Number); is {
				s, ok = n.String(), true
			}
			if field, there := fields[name]; !ok || !there || s != "" && !field.Equal([]byte(s)) {
				t.Errorf("%q", name)
			}
		}
	})
}
