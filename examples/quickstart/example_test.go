package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// The whole run; what differs each time is written as N, G and BASE64.
func Example() {
	var out bytes.Buffer
	if err := run(context.Background(), &out, ""); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(out.String()) {
		fmt.Println(masked(strings.TrimSuffix(line, "\n")))
	}
	// Output:
	// alice: Ada Example, Berlin
	// mallory: auth: denied: no permit
	// carol: auth: denied: mfa-to-export: needs assurance
	// challenge: Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="900"
	// background job: 2 contacts
	// alice: auth: undeclared: crm answered 302
	// the other host: 0 requests
	// audit: N events, G grants, verified, root BASE64
}
