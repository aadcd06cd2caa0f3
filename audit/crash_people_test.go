package audit_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/internal/crashtest"
)

// peopleVariable names the folder in which the child plays peopleHistories.
const peopleVariable = "CARNET_AUDIT_PEOPLE"

// What the histories come to; as crashMoments and crashImages.
const (
	peopleMoments = 230
	peopleImages  = 644
)

// peopleHistories are all of four steps that begin with somebody new: N, somebody new; K, an
// event of whoever came last; E, he is erased. Each shorter one is the beginning of one of them.
func peopleHistories() []string {
	list := []string{"N"}
	for range 3 {
		var longer []string
		for _, h := range list {
			for _, step := range "NKE" {
				if step == 'N' || !strings.HasSuffix(h, "E") {
					longer = append(longer, h+string(step))
				}
			}
		}
		list = longer
	}
	return list
}

func person(n int) audit.Actor { return audit.Actor{Issuer: "i", Subject: fmt.Sprint(n)} }

// TestCrashPeopleChild is a program for TestAPowerCutInAHistoryOfPeople.
func TestCrashPeopleChild(t *testing.T) {
	base := os.Getenv(peopleVariable)
	if base == "" {
		return
	}
	for n, h := range peopleHistories() {
		t.Run(h, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			synctest.Test(t, func(t *testing.T) { playPeople(t, n, h, filepath.Join(base, fmt.Sprint(n), "audit")) })
		})
	}
}

func playPeople(t *testing.T, n int, history, dir string) {
	ctx := context.Background()
	if err := audit.Create(ctx, dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("made %d\n", n)
	now := -1
	for _, step := range history {
		switch step {
		case 'N', 'K':
			if step == 'N' {
				now++
			}
			r, err := l.Append(ctx, by(person(now)))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("ack %d %d %s %d %s\n", n, r.Index, hex.EncodeToString(r.Leaf[:]), now, l.Pseudonym(person(now)))
		case 'E':
			fmt.Printf("erasing %d %d\n", n, now)
			if err := l.Erase(ctx, person(now)); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("erased %d %d\n", n, now)
		}
		synctest.Wait()
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// known is what a child has said of people.
type known struct {
	said
	names          map[int]string // of each person, as acknowledged
	erasing, ended map[int]bool
}

func knownOf(text string, history int) known {
	k := known{said: acknowledged(text, history), names: map[int]string{}, erasing: map[int]bool{}, ended: map[int]bool{}}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != fmt.Sprint(history) {
			continue
		}
		n, _ := strconv.Atoi(f[2])
		switch f[0] {
		case "ack":
			n, _ = strconv.Atoi(f[4])
			k.names[n] = f[5]
		case "erasing":
			k.erasing[n] = true
		case "erased":
			k.ended[n] = true
		}
	}
	return k
}

// TestAPowerCutInAHistoryOfPeople: the power goes at each moment at which people come and are
// erased. Who was in an acknowledged line has his name; who was erased has not, and nobody else
// has it; and the log says of nobody that he was erased who is not.
func TestAPowerCutInAHistoryOfPeople(t *testing.T) {
	needs(t, "strace")
	base := scratch(t)
	for n := range peopleHistories() {
		if err := os.Mkdir(filepath.Join(base, fmt.Sprint(n)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	trace := filepath.Join(scratch(t), "trace")
	command := crashtest.Command(trace, os.Args[0], "-test.run=^TestCrashPeopleChild$", "-test.count=1")
	child := exec.CommandContext(t.Context(), command[0], command[1:]...)
	child.Env = append(os.Environ(), peopleVariable+"="+base)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lab := newLab(t)
	moments := 0
	for n := range peopleHistories() {
		f, err := os.Open(trace)
		if err != nil {
			t.Fatal(err)
		}
		d := crashtest.NewDisk()
		err = crashtest.Replay(bufio.NewReader(f), filepath.Join(base, fmt.Sprint(n)), d, func(m crashtest.Moment) error {
			k := knownOf(m.Said, n)
			if !k.made {
				return nil // TestAPowerCutInEveryHistory has these
			}
			moments++
			for image := range d.Images() {
				image = named(image)
				key := fmt.Sprintf("%x %x %v %v %v", image.Sum(), k.acks, k.names, k.erasing, k.ended)
				if !lab.seen[key] {
					if lab.seen[key] = true; len(lab.seen)%oneImageIn == 0 {
						lab.todo <- func() { lab.people(image, k) }
					}
				}
			}
			return nil
		})
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	images := lab.end()
	t.Logf("%d histories, %d moments, %d images", len(peopleHistories()), moments, images)
	if moments != peopleMoments || images != peopleImages {
		t.Errorf("%d moments and %d images, want %d and %d", moments, images, peopleMoments, peopleImages)
	}
}

// people opens one image and looks for everybody.
func (l *lab) people(image crashtest.Image, k known) {
	folder, err := os.MkdirTemp("/dev/shm", "audit")
	if err != nil {
		folder = l.t.TempDir()
	}
	defer func() { _ = os.RemoveAll(folder) }()
	dir := filepath.Join(folder, "audit")
	problem := image.Write(folder)
	for range 2 { // what the first Open says of it, the second finds
		if problem == nil {
			problem = k.judge(dir)
		}
	}
	if problem != nil {
		l.t.Errorf("%+v: %v\n%s", k, problem, listing(image))
	}
}

// judge opens a log, which is an error where it has said more than is true.
func (k *known) judge(dir string) error {
	ctx := context.Background()
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	said := 0
	for e, err := range l.Events(ctx) {
		if err != nil {
			return err
		}
		if e.Action == "audit.erased" {
			said++
		}
	}
	gone := 0
	for n, name := range k.names {
		switch got := l.Pseudonym(person(n)); {
		case got == "" && k.erasing[n]:
			gone++
		case got != name:
			return fmt.Errorf("%d, who was %s, is %q", n, name, got)
		case k.ended[n]:
			return fmt.Errorf("%d was erased, and has the name that he had", n)
		}
	}
	if said != gone || gone < len(k.ended) {
		return fmt.Errorf("%d were erased, %d by what was acknowledged, and the log says so of %d", gone, len(k.ended), said)
	}
	if err := l.Close(ctx); err != nil {
		return err
	}
	return sound(dir, k.acks)
}
