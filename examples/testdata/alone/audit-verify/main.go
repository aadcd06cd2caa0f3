// Audit-verify reads a log that somebody else has written.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/carnet-go/carnet/audit/verify"
)

func main() {
	report, err := verify.Dir(context.Background(), os.DirFS(os.Args[1]), os.Args[2:])
	fmt.Println(report, err)
}
