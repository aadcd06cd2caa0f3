package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

var (
	alice = audit.Actor{Issuer: "https://login.acme.example", Subject: "alice"}
	bob   = audit.Actor{Issuer: "https://login.acme.example", Subject: "bob"}
)

func by(a audit.Actor) audit.Event {
	e := answer()
	e.Actor = a
	return e
}

func tableOf(dir string) string { return filepath.Join(dir, "people") }

// erased are the events that say that somebody was.
func erased(t testing.TB, dir string) (list []audit.Event) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "seg", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, line := range lines(read(t, name)) {
			e, err := audit.Decode(line)
			if err != nil {
				t.Fatal(err)
			}
			if e.Action == "audit.erased" {
				list = append(list, e)
			}
		}
	}
	return list
}

// TestAPersonIsErased, and who comes again is somebody else. Each line, the proofs, the
// checkpoint and what sinks have got stay what they were.
func TestAPersonIsErased(t *testing.T) {
	dir := create(t)
	sink := new(shelf)
	l := openFed(t, dir, eu(siem(sink)))
	first := add(t, l, by(alice))
	add(t, l, by(bob))
	was, other := l.Pseudonym(alice), l.Pseudonym(bob)
	if !regexp.MustCompile(`^p-[0-9a-f]{32}$`).MatchString(was) || was == other {
		t.Fatalf("%q, %q", was, other)
	}
	proof, err := l.Proof(t.Context(), first.Index)
	if err != nil {
		t.Fatal(err)
	}
	line := lines(read(t, segmentOf(dir)))[first.Index]
	valid := func(when string, proof []byte) {
		t.Helper()
		if err := verify.Proof(proof, line, []string{l.Key()}); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	valid("before", proof)
	before := read(t, segmentOf(dir))

	if err := l.Erase(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	if got := l.Pseudonym(alice); got != "" || l.Pseudonym(bob) != other {
		t.Errorf("%q after the erasure", got)
	}
	if e := erased(t, dir); len(e) != 1 || e[0].Count != 1 || e[0].Outcome != audit.OutcomeSuccess || e[0].Reason != "" {
		t.Errorf("%+v", e)
	}
	if err := l.Erase(t.Context(), alice); !errors.Is(err, audit.ErrNobody) || len(erased(t, dir)) != 1 {
		t.Errorf("nobody: %v", err)
	}
	add(t, l, by(alice))
	if again := l.Pseudonym(alice); again == "" || again == was || again == other {
		t.Errorf("who comes again is %q", again)
	}
	found := 0
	for _, a := range []audit.Actor{alice, {Issuer: alice.Issuer, Subject: was}} {
		for w, err := range l.Read(t.Context(), audit.Query{Actor: a}) {
			if err != nil {
				t.Fatal(err)
			}
			if found++; w.Event.Actor.Subject == was != (a != alice) {
				t.Errorf("line %d is found by %+v", w.Index, a)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d lines, want one each", found)
	}
	fresh, err := l.Proof(t.Context(), first.Index)
	if err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	if !bytes.HasPrefix(read(t, segmentOf(dir)), before) {
		t.Error("lines were changed")
	}
	valid("the proof from before", proof)
	valid("a new proof", fresh)
	report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{l.Key()}, checkpointIn(t, proof))
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("%v, %v", report.Findings, err)
	}
	sink.equals(t, dir)
}

// checkpointIn is the checkpoint of a proof, as somebody else keeps it.
func checkpointIn(t *testing.T, proof []byte) []byte {
	t.Helper()
	i := bytes.Index(proof, []byte(origin+"\n"))
	if i < 0 {
		t.Fatal("no checkpoint in the proof")
	}
	return proof[i:]
}

// TestNobodyIsFoundAfterwards: neither the folder nor what the signer opens has anything of
// somebody who was erased, and the pseudonym is nowhere but in lines.
func TestNobodyIsFoundAfterwards(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	add(t, l, by(alice))
	add(t, l, by(bob))
	was := strings.TrimPrefix(l.Pseudonym(alice), "p-")
	shut(t, l)
	for _, left := range []string{"people.next", ".atomicfile-1"} { // by a change of keys and an erasure that did not end
		write(t, filepath.Join(dir, left), read(t, tableOf(dir)))
	}
	l = open(t, dir)
	row := func() []byte {
		b := read(t, tableOf(dir))
		i := bytes.Index(b, unhex(t, was))
		if i < 0 {
			return nil
		}
		return b[i-32 : i+32]
	}
	old := row()
	if old == nil {
		t.Fatal("the table has no row of somebody")
	}
	if err := l.Erase(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	has := func(part []byte) (names []string) {
		err := filepath.WalkDir(filepath.Dir(dir), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && bytes.Contains(read(t, path), part) {
				names = append(names, e.Name())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	for what, part := range map[string][]byte{"digest": old[:32], "pseudonym": old[32:48], "subject": []byte("alice")} {
		if names := has(part); len(names) != 0 {
			t.Errorf("%v: the %s is there", names, what)
		}
	}
	if names := has([]byte(was)); len(names) != 1 || names[0] != filepath.Base(segmentOf(dir)) {
		t.Errorf("%v have his pseudonym", names)
	}
	// Whoever kept the row cannot put it back, either.
	write(t, tableOf(dir), append(read(t, tableOf(dir)), old...))
	if _, err := reopens(t, dir); !errors.Is(err, people.ErrDamage) {
		t.Errorf("a row of an older table: %v", err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(s, "%x", &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTablesThatDoNotOpen: none is taken for one without people, and nothing is changed; another
// is begun only by who says so, and nobody has the pseudonym of somebody else then.
func TestTablesThatDoNotOpen(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	add(t, l, by(alice))
	add(t, l, by(bob))
	old := read(t, tableOf(dir))
	if err := l.Erase(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	was := l.Pseudonym(alice)
	shut(t, l)
	now := read(t, tableOf(dir))
	foreign := create(t)
	flipped := bytes.Clone(now)
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		table []byte
		want  error
	}{
		"missing":      {nil, people.ErrMissing},
		"empty":        {[]byte{}, people.ErrDamage},
		"half a head":  {now[:64], people.ErrDamage},
		"another logs": {read(t, tableOf(foreign)), people.ErrDamage},
		"older":        {old, people.ErrOld},
		"flipped":      {flipped, people.ErrDamage},
		"more":         {append(bytes.Clone(now), now[128:]...), people.ErrDamage},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := clone(t, dir)
			if c.table == nil {
				if err := os.Remove(tableOf(c2)); err != nil {
					t.Fatal(err)
				}
			} else {
				write(t, tableOf(c2), c.table)
			}
			text := read(t, segmentOf(c2))
			if _, err := reopens(t, c2); !errors.Is(err, c.want) || !strings.Contains(err.Error(), "Options.NewPeople") || strings.Contains(err.Error(), c2) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if b, err := os.ReadFile(tableOf(c2)); err == nil && !bytes.Equal(b, c.table) || !bytes.Equal(read(t, segmentOf(c2)), text) {
				t.Error("it was changed")
			}
			anew := openFed(t, c2, &audit.Options{NewPeople: true})
			if anew.Pseudonym(alice) != "" {
				t.Error("the new table has people")
			}
			add(t, anew, by(bob))
			add(t, anew, by(alice))
			if a, b := anew.Pseudonym(alice), anew.Pseudonym(bob); a == was || b == was || a == b {
				t.Errorf("%q and %q", a, b)
			}
			kept := anew.Pseudonym(alice)
			shut(t, anew)
			if e := erased(t, c2); len(e) != 2 || e[1].Reason != "anew" || e[1].Count != 2 {
				t.Errorf("%+v", e)
			}
			again := openFed(t, c2, &audit.Options{NewPeople: true})
			if again.Pseudonym(alice) != kept {
				t.Error("a table that opens was not kept")
			}
			shut(t, again)
			if len(erased(t, c2)) != 2 {
				t.Error("it says again what it has said")
			}
			if c.table != nil {
				write(t, tableOf(c2), now) // the one from before
				if _, err := reopens(t, c2); !errors.Is(err, people.ErrOld) {
					t.Errorf("the table from before: %v", err)
				}
			}
		})
	}
}

// TestAnOlderTableIsKnownInALaterSegment: what the log has told of is carried over.
func TestAnOlderTableIsKnownInALaterSegment(t *testing.T) {
	dir := create(t)
	l := openFed(t, dir, &audit.Options{SegmentBytes: 1}) // each commit begins a segment
	add(t, l, by(alice))
	add(t, l, by(bob))
	old := read(t, tableOf(dir))
	if err := l.Erase(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	var r audit.Receipt
	for range 3 { // the segment with the event is not the newest any more, nor the one before
		r = add(t, l, by(alice))
	}
	if err := l.Retain(t.Context(), r.Index); err != nil {
		t.Fatal(err)
	}
	if l.Kept() == 0 || len(erased(t, dir)) != 0 {
		t.Error("the event is still there")
	}
	shut(t, l)
	if _, err := reopens(t, dir); err != nil {
		t.Fatal(err)
	}
	if len(erased(t, dir)) != 0 {
		t.Error("it is said again")
	}
	write(t, tableOf(dir), old)
	if _, err := reopens(t, dir); !errors.Is(err, people.ErrOld) {
		t.Errorf("got %v", err)
	}
}

// TestAnErasureThatWasNotSaidIsSaidByOpen, and by the next Erase: never before it is true.
func TestAnErasureThatWasNotSaidIsSaidByOpen(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openOn(t, dir, d)
	add(t, l, by(alice))
	add(t, l, by(bob))
	d.Fail("write", d.Count("write")+1, syscall.ENOSPC)
	if err := l.Erase(t.Context(), alice); !errors.Is(err, audit.ErrIndeterminate) || errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("got %v", err)
	}
	crashed := clone(t, dir)
	if l.Pseudonym(alice) != "" || len(erased(t, dir)) != 0 {
		t.Error("not erased, or said although the disk was full")
	}
	d.Fail("write", 0, nil)
	if err := l.Erase(t.Context(), alice); !errors.Is(err, audit.ErrNobody) {
		t.Errorf("again: %v", err)
	}
	shut(t, l)
	if e := erased(t, dir); len(e) != 1 || e[0].Count != 1 {
		t.Errorf("after Erase: %+v", e)
	}
	if _, err := reopens(t, crashed); err != nil {
		t.Fatal(err)
	}
	if e := erased(t, crashed); len(e) != 1 || e[0].Count != 1 || e[0].Reason != "" {
		t.Errorf("after Open: %+v", e)
	}
}

// TestARowIsDurableBeforeItsLine: where it cannot be, nothing is recorded; and who is known
// already goes on.
func TestARowIsDurableBeforeItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		step string
		err  error
		ends bool // nobody new comes any more
	}{
		"sync":    {"sync", syscall.EIO, true},
		"write":   {"write", syscall.EIO, true},
		"space":   {"write", syscall.ENOSPC, false},
		"reserve": {"reserve", syscall.ENOSPC, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := create(t)
			var steps []string
			var mu sync.Mutex
			d := &segmenttest.Disk{Hook: func(step string) error {
				mu.Lock()
				defer mu.Unlock()
				steps = append(steps, step)
				return nil
			}}
			l := openOn(t, dir, d)
			d.Fail(c.step, d.Count(c.step)+1, c.err)
			e := by(alice)
			e.Chain, e.For = []audit.Actor{alice, bob}, bob
			if _, err := l.Append(t.Context(), e); !errors.Is(err, audit.ErrNotRecorded) || errors.Is(err, audit.ErrIndeterminate) || errors.Is(err, c.err) {
				t.Errorf("got %v", err)
			}
			d.Fail(c.step, 0, nil)
			if l.Pseudonym(alice) != "" || len(lines(read(t, segmentOf(dir)))) != 2 {
				t.Error("somebody has a pseudonym that is not on the disk, or a line has")
			}
			_, err := l.Append(t.Context(), e)
			if c.ends != errors.Is(err, audit.ErrNotRecorded) {
				t.Errorf("afterwards: %v", err)
			}
			add(t, l, answer()) // of nobody
			shut(t, l)
			l = open(t, dir)
			add(t, l, e)
			shut(t, l)
		})
	}
}

// TestPeopleCostOneSyncOnce: many new people share one, and known ones need none.
func TestPeopleCostOneSyncOnce(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openOn(t, dir, d)
	e := by(alice)
	for i := range 20 {
		e.Chain = append(e.Chain, audit.Actor{Issuer: "i", Subject: fmt.Sprint(i)})
	}
	add(t, l, e)
	size := len(read(t, tableOf(dir)))
	if size != 128+21*64 {
		t.Errorf("%d bytes", size)
	}
	syncs := d.Count("sync")
	add(t, l, e)
	if n := d.Count("sync") - syncs; n != 1 || len(read(t, tableOf(dir))) != size {
		t.Errorf("%d syncs for people who are known", n)
	}
}

// TestADiskThatHangsHoldsNobodyNew: they wait as long as they want to.
func TestADiskThatHangsHoldsNobodyNew(t *testing.T) {
	dir := create(t)
	hang, hung := make(chan struct{}), make(chan struct{})
	var next atomic.Bool // the next sync hangs: the table's
	d := &segmenttest.Disk{Hook: func(step string) error {
		if step == "sync" && next.Swap(false) {
			close(hung)
			<-hang
		}
		return nil
	}}
	l := openOn(t, dir, d)
	add(t, l, by(bob))
	next.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	for range 2 {
		go func() {
			_, err := l.Append(ctx, by(alice))
			done <- err
		}()
	}
	<-hung
	go func() { done <- l.Erase(ctx, bob) }()
	if n := l.Pseudonym(bob); n == "" {
		t.Error("who is known is not found while the disk hangs")
	}
	add(t, l, by(bob))
	cancel()
	for range 3 {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if err := l.Erase(ctx, bob); !errors.Is(err, audit.ErrNotRecorded) || !errors.Is(err, context.Canceled) {
		t.Errorf("before it began: %v", err)
	}
	close(hang)
	shut(t, l)
	if _, err := l.Append(t.Context(), by(audit.Actor{Issuer: "i", Subject: "new"})); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("after Close: %v", err)
	}
	if err := l.Erase(t.Context(), alice); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("after Close: %v", err)
	}
}

// TestAFullDiskHasRoomForThePeopleOfOutcomes: somebody new who ends something gets a row where
// somebody new who begins something gets none.
func TestAFullDiskHasRoomForThePeopleOfOutcomes(t *testing.T) {
	dir := create(t)
	d := &segmenttest.Disk{}
	l := openOn(t, dir, d)
	add(t, l, by(alice)) // a megabyte is reserved
	d.Fail("reserve", 1, syscall.ENOSPC)
	size := func() int { return len(read(t, tableOf(dir))) }
	n, before := 0, 0
	for ; before != size(); n++ { // first the log refuses the event, and then the table the people
		before = size()
		e := grant("g-1")
		for i := range 32 {
			e.Chain = append(e.Chain, audit.Actor{Issuer: "i", Subject: fmt.Sprint(n, " ", i)})
		}
		if _, err := l.Append(t.Context(), e); err != nil && !errors.Is(err, audit.ErrNotRecorded) {
			t.Fatal(err)
		}
	}
	if n < 100 {
		t.Errorf("full after %d events", n)
	}
	undo := answer()
	undo.Outcome, undo.Grant, undo.Phase = audit.OutcomeUnknown, "", audit.PhaseUndo
	for _, e := range []audit.Event{undo, answer()} {
		e.Actor = audit.Actor{Issuer: "i", Subject: e.Grant + "new"}
		if _, err := l.Append(t.Context(), e); err != nil {
			t.Errorf("%+v: %v", e.Phase, err)
		}
	}
}

// TestZeroLogsEraseNobody.
func TestZeroLogsEraseNobody(t *testing.T) {
	for _, l := range []*audit.Log{nil, {}} {
		if err := l.Erase(t.Context(), alice); !errors.Is(err, audit.ErrNotRecorded) {
			t.Errorf("got %v", err)
		}
	}
	l := open(t, create(t))
	for _, a := range []audit.Actor{{}, alice, {Issuer: alice.Issuer}} {
		if err := l.Erase(t.Context(), a); !errors.Is(err, audit.ErrNobody) || l.Pseudonym(a) != "" {
			t.Errorf("got %v", err)
		}
	}
}

// TestAKeyOfAnotherSignerOpensNoTable, unless the table was sealed again for it; then everybody
// has the pseudonym that he had.
func TestAKeyOfAnotherSignerOpensNoTable(t *testing.T) {
	made := func(n byte) (dir string, o *audit.Options, k *key.Key) {
		dir = filepath.Join(scratch(t), "audit")
		o = &audit.Options{Signer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32))}
		if err := audit.Create(t.Context(), dir, origin, o); err != nil {
			t.Fatal(err)
		}
		k, err := key.New(origin, o.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return dir, o, k
	}
	one, o, from := made(1)
	l := openFed(t, one, o)
	add(t, l, by(alice))
	was := l.Pseudonym(alice)
	shut(t, l)
	two, o, to := made(2)
	write(t, tableOf(two), read(t, tableOf(one)))
	if _, err := audit.Open(t.Context(), two, o); !errors.Is(err, people.ErrDamage) {
		t.Errorf("got %v", err)
	}
	if err := people.Reseal(two, from, to); err != nil {
		t.Fatal(err)
	}
	l = openFed(t, two, o)
	if got := l.Pseudonym(alice); got != was {
		t.Errorf("%q, who was %q", got, was)
	}
	shut(t, l)
}

// TestErasuresThatFailNameNobody: an error has neither the person nor the folder.
func TestErasuresThatFailNameNobody(t *testing.T) {
	who := audit.Actor{Issuer: "https://issuer-of-nobody.example", Subject: "subject-of-nobody"}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		harm func(dir string, l *audit.Log, d *segmenttest.Disk)
		ctx  context.Context
		want error
	}{
		"nobody":     {func(_ string, l *audit.Log, _ *segmenttest.Disk) { _ = l.Erase(t.Context(), who) }, t.Context(), audit.ErrNobody},
		"closed":     {func(_ string, l *audit.Log, _ *segmenttest.Disk) { shut(t, l) }, t.Context(), audit.ErrNotRecorded},
		"cancelled":  {func(string, *audit.Log, *segmenttest.Disk) {}, ended, context.Canceled},
		"changed":    {func(dir string, _ *audit.Log, _ *segmenttest.Disk) { flipLast(t, tableOf(dir)) }, t.Context(), audit.ErrNotRecorded},
		"not said":   {func(_ string, _ *audit.Log, d *segmenttest.Disk) { d.Fail("write", d.Count("write")+1, syscall.ENOSPC) }, t.Context(), audit.ErrIndeterminate},
		"moved":      {func(dir string, _ *audit.Log, _ *segmenttest.Disk) { move(t, dir) }, t.Context(), audit.ErrIndeterminate},
		"not opened": {func(_ string, _ *audit.Log, d *segmenttest.Disk) { d.Fail("sync", d.Count("sync")+1, syscall.EIO) }, t.Context(), audit.ErrIndeterminate},
	} {
		t.Run(name, func(t *testing.T) {
			dir, d := create(t), &segmenttest.Disk{}
			l := openOn(t, dir, d)
			add(t, l, by(who))
			c.harm(dir, l, d)
			err := l.Erase(c.ctx, who)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			for _, text := range []string{"nobody.example", who.Subject, dir, filepath.Base(dir) + "/"} {
				if strings.Contains(err.Error(), text) {
					t.Errorf("%v has %q", err, text)
				}
			}
		})
	}
}

// flipLast flips a bit of the last byte of a file.
func flipLast(t *testing.T, path string) {
	t.Helper()
	b := read(t, path)
	b[len(b)-1] ^= 1
	write(t, path, b)
}

// move takes a folder away until the test ends.
func move(t *testing.T, dir string) {
	t.Helper()
	if err := os.Rename(dir, dir+".1"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Rename(dir+".1", dir) })
}
