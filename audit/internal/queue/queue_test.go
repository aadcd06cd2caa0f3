package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errFull = errors.New("full")
	errDisk = errors.New("disk")
)

// put puts a line, whose leaf is told by the line itself.
func put(t *testing.T, q *queue.Queue, line string, answer bool) queue.Ticket {
	t.Helper()
	class := queue.Crossing
	if answer {
		class = queue.Outcome
	}
	ticket, err := q.Put(t.Context(), []byte(line), queue.Item{Leaf: tlog.RecordHash([]byte(line)), Class: class})
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// has says whether a batch is exactly these lines.
func has(text []byte, items []queue.Item, lines ...string) bool {
	want, end := strings.Join(lines, "\n")+"\n", 0
	if string(text) != want || len(items) != len(lines) {
		return false
	}
	for i, line := range lines {
		if end += len(line) + 1; items[i].End != end || items[i].Leaf != tlog.RecordHash([]byte(line)) {
			return false
		}
	}
	return true
}

func woken(q *queue.Queue) bool {
	select {
	case <-q.Wake():
		return true
	default:
		return false
	}
}

// TestEachCallerGetsItsEnd: what a batch says means an index or an error to each.
func TestEachCallerGetsItsEnd(t *testing.T) {
	type end struct {
		index int64
		err   error
	}
	for _, c := range []struct {
		name         string
		err, refused error
		want         [4]end // of two lines that begin, and after each one that answers
	}{
		{"written", nil, nil, [4]end{{10, nil}, {11, nil}, {12, nil}, {13, nil}}},
		{"failed", errDisk, nil, [4]end{{0, errDisk}, {0, errDisk}, {0, errDisk}, {0, errDisk}}},
		{"answers only", nil, errFull, [4]end{{0, errFull}, {10, nil}, {0, errFull}, {11, nil}}},
		{"answers only, failed", errDisk, errFull, [4]end{{0, errFull}, {0, errDisk}, {0, errFull}, {0, errDisk}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := queue.New()
			var tickets []queue.Ticket
			for i, line := range []string{"a", "bb", "ccc", "dddd"} {
				tickets = append(tickets, put(t, q, line, i%2 == 1))
			}
			b, text, items := q.Take(nil, nil)
			if !has(text, items, "a", "bb", "ccc", "dddd") {
				t.Errorf("took %q, %v", text, items)
			}
			if text, items := queue.Keep(text, items, queue.Outcome); !has(text, items, "bb", "dddd") || items[0].Class != queue.Outcome || items[1].Class != queue.Outcome {
				t.Errorf("answers %q, %v", text, items)
			}
			b.First, b.Err, b.Refused = 10, c.err, c.refused
			if c.refused != nil {
				b.Most = queue.Outcome
			}
			b.Done()
			for i, ticket := range tickets {
				if err := ticket.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if index, err := ticket.Index(); index != c.want[i].index || err != c.want[i].err {
					t.Errorf("line %d: %d, %v; want %v", i, index, err, c.want[i])
				}
			}
		})
	}
}

func TestTakeStartsTheNextBatchInTheOldBuffers(t *testing.T) {
	q := queue.New()
	if b, text, items := q.Take(nil, nil); b == nil || len(text) != 0 || len(items) != 0 || woken(q) {
		t.Error("an empty queue has something")
	}
	one := put(t, q, "one", true)
	put(t, q, "more", false)
	if !woken(q) || woken(q) {
		t.Error("two lines do not wake once")
	}
	b, text, items := q.Take(nil, nil)
	two := put(t, q, "two", true)
	if !woken(q) {
		t.Error("the next batch does not wake")
	}
	b.Done()
	next, text2, items2 := q.Take(text, items)
	if !has(text2, items2, "two") || next == b {
		t.Errorf("took %q, %v", text2, items2)
	}
	put(t, q, "three", false)
	if _, text3, items3 := q.Take(text2, items2); !has(text3, items3, "three") || &text3[0] != &text[0] {
		t.Errorf("took %q, %v, in other buffers", text3, items3)
	}
	next.First, next.Refused, next.Most = 5, errFull, queue.Outcome
	next.Done()
	if index, err := two.Index(); index != 5 || err != nil {
		t.Errorf("the first answer of the second batch: %d, %v", index, err)
	}
	if err := one.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPutCopies: a caller may use its buffer again at once.
func TestPutCopies(t *testing.T) {
	q, line := queue.New(), []byte("mine")
	if _, err := q.Put(t.Context(), line, queue.Item{}); err != nil {
		t.Fatal(err)
	}
	copy(line, "not!")
	if _, text, _ := q.Take(nil, nil); !bytes.Equal(text, []byte("mine\n")) {
		t.Errorf("took %q", text)
	}
}

// TestWhoDoesNotFitWaits for the next batch, and at most until its context ends.
func TestWhoDoesNotFitWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		long := strings.Repeat("x", queue.BatchBytes+1)
		put(t, q, long, false) // one always fits
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := q.Put(ctx, []byte("late"), queue.Item{}); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		done := make(chan queue.Ticket)
		for i := range 2 {
			go func() { done <- put(t, q, fmt.Sprint("later ", i), false) }()
		}
		synctest.Wait()
		select {
		case <-done:
			t.Error("a full batch took more")
		default:
		}
		if _, text, items := q.Take(nil, nil); !has(text, items, long) {
			t.Errorf("took %d bytes", len(text))
		}
		<-done
		<-done
		if _, _, items := q.Take(nil, nil); len(items) != 2 {
			t.Errorf("took %d lines", len(items))
		}
	})
}

// TestWaitEndsWithItsContext, unless the end is known already.
func TestWaitEndsWithItsContext(t *testing.T) {
	q := queue.New()
	ticket := put(t, q, "a", false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ticket.Wait(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	b, _, _ := q.Take(nil, nil)
	b.Done()
	for range 100 { // a select with two ways takes either
		if err := ticket.Wait(ctx); err != nil {
			t.Fatalf("known, and got %v", err)
		}
	}
}

func TestCloseRefusesAndKeepsWhatWaits(t *testing.T) {
	q := queue.New()
	put(t, q, "a", false)
	if !q.Close() || q.Close() {
		t.Error("Close is not true the first time only")
	}
	if _, err := q.Put(t.Context(), []byte("b"), queue.Item{}); err != queue.ErrClosed {
		t.Errorf("got %v", err)
	}
	if _, text, items := q.Take(nil, nil); !has(text, items, "a") {
		t.Errorf("took %q", text)
	}
}

// TestEachClassHasItsShare: what matters less fills its part of a batch and waits, while
// what matters more still fits.
func TestEachClassHasItsShare(t *testing.T) {
	q := queue.New()
	line := bytes.Repeat([]byte("x"), 1023)
	full := func(class queue.Class) (n int) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		for {
			if _, err := q.Put(ctx, line, queue.Item{Class: class}); err != nil {
				return n
			}
			n++
		}
	}
	const kib = queue.BatchBytes / 1024
	for _, c := range []struct {
		class queue.Class
		want  int
	}{{queue.Denial, kib / 4}, {queue.Crossing, kib / 2}, {queue.Denial, 0}, {queue.Revocation, kib / 8}, {queue.Outcome, kib / 8}, {queue.Outcome, 0}} {
		if n := full(c.class); n != c.want {
			t.Errorf("class %d: %d lines, want %d", c.class, n, c.want)
		}
	}
	_, text, items := q.Take(nil, nil)
	if len(items) != kib || len(text) != queue.BatchBytes {
		t.Errorf("%d lines, %d bytes", len(items), len(text))
	}
	if n := full(queue.Crossing); n != kib/4*3 {
		t.Errorf("crossings alone: %d lines", n)
	}
	if n := full(queue.Denial); n != 0 {
		t.Errorf("%d denials in what is kept back from them", n)
	}
}
