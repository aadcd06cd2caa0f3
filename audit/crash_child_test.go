package audit_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// historiesVariable names the folder in which the child plays them.
const historiesVariable = "CARNET_AUDIT_HISTORIES"

// histories are those with six appends and two more steps of one kind, in each order: a second
// that passes, so that a checkpoint is published, or a rotation: the segment is full when the next
// line comes. Each shorter history is the beginning of one of them.
func histories() []string {
	var list []string
	for _, step := range "PR" {
		for i := range 8 {
			for j := range i {
				h := []rune("AAAAAAAA")
				h[i], h[j] = step, step
				list = append(list, string(h))
			}
		}
	}
	return list
}

// TestCrashChild is a program for the tests that let the power go. It says what was acknowledged.
func TestCrashChild(t *testing.T) { plays(t, historiesVariable, histories(), play) }

// plays does each history in a folder of its own, below that which a variable names: none where
// there is none. Time, keys and so all bytes are the same each time.
func plays(t *testing.T, variable string, histories []string, play func(t *testing.T, n int, history, dir string)) {
	base := os.Getenv(variable)
	if base == "" {
		return
	}
	for n, h := range histories {
		t.Run(h, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			synctest.Test(t, func(t *testing.T) { play(t, n, h, filepath.Join(base, fmt.Sprint(n), "audit")) })
		})
	}
}

func play(t *testing.T, n int, history, dir string) {
	ctx := context.Background()
	if err := audit.Create(ctx, dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("made %d\n", n)
	l, err := audit.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	appends := 0
	for _, step := range history {
		switch step {
		case 'A':
			r, err := l.Append(ctx, sized(appends))
			if err != nil {
				t.Fatal(err)
			}
			appends++
			synctest.Wait()
			audit.Full(l, false)
			fmt.Printf("ack %d %d %s\n", n, r.Index, hex.EncodeToString(r.Leaf[:]))
		case 'P':
			time.Sleep(time.Second)
		case 'R':
			synctest.Wait()
			audit.Full(l, true)
		}
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// sized are events whose batches have from two to eight pages.
func sized(n int) audit.Event {
	e := answer()
	if n%3 == 2 {
		for range 8 {
			e.Scopes = append(e.Scopes, strings.Repeat("s", []int{120, 250}[n/3%2]))
		}
	}
	return e
}
