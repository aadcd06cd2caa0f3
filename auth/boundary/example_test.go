package boundary_test

import (
	"fmt"
	"os"
	"testing/fstest"

	"github.com/carnet-go/carnet/auth/boundary"
)

func Example() {
	bound, err := boundary.Load(os.DirFS("testdata/sample"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, system := range bound.Catalogue().Systems() {
		fmt.Println(system.Name, len(system.Operations))
	}

	_, err = boundary.Load(fstest.MapFS{"boundary.jsonc": {Data: []byte(`{
  "tenant": "acme",
  "systems": [{
    "name": "crm", "orgin": "https://crm.example",
    "operations": [{"name": "crm.contact.read", "method": "GET", "path": "/contacts", "effect": "readonly"}],
  }],
  "permits": [{"name": "hr", "operations": ["crm.contact.read"]}],
}`)}}, nil)
	fmt.Println(err)
	// Output:
	// crm 3
	// self 0
	// boundary.jsonc:4:20: D105 unknown member at /systems/0; did you mean "origin"?
	// boundary.jsonc:5:97: D113 unknown name at /systems/0/operations/0/effect; did you mean "read-only"?
	// boundary.jsonc:7:15: P103 is nobody at /permits/0/who
}
