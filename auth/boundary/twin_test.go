package boundary_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth/boundary"
)

// twin is the sample with a system that stands in for the CRM.
func twin(t *testing.T, change ...string) string {
	t.Helper()
	lab := strings.NewReplacer(change...).Replace(`{
      "name": "lab", "twin_of": "crm", "origin": "https://lab.example", "zone": "partners", "jurisdictions": ["us"],
      "clearance": {"class": "internal", "categories": ["pii.contact"], "purposes": ["hr"]},
      "secrets": ["lab/api", "crm/tokens"],
    },
  ],
  "issuers":`)
	return strings.Replace(sample(t, "acme", "acme"), "],\n  \"issuers\":", lab, 1)
}

// TestTwinFromAFolder: it is declared by where it is, and a review lists it.
func TestTwinFromAFolder(t *testing.T) {
	s, err := boundary.Review(whole(t, twin(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []boundary.Note{{Name: "lab", At: "boundary.jsonc:38", Reason: "crm"}}; !reflect.DeepEqual(s.Twins, want) {
		t.Errorf("got %+v", s.Twins)
	}
	b, err := boundary.Load(whole(t, twin(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var operations []string
	for _, system := range b.Catalogue().Systems() {
		for _, op := range system.Operations {
			if system.Name == "lab" {
				operations = append(operations, op.Name+" "+op.Method)
			}
		}
	}
	if want := []string{"lab.contact.read GET", "lab.contact.delete DELETE", "lab.contact.push PUT"}; !reflect.DeepEqual(operations, want) {
		t.Errorf("operations %q", operations)
	}
}

// TestTwinFindingsHaveAPlace, also those about operations that nobody wrote.
func TestTwinFindingsHaveAPlace(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		want   []string
	}{
		"of nothing":        {[]string{`"twin_of": "crm"`, `"twin_of": "crn"`}, []string{"boundary.jsonc:39:33", "B139", `did you mean "crm"`}},
		"of less":           {[]string{`"class": "internal"`, `"class": "public"`}, []string{"boundary.jsonc:38:3", "B139", "M219"}},
		"by the same key":   {[]string{`"lab/api"`, `"crm/api"`}, []string{"boundary.jsonc:41:19", "B139"}},
		"at the same place": {[]string{`https://lab.example`, `https://crm.example:443`}, []string{"boundary.jsonc:39:50", "B139"}},
		"with operations":   {[]string{`"zone":`, `"operations": [], "ceiling": "5m", "zone":`}, []string{"boundary.jsonc:38:3", "B139"}},
		"unknown member":    {[]string{`"twin_of"`, `"twinof"`}, []string{"boundary.jsonc:39:22", "D105", `did you mean "twin_of"`}},
	} {
		_, err := boundary.Load(whole(t, twin(t, c.change...)), nil)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
}
