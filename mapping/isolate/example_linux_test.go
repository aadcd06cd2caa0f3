package isolate_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/isolate"
)

// A stranger's file is read where there is nothing else.
func Example() {
	// In a program: func main() { isolate.Main(); … }
	src, err := mapping.ParseSchema([]byte(`{"title": "order", "type": "object", "additionalProperties": false, "required": ["id"],
		"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"id": {"type": "integer", "minimum": 1}, "comment": {"type": "string", "maxLength": 500}}}`))
	if err != nil {
		log.Fatal(err)
	}
	dst, err := mapping.ParseSchema([]byte(`{"title": "parcel", "type": "object", "additionalProperties": false, "required": ["order"],
		"properties": {"order": {"type": "integer", "minimum": 1}}}`))
	if err != nil {
		log.Fatal(err)
	}
	depot := mapping.Destination{System: "depot", Kind: "api", Jurisdictions: []string{"eu"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"shipping"}}}
	mapper, err := mapping.Compile(src, dst, []byte(`{"mapping": "order-to-parcel", "from": "order", "to": "parcel",
		"set": {"/order": {"from": "/id"}}, "drop": {"/comment": "no business of the depot"}}`), depot)
	if err != nil {
		log.Fatal(err)
	}
	file := strings.NewReader(`{"id": 17, "comment": "fragile"}
		{"id": 18, "price": 4}
		{"id": 19}`)

	for record, err := range isolate.Map(context.Background(), mapper, file, nil, isolate.Limits{}) {
		if refused, ok := errors.AsType[*mapping.RejectError](err); ok {
			fmt.Println("refused:", refused)
			continue
		}
		if err != nil {
			log.Fatal(err) // the last: the batch could not go on
		}
		fmt.Printf("%s\n", record.AppendBody(nil))
	}
	// Output:
	// {"order":17}
	// refused: mapping: document 1 at byte 35: M304 data does not fit
	// {"order":19}
}
