package mapping

import (
	"fmt"
	"strings"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// Report says in text which field flows where, with its label before and after: one line
// for each field of the destination, and one for each that is dropped, with the labels of
// all that is dropped with it.
func (m *Mapper) Report() string {
	if !m.made() {
		return ""
	}
	var b strings.Builder
	say := func(format string, values ...any) {
		b.WriteString(names.Printable(fmt.Sprintf(format, values...)) + "\n")
	}
	say("%s: %s to %s", m.name, m.src.title, m.dst.title)
	say("destination %s (%s) in %s, accepts %s", m.to.System, m.to.Kind, listed(m.to.Jurisdictions), m.to.Clearance.line())
	for _, r := range m.rules {
		say("set %s", r.line())
	}
	for _, r := range m.absent {
		say("absent %s: %s", r.into.path, r.absent)
	}
	for _, d := range m.dropped {
		say("drop %s: %s [%s]", d.from.path, d.reason, d.from.everything())
	}
	say("leaves %s", m.label)
	if m.notAfter.IsZero() {
		say("no release is used")
	} else {
		say("not after %s", m.notAfter.Format(time.RFC3339))
	}
	say("hash %s", m.hash)
	return b.String()
}

func (c Clearance) line() string {
	text := c.Class.String()
	if len(c.Categories) > 0 {
		text += " " + listed(c.Categories)
	}
	return text + " for " + listed(c.Purposes)
}

// line is /in (place) <- /from, its transforms, its label before and after, its release.
func (r *rule) line() string {
	var b strings.Builder
	b.WriteString(r.into.path)
	if r.into.in != InBody {
		fmt.Fprintf(&b, " (%s)", r.into.in)
	}
	if r.from == nil {
		fmt.Fprintf(&b, " <- constant %s [%s]", r.source[:len(r.source)-1], r.label)
		return b.String()
	}
	fmt.Fprintf(&b, " <- %s", r.from.path)
	for _, step := range r.steps {
		fmt.Fprintf(&b, " | %s", step.Name)
		if step.Args != "{}" {
			fmt.Fprintf(&b, " %s", step.Args)
		}
	}
	if r.onError != "" {
		fmt.Fprintf(&b, " | on error %s", r.onError)
	}
	fmt.Fprintf(&b, " [%s", r.before)
	if r.label.String() != r.before.String() {
		fmt.Fprintf(&b, " -> %s", r.label)
	}
	b.WriteString("]")
	if r.release != nil {
		fmt.Fprintf(&b, " released by %s until %s", r.release.approved, r.release.until.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	return b.String()
}
