package audit_test

import (
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// TestNewest: what was there when the log was opened, and of that only what was
// acknowledged.
func TestNewest(t *testing.T) {
	if n := (&audit.Log{}).Newest("gate.freeze"); n != -1 {
		t.Errorf("a zero log: %d", n)
	}
	dir, receipts := crashed(t, 3)
	action := "crm.contact.read"
	for name, c := range map[string]struct {
		cut  int
		want int64
	}{"whole": {0, receipts[2].Index}, "torn": {10, receipts[1].Index}} {
		at := clone(t, dir)
		whole := read(t, segmentOf(at))
		write(t, segmentOf(at), whole[:len(whole)-c.cut])
		l := open(t, at)
		if got := l.Newest(action); got != c.want || l.Newest("gate.freeze") != -1 {
			t.Errorf("%s: line %d, want %d", name, got, c.want)
		}
		add(t, l, audit.Event{Action: action, Outcome: audit.OutcomeSuccess})
		if got := l.Newest(action); got != c.want {
			t.Errorf("%s: line %d is of this process", name, got)
		}
		shut(t, l)
		l = open(t, at)
		if got := l.Newest(action); got <= receipts[2].Index {
			t.Errorf("%s: line %d, and there is a newer one", name, got)
		}
		shut(t, l)
	}
}
