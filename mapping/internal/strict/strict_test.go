package strict_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/strict"
)

type inner struct {
	Street string `json:"street"`
	Both   int    `json:"both"`
}

type other struct {
	Both  int `json:"both"`
	Floor int
}

type tree struct {
	//lint:ignore U1000 a decoder that follows it never ends
	*tree
	Leaf int
}

type target struct {
	Name   string            `json:"name"`
	Age    *int8             `json:"age"`
	Score  float64           `json:"score"`
	Pair   [2]int            `json:"pair"`
	More   map[string]string `json:"more"`
	Years  map[int]string    `json:"years"`
	Born   time.Time         `json:"born"`
	Raw    json.RawMessage   `json:"raw"`
	Any    any               `json:"any"`
	Tree   tree              `json:"tree"`
	Hidden string            `json:"-"`
	hidden int
	inner
	*other
}

func TestDecode(t *testing.T) {
	_ = target{}.hidden
	for raw, want := range map[string]bool{
		`{"name":"\u0041\ud83d\ude00\n","age":null,"score":9007199254740992,"pair":[1,2],"more":{"a":"b"},"years":{"-1":"x","0":"y"},"born":"2026-01-02T03:04:05Z","raw":[1,{}],"any":{"a":[true]},"street":"s","tree":{"Leaf":1}}`: true,
		` {} `: true, `{"any":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`: true, `{"score":0.1}`: true, `{"pair":[ 1 , 2 ]}`: true,
		``: false, `{}{}`: false, `null`: false, `[]`: false, "{\"name\":\"\xff\"}": false, `{"any":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`: false,
		`{"Name":"x"}`: false, `{"nick":"x"}`: false, `{"hidden":1}`: false, `{"Hidden":"x"}`: false, `{"both":1}`: false, `{"name":"a","name":"b"}`: false, `{"any":{"k":1,"K":2}}`: false, `{"any":{"k":1,"\u212a":2}}`: false,
		`{"name":null}`: false, `{"pair":null}`: false, `{"pair":[1]}`: false, `{"pair":[1,"x"]}`: false, `{"pair":[null,1]}`: false, `{"age":1.0}`: false, `{"age":128}`: false, `{"score":9007199254740993}`: false, `{"score":1e400}`: false, `{"score":1` + strings.Repeat("0", 310) + `}`: false,
		`{"name":"\ud83d"}`: false, `{"name":"\ud83d\u0041"}`: false, `{"name":"\ude00"}`: false, `{"any":{"\ud83d":1}}`: false, `{"any":["\ud83d"]}`: false, `{"any":{"a":{"b":1,"b":2}}}`: false, `{"years":{"01":"x"}}`: false, `{"years":{"+1":"x"}}`: false, `{"born":"x"}`: false, `{"born":1}`: false, `{"name":{"a":1}}`: false,
	} {
		got := target{Name: "before"}
		if ok := strict.Decode([]byte(raw), &got); ok != want || !ok && !reflect.DeepEqual(got, target{Name: "before"}) {
			t.Errorf("%.80s: %v", raw, ok)
		}
	}
}

func TestDecodeElsewhere(t *testing.T) {
	for _, v := range []any{nil, target{}, (*target)(nil), 1} {
		if strict.Decode([]byte(`{}`), v) {
			t.Errorf("%T", v)
		}
	}
	var v any
	if !strict.Decode([]byte(`9007199254740993`), &v) || v != json.Number("9007199254740993") {
		t.Error(v)
	}
	var raw json.RawMessage
	if strict.Decode([]byte(`{"a":1,"a":2}`), &raw) || !strict.Decode([]byte(` 1`), &raw) {
		t.Error(raw)
	}
	var interfaced fmt.Stringer
	if strict.Decode([]byte(`{"a":1}`), &interfaced) {
		t.Error(interfaced)
	}
}

func TestFolded(t *testing.T) {
	for _, same := range []string{"kK\u212a", "sS\u017f", "aA", "\u03c3\u03c2\u03a3"} {
		for _, r := range same {
			if strict.Folded(r) != strict.Folded([]rune(same)[0]) {
				t.Errorf("%q of %q", r, same)
			}
		}
	}
	if strict.Folded('a') == strict.Folded('b') {
		t.Error("all are one")
	}
}

func Example() {
	var contact struct {
		Name string `json:"name"`
	}
	for _, raw := range []string{`{"name":"Ann"}`, `{"Name":"Bo"}`, `{"name":"Bo","name":"Cy"}`} {
		fmt.Println(strict.Decode([]byte(raw), &contact), contact.Name)
	}
	// Output:
	// true Ann
	// false Ann
	// false Ann
}
