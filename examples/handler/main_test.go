package main

import (
	"bytes"
	"testing"
)

func TestRun(t *testing.T) {
	const want = `alice: 200 {"name":"Ada Example","city":"Berlin"}
mallory: 403 Forbidden
carol: 401 Unauthorized
challenge: Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="900"
nobody: 401 Unauthorized
challenge: Bearer
`
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", &out, want)
	}
}
