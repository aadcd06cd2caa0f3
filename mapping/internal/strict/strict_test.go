package strict_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/netip"
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

// hour is a key that reads several names as one.
type hour struct{ n int }

func (h *hour) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d", &h.n)
	return err
}

// odd is a key that cannot be one.
type odd struct{ v any }

func (o *odd) UnmarshalText(text []byte) error { o.v = text; return nil }

type own float64

func (o *own) UnmarshalJSON([]byte) error { *o = 1; return nil }

// TestDecodeQuoted: the option string is no way around what holds for numbers and text.
func TestDecodeQuoted(t *testing.T) {
	type quoted struct {
		F float64     `json:"f,string"`
		H float32     `json:"h,omitempty,string"`
		P *float64    `json:"p,string"`
		I int8        `json:"i,string"`
		B bool        `json:"b,string"`
		S string      `json:"s,string"`
		N json.Number `json:"n,string"`
		O own         `json:"o,string"`
		//lint:ignore SA5008 the option means nothing here, and the reader has to know that
		L []float64 `json:"l,string"`
		//lint:ignore SA5008 nor here
		R []byte `json:"r,string"`
	}
	for raw, want := range map[string]bool{
		`{"f":"9007199254740992","h":"16777216","p":"0.5","i":"-128","b":"true","s":"\"a\\ud83d\\ude00\"","o":"x","l":[1],"r":"AQI="}`: true, `{"p":null}`: true, `{"p":"null"}`: true, `{"f":"\u0031"}`: true, `{"n":"12"}`: true, `{"o":7}`: false,
		`{"f":"9007199254740993"}`: false, `{"h":"16777217"}`: false, `{"p":"9007199254740993"}`: false, `{"f":"\u0039007199254740993"}`: false, `{"f":"1e400"}`: false, `{"f":1}`: false, `{"f":"null"}`: false, `{"i":"null"}`: false, `{"b":"null"}`: false, `{"s":"null"}`: false, `{"f":null}`: false,
		`{"i":"128"}`: false, `{"i":"1.0"}`: false, `{"i":"+1"}`: false, `{"f":""}`: false, `{"f":"x"}`: false, `{"f":"[1]"}`: false, `{"f":"1 2"}`: false, `{"s":"a"}`: false, `{"s":"\"\\ud83d\""}`: false, `{"s":"\"a\" x"}`: false, `{"b":"TRUE"}`: false, `{"l":[9007199254740993]}`: false, `{"l":"[1]"}`: false,
	} {
		var got quoted
		if ok := strict.Decode([]byte(raw), &got); ok != want || !ok && !reflect.DeepEqual(got, quoted{}) {
			t.Errorf("%s: %v %+v", raw, ok, got)
		}
	}
}

// TestDecodeKeys: two members are two entries, or none.
func TestDecodeKeys(t *testing.T) {
	for raw, want := range map[string]int{
		`{}`: 0, `{"7":1,"8":2}`: 2, `{"7":1,"07":2}`: -1, `{"7":1,"7 o'clock":2}`: -1, `{"x":1}`: -1, `{"":1}`: -1,
	} {
		var got map[hour]int
		if ok := strict.Decode([]byte(raw), &got); ok != (want >= 0) || ok && len(got) != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
	var addresses map[netip.Addr]string
	if strict.Decode([]byte(`{"::1":"a","0:0::1":"b"}`), &addresses) || !strict.Decode([]byte(`{"::1":"a","::2":"b"}`), &addresses) || len(addresses) != 2 {
		t.Error(addresses)
	}
	var nested []map[string]map[hour]int
	if strict.Decode([]byte(`[{"a":{"7":1,"07":2}}]`), &nested) || !strict.Decode([]byte(`[{"a":{"7":1},"b":{"07":2}}]`), &nested) {
		t.Error(nested)
	}
	var never map[odd]int
	var readers map[encoding.TextUnmarshaler]int
	if strict.Decode([]byte(`{"a":1}`), &never) || strict.Decode([]byte(`{"a":1}`), &readers) {
		t.Error(never, readers)
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
