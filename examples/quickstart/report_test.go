package main

import (
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth/boundary"
	"github.com/carnet-go/carnet/examples/world"
)

// TestReports holds that README.md and the picture show what the mappings do. To make the picture:
//
//	CARNET_UPDATE=1 go test ./examples/quickstart -run TestReports
func TestReports(t *testing.T) {
	w, err := world.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	bound, err := boundary.Load(w.Boundary, nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"employee-to-contact", "employee-to-payroll", "employee-to-event"} {
		want := "```text\n" + strings.TrimRight(bound.Mapping(name).Report(), "\n") + "\n```"
		if !strings.Contains(string(page), want) {
			t.Errorf("README.md does not show\n%s", want)
		}
	}
	const picture = "employee-to-contact.svg"
	drawn := bound.Mapping("employee-to-contact").ReportSVG()
	if os.Getenv("CARNET_UPDATE") != "" {
		if err := os.WriteFile(picture, drawn, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(picture); err != nil || string(kept) != string(drawn) {
		t.Errorf("%s is another picture, %v", picture, err)
	}
}
