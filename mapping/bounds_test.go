package mapping_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// TestRecordsAreBounded: a short document makes no long record, in the body or elsewhere,
// and nothing goes on once it is too long.
func TestRecordsAreBounded(t *testing.T) {
	const texts = `"type": "array", "maxItems": 20000, "items": {"type": "string", "maxLength": 20000}`
	long := strings.Repeat("x", 20_000)
	enum := `{"enum": {"map": {"a": "b"}, "else": "` + long + `"}}`
	raw := "[" + strings.Repeat(`"",`, 19_999) + `""]`
	for name, m := range map[string]*mapping.Mapper{
		"body":      one(t, texts, texts, enum),
		"attribute": one(t, texts, texts+`, "in": "attribute"`, enum),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":`+raw+`}`)), nil)
		runtime.ReadMemStats(&after)
		if fmt.Sprint(err) != "mapping: M316 data does not fit at /v" || !errors.Is(err, mapping.ErrInvalid) || !empty(record) {
			t.Errorf("%s: %v", name, err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 200<<20 {
			t.Errorf("%s: %d MiB", name, spent>>20)
		}
	}
}

// TestTheLimitOfARecord is of all its fields together.
func TestTheLimitOfARecord(t *testing.T) {
	copies := func(n int, in string) error {
		var properties, set []string
		for i := range n {
			properties = append(properties, fmt.Sprintf(`"c%d": {"type": "string", "maxLength": 4194304, "in": %q}`, i, []string{in, "body"}[i%2]))
			set = append(set, fmt.Sprintf(`"/c%d": {"from": "/v"}`, i))
		}
		const src = `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"v": {"type": "string", "maxLength": 4194304}}}`
		dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {` + strings.Join(properties, ",") + `}}`
		m := compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {`+strings.Join(set, ",")+`}}`, anywhereAPI())
		_, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":"`+strings.Repeat("x", 4_000_000)+`"}`)), nil)
		return err
	}
	for _, in := range []string{"body", "query", "attribute"} {
		if err := copies(4, in); err != nil {
			t.Errorf("16,000,000 bytes in a body and a %s: %v", in, err)
		}
		err := copies(5, in)
		if data, ok := errors.AsType[*mapping.DataError](err); !ok || data.Code != "M316" {
			t.Errorf("20,000,000 bytes in a body and a %s: %v", in, err)
		}
	}
	const list = `"type": "array", "maxItems": 600000, "items": {"type": "string", "maxLength": 1}`
	m := one(t, list, list+`, "in": "attribute"`, ``)
	for n, want := range map[int]string{500_000: "", 530_000: "M316"} {
		_, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":[`+strings.Repeat(`"",`, n-1)+`""]}`)), nil)
		if data, _ := errors.AsType[*mapping.DataError](err); (err != nil) != (want != "") || err != nil && data.Code != want {
			t.Errorf("%d empty values: %v", n, err)
		}
	}
}

// ending is a context that ends after it was asked so many times.
type ending struct {
	context.Context
	left int
}

func (e *ending) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestLongArraysEnd with their context.
func TestLongArraysEnd(t *testing.T) {
	const numbers = `"type": "array", "maxItems": 100000, "items": {"type": "integer"}`
	const texts = `"type": "array", "maxItems": 100000, "items": {"type": "string", "maxLength": 63}`
	raw := []byte(`{"v":[` + strings.Repeat("1,", 99_999) + `1]}`)
	for name, m := range map[string]*mapping.Mapper{
		"body":      one(t, numbers, texts, `{"token.hmac": {"key": "k"}}`),
		"attribute": one(t, numbers, texts+`, "in": "attribute"`, `{"token.hmac": {"key": "k"}}`),
	} {
		ctx := &ending{t.Context(), 5}
		record, err := m.Map(ctx, m.Source().Document(raw), testKeys("1"))
		if err != context.Canceled || !empty(record) || ctx.left < -3 {
			t.Errorf("%s: %v, asked %d times afterwards", name, err, -ctx.left)
		}
		if _, err := m.Map(t.Context(), m.Source().Document(raw), testKeys("1")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
