package audittest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// check is one rule and how to find out.
type check struct {
	name  string
	rule  string
	check func(context.Context, *site) error
}

// site is a sink and its far side.
type site struct {
	*Receiver
	sink audit.Sink
}

var checks = []check{
	{"delivers", "a batch arrives in order, byte for byte, under its origin and index, and all of it counts", delivers},
	{"goes on", "one batch after another arrives, through one sink", goesOn},
	{"again", "a batch that is delivered again arrives under the same indices, and is no error", again},
	{"large", "a line of 65,535 bytes arrives, or its leaf hash", large},
	{"refuses", "a far side that says no is an error, and nothing counts", refuses},
	{"part", "of a batch that the far side took in part, at most that part counts", part},
	{"skip", "an entry that the far side did not take is not passed over: what stands behind it does not count", skipped},
	{"dead", "where nobody listens, that is an error, and nothing counts", isDead},
	{"hole", "a far side that swallows everything is let go when the context ends, and nothing counts", swallows},
	{"unheard", "a far side that takes everything and never answers is let go when the context ends, and nothing counts", neverAnswers},
	{"slow", "a slow far side gets everything", isSlow},
	{"cut", "of a connection that ends in the middle, at most what arrived counts", isCut},
	{"half", "a far side that cannot answer any more has not said yes", isHalf},
	{"lost", "an answer that is lost is an error, nothing counts, and the same batch may come again", isLost},
	{"crash", "a far side that dies in the middle and comes back has everything in the end, through the same sink", crashes},
	{"cancelled", "a context that has ended delivers nothing", cancelled},
	{"errors", "the text of an error holds neither an address, nor a line, nor what the far side said", silent},
	{"borrowed", "a batch is only lent: it is not changed, and not looked at afterwards", borrowed},
}

const origin = "audittest.example/log/a"

// soon is how long a delivery may take that meets no trouble; late is for one that does.
const (
	soon = 20 * time.Second
	late = 300 * time.Millisecond
)

// batch is n entries from an index on, as lines of a log are: also what a note has.
func batch(from int64, n int) []audit.Entry {
	list := make([]audit.Entry, n)
	for i := range list {
		index := from + int64(i)
		line := fmt.Sprintf(`{"canary":%q,"carnet":{"checkpoint":"a\n%d\n\n— a b=\n","path":"[\\]\"%%<>&'"},"index":%d,"more":%q}`, Canary, index, index, strings.Repeat(".", 300))
		list[i] = audit.Entry{Origin: origin, Index: index, Line: []byte(line), Time: time.UnixMilli(1764150000123 + index).UTC()}
	}
	return list
}

func leafOf(line []byte) [32]byte { return sha256.Sum256(append([]byte{0}, line...)) }

// deliver is bounded, and checks what is true of every delivery.
func (s *site) deliver(ctx context.Context, within time.Duration, list []audit.Entry) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	n, err := s.sink.Deliver(ctx, list)
	if n < 0 || n > len(list) {
		return 0, fmt.Errorf("%d of %d entries count", n, len(list))
	}
	return n, err
}

// whole delivers a batch that meets no trouble.
func (s *site) whole(ctx context.Context, list []audit.Entry) error {
	for len(list) > 0 {
		n, err := s.deliver(ctx, soon, list)
		if err != nil || n == 0 {
			return fmt.Errorf("%d of %d entries count, and the error is %v", n, len(list), err)
		}
		list = list[n:]
	}
	return nil
}

// counts says that no more than arrived counts.
func (s *site) counts(n int, list []audit.Entry) error {
	has := s.has()
	for _, e := range list[:n] {
		if a, ok := has[e.Index]; !ok || a.leaf != e.Leaf() {
			return fmt.Errorf("entry %d counts and has not arrived", e.Index)
		}
	}
	return nil
}

// fails says that a delivery is an error and that nothing counts.
func (s *site) fails(ctx context.Context, within time.Duration, list []audit.Entry) error {
	begun := time.Now()
	n, err := s.deliver(ctx, within, list)
	switch took := time.Since(begun); {
	case err == nil:
		return fmt.Errorf("no error, and %d entries count", n)
	case n != 0:
		return fmt.Errorf("%d entries count", n)
	case took > within+time.Second:
		return fmt.Errorf("it took %v", took)
	}
	return nil
}

// complete says that all entries have arrived as they are.
func (s *site) complete(list []audit.Entry) error { return s.counts(len(list), list) }

func delivers(ctx context.Context, s *site) error {
	list := batch(5, 100)
	if err := s.whole(ctx, list); err != nil {
		return err
	}
	got := s.all()
	if len(got) != len(list) {
		return fmt.Errorf("%d entries arrived of %d", len(got), len(list))
	}
	for i, a := range got {
		if want := list[i]; a.origin != origin || a.index != want.Index || a.line != string(want.Line) {
			return fmt.Errorf("place %d has entry %d of %q:\n%s\nwant\n%s", i, a.index, a.origin, a.line, want.Line)
		}
	}
	return nil
}

func goesOn(ctx context.Context, s *site) error {
	list := batch(0, 300)
	err := errors.Join(s.whole(ctx, list[:1]), s.whole(ctx, list[1:2]), s.whole(ctx, list[2:299]), s.whole(ctx, list[299:]))
	if err == nil && len(s.all()) != len(list) {
		err = fmt.Errorf("%d entries arrived of %d", len(s.all()), len(list))
	}
	return errors.Join(err, s.complete(list))
}

func again(ctx context.Context, s *site) error {
	list := batch(7, 20)
	err := errors.Join(s.whole(ctx, list), s.whole(ctx, list), s.whole(ctx, list[5:15]))
	if n := len(s.all()); err == nil && (n != 50 || len(s.has()) != len(list)) {
		err = fmt.Errorf("%d arrived under %d indices", n, len(s.has()))
	}
	return errors.Join(err, s.complete(list))
}

func large(ctx context.Context, s *site) error {
	list := batch(0, 3)
	const most = 65_535
	head, _, _ := bytes.Cut(list[1].Line, []byte(`,"more"`))
	line := append(head, `,"more":"`...)
	line = append(line, bytes.Repeat([]byte("x"), most-len(line)-2)...)
	list[1].Line = append(line, `"}`...)
	return errors.Join(s.whole(ctx, list), s.complete(list))
}

func refuses(ctx context.Context, s *site) error {
	list := batch(0, 20)
	s.make(refuse, 0)
	if err := s.fails(ctx, soon, list); err != nil {
		return err
	}
	s.make(none, 0)
	return errors.Join(s.whole(ctx, list), s.complete(list))
}

func part(ctx context.Context, s *site) error {
	list := batch(0, 50)
	s.make(refuse, 30)
	n, err := s.deliver(ctx, soon, list)
	if n > 30 {
		return fmt.Errorf("%d entries count of 30, and the error is %v", n, err)
	}
	if err := s.counts(n, list); err != nil {
		return err
	}
	s.make(none, 0)
	return errors.Join(s.whole(ctx, list[n:]), s.complete(list))
}

func skipped(ctx context.Context, s *site) error {
	list := batch(0, 50)
	s.make(skip, 20)
	n, err := s.deliver(ctx, soon, list)
	if n > 20 {
		return fmt.Errorf("%d entries count, and the error is %v", n, err)
	}
	s.make(none, 0)
	return errors.Join(s.counts(n, list), s.whole(ctx, list[n:]), s.complete(list))
}

func isDead(ctx context.Context, s *site) error {
	list := batch(0, 20)
	s.make(dead, 0)
	err := s.fails(ctx, soon, list)
	s.make(none, 0)
	return errors.Join(err, s.whole(ctx, list), s.complete(list))
}

func swallows(ctx context.Context, s *site) error     { return s.deaf(ctx, hole) }
func neverAnswers(ctx context.Context, s *site) error { return s.deaf(ctx, unheard) }

func (s *site) deaf(ctx context.Context, what trouble) error {
	list := batch(0, 20)
	s.make(what, 0)
	err := errors.Join(s.fails(ctx, late, list), s.fails(ctx, late, list))
	s.make(none, 0)
	return errors.Join(err, s.whole(ctx, list), s.complete(list))
}

func isSlow(ctx context.Context, s *site) error {
	list := batch(0, 50)
	s.make(slow, 0)
	return errors.Join(s.whole(ctx, list), s.complete(list))
}

func isCut(ctx context.Context, s *site) error  { return s.interrupted(ctx, cut) }
func isHalf(ctx context.Context, s *site) error { return s.interrupted(ctx, half) }

func (s *site) interrupted(ctx context.Context, what trouble) error {
	list := batch(0, 200)
	s.make(what, 10)
	n, err := s.deliver(ctx, 2*time.Second, list)
	if err == nil && n == len(list) {
		return errors.New("no error, and everything counts")
	}
	if err := s.counts(n, list); err != nil {
		return err
	}
	s.make(none, 0)
	return errors.Join(s.whole(ctx, list[n:]), s.complete(list))
}

func isLost(ctx context.Context, s *site) error {
	list := batch(0, 20)
	s.make(lose, 0)
	if err := s.fails(ctx, soon, list); err != nil {
		return err
	}
	if len(s.has()) == 0 {
		return errors.New("nothing arrived")
	}
	s.make(none, 0)
	return errors.Join(s.whole(ctx, list), s.complete(list))
}

func crashes(ctx context.Context, s *site) error {
	list := batch(0, 50)
	s.make(crash, 20)
	n, err := s.deliver(ctx, soon, list)
	if err == nil || n > 20 {
		return fmt.Errorf("%d entries count, and the error is %v", n, err)
	}
	if err := errors.Join(s.counts(n, list), s.fails(ctx, soon, list[n:])); err != nil {
		return err
	}
	s.make(none, 0)
	return errors.Join(s.whole(ctx, list[n:]), s.complete(list))
}

func cancelled(ctx context.Context, s *site) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	list := batch(0, 5)
	if n, err := s.sink.Deliver(ended, list); n != 0 || err == nil {
		return fmt.Errorf("%d entries count, and the error is %v", n, err)
	}
	if n := len(s.all()); n != 0 {
		return fmt.Errorf("%d entries arrived", n)
	}
	return errors.Join(s.whole(ctx, list), s.complete(list))
}

func silent(ctx context.Context, s *site) error {
	address := ""
	if s.listen != nil {
		address = s.listen.addr.String()
	}
	list := batch(0, 200)
	for _, what := range []trouble{refuse, dead, hole, cut, lose} {
		s.make(what, 0)
		_, err := s.deliver(ctx, late, list)
		if err == nil {
			return fmt.Errorf("no error where the trouble is %d", what)
		}
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		if strings.Contains(text, Canary) || strings.Contains(text, "127.0.0.1") || address != "" && strings.Contains(text, address) {
			return fmt.Errorf("where the trouble is %d, the error quotes an address, a line or the far side", what)
		}
		s.make(none, 0)
	}
	return nil
}

func borrowed(ctx context.Context, s *site) error {
	for _, what := range []trouble{none, hole, lose} {
		list, same := batch(0, 50), batch(0, 50)
		s.make(what, 0)
		_, _ = s.deliver(ctx, late, list)
		for i := range list {
			if !bytes.Equal(list[i].Line, same[i].Line) || list[i].Index != same[i].Index || list[i].Origin != same[i].Origin {
				return fmt.Errorf("entry %d was changed", i)
			}
			clear(list[i].Line) // who looks at it now races
			list[i] = audit.Entry{}
		}
		s.make(none, 0)
	}
	return nil
}
