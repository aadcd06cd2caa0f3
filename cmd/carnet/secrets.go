package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// console is standard input. No read of it outlives the program's context: somebody who
// interrupts is not asked to go on typing.
type console struct {
	ctx     context.Context
	in      *bufio.Reader
	out     io.Writer // questions
	tty     func() bool
	quiet   func() ([]byte, error) // reads a line of a terminal without echo
	restore func()                 // brings the echo back
}

func newConsole(ctx context.Context, in *os.File, out io.Writer) *console {
	fd := int(in.Fd())
	c := &console{
		ctx: ctx, in: bufio.NewReaderSize(in, mostInput+2), out: out, restore: func() {},
		tty:   func() bool { return term.IsTerminal(fd) },
		quiet: func() ([]byte, error) { return term.ReadPassword(fd) },
	}
	if before, err := term.GetState(fd); err == nil {
		c.restore = func() { _ = term.Restore(fd, before) }
	}
	return c
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
		c.restore()
		return nil, c.ctx.Err()
	}
}

func (c *console) person() bool { return c.tty() }

func (c *console) ask(question string) ([]byte, error) {
	if c.tty() {
		fmt.Fprintf(c.out, "%s: ", question)
		defer fmt.Fprintln(c.out)
		return line(c.wait(c.quiet))
	}
	return line(c.wait(func() ([]byte, error) {
		read, err := c.in.ReadSlice('\n') // of what fits: a line without end is not read into memory
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errTooLong
		case errors.Is(err, io.EOF) && len(read) > 0:
			err = nil
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(bytes.Clone(read), []byte("\n")), []byte("\r")), err
	}))
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
	read, err := c.wait(func() ([]byte, error) { return io.ReadAll(io.LimitReader(c.in, mostInput+2)) })
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
	if errors.Join(err, file.Sync(), file.Close(), synced(filepath.Dir(name))) != nil {
		return auth.Secret{}, errKeyMade
	}
	return made, nil
}

// synced makes a new name in a folder last: a file that the key opens is no use without
// it. Windows has no such thing.
func synced(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
