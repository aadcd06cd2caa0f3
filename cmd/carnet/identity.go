package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

const mostIdentity = 16 << 10 // as much as filevault takes

var (
	errOpenKey  = errors.New("the identity file may be used by others, or is no regular file: chmod 600 it")
	errTheirKey = errors.New("the identity file is somebody else's, which root may not use either: run this as its owner")
	errLongKey  = errors.New("the identity file is longer than 16 KiB: it holds more than an identity")
	errKeyFile  = errors.New("the identity file cannot be read")
	errNoKey    = errors.New("the identity file holds neither a line AGE-SECRET-KEY-… nor a private SSH key: carnet vault init makes one where there is no file")
	errNoPQ     = errors.New("the identity file is there already, and what it holds is no post-quantum identity: name a file that does not exist")
	errPQPhrase = errors.New("-pq is for an identity in a file, and not for a passphrase")
	errKeyMade  = errors.New("the identity file cannot be written")
	errWhichKey = errors.New("say either -identity FILE or -passphrase")
)

// keyFlags say how a file is opened.
type keyFlags struct {
	file       string
	passphrase bool
	pq         bool // what is made is a post-quantum identity, and what is there must be one
	made       bool // file was, by this call
}

// unclear says that neither was said, or both.
func (k *keyFlags) unclear() bool { return k.passphrase == (k.file != "") }

// secret is the identity; fresh says that it is for a new file, so that one is made
// where there is none, and a passphrase is asked for twice.
func (k *keyFlags) secret(from asker, question string, fresh bool) (auth.Secret, error) {
	if k.file != "" {
		return k.identity(fresh)
	}
	ask := from.ask
	if fresh {
		ask = from.twice
	}
	read, err := ask(question)
	return auth.NewSecret(read), err
}

// identity reads a file that is its owner's alone; fresh makes it where there is none.
// What is looked at is what is read, whoever replaces the name meanwhile.
func (k *keyFlags) identity(fresh bool) (auth.Secret, error) {
	file, err := openFile(k.file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		return k.newIdentity()
	case errors.Is(err, errOpenKey):
		return auth.Secret{}, errOpenKey
	case err != nil:
		return auth.Secret{}, errKeyFile
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return auth.Secret{}, errKeyFile
	case !info.Mode().IsRegular():
		return auth.Secret{}, errOpenKey
	case !mine(info):
		return auth.Secret{}, errTheirKey
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return auth.Secret{}, errOpenKey
	}
	read := make([]byte, mostIdentity+1)
	n, err := io.ReadFull(file, read)
	switch read = read[:n]; {
	case err == nil:
		return auth.Secret{}, errLongKey
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return auth.Secret{}, errKeyFile
	case !looksPrivate(read):
		return auth.Secret{}, errNoKey
	case k.pq && !looksQuantum(read):
		return auth.Secret{}, errNoPQ
	}
	return auth.NewSecret(bytes.TrimRight(read, "\r\n")), nil
}

// looksPrivate says whether filevault takes it for a key, and never for a passphrase.
func looksPrivate(read []byte) bool {
	return bytes.Contains(read, []byte("AGE-SECRET-KEY-")) || bytes.HasPrefix(bytes.TrimSpace(read), []byte("-----BEGIN "))
}

// looksQuantum asks for the line itself: a comment may tell of another one.
func looksQuantum(read []byte) bool {
	for line := range bytes.Lines(read) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("AGE-SECRET-KEY-PQ-1")) {
			return true
		}
	}
	return false
}

func (k *keyFlags) newIdentity() (auth.Secret, error) {
	generate := filevault.NewIdentity
	if k.pq {
		generate = filevault.NewHybridIdentity
	}
	made, err := generate()
	if err != nil {
		return auth.Secret{}, err
	}
	file, err := os.OpenFile(k.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return auth.Secret{}, errKeyMade
	}
	err = made.Use(func(b []byte) error {
		_, err := file.Write(append(bytes.Clone(b), '\n'))
		return err
	})
	if errors.Join(err, file.Sync(), file.Close(), synced(filepath.Dir(k.file))) != nil {
		return auth.Secret{}, errKeyMade
	}
	k.made = true
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
