package filevault_test

import (
	"syscall"
	"testing"
)

// setfsuid changes who this thread is for the file system.
func setfsuid(t *testing.T, uid int) {
	t.Helper()
	if err := syscall.Setfsuid(uid); err != nil {
		t.Fatal(err)
	}
}

func mkfifo(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}
