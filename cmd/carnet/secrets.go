package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/term"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

const mostInput = 64 << 10 // as much as filevault keeps of one field

var (
	errNoInput   = errors.New("there is nothing to read: give one value a line, or one value alone")
	errTooLong   = errors.New("a value is longer than 64 KiB")
	errDiffers   = errors.New("the two entries differ: nothing was written")
	errOpenKey   = errors.New("the identity file may be used by others, or is no regular file: chmod 600 it")
	errKeyFile   = errors.New("the identity file cannot be read")
	errNoKey     = errors.New("the identity file holds no line AGE-SECRET-KEY-…: carnet vault init makes one where there is no file")
	errKeyMade   = errors.New("the identity file cannot be written")
	errWhichKey  = errors.New("say either -identity FILE or -passphrase")
	errFewValues = errors.New("there are fewer values than fields: give one a line, in the order of the fields")
)

// asker gets what nobody is to see: from a person, or from a pipe.
type asker interface {
	person() bool                          // somebody answers
	ask(question string) ([]byte, error)   // one line, which nobody sees
	all() ([]byte, error)                  // everything that is left in a pipe
	twice(question string) ([]byte, error) // as ask, and of a person a second time
}

// console is standard input.
type console struct {
	in    *bufio.Reader
	tty   func() bool
	quiet func() ([]byte, error) // reads a line of a terminal without echo
	out   io.Writer              // questions
}

func newConsole(in *os.File, out io.Writer) *console {
	fd := int(in.Fd())
	return &console{
		in: bufio.NewReader(in), out: out,
		tty:   func() bool { return term.IsTerminal(fd) },
		quiet: func() ([]byte, error) { return unseen(fd) },
	}
}

// unseen reads a line without echo. An interrupt ends it, and the echo is back.
func unseen(fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, errNoInput
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	type answer struct {
		read []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		read, err := term.ReadPassword(fd)
		answers <- answer{read, err}
	}()
	select {
	case a := <-answers:
		return a.read, a.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return nil, ctx.Err()
	}
}

func (c *console) person() bool { return c.tty() }

func (c *console) ask(question string) ([]byte, error) {
	if c.tty() {
		fmt.Fprintf(c.out, "%s: ", question)
		defer fmt.Fprintln(c.out)
		return line(c.quiet())
	}
	read, err := c.in.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(read) > 0 {
		err = nil
	}
	return line(bytes.TrimSuffix(bytes.TrimSuffix(read, []byte("\n")), []byte("\r")), err)
}

func line(read []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, context.Canceled):
		return nil, context.Canceled
	case err != nil || len(read) == 0:
		return nil, errNoInput
	case len(read) > mostInput:
		return nil, errTooLong
	}
	return read, nil
}

func (c *console) all() ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(c.in, mostInput+2))
	return line(bytes.TrimSuffix(read, []byte("\n")), err)
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

// keyFlags say how a file is opened.
type keyFlags struct {
	file       string
	passphrase bool
}

// secret is the identity; fresh says that it is for a new file, so that one is made
// where there is none, and a passphrase is asked for twice.
func (k keyFlags) secret(from asker, question string, fresh bool) (auth.Secret, error) {
	switch {
	case k.passphrase == (k.file != ""):
		return auth.Secret{}, errWhichKey
	case k.file != "":
		return identity(k.file, fresh)
	}
	ask := from.ask
	if fresh {
		ask = from.twice
	}
	read, err := ask(question)
	return auth.NewSecret(read), err
}

// identity reads a file that is its owner's alone; fresh makes it where there is none.
func identity(name string, fresh bool) (auth.Secret, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, os.ErrNotExist) && fresh {
		return newIdentity(name)
	}
	if err != nil {
		return auth.Secret{}, errKeyFile
	}
	if !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return auth.Secret{}, errOpenKey
	}
	read, err := os.ReadFile(name)
	if err != nil {
		return auth.Secret{}, errKeyFile
	}
	if !bytes.Contains(read, []byte("AGE-SECRET-KEY-")) {
		return auth.Secret{}, errNoKey
	}
	return auth.NewSecret(bytes.TrimRight(read, "\r\n")), nil
}

func newIdentity(name string) (auth.Secret, error) {
	made, err := filevault.NewIdentity()
	if err != nil {
		return auth.Secret{}, err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return auth.Secret{}, errKeyMade
	}
	err = made.Use(func(b []byte) error {
		_, err := file.Write(append(bytes.Clone(b), '\n'))
		return err
	})
	if errors.Join(err, file.Sync(), file.Close()) != nil {
		return auth.Secret{}, errKeyMade
	}
	return made, nil
}
