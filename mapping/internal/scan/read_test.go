package scan_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// TestTheCalendar: the days of all months of the years 1 to 9999 are those of package time.
func TestTheCalendar(t *testing.T) {
	for year := range 10000 {
		for month := range 14 {
			for _, day := range []int{0, 1, 27, 28, 29, 30, 31, 32} {
				want := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
				there := year > 0 && want.Year() == year && int(want.Month()) == month && want.Day() == day
				text := fmt.Appendf(nil, "%04d-%02d-%02d", year, month, day)
				if got, ok := scan.ReadDate(text); ok != there || scan.Date.Holds(text) != there || there && !got.Equal(want) {
					t.Fatalf("%s: %v %v", text, got, ok)
				}
			}
		}
	}
	for text, there := range map[string]bool{
		"0001-01-01T00:00:00Z": true, "0001-01-01T00:59:59+01:00": false, "0001-01-01T01:00:00+01:00": true, "0001-01-01T00:00:00-01:00": true,
		"9999-12-31T23:59:59.999999999Z": true, "9999-12-31T23:00:00-01:00": false, "9999-12-31T22:59:59-01:00": true, "9999-12-31T23:59:59+23:59": true,
	} {
		if _, ok := scan.ReadTime([]byte(text)); ok != there || scan.DateTime.Holds([]byte(text)) != there {
			t.Errorf("%s: %v", text, ok)
		}
	}
}

// TestNamesOfAnyLength: a name is its own and no other, however long it is, and however close
// to the end of the document.
func TestNamesOfAnyLength(t *testing.T) {
	for length := range 40 {
		name := strings.Repeat("n", length+1)
		root := &scan.Node{Kind: scan.Object, Slot: -1, Members: []scan.Member{{Name: name, Node: &scan.Node{Kind: scan.Integer, Slot: -1, Max: math.MaxInt64}}}}
		root.Index()
		for _, value := range []string{"1", "1234567890123456789", "1            "} {
			for _, form := range []string{`{"%s":%s}`, `{ "%s" : %s }`} {
				holds := func(name string) string {
					fault, _ := scan.Walk(root, scan.Source(fmt.Appendf(nil, form, name, value)), nil)
					return fault.Code
				}
				if code := holds(name); code != "" {
					t.Errorf("%s: %s", name, code)
				}
				if code := holds(name + "n"); code != scan.Unknown {
					t.Errorf("one letter more than %s: %s", name, code)
				}
				for i := range name {
					if code := holds(name[:i] + "m" + name[i+1:]); code != scan.Unknown {
						t.Errorf("another letter at %d of %s: %s", i, name, code)
					}
					if code := holds(name[:i] + `\u006e` + name[i+1:]); code != "" {
						t.Errorf("escaped at %d of %s: %s", i, name, code)
					}
				}
			}
		}
	}
}

// TestEachByteOfText: wherever it stands, a byte of text is taken or refused as encoding/json
// does, and only what a page reads as text is plain.
func TestEachByteOfText(t *testing.T) {
	n := &scan.Node{Kind: scan.String, MaxLength: 99}
	for length := range 20 {
		for at := range length + 1 {
			for c := range byte(0x80) {
				text := strings.Repeat("a", at) + string(rune(c)) + strings.Repeat("a", length-at)
				raw, values := []byte(`"`+text+`"`), make([]scan.Value, 1)
				_, ok := scan.Walk(n, scan.Source(raw), values)
				if ok != json.Valid(raw) {
					t.Fatalf("%q: %v", raw, ok)
				}
				if v := values[0]; ok && (!v.Plain != strings.ContainsAny(text, "<>&") || v.Escaped != (c == '\\') || int(v.Start) != 1 || int(v.End) != len(raw)-1) {
					t.Fatalf("%q: %+v", raw, v)
				}
			}
		}
	}
}
