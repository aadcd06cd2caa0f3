//go:build !linux

package dirvault_test

import "testing"

func setfsuid(t *testing.T, _ int) {
	t.Helper()
	t.Skip("root cannot become somebody else here")
}

// mkfifo makes another file that is none, where pipes are made otherwise.
func mkfifo(t *testing.T, name string) {
	t.Helper()
	link(t, "nowhere", name)
}
