//go:build unix

package failsafe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/failsafe"
)

// ledger is the truth: what really happened on the far side, a line each, on the disk
// before it is believed to have happened.
type ledger string

func (l ledger) write(line string) error {
	f, err := os.OpenFile(string(l), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// stands is how often a step of a run stands there, and how often it ever was done.
func (l ledger) stands(run, step string) (now, ever int) {
	raw, err := os.ReadFile(string(l))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(raw)) {
		switch strings.TrimSpace(line) {
		case "do " + run + " " + step:
			now, ever = now+1, ever+1
		case "undo " + run + " " + step:
			now = 0
		}
	}
	return now, ever
}

type entry struct{ Run string }

// worker is the service that is killed: it finishes what it finds, and then begins runs
// until nobody lets it. Every third is denied at its last step.
func worker(dir string, runs int) error {
	ctx := context.Background()
	self := auth.System{Name: auth.Self}
	catalogue, err := auth.NewCatalogue("acme", self, system("dir"), system("erp"), system("crm"))
	if err != nil {
		return err
	}
	bound, err := auth.NewBoundary(catalogue, decide(func(f auth.Facts) auth.Decision {
		if f.Errand != nil && f.Errand.Step == "crm" && f.Errand.Phase == audit.PhaseDo && strings.HasSuffix(f.Errand.Run, "x") && f.Errand.Attempt > 0 && gone(dir, f.Errand.Run) {
			return auth.Decision{Rule: "revoked"}
		}
		return everybody(f)
	}), nil)
	if err != nil {
		return err
	}
	if err := audit.Create(ctx, dir+"/audit", "carnet.invalid/kill", nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	log, err := audit.Open(ctx, dir+"/audit", nil)
	if err != nil {
		return err
	}
	gate, err := auth.NewGate(ctx, log, bound, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)}, nil)
	if err != nil {
		return err
	}
	journal, err := failsafe.OpenJournal(ctx, dir+"/journal")
	if err != nil {
		return err
	}
	key := keyed{map[string]auth.Secret{"key": auth.NewSecret([]byte(strings.Repeat("k", 32)))}}
	runner, err := failsafe.New(ctx, gate, journal, key, &failsafe.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	truth := ledger(dir + "/ledger")
	step := func(name, verb string) failsafe.Step[entry] {
		s := failsafe.Step[entry]{Name: name, Operation: name + ".entry." + verb}
		s.Do = func(_ context.Context, _ failsafe.Crossing, e *entry) error {
			if now, _ := truth.stands(e.Run, name); verb == "set" && now > 0 {
				return nil // the same again
			}
			return truth.write("do " + e.Run + " " + name)
		}
		s.Undo = func(_ context.Context, _ failsafe.Crossing, e *entry) error {
			return truth.write("undo " + e.Run + " " + name)
		}
		if verb == "add" {
			s.Ask = func(_ context.Context, _ failsafe.Crossing, e *entry) (bool, error) {
				now, _ := truth.stands(e.Run, name)
				return now > 0, nil
			}
		}
		return s
	}
	flow, err := failsafe.Compile(runner, failsafe.Workflow[entry]{Name: "new-hire", Version: "1", Steps: []failsafe.Step[entry]{
		step("dir", "add"), step("erp", "set"), step("crm", "set"),
	}})
	if err != nil {
		return err
	}
	for result, err := range flow.Resume(ctx) {
		if result.End == failsafe.Parked {
			return fmt.Errorf("%s is parked: %w", result.Run, err)
		}
		fmt.Println(result.Run, result.End)
	}
	fmt.Println("ready")
	for n := range runs {
		id := fmt.Sprintf("r%d-%d", os.Getpid(), n)
		if n%3 == 2 {
			id += "x"
		}
		principal, err := gate.Admit(ctx, auth.Bearer("test"))
		if err != nil {
			return err
		}
		result, err := flow.Run(ctx, principal, id, entry{Run: id})
		if result.End == failsafe.Parked {
			return fmt.Errorf("%s is parked: %w", result.Run, err)
		}
		fmt.Println(result.Run, result.End)
	}
	return errors.Join(runner.Close(ctx), log.Close(ctx))
}

// gone says whether the permission of a run is gone: when its second step stands there.
func gone(dir, run string) bool {
	now, _ := ledger(dir+"/ledger").stands(run, "erp")
	return now > 0
}

// TestWorker is the child of TestKill.
func TestWorker(t *testing.T) {
	dir := os.Getenv("CARNET_KILL_DIR")
	if dir == "" {
		dir = t.TempDir() // and once for itself
	}
	runs := 6
	if os.Getenv("CARNET_KILL_DIR") != "" {
		runs = 1 << 20
	}
	if os.Getenv("CARNET_KILL_LAST") != "" {
		runs = 0
	}
	if err := worker(dir, runs); err != nil {
		t.Fatal(err)
	}
}

// TestKill: whenever its process is killed, a run ends done, with every step there once,
// or rolled back, with none; the ledger of the far side is the truth, and whoever was told
// an end was told that (pitfall 14).
func TestKill(t *testing.T) {
	kills := 50
	if os.Getenv("CARNET_FULL") != "" {
		kills = 500
	}
	dir := t.TempDir()
	ends := map[string]string{}
	for n := range kills + 1 {
		last := n == kills
		child := exec.Command(os.Args[0], "-test.run=^TestWorker$", "-test.v")
		child.Env = append(os.Environ(), "CARNET_KILL_DIR="+dir)
		if last {
			child.Env = append(child.Env, "CARNET_KILL_LAST=1")
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			id, end, ok := strings.Cut(lines.Text(), " ")
			if lines.Text() == "ready" && !last {
				time.AfterFunc(time.Duration(rand.N(60))*time.Millisecond, func() { _ = child.Process.Signal(syscall.SIGKILL) })
			}
			if ok && (end == "done" || end == "rolled back") {
				if ends[id] != "" && ends[id] != end {
					t.Errorf("%s ended %s and %s", id, ends[id], end)
				}
				ends[id] = end
			}
			if strings.Contains(lines.Text(), "parked") || strings.Contains(lines.Text(), "FAIL") {
				t.Errorf("%s", lines.Text())
			}
		}
		if err := child.Wait(); last && err != nil {
			t.Fatal(err)
		}
	}
	if len(ends) < kills {
		t.Errorf("only %d runs in %d lives", len(ends), kills)
	}
	raw, err := os.ReadFile(dir + "/ledger")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		seen[strings.Fields(line)[1]] = true
	}
	counts := map[string]int{}
	for id := range seen {
		end, want := ends[id], 0
		if counts[end]++; end == "done" {
			want = 1
		}
		for _, step := range []string{"dir", "erp", "crm"} {
			now, ever := ledger(dir+"/ledger").stands(id, step)
			if end != "" && now != want || now > 1 {
				t.Errorf("%s is %s, and %s stands there %d times", id, end, step, now)
			}
			if ever > 1 && step == "dir" {
				t.Errorf("%s: once was %d times", id, ever)
			}
		}
		if end == "" { // nobody heard of its end, because that life was ended: nothing may hang
			dirs, _ := ledger(dir+"/ledger").stands(id, "dir")
			erps, _ := ledger(dir+"/ledger").stands(id, "erp")
			crms, _ := ledger(dir+"/ledger").stands(id, "crm")
			if dirs != erps || erps != crms {
				t.Errorf("%s is left half done: %d %d %d", id, dirs, erps, crms)
			}
		}
	}
	t.Logf("%d kills, %d runs: %v", kills, len(seen), counts)
}
