package report

import (
	"fmt"
	"html"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// picture is what is drawn so far.
type picture struct {
	strings.Builder
	middle map[string]int // of a source field's box, from the top
}

// font is how large text is. Its letters are of one width, so that what fits is known without
// looking.
type font struct {
	class      string
	size, line int // pixels, and from one line to the next
}

var (
	large = font{"name", 12, 15}
	small = font{"label", 10, 13}
)

// indent is how many letters further right a line begins that goes on with one: no argument can
// be written so that it looks like a step of its own.
const indent = 2

// lines breaks text into what fits a width: monospaced letters are 0.6 of their size wide, or a
// little more.
func (f font) lines(text string, width int) []string {
	return lines(text, width*100/(f.size*61)-indent)
}

// column is where boxes stand below each other.
type column struct{ x, width int }

// box is a field, or what is done to it.
type box struct {
	column
	class, title string
	notes        []string
}

func (c column) box(class, title string, notes ...string) box { return box{c, class, title, notes} }

func (b box) inner() int { return b.width - 2*apart }

func (b box) height() int {
	height := 2*apart + len(large.lines(b.title, b.inner()))*large.line
	for _, note := range b.notes {
		height += len(small.lines(note, b.inner())) * small.line
	}
	return height
}

// box draws one as high as its row is.
func (p *picture) box(b box, y, height int) {
	fmt.Fprintf(p, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" class="%s"/>`+"\n", b.x, y, b.width, height, b.class)
	y = p.text(b.x+apart, y+apart, large, b.inner(), b.title)
	for _, note := range b.notes {
		y = p.text(b.x+apart, y, small, b.inner(), note)
	}
}

func (p *picture) line(x1, y1, x2, y2 int) {
	fmt.Fprintf(p, `<line x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", x1, y1, x2, y2)
}

// text writes all of a text, which is no markup, in as many lines as it needs, and gives where
// they end.
func (p *picture) text(x, y int, f font, width int, text string) int {
	all := f.lines(text, width)
	if all == nil {
		return y
	}
	fmt.Fprintf(p, `<text class="%s" font-size="%d">`, f.class, f.size)
	for i, line := range all {
		if i == 1 {
			x += indent * f.size * 6 / 10
		}
		fmt.Fprintf(p, `<tspan x="%d" y="%d">%s</tspan>`, x, y+f.size, html.EscapeString(line))
		y += f.line
	}
	p.WriteString("</text>\n")
	return y
}

// lines breaks text behind a space, or where there is none in the middle of a word: nothing is
// left out, because what is left out is what somebody hides.
func lines(text string, most int) []string {
	text = names.Printable(text)
	if text == "" {
		return nil
	}
	var all []string
	start, space, used := 0, 0, 0
	for at, char := range text {
		for used+cells(char) > most {
			end := at
			if space > start {
				end = space
			}
			all = append(all, text[start:end])
			start, used = end, 0
			for _, char := range text[start:at] {
				used += cells(char)
			}
		}
		used += cells(char)
		if char == ' ' {
			space = at + 1
		}
	}
	return append(all, text[start:])
}

// cells are how wide a letter is at most: those of other fonts may take twice the width.
func cells(char rune) int {
	if char < 0x80 {
		return 1
	}
	return 2
}
