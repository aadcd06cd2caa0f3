package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// dictated answers with one line, or fails.
type dictated struct {
	asker
	text string
}

func (p dictated) ask(string) ([]byte, error) {
	if p.text == "" {
		return nil, errNoInput
	}
	return []byte(p.text), nil
}

func TestAuditErase(t *testing.T) {
	dir, key := service(t, 1)
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	who := audit.Actor{Issuer: "https://login.acme.example", Subject: "alice"}
	if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Actor: who, Outcome: audit.OutcomeSuccess}); err != nil {
		t.Fatal(err)
	}
	args := func(more ...string) []string { return append([]string{"audit", "erase"}, more...) }
	failed := func(problem string) result { return result{1, "", "carnet audit erase: " + problem + "\n"} }
	check(t, failed("audit: the log is in use"), args("-issuer", who.Issuer, "-subject", "alice", dir)...)
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]string{{dir}, {"-issuer", "i"}, {"-issuer", "i", dir, "x"}, {"-subject", "alice", dir}} {
		prefix(t, result{2, "", "carnet audit erase: give -issuer and one DIR\n"}, args(wrong...)...)
	}
	check(t, failed("audit: the log knows nobody of this issuer and subject"), args("-issuer", who.Issuer, "-subject", "bob", dir)...)
	check(t, failed("audit: there is no log: file does not exist"), args("-issuer", who.Issuer, "-subject", "bob", dir+"x")...)

	for text, want := range map[string]result{"": failed(errNoInput.Error()), "alice": {0, "audit: the person is erased\n", ""}} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), args("-issuer", who.Issuer, dir), dictated{text: text}, &stdout, &stderr)
		if got := (result{status, stdout.String(), stderr.String()}); got != want {
			t.Errorf("got %#v, want %#v", got, want)
		}
	}
	check(t, failed("audit: the log knows nobody of this issuer and subject"), args("-issuer", who.Issuer, "-subject", "alice", dir)...)
	prefix(t, result{0, "audit: ", ""}, "audit", "verify", "-key", key, dir)

	if err := os.Remove(filepath.Join(dir, "people")); err != nil {
		t.Fatal(err)
	}
	if got := runWith(t.Context(), args("-issuer", who.Issuer, "-subject", "alice", dir)...); got.status != 1 || !strings.Contains(got.stderr, "the table of people is missing") {
		t.Errorf("without a table: %#v", got)
	}
}
