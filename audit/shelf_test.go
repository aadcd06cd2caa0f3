package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// shelf is a sink that keeps what it gets; a test bends it.
type shelf struct {
	mu      sync.Mutex
	got     map[int64]string
	origins map[string]bool
	bent    func(ctx context.Context, batch []audit.Entry) (int, error) // nil: it takes all
}

func (s *shelf) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	s.mu.Lock()
	bent := s.bent
	s.mu.Unlock()
	n, err := len(batch), error(nil)
	if bent != nil {
		n, err = bent(ctx, batch)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.got == nil {
		s.got, s.origins = map[int64]string{}, map[string]bool{}
	}
	for _, e := range batch[:n] {
		s.got[e.Index] = string(e.Line)
		s.origins[e.Origin] = true
	}
	return n, err
}

func (s *shelf) bend(f func(context.Context, []audit.Entry) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bent = f
}

func (s *shelf) has() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// equals compares the shelf with the lines on the disk.
func (s *shelf) equals(t *testing.T, dir string) {
	t.Helper()
	want := lines(read(t, segmentOf(dir)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) != len(want) {
		t.Errorf("the sink has %d lines of %d", len(s.got), len(want))
	}
	for i, line := range want {
		if s.got[int64(i)] != string(line) {
			t.Errorf("line %d is %q", i, s.got[int64(i)])
		}
	}
}

func unavailable(context.Context, []audit.Entry) (int, error) {
	return 0, &audit.SinkError{Class: "unavailable"}
}

// siem is a feed of a sink in the EU.
func siem(to audit.Sink) audit.Feed {
	return audit.Feed{Name: "siem", To: to, Jurisdictions: []string{"eu"}, Clearance: "internal"}
}

func eu(feeds ...audit.Feed) *audit.Options {
	return &audit.Options{Feeds: feeds, Jurisdictions: []string{"eu"}}
}

func openFed(t testing.TB, dir string, o *audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

// until waits for something that a log does by itself.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// events of the log itself about its feeds, as action, system and reason.
func told(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	for _, line := range lines(read(t, segmentOf(dir))) {
		e, err := audit.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		if e.System == "siem" && strings.HasPrefix(e.Action, "audit.") {
			list = append(list, fmt.Sprint(e.Action, " ", e.Reason, " ", e.Outcome == audit.OutcomeSuccess))
		}
	}
	return list
}
