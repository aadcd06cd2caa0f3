package dirvault

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

const (
	link       = "..data" // to the folder of the generation, as the kubelet's AtomicWriter makes it
	mostFields = 1000
	mostBytes  = 1 << 20
)

// fieldPattern is what Kubernetes allows as a key, without those that begin with a dot.
var fieldPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$`)

// read reads one generation, or says that it was swapped meanwhile: what was read, or
// was missing, means nothing then.
func read(ctx context.Context, root *os.Root, path string) (vault.Issued, error) {
	var issued vault.Issued
	if _, err := root.Lstat(path + "/" + link); err == nil {
		issued.Version, _ = root.Readlink(path + "/" + link)
		path += "/" + link
	}
	info, err := root.Stat(path)
	if err == nil && !info.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return vault.Issued{}, err
	}
	folder, err := root.OpenRoot(path)
	if err != nil {
		return vault.Issued{}, err
	}
	defer folder.Close()
	fields, newest, err := readAll(ctx, folder)
	if swapped(root, path, folder) {
		return vault.Issued{}, errSwapped
	}
	if err != nil {
		return vault.Issued{}, err
	}
	if issued.Version == "" {
		issued.Version = strconv.FormatInt(newest.UnixNano(), 36)
	}
	issued.Fields = fields
	return issued, nil
}

// swapped says whether path leads elsewhere by now. The old folder is removed only
// after that, so otherwise nothing was missing. While it is open, no other folder
// can have its number.
func swapped(root *os.Root, path string, folder *os.Root) bool {
	then, err := folder.Stat(".")
	if err != nil {
		return true
	}
	now, err := root.Stat(path)
	return err != nil || !os.SameFile(then, now)
}

func readAll(ctx context.Context, folder *os.Root) (map[string]auth.Secret, time.Time, error) {
	var newest time.Time
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return nil, newest, err
	}
	fields := map[string]auth.Secret{}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || entry.IsDir() {
			continue // a folder may be part of another path
		}
		if ctx.Err() != nil {
			return nil, newest, auth.ErrUnavailable
		}
		if !fieldPattern.MatchString(name) || !entry.Type().IsRegular() || len(fields) == mostFields {
			return nil, newest, auth.ErrInvalid
		}
		content, at, err := readField(folder, name)
		if err != nil {
			return nil, newest, err
		}
		if at.After(newest) {
			newest = at
		}
		fields[name] = auth.NewSecret(content)
	}
	if len(fields) == 0 {
		return nil, newest, auth.ErrUndeclared
	}
	return fields, newest, nil
}

func readField(folder *os.Root, name string) ([]byte, time.Time, error) {
	// A pipe that took the file's place must not hold us.
	file, err := folder.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostBytes || writable(info) {
		return nil, time.Time{}, auth.ErrInvalid
	}
	content, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	content = line(content)
	if len(content) == 0 || len(content) > mostBytes {
		return nil, time.Time{}, auth.ErrInvalid
	}
	return content, info.ModTime(), nil
}

// writable says whether everybody may write: then everybody chooses the secret.
// Windows has no such bits.
func writable(info fs.FileInfo) bool {
	return info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows"
}

// line drops the newline at the end of a single line of text.
func line(content []byte) []byte {
	text, ended := bytes.CutSuffix(content, []byte("\n"))
	if !ended || !utf8.Valid(text) || bytes.IndexByte(text, '\n') >= 0 {
		return content
	}
	return bytes.TrimSuffix(text, []byte("\r"))
}
