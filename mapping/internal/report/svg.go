package report

import (
	"fmt"
	"html"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// What the picture measures, in pixels.
const (
	row     = 34
	top     = 70
	left    = 20
	box     = 380
	between = 300
	width   = 2*left + 2*box + between
)

// SVG is one picture: the source's fields on the left with their labels, the destination's on
// the right with what they have then, a line for each flow with its transforms, and below what
// is dropped. It holds no script and refers to nothing.
func (r *Report) SVG() []byte {
	p := picture{rows: map[string]int{}}
	for _, f := range r.Set {
		if f.From != "" {
			p.source(f.From, f.Before, "field")
		}
	}
	for _, f := range r.Drop {
		p.source(f.Path, f.Label+" — dropped: "+f.Reason, "drop")
	}
	for i := range r.Set {
		p.target(&r.Set[i], i)
	}
	for i, f := range r.Absent {
		p.box(left+box+between, len(r.Set)+i, "drop", f.Path, "absent: "+f.Reason)
	}
	height := top + row*max(len(p.rows), len(r.Set)+len(r.Absent)) + 60
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	b.WriteString("<style>.field{fill:#e8f0fe;stroke:#4a6fa5}.drop{fill:#eee;stroke:#999}.lower{fill:#e6f4ea;stroke:#3c8d5a}.label{fill:#555;font-size:10px}line{stroke:#4a6fa5}</style>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	p.text(left, 24, "", r.Mapping+": "+r.From+" to "+r.To)
	p.text(left, 44, "label", "destination "+r.System+" ("+r.Kind+") in "+r.Jurisdictions+", accepts "+r.Accepts)
	p.text(left, height-30, "label", "leaves "+r.Leaves)
	p.text(left, height-14, "label", "hash "+r.Hash)
	b.WriteString(p.String())
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// picture is what is drawn so far.
type picture struct {
	strings.Builder
	rows map[string]int // of the source's fields
}

// source draws a field of the source, once.
func (p *picture) source(path, label, class string) {
	if _, drawn := p.rows[path]; drawn {
		return
	}
	p.rows[path] = len(p.rows)
	p.box(left, p.rows[path], class, path, label)
}

// target draws a field of the destination, and the line to it.
func (p *picture) target(f *Flow, at int) {
	path, class, label := f.Into, "field", f.After
	if f.In != "" {
		path += " (" + f.In + ")"
	}
	if f.Approved != "" {
		class, label = "lower", label+" — released by "+f.Approved
	}
	p.box(left+box+between, at, class, path, label)
	if f.From == "" {
		p.text(left+box+between-8, middle(at)+4, "end", "constant "+f.Constant)
		return
	}
	var steps []string
	for _, step := range f.Do {
		steps = append(steps, step.Name)
	}
	fmt.Fprintf(p, `<line x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", left+box, middle(p.rows[f.From]), left+box+between, middle(at))
	p.text(left+box+between-8, middle(at)-3, "end", strings.Join(steps, " | "))
}

func middle(at int) int { return top + row*at + row/2 }

// box is a field with its label.
func (p *picture) box(x, at int, class, path, label string) {
	fmt.Fprintf(p, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" class="%s"/>`+"\n", x, top+row*at+2, box, row-4, class)
	p.text(x+8, top+row*at+15, "", path)
	p.text(x+8, top+row*at+27, "label", label)
}

// text is a line that fits, and is no markup.
func (p *picture) text(x, y int, class, text string) {
	if text == "" {
		return
	}
	const most = 64
	if runes := []rune(names.Printable(text)); len(runes) > most && x > left {
		text = string(runes[:most-1]) + "…"
	}
	anchor := ""
	if class == "end" {
		anchor, class = ` text-anchor="end"`, "label"
	}
	fmt.Fprintf(p, `<text x="%d" y="%d" class="%s"%s>%s</text>`+"\n", x, y, class, anchor, html.EscapeString(names.Printable(text)))
}
