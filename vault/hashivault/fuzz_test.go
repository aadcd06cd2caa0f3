package hashivault_test

import (
	"testing"

	"github.com/carnet-go/carnet/vault/hashivault"
)

// FuzzAnswer: whatever a server says at a path is a secret, or an error and nothing else.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		kvAnswer, envelope, loggedIn, `{"data":{"data":null,"metadata":{"version":1,"deletion_time":"2026-01-01T00:00:00Z","destroyed":false}}}`,
		`{"lease_id":"x","lease_duration":60,"data":{"username":"u","password":"p"}}`, `{"data":{"certificate":"","private_key":"","serial_number":""}}`,
		`{"data":{"username":"u","last_vault_rotation":"t","ttl":1}}`, `{"errors":["unknown role: ro"]}`, `{`, ``,
	} {
		for _, status := range []int{200, 400, 403, 404, 503} {
			f.Add(status, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for name, read := range hashivault.Readers() {
			issued, err := read(status, body)
			if (err == nil) != (len(issued.Fields) > 0) || issued.TTL < 0 {
				t.Errorf("%s: %d fields, %v, %v", name, len(issued.Fields), issued.TTL, err)
			}
		}
	})
}
