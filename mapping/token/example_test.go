package token_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/token"
)

// A record that was written under the key before is found by All, and written anew.
func Example() {
	ctx := context.Background()
	records := map[string]string{"tk1.1.7lqPOc33KO7QJSIN_1UHzA": "Zoë"} // of the CRM, by token
	versions := keys(now, before)                                       // in a service: vault.KeyVersions(grant)

	known, err := token.All(ctx, versions, token.Domain{Key: "crm/tokens", Schema: "employee", Field: "/number"}, "1017")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range known {
		if name, ok := records[text]; ok {
			version, _ := token.Version(text)
			fmt.Printf("%s, by version %s", name, version)
		}
	}
	// Output: Zoë, by version 1
}

const (
	customer = `{"title": "customer", "type": "object", "additionalProperties": false, "required": ["iban"],
		"defaults": {"classification": "restricted", "residency": ["eu"], "purposes": ["payment"]}, "properties": {
		"iban": {"type": "string", "minLength": 15, "maxLength": 34, "pattern": "^[A-Z0-9]+$",
			"release": [{"via": "token.aes_siv", "args": {"key": "desk/tokens"}, "to": "internal", "residency": ["*"], "purposes": ["*"], "approved": "DPO-7", "until": "2999-12-31"}]}}}`
	ticket      = `{"title": "ticket", "type": "object", "additionalProperties": false, "required": ["account"], "properties": {"account": {"type": "string", "maxLength": 255}}}`
	openTickets = `{"mapping": "customer-to-ticket", "from": "customer", "to": "ticket", "set": {"/account": {"from": "/iban", "do": [{"token.aes_siv": {"key": "desk/tokens"}}]}}}`
)

// What a help desk abroad may not read goes there as a token. It comes back in the desk's answer,
// is opened here, and has its label again before it goes on.
func ExampleOpen() {
	ctx := context.Background()
	desk := ring{[]version{now}, "desk/tokens", nil} // in a service: vault.Keys(grant), and vault.KeyVersions(grant) to open
	from, _ := mapping.ParseSchema([]byte(customer))
	into, _ := mapping.ParseSchema([]byte(ticket))
	m, err := mapping.Compile(from, into, []byte(openTickets), mapping.Destination{
		System: "desk", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"support"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sent, err := m.Map(ctx, from.Document([]byte(`{"iban": "DE89370400440532013000"}`)), desk)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("it leaves as", m.Label())

	var answer struct{ Account string } // the desk sends what it has
	if err := json.NewDecoder(sent.Body()).Decode(&answer); err != nil {
		fmt.Println(err)
		return
	}
	iban, err := token.Open(ctx, desk, token.Domain{Key: "desk/tokens", Schema: "customer", Field: "/iban"}, answer.Account)
	if err != nil {
		fmt.Println(err)
		return
	}
	document, err := from.Encode(map[string]string{"iban": iban})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("and is", document.Schema().Label(), "again")
	// Output:
	// it leaves as internal in * for *
	// and is restricted in eu for payment again
}
