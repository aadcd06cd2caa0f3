package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// found is the lines that a query yields.
func found(t testing.TB, l *audit.Log, q audit.Query) (list []int64) {
	t.Helper()
	for w, err := range l.Read(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, w.Index)
	}
	return list
}

// TestReadFindsWhatAQueryAsksFor and nothing else, each event under its index.
func TestReadFindsWhatAQueryAsksFor(t *testing.T) {
	dir := create(t)
	l := openWith(t, dir, small, nil)
	begin := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	people := []audit.Actor{{}, {Issuer: "https://a.example", Subject: "u-1"}, {Issuer: "https://a.example", Subject: "u-2"}, {Issuer: "https://b.example", Subject: "u-1"}}
	written := map[int64]audit.Event{}
	for i := range 120 {
		e := audit.Event{
			Time: begin.Add(time.Duration(i) * time.Second), Action: fmt.Sprintf("crm.%c", 'a'+i%3),
			System: []string{"crm", "erp"}[i%2], Grant: fmt.Sprint("g-", i%5), Run: fmt.Sprint("run-", i%7), Actor: people[i%4],
		}
		if i%6 == 0 {
			e.Zone = "g-1" // a value of another field is no match
		}
		written[add(t, l, e).Index] = e
	}
	seen := l.Pseudonym(people[1])
	for name, c := range map[string]struct {
		q  audit.Query
		is func(e audit.Event) bool
	}{
		"system":    {audit.Query{System: "erp"}, func(e audit.Event) bool { return e.System == "erp" }},
		"grant":     {audit.Query{Grant: "g-1"}, func(e audit.Event) bool { return e.Grant == "g-1" }},
		"run":       {audit.Query{Run: "run-3"}, func(e audit.Event) bool { return e.Run == "run-3" }},
		"action":    {audit.Query{Action: "crm.b"}, func(e audit.Event) bool { return e.Action == "crm.b" }},
		"actor":     {audit.Query{Actor: people[1]}, func(e audit.Event) bool { return e.Actor == people[1] }},
		"pseudonym": {audit.Query{Actor: audit.Actor{Issuer: "https://a.example", Subject: seen}}, func(e audit.Event) bool { return e.Actor == people[1] }},
		"since":     {audit.Query{Since: begin.Add(90 * time.Second), System: "crm"}, func(e audit.Event) bool { return e.System == "crm" && !e.Time.Before(begin.Add(90*time.Second)) }},
		"until":     {audit.Query{Until: begin.Add(30*time.Second + time.Microsecond), System: "crm"}, func(e audit.Event) bool { return e.System == "crm" && !e.Time.After(begin.Add(30*time.Second)) }},
		"between": {audit.Query{Since: begin.Add(40 * time.Second), Until: begin.Add(41 * time.Second)}, func(e audit.Event) bool {
			return e.Time.Equal(begin.Add(40 * time.Second))
		}},
		"all at once": {audit.Query{System: "crm", Grant: "g-2", Action: "crm.a", Actor: people[2]}, func(e audit.Event) bool {
			return e.System == "crm" && e.Grant == "g-2" && e.Action == "crm.a" && e.Actor == people[2]
		}},
		"nothing": {audit.Query{Grant: `g-1","run":"run-1`}, func(audit.Event) bool { return false }},
	} {
		var want []int64
		for index, e := range written {
			if c.is(e) {
				want = append(want, index)
			}
		}
		slices.Sort(want)
		if got := found(t, l, c.q); !slices.Equal(got, want) || len(want) == 0 && name != "nothing" {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if len(want) > 2 {
			c.q.From = want[1]
			if got := found(t, l, c.q); !slices.Equal(got, want[1:]) {
				t.Errorf("%s from %d: %v, want %v", name, want[1], got, want[1:])
			}
		}
	}
	for w, err := range l.Read(t.Context(), audit.Query{Run: "run-3"}) {
		if err != nil || !reflect.DeepEqual(w.Event, pseudonyms(l, utc(written[w.Index]))) {
			t.Fatalf("%+v, %v, want %+v", w, err, written[w.Index])
		}
	}
	for _, err := range new(audit.Log).Read(t.Context(), audit.Query{}) {
		if err == nil {
			t.Error("a zero log has events")
		}
	}
	shut(t, l)
}

// utc is an event as it is read back.
func utc(e audit.Event) audit.Event {
	e.Time = e.Time.UTC()
	return e
}

// TestReadLeavesOutSegmentsByTheirTimes, also after the log was opened again, and never one
// that has something: the clock may have stepped while it was written.
func TestReadLeavesOutSegmentsByTheirTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := create(t)
		var files *counting
		reopen := func() *audit.Log {
			l := openWith(t, dir, small, nil)
			files = &counting{FS: l.Files()}
			l.ReadFrom(files)
			return l
		}
		l := reopen()
		begin := time.Now()
		stepped := answer()
		stepped.Time = begin.Add(20 * time.Hour) // among those of hour 0
		early := add(t, l, stepped)
		var want []int64
		for hour := range 6 {
			for n := len(segments(t, dir)); len(segments(t, dir)) < n+3; {
				if r := add(t, l, answer()); hour == 2 {
					want = append(want, r.Index)
				}
			}
			time.Sleep(time.Hour)
		}
		q := audit.Query{System: "crm", Since: begin.Add(2 * time.Hour), Until: begin.Add(3 * time.Hour)}
		for range 2 {
			if got := found(t, l, q); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			if got := found(t, l, audit.Query{System: "crm", Since: begin.Add(19 * time.Hour)}); !slices.Equal(got, []int64{early.Index}) {
				t.Errorf("%v, want %d", got, early.Index)
			}
			files.opened.Store(0)
			_ = found(t, l, q)
			if n, of := files.opened.Load(), len(segments(t, dir)); int(n) > of/2 {
				t.Errorf("%d of %d segments were opened", n, of)
			}
			shut(t, l)
			l = reopen()
		}
		shut(t, l)
	})
}

// counting counts the files that are opened.
type counting struct {
	fs.FS
	opened atomic.Int64
}

func (c *counting) Open(name string) (fs.File, error) {
	c.opened.Add(1)
	return c.FS.Open(name)
}

// TestReadFollows across segments, without polling, and ends with its context or the log.
func TestReadFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := create(t)
		l := openWith(t, dir, small, nil)
		var mu sync.Mutex
		var got []int64
		ends := make(chan error, 2)
		ctx, cancel := context.WithCancel(t.Context())
		follow := func(ctx context.Context, keep bool) {
			var last error
			for w, err := range l.Read(ctx, audit.Query{Action: "crm.contact.read", Follow: true}) {
				if last = err; err == nil && keep {
					mu.Lock()
					got = append(got, w.Index)
					mu.Unlock()
				}
			}
			ends <- last
		}
		go follow(t.Context(), true)
		go follow(ctx, false)
		var want []int64
		for range 60 {
			want = append(want, add(t, l, answer()).Index)
			synctest.Wait()
			mu.Lock()
			if !slices.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
			mu.Unlock()
		}
		cancel()
		if err := <-ends; !errors.Is(err, context.Canceled) {
			t.Errorf("its context ended: %v", err)
		}
		shut(t, l)
		if err := <-ends; err != nil {
			t.Errorf("the log was closed: %v", err)
		}
		if n := len(segments(t, dir)); n < 4 {
			t.Errorf("only %d segments", n)
		}
	})
}
