package guard_test

import (
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// FuzzRetryAfter: whatever a far side asks for, nobody waits longer than a day, or
// comes before now.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "120", "-1", "1e18", "99999999999999999999", "Mon, 01 Jun 2026 12:00:00 GMT", "0x10", "+5", "５"} {
		f.Add(header)
	}
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		if d := guard.RetryAfter(header, now); d < 0 || d > 24*time.Hour {
			t.Errorf("%q: %v", header, d)
		}
	})
}
