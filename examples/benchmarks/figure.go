package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// group is figures about one package.
type group struct {
	name    string
	figures []figure
}

// figure is one thing to be measured; it may have several lines.
type figure struct {
	name    string // with its group: failsafe/step
	about   string
	measure func(ctx context.Context, s *session) ([]line, error)
}

// line is one number with its target.
type line struct {
	name   string
	value  float64
	unit   string  // empty: a ratio
	least  bool    // the target is the least that it may be; otherwise the most
	target float64 // as is
	open   bool    // it has no target
	detail string  // what was measured, in absolute figures
}

// missed is what whoever reads the line would say.
func (l line) missed() bool {
	if l.open {
		return false
	}
	value := math.Round(l.value*100) / 100
	if l.least {
		return !(value >= l.target)
	}
	return !(value <= l.target)
}

// String is the line, and an indented one.
func (l line) String() string {
	sign, digits, unit, missed := "≤", 2, "", ""
	if l.least {
		sign = "≥"
	}
	if l.unit == "allocs" || l.unit == "calls" || l.unit == "bytes" {
		digits = 0
	}
	if l.unit != "" {
		unit = " " + l.unit
	}
	if l.missed() {
		missed = " missed"
	}
	target := fmt.Sprintf("target %s %.*f", sign, digits, l.target)
	if l.open {
		target = "no target"
	}
	return fmt.Sprintf("%s: %.*f%s (%s)%s\n    %s\n", l.name, digits, l.value, unit, target, missed, l.detail)
}

// effort is how much is done for a figure.
type effort struct {
	rounds     int           // in which both sides have a turn
	few        int           // rounds of what takes long
	turn       time.Duration // of a side that needs no disk
	steps      int           // of a run
	together   int           // runs at once
	unfinished int           // runs in a journal that is opened
	stream     int           // MiB of documents
}

func whole() effort { return effort{41, 11, 20 * time.Millisecond, 64, 128, 10_000, 1024} }
func quick() effort { return effort{5, 3, 5 * time.Millisecond, 16, 128, 1_000, 16} }

// session is one use of the program.
type session struct {
	effort
	parent string    // of folders; empty: the temporary folder
	out    io.Writer // figures
	notes  io.Writer // everything else

	figure string // being measured
	noted  time.Time
}

// measure prints figures as they come, and returns those that missed their target.
func (s *session) measure(ctx context.Context, chosen []figure) (missed []string, err error) {
	if _, err := fmt.Fprintf(s.out, "on %s; medians of interleaved rounds\n", machine()); err != nil {
		return nil, err
	}
	for _, f := range chosen {
		s.figure, s.noted = f.name, time.Now()
		lines, err := f.measure(ctx, s)
		if err != nil {
			return missed, fmt.Errorf("%s: %w", f.name, err)
		}
		for _, l := range lines {
			if _, err := io.WriteString(s.out, l.String()); err != nil {
				return missed, err
			}
			if l.missed() {
				missed = append(missed, l.name)
			}
		}
	}
	return missed, ctx.Err()
}

// noteEvery is how long nothing may be heard.
const noteEvery = 3 * time.Second

// progress tells, now and then, how far a figure is.
func (s *session) progress(done, of int, what string) {
	if now := time.Now(); now.Sub(s.noted) >= noteEvery {
		s.noted = now
		fmt.Fprintf(s.notes, "benchmarks: %s: %d of %d %s\n", s.figure, done, of, what)
	}
}

// afterwards is for what has to be ended, although there was an interrupt.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
}

// folder is a new one; whoever has it removes it.
func (s *session) folder() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(s.parent, "carnet-benchmarks-")
	return dir, func() {
		for range 100 { // what a peer does beside ends when it likes
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}, err
}

// choose finds a group or a figure by its name; if there is none, near are the nearest.
func choose(all []group, name string) (chosen []figure, near []string) {
	var names []string
	for _, g := range all {
		names = append(names, g.name)
		for _, f := range g.figures {
			names = append(names, f.name)
			if name == "" || name == g.name || name == f.name {
				chosen = append(chosen, f)
			}
		}
	}
	return chosen, nearest(name, names)
}

// nearest are the names with the fewest letters to change.
func nearest(name string, among []string) (near []string) {
	least := 1 << 30
	for _, n := range among {
		switch d := distance([]rune(strings.ToLower(name)), []rune(n)); {
		case d < least:
			least, near = d, []string{n}
		case d == least:
			near = append(near, n)
		}
	}
	return near
}

// distance is Levenshtein's.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := slices.Clone(row)
		row[0] = i + 1
		for j := range b {
			change := before[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, before[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
