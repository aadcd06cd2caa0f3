package names

import (
	"cmp"
	"fmt"
	"strings"
)

// Denied is the text of a denial: its rule, and the kinds of what would make it allowed.
func Denied(denied error, rule string, needs []string) string {
	text := denied.Error() + ": " + cmp.Or(rule, "no permit")
	if len(needs) > 0 {
		text += ": needs " + strings.Join(needs, ", ")
	}
	return text
}

// Failed is the text of a failed call: its side, system and status. Silent is that nobody
// answered, where there is no status.
func Failed(side error, system string, status int, silent bool) string {
	switch {
	case status != 0:
		return fmt.Sprintf("%v: %s answered %d", side, system, status)
	case silent:
		return fmt.Sprintf("%v: %s did not answer", side, system)
	}
	return fmt.Sprintf("%v: the way into %s", side, system)
}
