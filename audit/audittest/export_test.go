package audittest

import (
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// Broken are the names of the rules that a sink breaks.
func Broken(t *testing.T, open func(testing.TB, *Receiver) audit.Sink) (names []string) {
	for _, c := range checks {
		if c.run(t, open) != nil {
			names = append(names, c.name)
		}
	}
	return names
}
