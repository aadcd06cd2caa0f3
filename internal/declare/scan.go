package declare

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"
)

// scan refuses what must not reach the parser. It reports at most one problem.
func (r *reader) scan(data []byte) bool {
	if len(data) > MaxSize {
		r.add(tooLarge, 0, "", "")
		return false
	}
	if at := invalidUTF8(data); at >= 0 {
		r.add(notUTF8, at, "", "")
		return false
	}
	if at := deeper(data, maxDepth); at >= 0 {
		r.add(tooDeep, at, "", "")
		return false
	}
	return true
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for at := 0; at < len(data); {
		char, size := utf8.DecodeRune(data[at:])
		if char == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// deeper is the offset of the first bracket below the limit, or -1. Brackets in
// strings and comments do not count.
func deeper(data []byte, limit int) int {
	depth := 0
	for at := 0; at < len(data); at++ {
		switch data[at] {
		case '"':
			at = afterString(data, at)
		case '/':
			at = afterComment(data, at)
		case '{', '[':
			if depth++; depth > limit {
				return at
			}
		case '}', ']':
			depth--
		}
	}
	return -1
}

// afterString is the offset of the closing quote.
func afterString(data []byte, at int) int {
	for at++; at < len(data) && data[at] != '"'; at++ {
		if data[at] == '\\' {
			at++
		}
	}
	return at
}

// afterComment is the offset of the last byte of a comment, or at itself where
// there is none.
func afterComment(data []byte, at int) int {
	end := ""
	switch rest := data[at:]; {
	case bytes.HasPrefix(rest, []byte("//")):
		end = "\n"
	case bytes.HasPrefix(rest, []byte("/*")):
		end = "*/"
	default:
		return at
	}
	length := bytes.Index(data[at+2:], []byte(end))
	if length < 0 {
		return len(data)
	}
	return at + 2 + length + len(end) - 1
}

// syntaxOffset takes the position out of the parser's error. The rest of its text
// quotes the file and goes no further.
func syntaxOffset(err error, lines []int, size int) int {
	var line, column int
	if _, scanErr := fmt.Sscanf(err.Error(), "hujson: line %d, column %d:", &line, &column); scanErr != nil || line < 1 || line > len(lines) {
		return size
	}
	return min(lines[line-1]+column-1, size)
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	if len(data) > MaxSize {
		return starts
	}
	for at, char := range data {
		if char == '\n' {
			starts = append(starts, at+1)
		}
	}
	return starts
}

// position is the line and the column in bytes, both from 1.
func (x *Index) position(offset int) (line, column int) {
	line = sort.SearchInts(x.lines, offset+1)
	if line == 0 {
		return 0, 0
	}
	return line, offset - x.lines[line-1] + 1
}
