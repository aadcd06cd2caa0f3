package report

import (
	"fmt"
	"strings"
)

// What the picture measures, in pixels.
const (
	margin = 20
	apart  = 6 // between boxes, and between a box's edge and its text
	width  = 1350
)

// The columns: a field, what is done to it, and where it goes. Lines slant between the first two
// alone, so that none runs through text.
var (
	sources = column{margin, 420}
	steps   = column{540, 340}
	targets = column{910, 420}
)

// SVG is one picture: the source's fields on the left with their labels, the destination's on
// the right with what they have then and by whose release, in between the transforms with their
// arguments, and below what holds for all. It holds no script and refers to nothing.
func (r *Report) SVG() []byte {
	p := &picture{middle: map[string]int{}}
	head := r.head()
	y := p.text(margin, margin, large, width-2*margin, head[0])
	y = apart + p.text(margin, y, small, width-2*margin, head[1])
	y = 2*apart + max(p.sources(r, y), p.targets(r, y))
	for _, line := range r.foot() {
		y = p.text(margin, y, small, width-2*margin, line)
	}
	return p.whole(width, y+margin)
}

// sources draws the fields of the source, each once, and gives where they end.
func (p *picture) sources(r *Report, y int) int {
	draw := func(path, class string, notes ...string) {
		if _, drawn := p.middle[path]; drawn {
			return
		}
		b := sources.box(class, path, notes...)
		p.middle[path] = y + b.height()/2
		p.box(b, y, b.height())
		y += b.height() + apart
	}
	for _, f := range r.Set {
		if f.From != "" {
			draw(f.From, "field", f.Before)
		}
	}
	for _, f := range r.Drop {
		draw(f.Path, "drop", f.Label, "dropped: "+f.Reason)
	}
	return y
}

// targets draws the fields of the destination and what leads to them, and gives where they end.
func (p *picture) targets(r *Report, y int) int {
	for i := range r.Set {
		y += p.flow(&r.Set[i], y) + apart
	}
	for _, f := range r.Absent {
		b := targets.box("drop", f.Path, "absent: "+f.Reason)
		p.box(b, y, b.height())
		y += b.height() + apart
	}
	return y
}

// flow draws one row, and gives its height.
func (p *picture) flow(f *Flow, y int) int {
	target := f.target()
	height, from := target.height(), steps.x
	done := f.done()
	if done != nil {
		step := steps.box(f.class(), "", done...)
		height, from = max(height, step.height()), steps.x+steps.width
		p.box(step, y, height)
	}
	p.box(target, y, height)
	p.line(from, y+height/2, targets.x, y+height/2)
	if f.From != "" {
		p.line(sources.x+sources.width, p.middle[f.From], steps.x, y+height/2)
	}
	return height
}

func (f *Flow) target() box {
	title, class, notes := f.Into, "field", []string{f.After}
	if f.In != "" {
		title += " (" + f.In + ")"
	}
	if f.Approved != "" {
		class, notes = "lower", append(notes, "released by "+f.Approved+" until "+f.Until)
	}
	return targets.box(class, title, notes...)
}

// done is what is done on the way, a line each; nil: nothing.
func (f *Flow) done() []string {
	if f.Constant != "" {
		return []string{"constant " + f.Constant}
	}
	var all []string
	for _, step := range f.Do {
		line := step.line()
		if step.Custom {
			line += " (code to be read)"
		}
		if step.Reversible {
			line += " (reversible)"
		}
		all = append(all, line)
	}
	if f.OnError != "" {
		all = append(all, "on error "+f.OnError)
	}
	return all
}

// class sets apart what a reviewer cannot know from the mapping.
func (f *Flow) class() string {
	for _, step := range f.Do {
		if step.Custom {
			return "custom"
		}
	}
	return "step"
}

const style = "<style>.field{fill:#e8f0fe;stroke:#4a6fa5}.drop{fill:#eee;stroke:#999}.lower{fill:#e6f4ea;stroke:#3c8d5a}.step{fill:#fff;stroke:#aaa}.custom{fill:#fef3e0;stroke:#c77700}.label{fill:#444}line{stroke:#4a6fa5}</style>\n"

// whole is the picture with its frame.
func (p *picture) whole(width, height int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="monospace" xml:space="preserve">`+"\n", width, height)
	b.WriteString(style)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	b.WriteString(p.String())
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
