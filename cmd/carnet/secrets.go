package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

const mostInput = 64 << 10 // as much as filevault keeps of one field

var (
	errNoInput   = errors.New("there is nothing to read: give one value a line, or one value alone")
	errTooLong   = errors.New("a value is longer than 64 KiB")
	errDiffers   = errors.New("the two entries differ: nothing was written")
	errShown     = errors.New("the terminal cannot hide what is typed: use standard input")
	errFewValues = errors.New("there are fewer values than fields: give one a line, in the order of the fields")
	errMoreLines = errors.New("there are more lines than fields: nothing was written")
)

// asker gets what nobody is to see: from a person, or from a pipe.
type asker interface {
	person() bool                          // somebody answers
	ask(question string) ([]byte, error)   // one line, which nobody sees
	all() ([]byte, error)                  // everything that is left in a pipe
	over() error                           // holds that nothing is left in a pipe
	twice(question string) ([]byte, error) // as ask, and of a person a second time
}

// console is standard input. No read of it outlives the program's context: somebody who
// interrupts is not asked to go on typing.
type console struct {
	ctx  context.Context
	in   *bufio.Reader // of a pipe
	keys io.Reader     // of a terminal
	out  io.Writer     // questions
	tty  func() bool
	hide func() (restore func(), err error) // of the terminal: shows nothing, and each key at once
}

func newConsole(ctx context.Context, in *os.File, out io.Writer) *console {
	fd := int(in.Fd())
	return &console{
		ctx: ctx, in: bufio.NewReaderSize(in, mostInput+2), keys: in, out: out,
		tty: func() bool { return term.IsTerminal(fd) },
		hide: func() (func(), error) {
			before, err := term.MakeRaw(fd)
			return func() { _ = term.Restore(fd, before) }, err
		},
	}
}

// wait reads, until the program is to end.
func (c *console) wait(read func() ([]byte, error)) ([]byte, error) {
	type answer struct {
		read []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		read, err := read()
		answers <- answer{read, err}
	}()
	select {
	case a := <-answers:
		return a.read, a.err
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
}

func (c *console) person() bool { return c.tty() }

func (c *console) ask(question string) ([]byte, error) {
	if c.tty() {
		return c.hidden(question)
	}
	return line(c.wait(func() ([]byte, error) {
		read, err := c.in.ReadSlice('\n') // of what fits: a line without end is not read into memory
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errTooLong
		case errors.Is(err, io.EOF) && len(read) > 0:
			err = nil
		}
		return withoutEnd(bytes.Clone(read)), err
	}))
}

// hidden asks when nothing is shown any more, and whatever happens shows again what is
// typed.
func (c *console) hidden(question string) ([]byte, error) {
	restore, err := c.hide()
	if err != nil {
		return nil, errShown
	}
	defer fmt.Fprintln(c.out)
	defer restore()
	fmt.Fprintf(c.out, "%s: ", question)
	return c.wait(func() ([]byte, error) { return typedLine(c.keys) })
}

// withoutEnd drops the end of a line, as Unix or Windows writes it.
func withoutEnd(b []byte) []byte {
	if b, ok := bytes.CutSuffix(b, []byte("\n")); ok {
		return bytes.TrimSuffix(b, []byte("\r"))
	}
	return b
}

func line(read []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, errTooLong):
		return nil, err
	case err != nil || len(read) == 0:
		return nil, errNoInput
	case len(read) > mostInput:
		return nil, errTooLong
	}
	return read, nil
}

func (c *console) all() ([]byte, error) {
	read, err := c.wait(func() ([]byte, error) { return io.ReadAll(io.LimitReader(c.in, mostInput+3)) }) // what is too long is so without its end
	return line(withoutEnd(read), err)
}

func (c *console) over() error {
	if c.tty() {
		return nil
	}
	_, err := c.wait(func() ([]byte, error) {
		_, err := c.in.ReadByte()
		return nil, err
	})
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, context.Canceled):
		return err
	}
	return errMoreLines
}

func (c *console) twice(question string) ([]byte, error) {
	first, err := c.ask(question)
	if err != nil || !c.tty() {
		return first, err
	}
	second, err := c.ask(question + ", again")
	if err == nil && !bytes.Equal(first, second) {
		err = errDiffers
	}
	return first, err
}
