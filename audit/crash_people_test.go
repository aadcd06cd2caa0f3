package audit_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
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
func TestCrashPeopleChild(t *testing.T) { plays(t, peopleVariable, peopleHistories(), playPeople) }

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
	lab, moments := newLab(t), 0
	played(t, "TestCrashPeopleChild", peopleVariable, len(peopleHistories()), func(n int, d *crashtest.Disk, text string) {
		if k := knownOf(text, n); k.made { // TestAPowerCutInEveryHistory has the others
			moments++
			lab.images(d, fmt.Sprintf("%x %v %v %v", k.acks, k.names, k.erasing, k.ended), func(image crashtest.Image) { lab.people(image, k) })
		}
	})
	images := lab.end()
	t.Logf("%d histories, %d moments, %d images", len(peopleHistories()), moments, images)
	if moments != peopleMoments || images != peopleImages {
		t.Errorf("%d moments and %d images, want %d and %d", moments, images, peopleMoments, peopleImages)
	}
}

// people opens one image and looks for everybody, twice: what the first Open says of it, the second finds.
func (l *lab) people(image crashtest.Image, k known) {
	l.written(image, fmt.Sprintf("%+v", k), func(dir string) error {
		if err := k.judge(dir); err != nil {
			return err
		}
		return k.judge(dir)
	})
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
