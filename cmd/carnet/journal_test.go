package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/failsafe"
	"github.com/carnet-go/carnet/vault/filevault"
)

// allowing lets everybody do everything.
type allowing struct{}

func (allowing) Decide(context.Context, auth.Facts) auth.Decision {
	return auth.Decision{Verdict: auth.Allowed, Rule: "everything"}
}
func (allowing) Hash() string { return "allowing" }

// journalled is a service that is running, with a run that is done, one that is parked
// and one under way, and the flags that open its journal.
func journalled(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	identity, secrets := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", identity, secrets)
	vaulted(t, piped(strings.Repeat("k", 32)), statusOK, "set", "-identity", identity, secrets, "self/journal", "key")
	vaulted(t, piped(strings.Repeat("o", 32)), statusOK, "set", "-identity", identity, secrets, "self/other", "key")
	vaulted(t, piped("x"), statusOK, "set", "-identity", identity, secrets, "self/none", "id")
	opens, err := (&keyFlags{file: identity}).identity(false)
	if err != nil {
		t.Fatal(err)
	}
	journal, err := failsafe.OpenJournal(t.Context(), filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	g := gate(t)
	runner, err := failsafe.New(t.Context(), g, journal, own{filevault.File{Path: secrets, Identity: opens}}, &failsafe.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runner.Close(context.Background()) })
	runs(t, g, runner)
	return filepath.Join(dir, "journal"), []string{"-tenant", "acme", "-identity", identity, "-secrets", secrets}
}

// own leases what the service itself needs.
type own struct{ file filevault.File }

func (o own) Lease(ctx context.Context, _ auth.Grant) (*auth.Lease, error) {
	issued, err := o.file.Issue(ctx, "self/journal")
	return auth.NewLease("l-1", issued.Fields, nil), err
}

func gate(t *testing.T) *auth.Gate {
	t.Helper()
	catalogue, err := auth.NewCatalogue("acme", auth.System{Name: auth.Self})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := auth.NewBoundary(catalogue, allowing{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := auth.NewGate(t.Context(), authtest.Log(t), bound, auth.Verifiers{auth.SchemeBearer: authtest.As(auth.Identity{Issuer: "https://login.acme.example", Subject: "alice"})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// step fails as a class.
type step string

func (s step) Error() string        { return string(s) }
func (s step) FailureClass() string { return string(s) }

func runs(t *testing.T, g *auth.Gate, runner *failsafe.Runner) {
	t.Helper()
	type state struct{ Note, How string }
	under, let, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	flow, err := failsafe.Compile(runner, failsafe.Workflow[state]{Name: "new-hire", Version: "1.2", Steps: []failsafe.Step[state]{
		{Name: "payroll", Do: func(_ context.Context, _ failsafe.Crossing, s *state) error {
			switch s.How {
			case "slow":
				close(under)
				<-let
			case "unknown":
				return step("unknown")
			}
			return nil
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	alice, err := g.Admit(t.Context(), auth.Bearer("test"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = flow.Run(t.Context(), alice, "hire-1", state{Note: "canary"})
	go func() {
		_, _ = flow.Run(context.Background(), alice, "hire-2", state{"canary", "slow"})
		close(ended)
	}()
	<-under
	t.Cleanup(func() { close(let); <-ended })
	_, _ = flow.Run(t.Context(), alice, "hire-3", state{"canary", "unknown"})
}

// renamed is a journal in which a run has another id of the same length, as whoever may
// write the file can make it: a checksum is no seal.
func renamed(t *testing.T, text, from, to string) string {
	t.Helper()
	const header, head = 33, 8
	b, n := []byte(text), 0
	for at := header; at+head < len(b); {
		content := b[at+head:][:binary.BigEndian.Uint32(b[at:])]
		if content[0] == 'F' && string(content[3:3+len(from)]) == from {
			copy(content[3:], to)
			binary.BigEndian.PutUint32(b[at+4:], crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))
			n++
		}
		at += head + len(content)
	}
	if n == 0 {
		t.Fatalf("no frame of %s", from)
	}
	return string(b)
}

var stamps = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// timeless is a result in which each time is T.
func timeless(r result) result {
	r.stdout = stamps.ReplaceAllString(r.stdout, "T")
	return r
}

// TestRunListAndShow read the journal of a service that is running, and print no data.
func TestRunListAndShow(t *testing.T) {
	dir, flags := journalled(t)
	before := read(t, dir, "frames")
	asked := func(args ...string) result {
		args = append([]string{"run", args[0]}, append(append([]string{}, flags...), args[1:]...)...)
		return timeless(runWith(t.Context(), args...))
	}
	if got, want := asked("list", dir), (result{0, "hire-2\tnew-hire\t1.2\t-\tpayroll\tT\nhire-3\tnew-hire\t1.2\tunknown\tpayroll\tT\n", ""}); got != want {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	for run, want := range map[string]string{
		"hire-1": "T\t-\t-\t-\tbegun\tnew-hire 1.2\nT\tpayroll\tdo\t1\ttried\t-\nT\tpayroll\tdo\t-\tworked\t-\n-\t-\t-\t-\tdone\t-\n",
		"hire-3": "T\t-\t-\t-\tbegun\tnew-hire 1.2\nT\tpayroll\tdo\t1\ttried\t-\nT\tpayroll\tdo\t-\tfailed\tunknown\nT\tpayroll\t-\t-\talert\tunknown\n-\t-\t-\t-\tdelivered\t-\n",
	} {
		if got := asked("show", dir, run); got != (result{0, want, ""}) {
			t.Errorf("%s: got  %#v\nwant %#v", run, got, want)
		}
	}
	if got, want := asked("show", dir, "hire-9"), (result{1, "", "carnet run show: the journal does not know that run\n"}); got != want {
		t.Errorf("got %#v, want %#v", got, want)
	}
	if read(t, dir, "frames") != before {
		t.Error("the journal was changed")
	}
}

// TestRunListTellsOfDamage, of a run, of all of it, and of a key that opens nothing.
func TestRunListTellsOfDamage(t *testing.T) {
	dir, flags := journalled(t)
	text, copied := read(t, dir, "frames"), t.TempDir()
	put := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(copied, "frames"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := append([]string{"run", "list"}, flags...)
	show := append([]string{"run", "show"}, flags...)

	put(renamed(t, text, "hire-3", "hire\n3"))
	got := timeless(runWith(t.Context(), append(list, copied)...))
	if want := (result{1, "hire-2\tnew-hire\t1.2\t-\tpayroll\tT\n" + `"hire\n3"` + "\tdamaged: a frame of it was changed, moved or left out\n", "carnet run list: findings: 1\n"}); got != want {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	put(renamed(t, text, "hire-3", "hire-4"))
	got = timeless(runWith(t.Context(), append(list, copied)...))
	if got.status != 1 || !strings.Contains(got.stdout, "hire-4\tdamaged: ") {
		t.Errorf("got  %#v", got)
	}
	check(t, result{1, "", "carnet run show: failsafe: the journal is damaged, or its key or tenant is another: no frame opens\n"}, append(show, copied, "hire-4")...)

	put(text[:60] + "x" + text[61:])
	check(t, result{1, "", "carnet run list: failsafe: the journal is damaged\n"}, append(list, copied)...)
	put(strings.Replace(text, "journal 1", "journal 2", 1))
	check(t, result{1, "", "carnet run list: failsafe: the journal is damaged: it is of another version\n"}, append(list, copied)...)
	other := "failsafe: the journal is damaged, or its key or tenant is another: no frame opens\n"
	check(t, result{1, "", "carnet run list: " + other}, append(list, "-path", "self/other", dir)...)
	check(t, result{1, "", "carnet run list: " + other}, append(list, "-tenant", "emca", dir)...)
	check(t, result{1, "", "carnet run list: failsafe: not journalled: there is none in the folder, or it cannot be read\n"}, append(list, dir+"x")...)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got := runWith(gone, append(list, dir)...); got.status != 1 || got.stdout != "" {
		t.Errorf("interrupted: %#v", got)
	}
}

func TestRunListRefuses(t *testing.T) {
	dir, flags := journalled(t)
	usage := func(problem string) result {
		return result{2, "", "carnet run list: " + problem + "\nRun carnet run list -h for its arguments and an example.\n"}
	}
	check(t, usage("-tenant is required: the journal is sealed for one"), append([]string{"run", "list"}, append(flags[2:len(flags):len(flags)], dir)...)...)
	check(t, usage("the arguments are not the ones it takes"), append([]string{"run", "list"}, flags...)...)
	check(t, usage("say either -identity FILE or -passphrase"), "run", "list", "-tenant", "acme", dir)
	prefix(t, result{2, "", "carnet run list: "}, append(append([]string{"run", "list"}, flags...), "-path", "../x", dir)...)
	failed := func(problem string) result { return result{1, "", "carnet run list: " + problem + "\n"} }
	for _, path := range []string{"self/none", "self/nowhere"} {
		check(t, failed("there is no secret with a field key under -path in SECRETS"), append(append([]string{"run", "list"}, flags...), "-path", path, dir)...)
	}
	check(t, failed("the identity file cannot be read"), "run", "list", "-tenant", "acme", "-identity", flags[3]+"x", dir)
	check(t, failed("auth: unavailable: there is no file"), "run", "list", "-tenant", "acme", "-identity", flags[3], "-secrets", flags[5]+"x", dir)
	var stdout, stderr strings.Builder
	asks := typed(new(bytes.Buffer), "another canary one")
	if status := run(t.Context(), []string{"run", "list", "-tenant", "acme", "-passphrase", "-secrets", flags[5], dir}, asks, &stdout, &stderr); status != 1 || strings.Contains(stderr.String(), "canary") {
		t.Errorf("%d, %s", status, stderr.String())
	}
}
