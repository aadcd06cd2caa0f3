// Audit appends one event.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/carnet-go/carnet/audit"
)

func main() {
	ctx := context.Background()
	events, err := audit.Open(ctx, os.Args[1], nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = events.Append(ctx, audit.Event{Action: "billing.invoice.release"})
	fmt.Println(err, events.Close(ctx))
}
