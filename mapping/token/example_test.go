package token_test

import (
	"context"
	"fmt"

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
