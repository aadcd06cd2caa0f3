package mapping

import (
	"fmt"
	"strings"
	"time"
)

// Report says in text which field flows where, with its label before and after: one line
// for each field of the destination, and one for each that is dropped, with the labels of
// all that is dropped with it.
func (m *Mapper) Report() string {
	if !m.made() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s to %s\n", m.name, m.src.title, m.dst.title)
	fmt.Fprintf(&b, "destination %s (%s) in %s, accepts %s\n", m.to.System, m.to.Kind, listed(m.to.Jurisdictions), m.to.Clearance.line())
	for _, r := range m.rules {
		fmt.Fprintf(&b, "set %s\n", r.line())
	}
	for _, r := range m.absent {
		fmt.Fprintf(&b, "absent %s: %s\n", r.into.path, r.absent)
	}
	for _, d := range m.dropped {
		fmt.Fprintf(&b, "drop %s: %s [%s]\n", d.from.path, d.reason, d.from.everything())
	}
	fmt.Fprintf(&b, "leaves %s\n", m.label)
	if m.notAfter.IsZero() {
		b.WriteString("no release is used\n")
	} else {
		fmt.Fprintf(&b, "not after %s\n", m.notAfter.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "hash %s\n", m.hash)
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
