package mapping_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

func TestFindingString(t *testing.T) {
	for _, tt := range []struct {
		finding mapping.Finding
		want    string
	}{
		{mapping.Finding{}, " "},
		{mapping.Finding{Code: "B103", Problem: "unknown member"}, "B103 unknown member"},
		{mapping.Finding{Code: "B103", Problem: "unknown member", Path: "/systems/0"}, "B103 unknown member at /systems/0"},
		{mapping.Finding{Code: "B103", Problem: "unknown member", File: "boundary.jsonc", Line: 3, Column: 7}, "boundary.jsonc:3:7: B103 unknown member"},
		{
			mapping.Finding{Code: "B103", Problem: "unknown member", File: "boundary.jsonc", Line: 3, Column: 7, Path: "/systems/0", Nearest: "origin"},
			`boundary.jsonc:3:7: B103 unknown member at /systems/0; did you mean "origin"?`,
		},
	} {
		if got := tt.finding.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestNoFindingsAreNoError: a typed nil in an error is not nil.
func TestNoFindingsAreNoError(t *testing.T) {
	for _, f := range []mapping.Findings{nil, {}} {
		if err := f.Err(); err != nil {
			t.Errorf("%#v", err)
		}
	}
}

func TestFindingsAreOneErrorInOrder(t *testing.T) {
	err := mapping.Findings{{Code: "B2", Problem: "second"}, {Code: "B1", Problem: "first"}}.Err()
	var found mapping.Findings
	if !errors.As(fmt.Errorf("load: %w", err), &found) || len(found) != 2 || found[0].Code != "B2" {
		t.Errorf("%v", found)
	}
	if got := err.Error(); got != "B2 second\nB1 first" {
		t.Error(got)
	}
}
