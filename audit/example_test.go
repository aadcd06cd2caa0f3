package audit_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// The key of a log is replaced while nobody uses it. Whoever has the old verifier key finds the
// new one in the log.
func ExampleRekey() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	dir := filepath.Join(folder, "audit")
	if err := audit.Create(ctx, dir, "acme.example/hr/a", nil); err != nil {
		log.Fatal(err)
	}
	old, err := os.ReadFile(dir + ".vkey")
	if err != nil {
		log.Fatal(err)
	}

	vkey, err := audit.Rekey(ctx, dir, nil, nil) // from the key beside the log to a new one there
	if err != nil {
		log.Fatal(err)
	}
	report, err := verify.Dir(ctx, os.DirFS(dir), []string{strings.TrimSpace(string(old))})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("findings:", len(report.Findings))
	fmt.Println("another key:", report.Key != strings.TrimSpace(string(old)))
	fmt.Println("the new one:", report.Key == vkey)
	// Output:
	// findings: 0
	// another key: true
	// the new one: true
}

func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	dir := filepath.Join(folder, "audit")

	if err := audit.Create(ctx, dir, "acme.example/hr/a", nil); err != nil {
		log.Fatal(err)
	}
	events, err := audit.Open(ctx, dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := events.Append(ctx, audit.Event{
		Actor:   audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"},
		Action:  "crm.contact.read",
		System:  "crm",
		Outcome: audit.OutcomeSuccess,
	})
	if err != nil {
		log.Fatal(err) // what the event is about must not go on
	}
	proof, err := events.Proof(ctx, receipt.Index)
	if err != nil {
		log.Fatal(err)
	}
	if err := events.Close(ctx); err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(string(proof), "\n")
	fmt.Println("line", receipt.Index)
	fmt.Println(lines[0])
	fmt.Println(lines[1])
	// Output:
	// line 2
	// c2sp.org/tlog-proof@v1
	// index 2
}
