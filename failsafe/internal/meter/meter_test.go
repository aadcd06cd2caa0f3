package meter_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/meter"
)

// goesOn shows a reading every so often, and the last.
func goesOn(show func(meter.Reading), n, total int, pause time.Duration) {
	began := time.Now()
	for i := range n {
		time.Sleep(pause)
		show(meter.Reading{Count: i + 1, Total: total, Elapsed: time.Since(began), Short: fmt.Sprint(i + 1), Long: fmt.Sprint(i+1, " of all")})
	}
	show(meter.Reading{Count: n, Total: total, Elapsed: time.Since(began), Over: true, Short: "s", Long: "end"})
}

// TestLinesElsewhere: at most one a second, and the last.
func TestLinesElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		show := meter.To(&out)
		goesOn(show, 25, 0, 100*time.Millisecond)
		if got, want := out.String(), "10 of all\n20 of all\nend\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		out.Reset()
		goesOn(show, 3, 0, 100*time.Millisecond)
		if got := out.String(); got != "end\n" {
			t.Errorf("one that is quick: %q", got)
		}
	})
}

// TestOneLineOnATerminal is rewritten, and covers what was longer.
func TestOneLineOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		goesOn(meter.Bar(&out), 4, 4, time.Second)
		got := strings.Split(out.String(), "\r")
		want := []string{
			"",
			"[#######-----------------------]  25% 1",
			"[###############---------------]  50% 2",
			"[######################--------]  75% 3",
			"[##############################] 100% 4",
			"[##############################] 100% end\n",
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		out.Reset()
		show := meter.Bar(&out)
		show(meter.Reading{Short: "a long line"})
		show(meter.Reading{Elapsed: time.Second, Short: "short"})
		if lines := strings.Split(out.String(), "\r"); len(lines) != 3 || len(lines[1]) != len(lines[2]) {
			t.Errorf("something stays: %q", lines)
		}
		out.Reset()
		goesOn(meter.Bar(&out), 1000, 0, time.Millisecond)
		if n := strings.Count(out.String(), "\r"); n != 11 || !strings.HasSuffix(out.String(), "]"+" end\n") {
			t.Errorf("rewritten %d times in a second", n)
		}
	})
}

// TestBarStaysInItself whatever was counted.
func TestBarStaysInItself(t *testing.T) {
	for n := range 100 {
		for _, total := range []int{-1, 0, 1, 7, 50} {
			var out bytes.Buffer
			meter.Bar(&out)(meter.Reading{Count: n, Total: total})
			bar, _, _ := strings.Cut(strings.TrimPrefix(out.String(), "\r["), "]")
			if len(bar) != 30 || strings.Trim(bar, "#-") != "" {
				t.Fatalf("%d of %d: %q", n, total, bar)
			}
		}
	}
}

func TestTerminalsAreDevices(t *testing.T) {
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !meter.Terminal(device) || meter.Terminal(file) || meter.Terminal(&bytes.Buffer{}) || meter.Terminal((*os.File)(nil)) {
		t.Error("taken for what it is not")
	}
	meter.To(device)(meter.Reading{Over: true})
}
