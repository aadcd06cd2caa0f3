package mapping_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// TestReportForTools: each flow, what is absent and what is dropped stand in all three, with
// their labels.
func TestReportForTools(t *testing.T) {
	m := employees(t)
	var data struct {
		Mapping, From, To, Hash string
		FromHash                string `json:"from_hash"`
		ToHash                  string `json:"to_hash"`
		Set                     []struct {
			Into, From, Constant, Before, After, Approved string
			Do                                            []struct {
				Name  string
				Args  map[string]any
				Hides bool
			}
		}
		Absent, Drop []struct{ Path, Reason string }
	}
	if err := json.Unmarshal(m.ReportJSON(), &data); err != nil {
		t.Fatal(err)
	}
	if data.Mapping != "employee-to-contact" || data.Hash != m.Hash() || len(data.Set) != 15 || len(data.Drop) != 4 || len(data.Absent) != 1 {
		t.Errorf("%+v", data)
	}
	if data.FromHash != m.Source().Hash() || data.ToHash != schema(t, file(t, "contact.jsonc")).Hash() {
		t.Errorf("the schemas' hashes are %s and %s", data.FromHash, data.ToHash)
	}
	if phone := data.Set[6]; phone.Into != "/phone" || phone.From != "/phone" || phone.Do[0].Name != "mask.keep_last" || phone.Do[0].Args["n"] != 4.0 || !phone.Do[0].Hides ||
		phone.Before != "confidential pii.contact in eu for hr" || phone.After == phone.Before || phone.Approved != "DPO-2026-114" {
		t.Errorf("%+v", phone)
	}
	svg := m.ReportSVG()
	if os.Getenv("CARNET_UPDATE") != "" {
		if err := os.WriteFile("testdata/report.svg", svg, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(svg) != file(t, "report.svg") {
		t.Error("another picture: look at it, and write it with CARNET_UPDATE=1")
	}
	text := drawn(t, svg)
	for _, f := range data.Set {
		for _, part := range []string{f.Into, f.From, f.Constant, f.Approved} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in the picture", part)
			}
		}
	}
	for _, f := range append(data.Drop, data.Absent...) {
		if !strings.Contains(text, f.Path) {
			t.Errorf("%q is not in the picture", f.Path)
		}
	}
	if none := (*mapping.Mapper)(nil); none.ReportJSON() != nil || none.ReportSVG() != nil || none.Report() != "" {
		t.Error("of nothing")
	}
}

// TestGuardsAreSeen: a combination that is not sent, and what only a schema says, stand in every
// report, so that nobody takes them away unseen.
func TestGuardsAreSeen(t *testing.T) {
	text := studied(map[string]string{"/when": "/born", "/sex": "/sex"})
	with, without := compile(t, patients(together), study, text, anywhereAPI()), compile(t, patients(""), study, text, anywhereAPI())
	const line = "not together /born unless by date.year, /address/code, /sex: restricted pii.identity in * for *"
	if !strings.Contains(with.Report(), line+"\n") || !strings.Contains(drawn(t, with.ReportSVG()), line) {
		t.Errorf("%s", with.Report())
	}
	var data struct {
		Together []struct {
			Fields string
			Met    *bool
		}
	}
	if err := json.Unmarshal(with.ReportJSON(), &data); err != nil || len(data.Together) != 1 || data.Together[0].Met == nil || *data.Together[0].Met {
		t.Errorf("%+v, %v", data, err)
	}
	for _, shown := range []func(*mapping.Mapper) string{
		(*mapping.Mapper).Report,
		func(m *mapping.Mapper) string { return string(m.ReportJSON()) },
		func(m *mapping.Mapper) string { return drawn(t, m.ReportSVG()) },
	} {
		if !strings.Contains(shown(with), with.Source().Hash()) || strings.Contains(shown(without), with.Source().Hash()) {
			t.Errorf("not the source's hash:\n%s", shown(with))
		}
	}
}

// drawn is the text of a picture, which is XML, without scripts and references.
func drawn(t *testing.T, svg []byte) string {
	t.Helper()
	var b strings.Builder
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.StartElement:
			if name := token.Name.Local; name != "svg" && name != "rect" && name != "text" && name != "line" && name != "tspan" && name != "style" {
				t.Errorf("element %s", name)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPictureIsNoMarkup: a constant is shown as it is.
func TestPictureIsNoMarkup(t *testing.T) {
	m := compile(t, orders, orders, `{"mapping": "o", "from": "orders", "to": "orders", "set": {"/n": {"from": "/n"}, "/note": {"const": "<script>alert(1)</script>\u202e"}}, "drop": {"/note": "<b>&"}}`, anywhereAPI())
	svg := string(m.ReportSVG())
	drawn(t, []byte(svg))
	if strings.Contains(svg, "<script") || strings.Contains(svg, "<b>") || strings.Contains(svg, "\u202e") {
		t.Error(svg)
	}
}
