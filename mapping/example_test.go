package mapping_test

import (
	"context"
	"fmt"
	"io"

	"github.com/carnet-go/carnet/mapping"
)

// The source's owner labels, and says what releases.
const employee = `{
  "title": "employee", "type": "object", "additionalProperties": false, "required": ["number", "name", "phone", "ssn"],
  "defaults": {"classification": "confidential", "residency": ["eu"], "purposes": ["hr"]},
  "properties": {
    "number": {"type": "integer", "minimum": 1, "classification": "internal", "residency": ["*"], "purposes": ["*"]},
    "name": {"type": "string", "maxLength": 100, "classification": "internal", "categories": ["pii.contact"], "residency": ["*"], "purposes": ["hr", "crm"]},
    "phone": {
      "type": "string", "maxLength": 30, "categories": ["pii.contact"],
      "release": [{"via": "mask.keep_last", "args": {"n": 4}, "to": "internal", "residency": ["*"], "purposes": ["crm"], "approved": "DPO-114", "until": "2099-12-31"}],
    },
    "ssn": {"type": "string", "maxLength": 11, "classification": "restricted"},
  },
}`

// The destination's owner says what it takes, and where.
const customer = `{
  "title": "customer", "type": "object", "additionalProperties": false, "required": ["id", "name"],
  "properties": {
    "id": {"type": "integer", "in": "path"},
    "name": {"type": "string", "maxLength": 200},
    "phone": {"type": "string", "maxLength": 30},
  },
}`

// The mapping's author connects them. He forgot to mask the telephone, and the ssn.
const forgetful = `{
  "mapping": "employee-to-customer", "from": "employee", "to": "customer",
  "set": {
    "/id": {"from": "/number"},
    "/name": {"from": "/name"},
    "/phone": {"from": "/phone"},
  },
}`

const careful = `{
  "mapping": "employee-to-customer", "from": "employee", "to": "customer",
  "set": {
    "/id": {"from": "/number"},
    "/name": {"from": "/name"},
    "/phone": {"from": "/phone", "do": [{"mask.keep_last": {"n": 4}}]},
  },
  "drop": {"/ssn": "the CRM has no use for it"},
}`

func Example() {
	src, err := mapping.ParseSchema([]byte(employee))
	if err != nil {
		panic(err)
	}
	dst, err := mapping.ParseSchema([]byte(customer))
	if err != nil {
		panic(err)
	}
	crm := mapping.Destination{
		System: "crm", Kind: "api", Jurisdictions: []string{"us"},
		Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}},
	}
	_, err = mapping.Compile(src, dst, []byte(forgetful), crm)
	fmt.Println(err)

	m, err := mapping.Compile(src, dst, []byte(careful), crm)
	if err != nil {
		panic(err)
	}
	document := src.Document([]byte(`{"number": 9007199254740993, "name": "Zoë <Zo> Åström", "phone": "+46 8 1234 5678", "ssn": "078-05-1120"}`))
	record, err := m.Map(context.Background(), document, nil)
	fmt.Println(record, err)
	for place, value := range record.Fields() {
		fmt.Println(place.In, place.Name, value)
	}
	body, _ := io.ReadAll(record.Body())
	fmt.Printf("%s\n%v\n", body, record.Label())

	_, err = m.Map(context.Background(), src.Document([]byte(`{"number": 1, "name": "Bo", "phone": "", "salary": 1, "ssn": ""}`)), nil)
	fmt.Println(err)
	// Output:
	// M205 neither uses nor drops the source's /ssn at /drop
	// M219 is confidential, above what the destination accepts at /set/~1phone/from
	// M221 may be in eu, and the destination is in us at /set/~1phone/from
	// M222 may be used for hr, and the destination serves crm at /set/~1phone/from
	// [record] <nil>
	// path id 9007199254740993
	// {"name":"Zoë \u003cZo\u003e Åström","phone":"****5678"}
	// internal pii.contact in * for crm
	// mapping: M304 data does not fit
}
