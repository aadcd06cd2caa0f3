package audit_test

import (
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// TestVerifyReadsWhatIsWritten: a log of many segments, with sinks, from which the old ones went,
// and that was opened again between, has no findings; and each line is proven.
func TestVerifyReadsWhatIsWritten(t *testing.T) {
	dir := create(t)
	o := eu(siem(new(deaf)))
	o.SegmentBytes = 16 << 10
	for range 3 {
		l, err := audit.Open(t.Context(), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			e := crossing()
			if i%10 == 0 {
				e.Decision, e.Grant, e.Outcome = "allowed", "grant-"+strings.Repeat("x", i/10), audit.OutcomeUnknown
			}
			add(t, l, e)
		}
		shut(t, l)
	}
	if n := len(segments(t, dir)); n < 5 {
		t.Fatalf("%d segments", n)
	}
	check := func(when string) {
		t.Helper()
		key, err := os.ReadFile(dir + ".vkey")
		if err != nil {
			t.Fatal(err)
		}
		report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{strings.TrimSpace(string(key))})
		if err != nil || len(report.Findings) != 0 {
			t.Errorf("%s: %v %v", when, report.Findings, err)
		}
	}
	check("whole")
	l, err := audit.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	last := add(t, l, crossing())
	until(t, "the sink has all", func() bool { return l.Health().Feeds[0].Next > last.Index })
	if err := l.Retain(t.Context(), last.Index); err != nil {
		t.Fatal(err)
	}
	if l.Kept() == 0 {
		t.Error("nothing was given up")
	}
	shut(t, l)
	check("retained")
}
