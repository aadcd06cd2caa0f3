package slogaudit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/slogaudit"
)

func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	dir := filepath.Join(folder, "audit")
	if err := audit.Create(ctx, dir, "acme.example/hr/a", nil); err != nil {
		fmt.Println(err)
		return
	}
	short := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "line" {
			return slog.Attr{}
		}
		return a
	}
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: short})
	events, err := audit.Open(ctx, dir, &audit.Options{
		Feeds:         []audit.Feed{{Name: "mirror", To: slogaudit.Mirror{Handler: handler}, Jurisdictions: []string{"eu"}, Clearance: "internal"}},
		Jurisdictions: []string{"eu"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(events.Close(ctx))
	// Output:
	// level=INFO msg=audit origin=acme.example/hr/a index=0
	// level=INFO msg=audit origin=acme.example/hr/a index=1
	// <nil>
}
