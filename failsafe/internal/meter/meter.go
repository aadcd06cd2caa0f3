// Package meter shows how far something is.
//
//	show := meter.To(os.Stderr)
//	show(meter.Reading{Count: 3, Total: 10, Elapsed: time.Second, Short: "done 3", Long: "done 3 of 10"})
//
// # Guarantees
//
// On a terminal one line is rewritten, at most ten times a second. Elsewhere there is a
// line at most once a second. The last reading is always shown, and ends with a newline.
//
// # Limits
//
// Short must fit into a line of the terminal: one that wraps cannot be rewritten. What
// cannot be written is lost.
//
// # Concurrency
//
// What To returns is called by one at a time.
package meter

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	width     = 30
	barEvery  = 100 * time.Millisecond
	lineEvery = time.Second
)

// Reading is how far it is.
type Reading struct {
	Count, Total int           // Total zero: not known
	Elapsed      time.Duration // since it began: what decides whether to show it
	Over         bool          // the last
	Short, Long  string        // while it goes on, on a terminal, and otherwise
}

// To writes to w.
func To(w io.Writer) func(Reading) {
	if terminal(w) {
		return bar(w)
	}
	return every(lineEvery, lineEvery, func(r Reading) { fmt.Fprintln(w, r.Long) })
}

func bar(w io.Writer) func(Reading) {
	wide := 0
	return every(0, barEvery, func(r Reading) {
		line, end := r.bar()+" "+r.Short, ""
		if r.Over {
			line, end = r.bar()+" "+r.Long, "\n"
		}
		fmt.Fprintf(w, "\r%-*s%s", wide, line, end) // blanks over what was longer
		if wide = utf8.RuneCountInString(line); r.Over {
			wide = 0
		}
	})
}

// bar has a percentage; where the total is not known, a mark that moves.
func (r Reading) bar() string {
	if r.Total <= 0 {
		at := r.Count % width
		return "[" + strings.Repeat("-", at) + "#" + strings.Repeat("-", width-1-at) + "]"
	}
	n := min(r.Count, r.Total)
	full := n * width / r.Total
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", full), strings.Repeat("-", width-full), n*100/r.Total)
}

// every shows no more than one in a while, and the last.
func every(first, pause time.Duration, show func(Reading)) func(Reading) {
	due := first
	return func(r Reading) {
		switch {
		case r.Over:
			due = first
		case r.Elapsed < due:
			return
		default:
			due = r.Elapsed + pause
		}
		show(r)
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
