package file_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/internal/segment/segmenttest"
)

// TestAPowerCutLosesAnySubsetOfUnsyncedBlocks walks a small history write by write, and
// for each write every set of its blocks and every length that a power cut before its sync
// has ended could leave. What was acknowledged before is there, what was under way is
// there as a whole or not at all, and it goes on.
func TestAPowerCutLosesAnySubsetOfUnsyncedBlocks(t *testing.T) {
	live, d := scratch(t), &segmenttest.Disk{}
	type moment struct {
		before []byte // the write
		acked  int
	}
	var moments []moment
	var acked []frames.Record
	gate := make(chan struct{})
	first := sync.OnceFunc(func() { <-gate })
	d.Hook = func(step string) error {
		if step == "write" {
			moments = append(moments, moment{read(t, framesOf(live)), len(acked)})
			if len(moments) == 3 { // until the next batch has more than one record
				first()
			}
		}
		return nil
	}
	j := open(t, live, d)
	history := []frames.Record{record("a", 1), sized(record("a", 2), 1200), sized(record("a", 3), 900), sized(record("b", 1), 700), sized(last("c", 1), 400), last("a", 4)}
	add(t, j, history[:2]...)
	acked = history[:2]
	var wg sync.WaitGroup
	for _, r := range history[2:5] {
		wg.Go(func() { add(t, j, r) })
		time.Sleep(20 * time.Millisecond) // in this order
	}
	close(gate)
	wg.Wait()
	acked = history[:5]
	add(t, j, history[5])
	shut(t, j)
	var writes [][]byte
	for _, s := range d.Trace() {
		if s.Name == "write" {
			writes = append(writes, s.Data)
		}
	}
	if len(writes) != 5 || len(moments) != 5 {
		t.Fatalf("%d writes, %d moments", len(writes), len(moments))
	}
	upTo := []int{0, 1, 2, 3, 5, 6} // records before each write, and behind the last
	images := 0
	for i, m := range moments {
		for image := range segmenttest.Images(m.before, writes[i]) {
			images++
			dir := scratch(t)
			write(t, framesOf(dir), image)
			j := open(t, dir, nil)
			n := len(records(t, j))
			if whole := bytes.Equal(image, append(bytes.Clone(m.before), writes[i]...)); whole {
				has(t, j, survivors(history[:upTo[i+1]])...)
			} else {
				has(t, j, survivors(history[:upTo[i]])...)
			}
			add(t, j, record("next", 1))
			shut(t, j)
			j = open(t, dir, nil)
			if got := len(records(t, j)); got != n+1 {
				t.Fatalf("write %d: %d records, want %d", i, got, n+1)
			}
			shut(t, j)
			_ = os.RemoveAll(dir)
		}
	}
	if images < 150 {
		t.Errorf("only %d images", images)
	}
}

// survivors are what Records yields after these were appended.
func survivors(history []frames.Record) (all []frames.Record) {
	var order []string
	runs := map[string][]frames.Record{}
	for _, r := range history {
		if runs[r.Run] == nil {
			order = append(order, r.Run)
		}
		if r.Last {
			runs[r.Run] = nil
		}
		runs[r.Run] = append(runs[r.Run], r)
	}
	for _, run := range order {
		all = append(all, runs[run]...)
	}
	return all
}

// TestASIGKILLAtEveryStep: whatever was done to the file when the process ended is read,
// byte by byte of what a write left.
func TestASIGKILLAtEveryStep(t *testing.T) {
	dir := scratch(t)
	j := open(t, dir, nil)
	history := []frames.Record{record("a", 1), record("a", 2), record("b", 1)}
	var ends []int
	for _, r := range history {
		ends = append(ends, int(size(t, dir)))
		add(t, j, r)
	}
	shut(t, j)
	whole := read(t, framesOf(dir))
	for n := ends[1]; n <= len(whole); n++ {
		acked := 1
		if n >= ends[2] {
			acked++
		}
		if n == len(whole) {
			acked++
		}
		write(t, framesOf(dir), whole[:n])
		j := open(t, dir, nil)
		has(t, j, history[:acked]...)
		shut(t, j)
		if got := read(t, framesOf(dir)); !bytes.Equal(got, whole[:append(ends, len(whole))[acked]]) {
			t.Fatalf("of %d bytes %d are left", n, len(got))
		}
	}
}

const lastOf = 25 // records of a run of the child

// numbered is what the child appends: everybody knows what stands in it.
func numbered(run string, n int) frames.Record {
	r := record(run, n)
	r = sized(r, 1+int(r.Before[1])*40)
	r.Answer, r.Last = n%2 == 0, n == lastOf
	return r
}

// child appends from several goroutines, each run by run, and prints what was
// acknowledged, until it dies.
func child(dir string) {
	ctx := context.Background()
	j, err := file.Open(ctx, dir)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	const workers = 4
	var life, at [workers]int
	for r, err := range j.Records(ctx) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		var w, l int
		if _, err := fmt.Sscanf(r.Run, "run-%d-%d", &w, &l); err == nil && l >= life[w] {
			life[w], at[w] = l, int(r.Sequence)
		}
	}
	var out sync.Mutex
	for w := range workers {
		go func() {
			for {
				if at[w]++; at[w] > lastOf {
					life[w], at[w] = life[w]+1, 1
				}
				run := fmt.Sprintf("run-%d-%d", w, life[w])
				err := j.Append(ctx, numbered(run, at[w]))
				out.Lock()
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				fmt.Println(run, at[w])
				out.Unlock()
			}
		}()
	}
	select {}
}

// process is a child, and what it has said.
type process struct {
	*exec.Cmd
	mu    sync.Mutex
	out   bytes.Buffer
	spoke chan struct{} // closed with the first line
	once  sync.Once
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.once.Do(func() { close(p.spoke) })
	return p.out.Write(b)
}

func start(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], "-test.run=^$"), spoke: make(chan struct{})}
	p.Env = append(os.Environ(), "CARNET_JOURNAL_CHILD="+dir)
	p.Stdout = p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

// kill ends it, and notes what it said was acknowledged: of each run how many.
func (p *process) kill(t *testing.T, acked map[string]int) {
	t.Helper()
	_ = p.Process.Kill()
	_ = p.Wait()
	if said := p.said(acked); said != "" {
		t.Fatal(said)
	}
}

// said notes what was acknowledged, and returns what else it said.
func (p *process) said(acked map[string]int) (other string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.out.String()) {
		var run string
		var n int
		if !strings.HasSuffix(line, "\n") {
			continue // the number may be cut
		}
		if _, err := fmt.Sscanf(line, "run-%s %d\n", &run, &n); err != nil {
			other += line
			continue
		}
		acked["run-"+run] = max(acked["run-"+run], n)
	}
	return other
}

// holds checks that all that was acknowledged is there, and nothing that was not appended.
func holds(t *testing.T, j *file.Journal, acked map[string]int) (found int) {
	t.Helper()
	at := map[string]frames.Record{}
	for _, r := range records(t, j) {
		before := at[r.Run]
		if !reflect.DeepEqual(r, numbered(r.Run, int(r.Sequence))) || !r.Last && r.Sequence != before.Sequence+1 {
			t.Fatalf("record %d of %s is another one, or behind %d", r.Sequence, r.Run, before.Sequence)
		}
		at[r.Run] = r
		found++
	}
	for run, n := range acked {
		if at[run].Sequence < uint64(n) {
			t.Fatalf("record %d of %s was acknowledged; %d are there", n, run, at[run].Sequence)
		}
	}
	return found
}

// TestSIGKILLLosesNothingAcknowledged kills a writer at random moments, also while it
// opens the journal and writes it anew.
func TestSIGKILLLosesNothingAcknowledged(t *testing.T) {
	kills := 50
	if os.Getenv("CARNET_FULL") != "" {
		kills = 500
	}
	dir := filepath.Join(t.TempDir(), "journal") // a real disk, where writes take time
	acked := map[string]int{}
	spoke := 0
	for i := range kills {
		p := start(t, dir)
		if i%2 == 0 {
			select {
			case <-p.spoke:
				spoke++
			case <-time.After(time.Minute):
				t.Fatal("it does not start")
			}
		}
		time.Sleep(time.Duration(rand.IntN(40_000)) * time.Microsecond)
		p.kill(t, acked)
		if i%10 == 9 || i == kills-1 {
			j := open(t, dir, nil)
			holds(t, j, acked)
			shut(t, j)
		}
	}
	if spoke < kills/2 || len(acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	t.Logf("%d kills, %d runs", kills, len(acked))
}
