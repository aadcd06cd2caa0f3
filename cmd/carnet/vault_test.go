package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/segment"
	"github.com/carnet-go/carnet/vault/filevault"
)

// piped is standard input that is no terminal.
func piped(text string) *console {
	return &console{ctx: context.Background(), in: bufio.NewReaderSize(strings.NewReader(text), mostInput+2), tty: func() bool { return false }}
}

// typed is a person who answers one line after another, unseen.
func typed(out *bytes.Buffer, answers ...string) *console {
	keys := strings.Join(append(answers, ""), "\r")
	return &console{
		ctx: context.Background(), out: out, keys: strings.NewReader(keys), tty: func() bool { return true },
		hide: func() (func(), error) { return func() {}, nil },
	}
}

// vaulted runs a command and holds that it prints no secret.
func vaulted(t *testing.T, in asker, want int, args ...string) (out, problem string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), append([]string{"vault"}, args...), in, &stdout, &stderr); status != want {
		t.Fatalf("%q: status %d, want %d\n%s%s", args, status, want, &stdout, &stderr)
	}
	if all := stdout.String() + stderr.String(); strings.Contains(all, "canary") || strings.Contains(all, "AGE-SECRET-KEY-1") || strings.Contains(all, "AGE-SECRET-KEY-PQ-1") {
		t.Fatalf("%q prints a secret: %s", args, all)
	}
	return stdout.String(), stderr.String()
}

// issued is a field as a service gets it.
func issued(t *testing.T, file string, key auth.Secret, path, field string) string {
	t.Helper()
	made, err := filevault.File{Path: file, Identity: key}.Issue(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	if err := made.Fields[field].Use(func(b []byte) error { text = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVaultFromAPipe(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	for _, name := range []string{key, file} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info.Mode(), err)
		}
	}
	vaulted(t, piped("canary-1\nof two lines\n"), statusOK, "set", "-identity", key, file, "saml/signing", "key")
	vaulted(t, piped("uid=a\r\ncanary-2"), statusOK, "set", "-identity", key, file, "directory/bind", "name", "password")
	secret, err := (&keyFlags{file: key}).identity(false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][3]string{
		{"saml/signing", "key", "canary-1\nof two lines"}, {"directory/bind", "name", "uid=a"}, {"directory/bind", "password", "canary-2"},
	} {
		if got := issued(t, file, secret, want[0], want[1]); got != want[2] {
			t.Errorf("%s %s is %q", want[0], want[1], got)
		}
	}
	out, _ := vaulted(t, nil, statusOK, "list", "-identity", key, file)
	if !strings.Contains(out, "directory/bind\tversion 2\tname password\t") || strings.Count(out, "\n") != 2 {
		t.Errorf("list: %s", out)
	}
	next := filepath.Join(dir, "new.key")
	vaulted(t, nil, statusOK, "rekey", "-identity", key, "-to", next, file)
	vaulted(t, nil, statusWrong, "list", "-identity", key, file)
	vaulted(t, nil, statusOK, "remove", "-identity", next, file, "saml/signing")
	if out, _ := vaulted(t, nil, statusOK, "list", "-identity", next, file); strings.Contains(out, "saml") {
		t.Errorf("still there: %s", out)
	}
	vaulted(t, nil, statusOK, "raise", "-identity", next, file, "17")
	vaulted(t, piped("canary-4"), statusOK, "set", "-identity", next, file, "crm/api", "key")
	if out, _ := vaulted(t, nil, statusOK, "list", "-identity", next, file); !strings.Contains(out, "crm/api\tversion 19\t") {
		t.Errorf("raised above 17: %s", out)
	}
}

func TestVaultFromATerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.age")
	var shown bytes.Buffer
	vaulted(t, typed(&shown, "canary passphrase", "canary passphrase"), statusOK, "init", "-passphrase", file)
	vaulted(t, typed(&shown, "canary passphrase", "canary-3", "canary-3"), statusOK, "set", "-passphrase", file, "crm/api", "key")
	if strings.Contains(shown.String(), "canary") || !strings.Contains(shown.String(), "key, again: ") {
		t.Errorf("shown: %s", &shown)
	}
	if got := issued(t, file, auth.NewSecret([]byte("canary passphrase")), "crm/api", "key"); got != "canary-3" {
		t.Errorf("key is %q", got)
	}
	_, problem := vaulted(t, typed(&shown, "canary passphrase", "canary-4", "canary-5"), statusWrong, "set", "-passphrase", file, "crm/api", "key")
	if !strings.Contains(problem, "differ") {
		t.Error(problem)
	}
	vaulted(t, typed(&shown, "another canary one"), statusWrong, "list", "-passphrase", file)
}

func TestVaultRefuses(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	open := filepath.Join(dir, "open.key")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.key")
	if err := os.WriteFile(text, []byte("a line of any text"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", mostInput+1)
	for name, c := range map[string]struct {
		in     asker
		status int
		args   []string
		says   string
	}{
		"no key":              {nil, statusUsage, []string{"list", file}, "-identity"},
		"pq of a passphrase":  {nil, statusUsage, []string{"init", "-pq", "-passphrase", file + "y"}, "-pq is for an identity"},
		"pq to a passphrase":  {nil, statusUsage, []string{"rekey", "-identity", key, "-pq", "-to-passphrase", file}, "-pq is for an identity"},
		"pq of an old key":    {nil, statusWrong, []string{"init", "-identity", key, "-pq", file + "y"}, "no post-quantum identity"},
		"pq to an old key":    {nil, statusWrong, []string{"rekey", "-identity", key, "-to", key, "-pq", file}, "no post-quantum identity"},
		"pq of a comment":     {nil, statusWrong, []string{"init", "-identity", write(t, "# AGE-SECRET-KEY-PQ-1\n"+read(t, key)), "-pq", file + "y"}, "no post-quantum identity"},
		"pq of nothing made":  {nil, statusUsage, []string{"list", "-identity", key, "-pq", file}, "-pq"},
		"public SSH key":      {nil, statusWrong, []string{"init", "-identity", write(t, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"), file + "y"}, "nor a private SSH key"},
		"cut SSH key":         {nil, statusWrong, []string{"init", "-identity", write(t, "-----BEGIN OPENSSH PRIVATE KEY-----"), file + "y"}, "private half of an SSH key"},
		"two keys":            {nil, statusUsage, []string{"list", "-identity", key, "-passphrase", file}, "-identity"},
		"no file":             {nil, statusUsage, []string{"list", "-identity", key}, "arguments"},
		"too much":            {nil, statusUsage, []string{"list", "-identity", key, file, "x"}, "arguments"},
		"no field":            {nil, statusUsage, []string{"set", "-identity", key, file, "crm/api"}, "arguments"},
		"unknown flag":        {nil, statusUsage, []string{"set", "-value", "x", file}, "-value"},
		"nowhere to":          {nil, statusUsage, []string{"rekey", "-identity", key, file}, "-to"},
		"overwrite":           {nil, statusWrong, []string{"init", "-identity", key, file}, ""},
		"missing key":         {nil, statusWrong, []string{"list", "-identity", key + "x", file}, "cannot be read"},
		"open key":            {nil, statusWrong, []string{"list", "-identity", open, file}, "chmod"},
		"text as key":         {nil, statusWrong, []string{"init", "-identity", text, file + "y"}, "AGE-SECRET-KEY-…"},
		"folder as key":       {nil, statusWrong, []string{"list", "-identity", dir, file}, "chmod"},
		"key nowhere":         {nil, statusWrong, []string{"init", "-identity", filepath.Join(dir, "x", "y"), file + "y"}, "cannot be written"},
		"missing file":        {nil, statusWrong, []string{"list", "-identity", key, file + "x"}, ""},
		"set in missing file": {nil, statusWrong, []string{"set", "-identity", key, file + "x", "crm/api", "key"}, ""},
		"rekey missing file":  {nil, statusWrong, []string{"rekey", "-identity", key, "-to", open, file + "x"}, ""},
		"rekey to open key":   {nil, statusWrong, []string{"rekey", "-identity", key, "-to", open, file}, "chmod"},
		"raise to no number":  {nil, statusUsage, []string{"raise", "-identity", key, file, "x1"}, "GENERATION"},
		"raise to nowhere":    {nil, statusUsage, []string{"raise", "-identity", key, file}, "arguments"},
		"raise too high":      {nil, statusWrong, []string{"raise", "-identity", key, file, "999999999999999999"}, "generation"},
		"nothing to remove":   {nil, statusWrong, []string{"remove", "-identity", key, file, "crm/api"}, "carnet vault remove: there is no secret under that path\n"},
		"empty value":         {piped(""), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key"}, "nothing to read"},
		"long value":          {piped(long), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key"}, "64 KiB"},
		"long line":           {piped(long + "\nb"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key", "id"}, "64 KiB"},
		"too few values":      {piped("canary\n"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key", "id"}, "fewer"},
		"field twice":         {nil, statusUsage, []string{"set", "-identity", key, file, "crm/api", "key", "key"}, "twice"},
		"path":                {nil, statusUsage, []string{"set", "-identity", key, file, "../x", "key"}, "not a path"},
		"field":               {nil, statusUsage, []string{"set", "-identity", key, file, "crm/api", "Key"}, "fields"},
		"late flag":           {nil, statusUsage, []string{"set", file, "crm/api", "key", "-identity", key}, "flags come before the arguments"},
		"late help":           {nil, statusUsage, []string{"list", "-identity", key, file, "-h"}, "flags come before the arguments"},
		"field with a dash":   {piped("canary\n\n"), statusWrong, []string{"set", "-identity", key, "--", file, "crm/api", "-a", "-b"}, "fewer"},
		"too many lines":      {piped("canary\ncanary\ncanary\n"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key", "id"}, "more lines than fields: nothing was written"},
		"an empty line more":  {piped("canary\ncanary\n\n"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key", "id"}, "more lines"},
		"long value of lines": {piped(long[1:] + "\r\nx"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key"}, "64 KiB"},
		"no folder":           {nil, statusWrong, []string{"init", "-identity", key + "2", filepath.Join(dir, "none", "secrets.age")}, "the folder of SECRETS does not exist"},
		"no folder at all":    {nil, statusWrong, []string{"init", "-identity", key + "2", filepath.Join(key, "secrets.age")}, "the folder of SECRETS does not exist"},
		"there already":       {nil, statusWrong, []string{"init", "-identity", key + "2", file}, "SECRETS is there already"},
		"asked for nothing":   {nil, statusWrong, []string{"init", "-passphrase", file}, "SECRETS is there already"},
		"rekey to the same":   {nil, statusWrong, []string{"rekey", "-identity", key, "-to", key, file}, "the new identity is the old one: nothing was changed"},
		"end of input":        {typed(new(bytes.Buffer), "can\x04"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key"}, "nothing to read"},
		"interrupt":           {typed(new(bytes.Buffer), "can\x03"), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key"}, "interrupted"},
		"long key":            {nil, statusWrong, []string{"list", "-identity", write(t, strings.Repeat("#\n", 8<<10)+"AGE-SECRET-KEY-"), file}, "16 KiB"},
		"nobody types":        {typed(new(bytes.Buffer)), statusWrong, []string{"set", "-identity", key, file, "crm/api", "key"}, "nothing to read"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, problem := vaulted(t, c.in, c.status, c.args...); !strings.Contains(problem, c.says) {
				t.Errorf("says %q", problem)
			}
		})
	}
	if out, _ := vaulted(t, nil, statusOK, "list", "-identity", key, file); out != "" {
		t.Errorf("something was written: %s", out)
	}
	if _, err := os.Lstat(key + "2"); err == nil {
		t.Error("a key was made for no file")
	}
}

// TestPostQuantumIdentity is what is made where -pq asks for it, and no other is.
func TestPostQuantumIdentity(t *testing.T) {
	dir := t.TempDir()
	old, key, file := filepath.Join(dir, "old.key"), filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	check := func(step, stanza, file string) {
		t.Helper()
		if header, _, _ := strings.Cut(read(t, file), "\n---"); strings.Count(header, "-> ") != 1 || !strings.Contains(header, "-> "+stanza+" ") {
			t.Errorf("%s: not encrypted to %s alone", step, stanza)
		}
	}
	vaulted(t, nil, statusOK, "init", "-identity", old, file)
	check("init", "X25519", file)
	vaulted(t, nil, statusOK, "rekey", "-identity", old, "-to", key, "-pq", file)
	check("rekey", "mlkem768x25519", file)
	vaulted(t, piped("canary"), statusOK, "set", "-identity", key, file, "crm/api", "key")
	check("set", "mlkem768x25519", file)
	vaulted(t, nil, statusOK, "init", "-identity", key, "-pq", file+"2")
	check("init with one that is there", "mlkem768x25519", file+"2")
	vaulted(t, nil, statusOK, "init", "-identity", key+"3", "-pq", file+"3")
	check("init with one that is made", "mlkem768x25519", file+"3")
	if made := read(t, key+"3"); !strings.HasPrefix(made, "AGE-SECRET-KEY-PQ-1") || made == read(t, key) {
		t.Error("another identity was made")
	}
}

// TestSSHIdentity opens a file as an age identity does.
func TestSSHIdentity(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	file := filepath.Join(t.TempDir(), "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	vaulted(t, piped("canary"), statusOK, "set", "-identity", key, file, "crm/api", "key")
	if out, _ := vaulted(t, nil, statusOK, "list", "-identity", key, file); !strings.Contains(out, "crm/api\tversion 1\tkey\t") {
		t.Errorf("list: %s", out)
	}
}

// TestEndsOfLines are no part of a value, however many fields there are.
func TestEndsOfLines(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	secret, err := (&keyFlags{file: key}).identity(false)
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", mostInput)
	for input, want := range map[string]string{
		"canary": "canary", "canary\n": "canary", "canary\r\n": "canary", "canary\r": "canary\r", "canary\n\n": "canary\n", "canary\r\n\r\n": "canary\r\n",
		large: large, large + "\n": large, large + "\r\n": large,
	} {
		vaulted(t, piped(input), statusOK, "set", "-identity", key, file, "one", "value")
		if got := issued(t, file, secret, "one", "value"); got != want {
			t.Errorf("%d bytes of %d, want %d", len(got), len(input), len(want))
		}
		if strings.Count(input, "\n") > 1 {
			continue
		}
		vaulted(t, piped("first\r\n"+input), statusOK, "set", "-identity", key, file, "two", "id", "value")
		if got := issued(t, file, secret, "two", "value"); got != want || issued(t, file, secret, "two", "id") != "first" {
			t.Errorf("as the second of two: %d bytes of %d, want %d", len(got), len(input), len(want))
		}
	}
}

// TestAWaitForAnotherWriter is told, and has an end.
func TestAWaitForAnotherWriter(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	lock, err := segment.NewLock(file + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for _, args := range [][]string{
		{"set", "-identity", key, file, "crm/api", "key"}, {"remove", "-identity", key, file, "crm/api"}, {"rekey", "-identity", key, "-to", filepath.Join(dir, "new.key"), file},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			_, problem := vaulted(t, piped("canary"), statusWrong, args...)
			name := "carnet vault " + args[0] + ": "
			if !strings.HasPrefix(problem, name+"waiting for another writer\n") || !strings.Contains(problem, name+"another writer has had SECRETS for 30 seconds: nothing was written") {
				t.Errorf("%s says %q", args[0], problem)
			}
			if made := args[0] == "rekey"; strings.Contains(problem, "the new identity was made all the same") != made {
				t.Errorf("%s says %q", args[0], problem)
			}
			if took := time.Since(began); took != 30*time.Second {
				t.Errorf("%s gives up after %v", args[0], took)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	var stderr bytes.Buffer
	if run(ctx, []string{"vault", "remove", "-identity", key, file, "crm/api"}, nil, io.Discard, &stderr) != statusWrong || stderr.String() != "carnet vault remove: interrupted\n" {
		t.Errorf("an interrupt says %q", &stderr)
	}
}

// TestInterruptEndsAWait, for a person and for a pipe that says nothing, and the terminal
// shows again what is typed.
func TestInterruptEndsAWait(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "vault.key"), filepath.Join(dir, "secrets.age")
	vaulted(t, nil, statusOK, "init", "-identity", key, file)
	silent, _ := io.Pipe()
	defer silent.Close()
	for name, c := range map[string]struct {
		tty    bool
		fields []string
	}{"person": {true, []string{"key"}}, "pipe": {false, []string{"key"}}, "lines": {false, []string{"key", "id"}}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			hidden, restored := 0, 0
			in := &console{
				ctx: ctx, out: new(bytes.Buffer), in: bufio.NewReader(silent), keys: silent, tty: func() bool { return c.tty },
				hide: func() (func(), error) {
					hidden++
					return func() { restored++ }, nil
				},
			}
			time.AfterFunc(10*time.Millisecond, cancel)
			_, problem := vaulted(t, in, statusWrong, append([]string{"set", "-identity", key, file, "crm/api"}, c.fields...)...)
			if !strings.Contains(problem, "interrupted") || restored != hidden || (hidden == 1) != c.tty {
				t.Errorf("says %q, hidden %d times, shown again %d times", problem, hidden, restored)
			}
		})
	}
}

// TestConsoleIsNoTerminal in a test.
func TestConsoleIsNoTerminal(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if _, err := write.WriteString("canary\n"); err != nil {
		t.Fatal(err)
	}
	write.Close()
	c := newConsole(t.Context(), read, new(bytes.Buffer))
	if _, err := c.hide(); c.person() || err == nil {
		t.Errorf("a pipe is taken for a person: %v", err)
	}
	if line, err := c.ask("value"); string(line) != "canary" || err != nil {
		t.Errorf("%d bytes, %v", len(line), err)
	}
	if _, err := c.ask("value"); err != errNoInput {
		t.Errorf("at the end: %v", err)
	}
}
