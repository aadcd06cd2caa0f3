package audit_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/carnet-go/carnet/audit"
)

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
