package main

import (
	"context"
	"errors"
	"io"
	"unicode/utf8"
)

// mostTyped is where Linux begins to drop what is typed or pasted before the terminal is
// raw, without a word (N_TTY_BUF_SIZE). An entry that long may be one that was cut.
const mostTyped = 4095

var (
	errTyped  = errors.New("a value is longer than a terminal takes: use standard input")
	errOddKey = errors.New("a key was pressed that is no character: nothing was written")
)

// The keys that a raw terminal leaves to us.
const (
	keyInterrupt = 'C' & 0x1f
	keyEnd       = 'D' & 0x1f
	keyBackspace = 'H' & 0x1f
	keyKill      = 'U' & 0x1f
	keyDelete    = 0x7f
)

// typedLine reads up to the end of a line. The terminal is raw: one that edits lines cuts
// them, and does not tell of an end of input. Only what is no end, such as a longer value
// or an arrow, is refused when the line ends, so that the rest does not go to a shell.
func typedLine(keys io.Reader) ([]byte, error) {
	line, key := make([]byte, 0, mostTyped), make([]byte, 1) // a buffer that grows leaves secrets behind
	long, odd := false, false
	for {
		if n, err := keys.Read(key); n == 0 {
			if err == nil {
				continue
			}
			return nil, errNoInput
		}
		switch b := key[0]; {
		case b == '\r' || b == '\n':
			return entered(line, long, odd)
		case b == keyInterrupt:
			return nil, context.Canceled
		case b == keyEnd:
			return nil, errNoInput
		case b == keyKill:
			line, long, odd = line[:0], false, false
		case b == keyBackspace || b == keyDelete:
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case b < ' ' && b != '\t':
			odd = true
		case len(line) == mostTyped:
			long = true
		default:
			line = append(line, b)
		}
	}
}

func entered(line []byte, long, odd bool) ([]byte, error) {
	switch {
	case odd:
		return nil, errOddKey
	case long || len(line) == mostTyped:
		return nil, errTyped
	case len(line) == 0:
		return nil, errNoInput
	}
	return line, nil
}
