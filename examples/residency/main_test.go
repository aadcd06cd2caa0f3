package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/mappingtest"
)

const want = `The desk gets the IBAN:
  desk-eu  may      {"customer":"CH9300762011623852957","question":"loan"}  confidential in ch, eu for support
  desk-ch  may      {"customer":"CH9300762011623852957","question":"loan"}  confidential in ch, eu for support
  desk-us  may not  -                                                       customer-to-case.jsonc:5:27: M221 may be in ch, eu, and the destination is in us at /set/~1customer/from
The desk gets a token, which nobody has released:
  desk-eu  may      {"customer":"tk1.t1.OqXUNYir-qJ4qvpGgWwAHA","question":"loan"}  confidential in ch, eu for support
  desk-ch  may      {"customer":"tk1.t1.OqXUNYir-qJ4qvpGgWwAHA","question":"loan"}  confidential in ch, eu for support
  desk-us  may not  -                                                               customer-to-case-token.jsonc:5:27: M221 may be in ch, eu, and the destination is in us at /set/~1customer/from
The desk gets a token, which its owner has released:
  desk-eu  may  {"customer":"tk1.t1.OqXUNYir-qJ4qvpGgWwAHA","question":"loan"}  internal in * for support, before 2100-01-01
  desk-ch  may  {"customer":"tk1.t1.OqXUNYir-qJ4qvpGgWwAHA","question":"loan"}  internal in * for support, before 2100-01-01
  desk-us  may  {"customer":"tk1.t1.OqXUNYir-qJ4qvpGgWwAHA","question":"loan"}  internal in * for support, before 2100-01-01
`

// TestRun: two desks are sent the value, the third one nothing until the owner has released
// a token, and then the token.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, mappingtest.Keys{}); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("printed:\n%s", &out)
	}
}

// TestTokenIsKeyed: whoever has another key makes other tokens, and cannot find out whose
// this one is by trying all IBANs.
func TestTokenIsKeyed(t *testing.T) {
	sent := map[string]bool{}
	for _, k := range []key{key("0123456789abcdef"), key("0123456789abcdeg")} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, k); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "CH9300762011623852957"); n != 2 {
			t.Errorf("the value is sent %d times", n)
		}
		_, token, _ := strings.Cut(out.String(), "tk1.k1.")
		sent[token[:22]] = true
	}
	if len(sent) != 2 {
		t.Errorf("two keys make one token")
	}
}

// TestRunNeedsItsKey, as soon as it makes tokens, and a context that has not ended.
func TestRunNeedsItsKey(t *testing.T) {
	if err := run(t.Context(), new(bytes.Buffer), key("short")); !errors.Is(err, mapping.ErrNoKey) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), mappingtest.Keys{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestNightShift: a desk that is in two jurisdictions needs both.
func TestNightShift(t *testing.T) {
	for i, a := range attempts() {
		m, err := a.compile()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.For(desk("desk-both", "ch", "eu")); err != nil {
			t.Error(err)
		}
		_, err = m.For(desk("desk-night", "eu", "us"))
		if released := i == 2; released != (err == nil) || err != nil && !strings.Contains(err.Error(), "M221") {
			t.Errorf("%s %v", a.title, err)
		}
	}
}

// TestNoLeak, on each mapping and for each desk that it may send to.
func TestNoLeak(t *testing.T) {
	proven := 0
	for _, a := range attempts() {
		m, err := a.compile()
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range desks() {
			if m, err := m.For(to); err == nil {
				proven++
				mappingtest.NoLeak(t, m, mappingtest.Keys{}, somebody)
			}
		}
	}
	if proven != 7 {
		t.Errorf("%d mappings", proven)
	}
}

// TestFindingsHaveTheirFile, also those of the first desk.
func TestFindingsHaveTheirFile(t *testing.T) {
	a := attempts()[0]
	a.text = bytes.Replace(a.text, []byte(`"/iban"`), []byte(`"/ibam"`), 1)
	_, err := a.compile()
	if err == nil || !strings.HasSuffix(err.Error(), "\ncustomer-to-case.jsonc:5:27: M203 is no field of the source at /set/~1customer/from; did you mean \"/iban\"?") {
		t.Error(err)
	}
}
