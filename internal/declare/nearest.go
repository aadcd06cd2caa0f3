package declare

import (
	"slices"
	"strings"
)

// longest is the length of a name that is worth comparing: no declared one is longer.
const longest = 128

// Nearest is the one of among that name was probably meant to be: at most two
// edits away (insert, delete, replace, swap neighbours; case does not count), one
// for names below six letters. Of equally near ones it is the first in
// alphabetical order; empty where none is near.
func Nearest(name string, among []string) string {
	name = strings.ToLower(name) // which may be longer
	if len(name) > longest {
		return ""
	}
	best, bestAt := "", 2
	if len(name) < 6 {
		bestAt = 1
	}
	for _, candidate := range among {
		lower := strings.ToLower(candidate)
		if len(lower) > longest || lower == "" {
			continue
		}
		at := distance(name, lower)
		if at < bestAt || at == bestAt && (best == "" || candidate < best) {
			best, bestAt = candidate, at
		}
	}
	return best
}

// distance is the number of edits, by optimal string alignment over bytes; 3 stands
// for all above 2. Two edits lead no further than two steps off the diagonal, so nothing
// else is looked at.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	a, b = differing(a, b)
	var rows [3][longest + 1]int
	before, last, row := rows[0][:len(b)+1], rows[1][:len(b)+1], rows[2][:len(b)+1]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		from, to := max(i-2, 1), min(i+2, len(b))
		row[from-1] = 3
		if from == 1 {
			row[0] = i
		}
		for j := from; j <= to; j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		if to < len(b) {
			row[to+1] = 3
		}
		if slices.Min(row[from-1:to+1]) > 2 {
			return 3 // it only grows
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// differing is both names without what they begin and end with alike: names of one
// system share most of their letters.
func differing(a, b string) (string, string) {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}
