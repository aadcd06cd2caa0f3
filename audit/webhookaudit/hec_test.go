package webhookaudit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
	"github.com/carnet-go/carnet/audit/webhookaudit"
)

// splunk is a collector whose indexer writes a while after an event was taken, the newest
// first.
type splunk struct {
	t     testing.TB
	r     *audittest.Receiver
	after int // polls until the first is acknowledged

	mu      sync.Mutex
	next    int64
	pending []int64        // oldest first
	done    map[int64]bool // written, and not yet asked for
	asked   []string       // of a request
	bodies  []string
}

func (s *splunk) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if q.Header.Get("Authorization") != "Splunk "+canary {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"text":"Invalid token `+canary+`","code":4}`)
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, q.Method+" "+q.URL.String()+" "+q.Header.Get("X-Splunk-Request-Channel"))
	s.bodies = append(s.bodies, string(body))
	s.mu.Unlock()
	switch strings.TrimPrefix(q.URL.Path, "/hook") {
	case "/services/collector/event":
		s.event(w, q, body)
	case "/services/collector/ack":
		s.ack(w, body)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *splunk) event(w http.ResponseWriter, q *http.Request, body []byte) {
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		var e struct {
			Fields struct{ Origin, Index string }
			Event  json.RawMessage
		}
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			s.t.Error(err)
		}
		index, err := strconv.ParseInt(e.Fields.Index, 10, 64)
		if err != nil {
			s.t.Error(err)
		}
		if s.r == nil {
			continue
		}
		if err := s.r.Take(q.Context(), e.Fields.Origin, index, e.Event); errors.Is(err, audittest.ErrLost) {
			panic(http.ErrAbortHandler)
		} else if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, `{"text":"Server is busy %s","code":9}`, err)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(w, `{"text":"Success","code":0,"ackId":%d}`, s.next)
	s.pending = append(s.pending, s.next)
	s.next++
}

func (s *splunk) ack(w http.ResponseWriter, body []byte) {
	var asks struct{ Acks []int64 }
	if err := json.Unmarshal(body, &asks); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after--; s.after < 0 && len(s.pending) > 0 {
		last := len(s.pending) - 1
		s.done[s.pending[last]] = true
		s.pending = s.pending[:last]
	}
	says := map[string]bool{}
	for _, id := range asks.Acks {
		says[strconv.FormatInt(id, 10)] = s.done[id]
		delete(s.done, id)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"acks": says})
}

func secret(context.Context) (string, error) { return canary, nil }

func TestConformanceOfHEC(t *testing.T) {
	audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink {
		s := &splunk{t: t, r: r, done: map[int64]bool{}}
		return webhookaudit.HEC{URL: r.HTTP(s.ServeHTTP), Token: secret, TLS: r.TLS()}
	})
}

func collector(t *testing.T, s *splunk) webhookaudit.HEC {
	t.Helper()
	s.t, s.done = t, map[int64]bool{}
	hook, _ := far(t, s.ServeHTTP)
	return webhookaudit.HEC{URL: hook.URL, Token: secret, TLS: hook.TLS}
}

// large are entries that need several requests.
func large(n int) []audit.Entry {
	list := entries(n)
	for i := range list {
		list[i].Line = fmt.Appendf(nil, `{"line":"%0*d"}`, 60_000, i)
	}
	return list
}

// TestAcknowledgementsInAnyOrder: of five requests the newest is acknowledged first, and
// nothing counts that stands behind one which is not.
func TestAcknowledgementsInAnyOrder(t *testing.T) {
	s := new(splunk)
	h := collector(t, s)
	list := large(22)
	if n, err := h.Deliver(t.Context(), list); n != 22 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if s.next != 5 {
		t.Errorf("%d requests", s.next)
	}
	s.after = 1
	ctx, cancel := context.WithTimeout(t.Context(), 450*time.Millisecond) // three polls
	defer cancel()
	if n, err := h.Deliver(ctx, list); n != 0 || err != context.DeadlineExceeded {
		t.Errorf("%d count, %v", n, err)
	}
}

// TestOnlyTheAcknowledgementCounts: that it was taken is not enough.
func TestOnlyTheAcknowledgementCounts(t *testing.T) {
	s := &splunk{after: 1000}
	h := collector(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if n, err := h.Deliver(ctx, entries(3)); n != 0 || err != context.DeadlineExceeded || s.next != 1 {
		t.Errorf("%d count, %v, %d requests", n, err, s.next)
	}
}

// TestTheRequestsOfHEC are as Splunk documents them, with a channel that the origin gives.
func TestTheRequestsOfHEC(t *testing.T) {
	s := new(splunk)
	h := collector(t, s)
	h.Index, h.Host = "audit", "hr-1"
	if n, err := h.Deliver(t.Context(), entries(1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	const channel = `[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	for i, want := range []string{`^POST /hook/services/collector/event ` + channel + `$`, `^POST /hook/services/collector/ack\?channel=` + channel + ` ` + channel + `$`} {
		if !regexp.MustCompile(want).MatchString(s.asked[i]) {
			t.Errorf("request %d is %s", i, s.asked[i])
		}
	}
	want := []string{
		`{"time":1764150000.123,"host":"hr-1","source":"acme.example/hr/a","sourcetype":"carnet:audit","index":"audit","fields":{"origin":"acme.example/hr/a","index":"42"},"event":{"line":"<0>"}}` + "\n",
		`{"acks":[0]}`,
	}
	if !slices.Equal(s.bodies, want) {
		t.Errorf("got  %q\nwant %q", s.bodies, want)
	}
	h.Channel, h.Source, h.SourceType = "FE0ECFAD-13D5-401B-847D-77833BD77131", "a", "b"
	if n, err := h.Deliver(t.Context(), entries(1)); n != 1 || err != nil || s.asked[2] != "POST /hook/services/collector/event "+h.Channel {
		t.Errorf("%d, %v, %s", n, err, s.asked[2])
	}
	if n, err := h.Deliver(t.Context(), nil); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// TestACollectorThatCrashes counts anew, and an acknowledgement of the new number is not
// taken for the old one.
func TestACollectorThatCrashes(t *testing.T) {
	s := new(splunk)
	h := collector(t, s)
	inner := s.ServeHTTP
	hook, _ := far(t, func(w http.ResponseWriter, q *http.Request) {
		inner(w, q)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.next, s.pending = 0, nil
	})
	h.URL, h.TLS = hook.URL, hook.TLS
	if class, _ := refusedHEC(t, h, large(10)); class != "unavailable" {
		t.Error(class)
	}
}

func refusedHEC(t *testing.T, h webhookaudit.HEC, list []audit.Entry) (string, error) {
	t.Helper()
	n, err := h.Deliver(t.Context(), list)
	e, ok := errors.AsType[*audit.SinkError](err)
	if !ok || n != 0 {
		t.Fatalf("%d count, %v", n, err)
	}
	return e.Class, err
}

// TestWhatIsNoAnswer of a collector: one without acknowledgements, or of something else.
func TestWhatIsNoAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"text":"Success","code":0}`: "invalid", `{"text":"ACK is disabled","code":14}`: "invalid", `{"ackId":1}`: "invalid",
		`{"code":0,"ackId":"1"}`: "invalid", `<html>`: "invalid", `null`: "invalid",
	} {
		hook, _ := far(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
		if class, _ := refusedHEC(t, webhookaudit.HEC{URL: hook.URL, TLS: hook.TLS, Token: secret}, entries(2)); class != want {
			t.Errorf("%s: %s, want %s", answer, class, want)
		}
	}
	for answer, want := range map[string]string{`{}`: "invalid", `<html>`: "invalid", `{"acks":{"0":"yes"}}`: "invalid"} {
		asked := 0
		hook, _ := far(t, func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/hook/services/collector/event" {
				fmt.Fprint(w, `{"code":0,"ackId":0}`)
				return
			}
			asked++
			fmt.Fprint(w, answer)
		})
		if class, _ := refusedHEC(t, webhookaudit.HEC{URL: hook.URL, TLS: hook.TLS, Token: secret}, entries(2)); class != want || asked != 3 {
			t.Errorf("%s: %s, want %s, asked %d times", answer, class, want, asked)
		}
	}
}

func TestCheckOfHEC(t *testing.T) {
	const url = "https://splunk.acme.example:8088"
	if err := (webhookaudit.HEC{URL: url, Token: secret, Channel: "FE0ECFAD-13D5-401B-847D-77833BD77131"}).Check(); err != nil {
		t.Error(err)
	}
	none := func(context.Context) (string, error) { return "", nil }
	for name, h := range map[string]webhookaudit.HEC{
		"zero": {}, "no token": {URL: url}, "http": {URL: "http://splunk.acme.example", Token: secret},
		"channel": {URL: url, Token: secret, Channel: "a&b=c"}, "long channel": {URL: url, Token: secret, Channel: "FE0ECFAD-13D5-401B-847D-77833BD771311"},
	} {
		if e, ok := errors.AsType[*audit.SinkError](h.Check()); !ok || e.Class != "invalid" {
			t.Errorf("%s: %v", name, h.Check())
		}
		if class, _ := refusedHEC(t, h, entries(1)); class != "invalid" {
			t.Errorf("%s: %s", name, class)
		}
	}
	hook, arrived := far(t, func(http.ResponseWriter, *http.Request) {})
	if class, _ := refusedHEC(t, webhookaudit.HEC{URL: hook.URL, TLS: hook.TLS, Token: none}, entries(1)); class != "invalid" || arrived.Load() != 0 {
		t.Errorf("an empty token: %s", class)
	}
	odd := entries(1)
	odd[0].Line = []byte(`{"a":`)
	if class, _ := refusedHEC(t, webhookaudit.HEC{URL: hook.URL, TLS: hook.TLS, Token: secret}, odd); class != "invalid" || arrived.Load() != 0 {
		t.Errorf("no JSON: %s", class)
	}
}
