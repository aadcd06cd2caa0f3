package world_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/carnet-go/carnet/examples/world"
)

// A user logs in through the provider's form; nothing has reached the CRM yet.
func Example() {
	ctx := context.Background()
	w, err := world.Start(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	token, err := w.Token(ctx, "alice")
	fmt.Println("a token of", strings.Count(token, ".")+1, "parts,", err)
	fmt.Println("the CRM received", len(w.Received(world.CRM)), "requests")
	// Output:
	// a token of 3 parts, <nil>
	// the CRM received 0 requests
}
