package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/report"
)

// large is a mapping in which everything is longer than its place.
func large() *report.Report {
	long := strings.Repeat("pii.contact-address-at-home, ", 20) + "pii.last in eu for hr"
	deep := strings.Repeat("/a-name-without-any-space", 12)
	return &report.Report{
		Mapping: "m", From: "people", To: "contacts", System: "crm", Kind: "api", Jurisdictions: "us", Accepts: long,
		Set: []report.Flow{
			{Into: "/phone", From: "/phone", Do: []report.Step{{Name: "mask.keep_last", Args: json.RawMessage(`{"n":4}`)}}, OnError: "drop", Before: long, After: "internal " + long, Approved: "DPO-7", Until: "2026-12-31"},
			{Into: "/fax", From: "/phone", Do: []report.Step{{Name: "mask.keep_last", Args: json.RawMessage(`{"n":16}`)}}, OnError: "null", Before: long, After: "internal " + long},
			{Into: "/id", From: "/phone", Do: []report.Step{{Name: "token.aes_siv", Args: json.RawMessage(`{"key":"k"}`), Hides: true, Reversible: true}}, Before: long, After: "internal"},
			{Into: deep + "/into", In: "path", From: deep + "/from", Before: "internal", After: "internal"},
			{Into: "/origin", Constant: `"` + strings.Repeat("<&日", 200) + `"`, After: "public"},
			{Into: "/country", From: "/iban", Do: []report.Step{
				{Name: "custom.country", Args: json.RawMessage(`{"version":"2"}`), Custom: true},
				{Name: "enum", Args: json.RawMessage(`{"map":{"x":"` + strings.Repeat("y z", 99) + `"}}`)},
			}, OnError: "fail", Before: "restricted", After: "restricted"},
		},
		Absent:   []report.Reason{{Path: "/note", Reason: strings.Repeat("why ", 40)}},
		Drop:     []report.Reason{{Path: "/salary", Reason: strings.Repeat("no use ", 28), Label: long}},
		Together: []report.Together{{Fields: "/a, /b", Label: long, Met: true}, {Fields: "/a, /c", Label: "restricted"}},
		Leaves:   long, NotAfter: "2027-01-01T00:00:00Z", FromHash: "f1", ToHash: "f2", Hash: "f3",
	}
}

// TestPictureLeavesNothingOut: whatever a reviewer decides by is drawn, to its last letter.
func TestPictureLeavesNothingOut(t *testing.T) {
	r := large()
	drawn := map[string]bool{}
	for _, one := range read(t, r.SVG()) {
		drawn[one.text] = true
	}
	wanted := []string{
		`mask.keep_last {"n":4}`, `mask.keep_last {"n":16}`, "on error drop", "on error null", "on error fail",
		`custom.country {"version":"2"} (code to be read)`, `custom code to be read: custom.country {"version":"2"}`,
		`token.aes_siv {"key":"k"} (reversible)`, `reversible by who has the key: token.aes_siv {"key":"k"}`,
		"released by DPO-7 until 2026-12-31", "not after 2027-01-01T00:00:00Z",
		"together /a, /b: " + r.Leaves, "not together /a, /c: restricted", "leaves " + r.Leaves,
		"destination crm (api) in us, accepts " + r.Accepts, "enum " + string(r.Set[5].Do[1].Args),
		"constant " + r.Set[4].Constant, r.Set[0].Before, r.Set[0].After, r.Set[3].From, r.Set[3].Into + " (path)",
		"dropped: " + r.Drop[0].Reason, "absent: " + r.Absent[0].Reason,
		"hash of the source's schema f1", "hash of the destination's schema f2", "hash f3",
	}
	for _, want := range wanted {
		if !drawn[want] {
			t.Errorf("no %q", want)
		}
	}
	r.NotAfter = ""
	if !strings.Contains(string(r.SVG()), "no release is used") {
		t.Error("nothing says that no release is used")
	}
}

// TestPictureIsReadable: no line of text lies on another, or leaves its box or the picture, and
// none of the lines that lead somewhere runs through one.
func TestPictureIsReadable(t *testing.T) {
	svg := large().SVG()
	all := texts(t, svg)
	boxes, ways := covered(t, svg)
	for i, one := range all {
		for _, other := range all[:i] {
			if one.meets(other) {
				t.Errorf("%+v lies on %+v", one, other)
			}
		}
		for _, box := range boxes { // the first is the whole picture
			if one.meets(box) && !one.within(box) {
				t.Errorf("%+v leaves %+v", one, box)
			}
		}
		for _, way := range ways {
			if one.meets(way) {
				t.Errorf("%+v runs through %+v", way, one)
			}
		}
	}
	for i, box := range boxes[1:] {
		for _, other := range boxes[1 : i+1] {
			if box.meets(other) || !box.within(boxes[0]) {
				t.Errorf("%+v lies on %+v, or leaves the picture", box, other)
			}
		}
	}
}

// area is what something covers.
type area struct{ x, y, width, height float64 }

func (a area) meets(b area) bool {
	return a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height
}

func (a area) within(b area) bool {
	return a.x >= b.x && a.y >= b.y && a.x+a.width <= b.x+b.width && a.y+a.height <= b.y+b.height
}

// text is one with the lines in which it stands.
type text struct {
	text  string
	lines []area
}

// read is the text of a picture, with what it covers in a font as wide as those that there are.
func read(t *testing.T, svg []byte) []text {
	t.Helper()
	var all []text
	size := 0.0
	walk(t, svg, func(e xml.StartElement) {
		switch e.Name.Local {
		case "text":
			all, size = append(all, text{}), number(t, e, "font-size")
		case "tspan":
			last := &all[len(all)-1]
			last.lines = append(last.lines, area{x: number(t, e, "x"), y: number(t, e, "y") - size*0.8, height: size})
		}
	}, func(part string) {
		if len(all) == 0 || strings.TrimSpace(part) == "" {
			return
		}
		last := &all[len(all)-1]
		last.text += part
		for _, char := range strings.TrimRight(part, " ") {
			wide := 0.61
			if char > 0x7f {
				wide = 1
			}
			last.lines[len(last.lines)-1].width += wide * size
		}
	})
	return all
}

// texts are what all lines of text cover.
func texts(t *testing.T, svg []byte) (all []area) {
	t.Helper()
	for _, one := range read(t, svg) {
		all = append(all, one.lines...)
	}
	return all
}

// covered is what boxes cover, and all the space that a line runs through.
func covered(t *testing.T, svg []byte) (boxes, ways []area) {
	t.Helper()
	walk(t, svg, func(e xml.StartElement) {
		switch e.Name.Local {
		case "rect":
			box := area{width: number(t, e, "width"), height: number(t, e, "height")}
			if len(boxes) > 0 { // the whole picture is at 0, 0
				box.x, box.y = number(t, e, "x"), number(t, e, "y")
			}
			boxes = append(boxes, box)
		case "line":
			x, y, toX, toY := number(t, e, "x1"), number(t, e, "y1"), number(t, e, "x2"), number(t, e, "y2")
			ways = append(ways, area{x, min(y, toY), toX - x, max(y, toY) - min(y, toY) + 1})
		}
	}, func(string) {})
	if len(boxes) < 2 || len(ways) == 0 {
		t.Fatal("no picture")
	}
	return boxes, ways
}

func walk(t *testing.T, svg []byte, element func(xml.StartElement), content func(string)) {
	t.Helper()
	style := false
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			style = token.Name.Local == "style"
			element(token)
		case xml.CharData:
			if !style {
				content(string(token))
			}
		}
	}
}

func number(t *testing.T, e xml.StartElement, name string) float64 {
	t.Helper()
	for _, a := range e.Attr {
		if a.Name.Local == name {
			n, err := strconv.ParseFloat(a.Value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s has no %s", e.Name.Local, name)
	return 0
}
