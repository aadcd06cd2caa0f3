package audit_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/internal/crashtest"
)

// retainVariable names the folder in which the child plays retainHistories.
const retainVariable = "CARNET_AUDIT_RETAIN"

// What the histories come to at least; as crashMoments and crashImages, but that what is removed
// and what is written do not wait for each other.
const (
	retainMoments = 230
	retainImages  = 690
)

// retainHistories are those of a log of three segments and three more steps, among which is one
// that gives up lines: A, an event; R, the segment is full; K, all goes that can.
func retainHistories() []string {
	list := []string{"ARARA"}
	for range 3 {
		var longer []string
		for _, h := range list {
			for _, step := range "ARK" {
				longer = append(longer, h+string(step))
			}
		}
		list = longer
	}
	return slices.DeleteFunc(list, func(h string) bool { return !strings.Contains(h, "K") })
}

// TestCrashRetainChild is a program for TestAPowerCutWhileLinesAreGivenUp.
func TestCrashRetainChild(t *testing.T) { plays(t, retainVariable, retainHistories(), playRetain) }

func playRetain(t *testing.T, n int, history, dir string) {
	ctx := context.Background()
	if err := audit.Create(ctx, dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range history {
		switch step {
		case 'A':
			r, err := l.Append(ctx, sized(i))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			audit.Full(l, false)
			fmt.Printf("ack %d %d %s\n", n, r.Index, hex.EncodeToString(r.Leaf[:]))
		case 'R':
			synctest.Wait()
			audit.Full(l, true)
		case 'K':
			fmt.Printf("giving %d %d\n", n, secondNewest(t, dir))
			if err := l.Retain(ctx, l.Health().Lines); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			fmt.Printf("given %d %d\n", n, l.Kept())
		}
		synctest.Wait()
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// secondNewest is the first line of the oldest segment that Retain leaves whatever it is asked.
func secondNewest(t *testing.T, dir string) int64 {
	t.Helper()
	names := segments(t, dir)
	first, err := strconv.ParseInt(strings.TrimSuffix(names[max(len(names)-2, 0)], ".jsonl"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// giving is what a child has said of lines that go.
type giving struct {
	said
	begun, ended int
	kept, next   int64 // the first line that is there after the last Retain that ended, and that began
}

func givingOf(text string, history int) giving {
	g := giving{said: acknowledged(text, history)}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) < 2 || f[1] != fmt.Sprint(history):
		case f[0] == "giving":
			g.begun++
			g.next, _ = strconv.ParseInt(f[2], 10, 64)
		case f[0] == "given":
			g.ended++
			g.kept, _ = strconv.ParseInt(f[2], 10, 64)
		}
	}
	return g
}

// TestAPowerCutWhileLinesAreGivenUp: the power goes at each moment of a log that gives up lines.
// What was given up for good stays away, what nobody asked to give up is there, and each line that
// was acknowledged has its proof, whether it is there or not.
func TestAPowerCutWhileLinesAreGivenUp(t *testing.T) {
	lab, moments, gone := newLab(t), 0, map[int64]bool{}
	played(t, "TestCrashRetainChild", retainVariable, len(retainHistories()), func(n int, d *crashtest.Disk, text string) {
		if g := givingOf(text, n); g.begun > 0 { // TestAPowerCutInEveryHistory has the others
			moments, gone[g.kept] = moments+1, true
			known := fmt.Sprintf("%d of %d ended, from %d to %d", g.ended, g.begun, g.kept, g.next)
			lab.images(d, fmt.Sprintf("%x %s", g.acks, known), func(image crashtest.Image) {
				lab.written(image, known, func(dir string) error {
					first, err := g.judge(dir)
					if err != nil {
						return err
					}
					if again, err := g.judge(dir); err != nil || again != first {
						return fmt.Errorf("it had the lines from %d on, and then from %d: %w", first, again, err)
					}
					return nil
				})
			})
		}
	})
	images := lab.end()
	t.Logf("%d histories, %d moments, %d images; kept %v", len(retainHistories()), moments, images, gone)
	if moments < retainMoments || images < retainImages || len(gone) != 4 {
		t.Errorf("%d moments and %d images, want %d and %d; kept %v", moments, images, retainMoments, retainImages, gone)
	}
}

// judge opens a log and looks for all lines, from the first on that it has.
func (g *giving) judge(dir string) (kept int64, err error) {
	ctx := context.Background()
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return 0, err
	}
	if kept = l.Kept(); kept != g.kept && (g.begun == g.ended || kept != g.next) {
		return kept, fmt.Errorf("it has the lines from %d on", kept)
	}
	for _, r := range g.acks {
		text, err := l.Proof(ctx, r.Index)
		if err == nil {
			err = proves(text, l.Key(), r.Index, r.Leaf)
		}
		if err != nil {
			return kept, fmt.Errorf("line %d has no proof: %w", r.Index, err)
		}
	}
	if err := l.Close(ctx); err != nil {
		return kept, err
	}
	return kept, soundFrom(dir, kept, g.acks)
}
