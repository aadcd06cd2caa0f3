package verify_test

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

func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	dir := filepath.Join(folder, "audit")

	// The service, and whoever set it up and keeps the key.
	if err := audit.Create(ctx, dir, "acme.example/hr/a", nil); err != nil {
		log.Fatal(err)
	}
	events, err := audit.Open(ctx, dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	key := events.Key()
	receipt, err := events.Append(ctx, audit.Event{Action: "crm.contact.read", Decision: "allowed", Grant: "g-1"})
	if err != nil {
		log.Fatal(err)
	}
	if err := events.Close(ctx); err != nil {
		log.Fatal(err)
	}

	// A reviewer, who has the folder and the key.
	report, err := verify.Dir(ctx, os.DirFS(dir), []string{key})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Origin, "findings:", len(report.Findings), "grants:", report.Grants)

	// Somebody who has one event, its proof and the key.
	proof, line, err := audit.Prove(ctx, os.DirFS(dir), receipt.Index)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verify.Proof(proof, line, []string{key}))
	fmt.Println(verify.Proof(proof, []byte(strings.Replace(string(line), "allowed", "denied", 1)), []string{key}))

	// Somebody who changes an event, and has not the key.
	file := filepath.Join(dir, "seg", "00000000000000000000.jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "g-1", "g-2", 1)), 0o600); err != nil {
		log.Fatal(err)
	}
	report, err = verify.Dir(ctx, os.DirFS(dir), []string{key})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Findings[0].Code, report.Findings[0].Index == receipt.Index)
	// Output:
	// acme.example/hr/a findings: 0 grants: 1
	// <nil>
	// verify: not proven: the line is not the one that it is about
	// line true
}
