package people_test

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
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

const (
	head = 128
	row  = 64
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var keys sync.Map // by their seeds, because deriving one is slow

func keyOf(t testing.TB, n byte) *key.Key {
	t.Helper()
	if k, ok := keys.Load(n); ok {
		return k.(*key.Key)
	}
	k, err := key.New("acme.example/hr/a", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	keys.Store(n, k)
	return k
}

// scratch is a folder in memory where there is one.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "people")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// made is a folder with a table of n people.
func made(t testing.TB, n int) string {
	t.Helper()
	dir := scratch(t)
	if err := people.Create(dir, keyOf(t, 1)); err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		x := opened(t, dir, people.Want{})
		for i := range n {
			named(t, x, i)
		}
		shut(t, x)
	}
	return dir
}

func opened(t testing.TB, dir string, w people.Want) *people.Table {
	t.Helper()
	x, err := people.Open(dir, keyOf(t, 1), w)
	if err == nil {
		err = x.Repair()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func shut(t testing.TB, x *people.Table) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// named is the pseudonym of the i-th person.
func named(t testing.TB, x *people.Table, i int) people.Name {
	t.Helper()
	n, err := x.Name(context.Background(), "i", fmt.Sprint(i), 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// all are the names of people, the nobodies left out.
func all(x *people.Table, n int) map[int]people.Name {
	names := map[int]people.Name{}
	for i := range n {
		if name, ok := x.Find("i", fmt.Sprint(i)); ok {
			names[i] = name
		}
	}
	return names
}

func file(dir string) string { return filepath.Join(dir, people.File) }

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func same(a, b map[int]people.Name) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func TestWhoHasANameKeepsIt(t *testing.T) {
	dir := made(t, 0)
	x := opened(t, dir, people.Want{})
	if _, ok := x.Find("i", "0"); ok {
		t.Error("somebody without a name is found")
	}
	one, two := named(t, x, 0), named(t, x, 1)
	if !regexp.MustCompile(`^p-[0-9a-f]{32}$`).MatchString(one.String()) || one == two || one != named(t, x, 0) {
		t.Errorf("%s, %s", one, two)
	}
	want := all(x, 3)
	if x = reopened(t, x, dir); len(want) != 2 || !same(all(x, 3), want) || named(t, x, 1) != two {
		t.Errorf("%v, want %v", all(x, 3), want)
	}
}

func reopened(t testing.TB, x *people.Table, dir string) *people.Table {
	t.Helper()
	shut(t, x)
	return opened(t, dir, people.Want{})
}

// TestManyComeAtOnce: each gets one name, the same for all who ask, with two syncs: one for who
// came first, and one for all who came while it lasted.
func TestManyComeAtOnce(t *testing.T) {
	dir := made(t, 0)
	const persons, callers = 500, 4
	var got [callers][persons]people.Name
	synctest.Test(t, func(t *testing.T) {
		begin := make(chan struct{})
		var once sync.Once
		d := &segmenttest.Disk{Hook: func(step string) error {
			if step == "sync" {
				once.Do(func() { <-begin })
			}
			return nil
		}}
		x := opened(t, dir, people.Want{Disk: d})
		var wg sync.WaitGroup
		for c := range callers {
			for i := range persons {
				wg.Go(func() { got[c][i] = named(t, x, i) })
			}
		}
		synctest.Wait()
		close(begin)
		wg.Wait()
		if n := d.Count("sync"); n > 2 {
			t.Errorf("%d syncs", n)
		}
		shut(t, x)
	})
	seen, want := map[people.Name]bool{}, map[int]people.Name{}
	for i, n := range got[0] {
		seen[n], want[i] = true, n
	}
	if got[0] != got[1] || got[0] != got[2] || got[0] != got[3] || len(seen) != persons {
		t.Errorf("not everybody has one name: %d names", len(seen))
	}
	if x := opened(t, dir, people.Want{}); !same(all(x, persons), want) || len(read(t, file(dir))) != head+persons*row {
		t.Error("the file has others")
	}
}

// TestARacedErasure: people come, go and come again from many goroutines. Who has a name has
// it on the disk.
func TestARacedErasure(t *testing.T) {
	dir := made(t, 20)
	x := opened(t, dir, people.Want{})
	var wg sync.WaitGroup
	var erased atomic.Int64
	for g := range 4 {
		wg.Go(func() {
			for i := range 40 {
				if (i+g)%4 != 0 {
					named(t, x, i)
					continue
				}
				switch err := x.Erase(t.Context(), "i", fmt.Sprint(i)); {
				case err == nil:
					erased.Add(1)
				case !errors.Is(err, people.ErrNobody):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want := all(x, 40)
	if now, born := x.Generation(); now != erased.Load() || now == 0 || born != 0 {
		t.Errorf("generation %d and %d after %d erasures", now, born, erased.Load())
	}
	if x = reopened(t, x, dir); !same(all(x, 40), want) {
		t.Error("the file has others")
	}
}

func TestWhoIsErasedIsForgotten(t *testing.T) {
	dir := made(t, 3)
	x := opened(t, dir, people.Want{})
	was := all(x, 3)
	old := read(t, file(dir))
	if err := x.Erase(t.Context(), "i", "1"); err != nil {
		t.Fatal(err)
	}
	now := read(t, file(dir))
	digest := old[head+row : head+row+32]
	if len(now) != len(old)-row || bytes.Contains(now, digest) || bytes.Contains(now, old[head+row+32:head+row+48]) {
		t.Error("the row is there")
	}
	if bytes.Contains(now, old[head+2*row:]) || !bytes.Contains(now, old[head+2*row:head+2*row+48]) {
		t.Error("a row of the older table counts in this one")
	}
	if err := x.Erase(t.Context(), "i", "1"); err != people.ErrNobody {
		t.Errorf("again: %v", err)
	}
	delete(was, 1)
	x = reopened(t, x, dir)
	if !same(all(x, 3), was) {
		t.Error("others went too")
	}
	named(t, x, 1)
	x = reopened(t, x, dir)
	if len(all(x, 3)) != 3 {
		t.Error("nobody comes again")
	}
	shut(t, x)
	write(t, file(dir), old)
	if _, err := people.Open(dir, keyOf(t, 1), people.Want{Generation: 1}); err != people.ErrOld {
		t.Errorf("the older table: %v", err)
	}
}

// TestOnlyTheOwnerReadsATable, whichever way it was made, and also where it was put back with
// other permissions.
func TestOnlyTheOwnerReadsATable(t *testing.T) {
	dir := made(t, 2)
	private := func(when, path string) {
		t.Helper()
		if fi, err := os.Lstat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", when, fi.Mode(), err)
		}
	}
	private("made", file(dir))
	if err := os.Chmod(file(dir), 0o644); err != nil {
		t.Fatal(err)
	}
	x := opened(t, dir, people.Want{})
	private("put back", file(dir))
	if err := x.Erase(t.Context(), "i", "0"); err != nil {
		t.Fatal(err)
	}
	private("without somebody", file(dir))
	shut(t, x)
	if err := people.Reseal(dir, keyOf(t, 1), keyOf(t, 2)); err != nil {
		t.Fatal(err)
	}
	private("for another key", file(dir)+".next")
	write(t, file(dir), nil)
	if err := os.Chmod(file(dir), 0o644); err != nil {
		t.Fatal(err)
	}
	shut(t, opened(t, dir, people.Want{Anew: true}))
	private("another one", file(dir))
}

// TestNoCopyOutlivesAnErasure: neither the older file nor one for a key that the log did not get
// has a name, and nobody holds it open.
func TestNoCopyOutlivesAnErasure(t *testing.T) {
	dir := made(t, 3)
	if err := people.Reseal(dir, keyOf(t, 1), keyOf(t, 2)); err != nil {
		t.Fatal(err)
	}
	d := &counting{Disk: &segmenttest.Disk{}}
	x := opened(t, dir, people.Want{Disk: d})
	older, err := os.Lstat(file(dir))
	if err != nil {
		t.Fatal(err)
	}
	gone := read(t, file(dir))[head+row : head+row+48]
	if err := x.Erase(t.Context(), "i", "1"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != people.File {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		b := read(t, filepath.Join(dir, e.Name()))
		if err != nil || os.SameFile(fi, older) || bytes.Contains(b, gone[:32]) || bytes.Contains(b, gone[32:]) {
			t.Errorf("%s has him, %v", e.Name(), err)
		}
	}
	if n := d.open.Load(); n != 1 {
		t.Errorf("%d files are open", n)
	}
	shut(t, x)
	if n := d.open.Load(); n != 0 {
		t.Errorf("%d files are open after Close", n)
	}
}

// counting is a disk that knows how many files are open.
type counting struct {
	segment.Disk
	open atomic.Int64
}

func (d *counting) Open(path string, create bool) (segment.Handle, error) {
	h, err := d.Disk.Open(path, create)
	if err == nil {
		d.open.Add(1)
	}
	return &counted{h, d}, err
}

type counted struct {
	segment.Handle
	disk *counting
}

func (h *counted) Close() error {
	h.disk.open.Add(-1)
	return h.Handle.Close()
}

// TestCutAtEveryByte: behind the last whole row a crash is all that is needed to explain it.
func TestCutAtEveryByte(t *testing.T) {
	dir := made(t, 4)
	whole := read(t, file(dir))
	for cut := range len(whole) {
		write(t, file(dir), whole[:cut])
		x, err := people.Open(dir, keyOf(t, 1), people.Want{})
		if cut < head {
			if err != people.ErrDamage {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got := read(t, file(dir)); !bytes.Equal(got, whole[:cut]) {
			t.Fatalf("cut at %d: Open has changed it", cut)
		}
		if err := x.Repair(); err != nil {
			t.Fatal(err)
		}
		left := (cut - head) / row
		if len(all(x, 4)) != left || len(read(t, file(dir))) != head+left*row {
			t.Fatalf("cut at %d: %d people", cut, len(all(x, 4)))
		}
		if named(t, x, 3); len(read(t, file(dir))) != head+(left+1)*row {
			t.Fatalf("cut at %d: the next row is glued to the rest", cut)
		}
		shut(t, x)
	}
}

// TestEveryFlippedBitRefuses, also in the last row, which must not look torn.
func TestEveryFlippedBitRefuses(t *testing.T) {
	dir := made(t, 3)
	whole := read(t, file(dir))
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			write(t, file(dir), b)
			if _, err := people.Open(dir, keyOf(t, 1), people.Want{}); err != people.ErrDamage {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
}

// TestRowsHaveAPlace: one that was moved, doubled or taken out is damage, and so is a hole that
// no disk makes.
func TestRowsHaveAPlace(t *testing.T) {
	dir := made(t, 20)
	whole := read(t, file(dir))
	at := func(i int) int { return head + i*row }
	for name, damage := range map[string]func(b []byte) []byte{
		"swapped":  func(b []byte) []byte { return slices.Concat(b[:at(3)], b[at(4):at(5)], b[at(3):at(4)], b[at(5):]) },
		"doubled":  func(b []byte) []byte { return slices.Concat(b[:at(4)], b[at(3):]) },
		"out":      func(b []byte) []byte { return slices.Concat(b[:at(3)], b[at(4):]) },
		"again":    func(b []byte) []byte { return append(b, b[at(0):at(1)]...) },
		"text":     func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), row)...) },
		"too much": func(b []byte) []byte { return append(b, make([]byte, 1025*row)...) },
		"hole":     func(b []byte) []byte { clear(b[at(7):at(8)]); return b },
		"second hole, from the middle of a block": func(b []byte) []byte {
			clear(b[512:1024])
			clear(b[1024+row:])
			return b
		},
		"hole, to the middle of a block": func(b []byte) []byte { clear(b[512 : 512+3*row]); return b },
		"two pseudonyms swapped": func(b []byte) []byte {
			one := bytes.Clone(b[at(1)+32 : at(1)+48])
			copy(b[at(1)+32:at(1)+48], b[at(2)+32:at(2)+48])
			copy(b[at(2)+32:at(2)+48], one)
			return b
		},
	} {
		write(t, file(dir), damage(bytes.Clone(whole)))
		if _, err := people.Open(dir, keyOf(t, 1), people.Want{}); err != people.ErrDamage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAPowerCutLosesAnySubsetOfBlocks of the batch that was being written; who has a row keeps
// his name.
func TestAPowerCutLosesAnySubsetOfBlocks(t *testing.T) {
	for _, before := range []int{0, 3, 6, 7} {
		dir := made(t, before)
		d := &segmenttest.Disk{}
		x := opened(t, dir, people.Want{})
		old, want := read(t, file(dir)), all(x, before)
		shut(t, x)
		synctest.Test(t, func(t *testing.T) {
			begin := make(chan struct{})
			var once sync.Once
			d.Hook = func(step string) error {
				if step == "reserve" {
					once.Do(func() { <-begin }) // until all are there
				}
				return nil
			}
			x := opened(t, dir, people.Want{Disk: d})
			var wg sync.WaitGroup
			for i := range 30 {
				wg.Go(func() { named(t, x, 100+i) })
			}
			synctest.Wait()
			close(begin)
			wg.Wait()
			shut(t, x)
		})
		images := 0
		for _, s := range d.Trace() {
			if s.Name != "write" {
				continue
			}
			for image := range segmenttest.Images(old, s.Data) {
				write(t, file(dir), image)
				y := opened(t, dir, people.Want{})
				if !same(all(y, before), want) {
					t.Fatalf("%d bytes: somebody is lost", len(image))
				}
				left := len(all(y, 200))
				named(t, y, 300)
				if y = reopened(t, y, dir); len(all(y, 301)) != left+1 {
					t.Fatalf("%d bytes: opened again, %d people and not %d", len(image), len(all(y, 301)), left+1)
				}
				shut(t, y)
				images++
			}
			old = append(old, s.Data...)
			want = map[int]people.Name{}
			write(t, file(dir), old)
			y := opened(t, dir, people.Want{})
			want = all(y, before)
			shut(t, y)
		}
		if images < 10 {
			t.Errorf("only %d images", images)
		}
	}
}

func TestTablesThatDoNotOpen(t *testing.T) {
	dir := made(t, 2)
	whole := read(t, file(dir))
	if _, err := people.Open(dir, keyOf(t, 2), people.Want{}); err != people.ErrDamage {
		t.Errorf("under another key: %v", err)
	}
	if _, err := people.Open(t.TempDir(), keyOf(t, 1), people.Want{}); err != people.ErrMissing {
		t.Errorf("missing: %v", err)
	}
	if err := os.Remove(file(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := people.Open(dir, keyOf(t, 1), people.Want{}); err != people.ErrDamage {
		t.Errorf("a folder: %v", err)
	}
	x, err := people.Open(dir, keyOf(t, 1), people.Want{Anew: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Repair(); err != people.ErrWrite {
		t.Errorf("a folder in the way: %v", err)
	}
	shut(t, x)
	if _, err := people.Open(filepath.Join(file(dir), "x\x00"), keyOf(t, 1), people.Want{Anew: true}); err != people.ErrRead {
		t.Errorf("a path that cannot be: %v", err)
	}
	if err := people.Create(filepath.Join(dir, "none"), keyOf(t, 1)); err != people.ErrWrite {
		t.Errorf("no folder: %v", err)
	}
	occupied := made(t, 1)
	if err := os.MkdirAll(filepath.Join(file(occupied)+".next", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if x, err = people.Open(occupied, keyOf(t, 1), people.Want{}); err != nil {
		t.Fatal(err)
	}
	if err := x.Repair(); err != people.ErrWrite {
		t.Errorf("a copy that stays: %v", err)
	}
	shut(t, x)
	other := scratch(t)
	for _, step := range []string{"open", "rewrite", "truncate"} {
		write(t, file(other), append(bytes.Clone(whole), 1))
		d := &segmenttest.Disk{}
		d.Fail(step, 1, syscall.EIO)
		x, err := people.Open(other, keyOf(t, 1), people.Want{Disk: d})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Repair(); err != people.ErrWrite && err != people.ErrRead {
			t.Errorf("%s: %v", step, err)
		}
		shut(t, x)
	}
}

// TestAnew: a table that does not open is replaced by who asks for it, by one that no table from
// before can pass for.
func TestAnew(t *testing.T) {
	dir := made(t, 3)
	x := opened(t, dir, people.Want{})
	for i := range 2 {
		if err := x.Erase(t.Context(), "i", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, x)
	whole := read(t, file(dir))
	b := bytes.Clone(whole)
	b[head]++
	write(t, file(dir), b) // of generation 2, of which the log knows 1
	x = opened(t, dir, people.Want{Generation: 1, Anew: true})
	if now, born := x.Generation(); now != 3 || born != 3 || len(all(x, 3)) != 0 || people.Known(x) != 0 {
		t.Errorf("generation %d and %d, %d people", now, born, people.Known(x))
	}
	named(t, x, 0)
	shut(t, x)
	x = opened(t, dir, people.Want{Generation: 3, Anew: true})
	if now, born := x.Generation(); now != 3 || born != 3 || len(all(x, 3)) != 1 {
		t.Errorf("generation %d and %d, %d people", now, born, len(all(x, 3)))
	}
	shut(t, x)
	write(t, file(dir), whole)
	if _, err := people.Open(dir, keyOf(t, 1), people.Want{Generation: 3}); err != people.ErrOld {
		t.Errorf("the one from before: %v", err)
	}
}

// TestAnotherKey: at each moment of a change of keys one of them opens the table, with everybody.
func TestAnotherKey(t *testing.T) {
	one, two := keyOf(t, 1), keyOf(t, 2)
	for _, commits := range []bool{false, true} {
		dir := made(t, 3)
		x := opened(t, dir, people.Want{})
		if err := x.Erase(t.Context(), "i", "0"); err != nil {
			t.Fatal(err)
		}
		want := all(x, 3)
		shut(t, x)
		for range 2 {
			if err := people.Reseal(dir, one, two); err != nil {
				t.Fatal(err)
			}
		}
		k, other := one, two
		if commits {
			k, other = two, one
		}
		for range 2 {
			x, err := people.Open(dir, k, people.Want{Generation: 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Repair(); err != nil {
				t.Fatal(err)
			}
			if now, _ := x.Generation(); now != 1 || !same(all(x, 3), want) {
				t.Errorf("generation %d, %v", now, all(x, 3))
			}
			shut(t, x)
		}
		if _, err := os.Stat(file(dir) + ".next"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the other one is there: %v", err)
		}
		if _, err := people.Open(dir, other, people.Want{}); err != people.ErrDamage {
			t.Errorf("the other key: %v", err)
		}
	}
	if err := people.Reseal(made(t, 0), two, one); err != people.ErrDamage {
		t.Errorf("not its key: %v", err)
	}
	if err := people.Reseal(t.TempDir(), two, one); err != people.ErrMissing {
		t.Errorf("no table: %v", err)
	}
	dir := made(t, 0)
	write(t, file(dir)+".next", []byte("x"))
	if _, err := people.Open(dir, two, people.Want{}); err != people.ErrDamage {
		t.Errorf("nothing that it opens: %v", err)
	}
}

// TestSpaceIsForThoseWhoMatterMore: who leaves less to others gets the last rows, also where he
// waited with one who leaves more.
func TestSpaceIsForThoseWhoMatterMore(t *testing.T) {
	dir := made(t, 0)
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		var once sync.Once
		x := opened(t, dir, people.Want{Disk: &limited{most: head + 4*row, Disk: &segmenttest.Disk{Hook: func(step string) error {
			if step == "reserve" {
				once.Do(func() { <-hold })
			}
			return nil
		}}}})
		name := func(i int, spare int64, want error) {
			go func() {
				if _, err := x.Name(t.Context(), "i", fmt.Sprint(i), spare); err != want {
					t.Errorf("%d: got %v, want %v", i, err, want)
				}
			}()
			synctest.Wait()
		}
		name(0, 0, nil)
		for i := range 2 {
			name(1+i, row, nil)
			name(3+i, 10*row, people.ErrSpace)
			name(3+i, 10*row, people.ErrSpace)
		}
		name(4, 0, nil) // beside one who is refused
		close(hold)
		synctest.Wait()
		name(5, 0, people.ErrSpace)
		shut(t, x)
	})
	if x := opened(t, dir, people.Want{}); len(all(x, 9)) != 4 {
		t.Errorf("%d people", len(all(x, 9)))
	}
}

// limited is a disk on which a file gets no longer.
type limited struct {
	segment.Disk
	most int64
}

func (d *limited) Open(path string, create bool) (segment.Handle, error) {
	h, err := d.Disk.Open(path, create)
	return &short{h, d.most}, err
}

type short struct {
	segment.Handle
	most int64
}

func (h *short) Reserve(offset, length int64) error {
	if err := h.Handle.Reserve(offset, length); err != nil {
		return err
	}
	if offset+length > h.most {
		return syscall.ENOSPC
	}
	return nil
}

// TestAFailureEndsTheTable, but not for those who are known.
func TestAFailureEndsTheTable(t *testing.T) {
	dir := made(t, 1)
	d := &segmenttest.Disk{}
	x := opened(t, dir, people.Want{Disk: d})
	d.Fail("sync", 1, syscall.EIO)
	for range 2 {
		if _, err := x.Name(t.Context(), "i", "1", 0); err != people.ErrStopped {
			t.Errorf("got %v", err)
		}
	}
	if d.Count("sync") != 1 {
		t.Errorf("%d syncs: one that failed was tried again", d.Count("sync"))
	}
	if err := x.Erase(t.Context(), "i", "0"); err != people.ErrStopped {
		t.Errorf("Erase: %v", err)
	}
	if _, ok := x.Find("i", "1"); ok {
		t.Error("who has no row is found")
	}
	named(t, x, 0)
}

// TestErasuresThatFail: what is on the disk is what is said.
func TestErasuresThatFail(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed on Windows")
	}
	t.Run("changed by somebody else", func(t *testing.T) {
		dir := made(t, 2)
		x := opened(t, dir, people.Want{})
		b := read(t, file(dir))
		b[head]++
		write(t, file(dir), b)
		if err := x.Erase(t.Context(), "i", "0"); err != people.ErrStopped {
			t.Errorf("got %v", err)
		}
		if _, err := x.Name(t.Context(), "i", "5", 0); err != people.ErrStopped {
			t.Errorf("somebody new: %v", err)
		}
	})
	t.Run("no folder", func(t *testing.T) {
		dir := made(t, 2)
		x := opened(t, dir, people.Want{})
		if err := os.Rename(dir, dir+".1"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Rename(dir+".1", dir) }()
		if err := x.Erase(t.Context(), "i", "0"); err != people.ErrUnknown {
			t.Errorf("got %v", err)
		}
		if len(all(x, 2)) != 2 {
			t.Error("forgotten in memory only")
		}
	})
	t.Run("not opened again", func(t *testing.T) {
		dir := made(t, 2)
		d := &segmenttest.Disk{}
		x := opened(t, dir, people.Want{Disk: d})
		d.Fail("open", d.Count("open")+1, syscall.EIO)
		if err := x.Erase(t.Context(), "i", "0"); err != nil || len(all(x, 2)) != 1 {
			t.Errorf("got %v", err)
		}
		if _, err := x.Name(t.Context(), "i", "5", 0); err != people.ErrStopped {
			t.Errorf("somebody new: %v", err)
		}
		if x = reopened(t, x, dir); len(all(x, 2)) != 1 {
			t.Error("he is back")
		}
	})
	t.Run("kept", func(t *testing.T) {
		dir := made(t, 2)
		x := opened(t, dir, people.Want{})
		people.FailReplacing(x, syscall.ENOSPC)
		if err := x.Erase(t.Context(), "i", "0"); err != people.ErrKept {
			t.Errorf("got %v", err)
		}
		if len(all(x, 2)) != 2 {
			t.Error("forgotten in memory only")
		}
		named(t, x, 5) // it goes on
	})
}

// TestWaitingEndsWithItsContext, and Close with what is being written.
func TestWaitingEndsWithItsContext(t *testing.T) {
	dir := made(t, 1)
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var once sync.Once
		x := opened(t, dir, people.Want{Disk: &segmenttest.Disk{Hook: func(step string) error {
			if step == "sync" {
				once.Do(func() { <-hang })
			}
			return nil
		}}})
		ctx, cancel := context.WithCancel(t.Context())
		var errs [2]error
		go func() { _, errs[0] = x.Name(ctx, "i", "1", 0) }()
		synctest.Wait()
		go func() { errs[1] = x.Erase(ctx, "i", "0") }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		for _, err := range errs {
			if err != context.Canceled {
				t.Errorf("got %v", err)
			}
		}
		closed := false
		go func() {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
			closed = true
		}()
		synctest.Wait()
		if closed {
			t.Error("Close did not wait")
		}
		if _, err := x.Name(t.Context(), "i", "2", 0); err != people.ErrClosed {
			t.Errorf("Name: %v", err)
		}
		if err := x.Erase(t.Context(), "i", "0"); err != people.ErrClosed {
			t.Errorf("Erase: %v", err)
		}
		close(hang)
		synctest.Wait()
		if !closed {
			t.Error("Close waits for ever")
		}
	})
	if x := opened(t, dir, people.Want{}); len(all(x, 2)) != 1 || len(all(x, 1)) != 0 {
		t.Error("who was written is lost, or who was erased is there")
	}
	var none *people.Table
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

// TestATableIsBounded: who is one too many is refused, and those who are in go on.
func TestATableIsBounded(t *testing.T) {
	dir := made(t, 1)
	x := opened(t, dir, people.Want{})
	people.Pretend(x, people.Most)
	if _, err := x.Name(t.Context(), "i", "1", 0); err != people.ErrMost {
		t.Errorf("got %v", err)
	}
	named(t, x, 0)
	if err := x.Erase(t.Context(), "i", "0"); err != nil {
		t.Fatal(err)
	}
	named(t, x, 1)
}

// TestKnownPeopleAllocateNothing.
func TestKnownPeopleAllocateNothing(t *testing.T) {
	x := opened(t, made(t, 1), people.Want{})
	ctx := t.Context()
	n := testing.AllocsPerRun(200, func() {
		if _, err := x.Name(ctx, "i", "0", 0); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 && !race { // its pools forget now and then
		t.Errorf("%v allocations", n)
	}
}

// TestTheOldKeyMakesNoRows: what it could seal is of no use in the table of the next one.
func TestTheOldKeyMakesNoRows(t *testing.T) {
	dir := made(t, 3)
	before := read(t, file(dir))
	if err := errors.Join(people.Reseal(dir, keyOf(t, 1), keyOf(t, 2)), people.Adopt(dir)); err != nil {
		t.Fatal(err)
	}
	after := read(t, file(dir))
	write(t, file(dir), append(after[:head:head], before[head:]...))
	if x, err := people.Open(dir, keyOf(t, 2), people.Want{}); err != people.ErrDamage {
		t.Errorf("%v, %v", x, err)
	}
	if err := people.Adopt(dir); err == nil {
		t.Error("there is nothing to adopt")
	}
}

// kept is a table that an earlier version has written, of three people.
const kept = "testdata/people"

// TestWhatWasWrittenIsRead: the format of kept is the format.
func TestWhatWasWrittenIsRead(t *testing.T) {
	dir := scratch(t)
	b := read(t, kept)
	write(t, file(dir), b)
	x := opened(t, dir, people.Want{})
	if now, born := x.Generation(); now != 1 || born != 0 {
		t.Errorf("generation %d and %d", now, born)
	}
	for i := range 3 {
		if n, ok := x.Find("i", fmt.Sprint(i)); !ok || !bytes.Equal(n[:], b[head+i*row+32:head+i*row+48]) {
			t.Errorf("%d is %s", i, n)
		}
	}
}

// FuzzOpen: whatever the file holds, nobody gets a name that the table has not given him.
func FuzzOpen(f *testing.F) {
	good := read(f, kept)
	dir := scratch(f)
	write(f, file(dir), good)
	x := opened(f, dir, people.Want{})
	want := all(x, 10)
	shut(f, x)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		if at < 0 || at > len(good) {
			return
		}
		// b in the place of what stands there: few would find the head otherwise.
		text := append(bytes.Clone(good[:at]), b...)
		if len(text) < len(good) {
			text = append(text, good[len(text):]...)
		}
		dir := scratch(t)
		write(t, file(dir), text)
		x, err := people.Open(dir, keyOf(t, 1), people.Want{})
		if err != nil {
			if err != people.ErrDamage {
				t.Error(err)
			}
			return
		}
		for i, n := range all(x, 10) {
			if n != want[i] {
				t.Errorf("%d is %s", i, n)
			}
		}
		if err := x.Repair(); err != nil {
			t.Fatal(err)
		}
		shut(t, x)
	})
}

func BenchmarkKnown(b *testing.B) {
	x := opened(b, made(b, 100), people.Want{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := x.Name(context.Background(), "i", "7", 0); err != nil {
				b.Error(err)
			}
		}
	})
}
