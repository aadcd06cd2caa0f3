package isolate_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/isolate"
)

// tries are what code of somebody else may try, with the text of a document: each works in this
// process, and not behind the walls.
var tries = map[string]func(text string) error{
	"read":  func(text string) error { _, err := os.ReadFile(text); return err },
	"write": func(text string) error { return os.WriteFile(text, []byte("cAnArY"), 0o600) },
	"dial": func(text string) error {
		c, err := net.DialTimeout("tcp", text, 5*time.Second)
		if err == nil {
			err = c.Close()
		}
		return err
	},
	"socket": func(string) error {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
		if err == nil {
			err = syscall.Close(fd)
		}
		return err
	},
	"exec":   func(text string) error { return exec.Command(text).Run() },
	"signal": func(text string) error { return syscall.Kill(number(text), 0) },
	"code": func(string) error {
		page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err == nil {
			err = syscall.Munmap(page)
		}
		return err
	},
	"fd": func(text string) error { _, err := syscall.Pread(number(text), make([]byte, 1), 0); return err },
	"readfd": func(text string) error {
		n, err := syscall.Read(number(text), make([]byte, 1))
		if err == nil && n == 0 {
			err = errors.New("at its end")
		}
		return err
	},
	"env": func(string) error {
		if len(os.Environ()) == 0 {
			return errors.New("no environment")
		}
		return nil
	},
	"args": func(string) error {
		if len(os.Args) < 2 {
			return errors.New("no arguments")
		}
		return nil
	},
	"limits": func(string) error {
		var l syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &l); err != nil {
			return err
		}
		return syscall.Setrlimit(syscall.RLIMIT_CORE, &l)
	},
}

func number(text string) int { n, _ := strconv.Atoi(text); return n }

// ruins end the process, or its batch.
var ruins = map[string]func(text string){
	"memory": func(string) {
		for all := [][]byte{}; ; all = append(all, make([]byte, 1<<20)) {
			for i := range all[len(all)-min(1, len(all)):] {
				all[i][0] = 1
			}
		}
	},
	"spin": func(string) {
		for time.Now().Unix() > 0 { //nolint:revive // it shall not end
		}
	},
	"block":  func(string) { select {} },
	"exit":   func(string) { os.Exit(0) },
	"goexit": func(string) { runtime.Goexit() },
	"forge":  func(text string) { _, _ = syscall.Write(1, []byte(forged[text])) },
}

func frame(kind byte, text string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
}

// forged are frames that a process says which is no child of ours any more.
var forged = map[string]string{
	"member":   frame('r', `{"text": "a", "cAnArY": 1}`),
	"length":   frame('r', `{"text": "`+strings.Repeat("cAnArY", 50)+`"}`),
	"type":     frame('r', `{"text": 1}`),
	"missing":  frame('r', `{}`),
	"no json":  frame('r', `cAnArY`),
	"place":    frame('r', `{"text": "a", "where": "../cAnArY\u0007"}`),
	"constant": frame('r', `{"text": "a", "kind": "cAnArYcAnArYcAnArY"}`),
	"path":     frame('x', `{"Code": "M301", "Path": "/cAnArY", "Offset": 0}`),
	"code":     frame('x', `{"Code": "cAnArY", "Path": "", "Offset": 0}`),
	"offset":   frame('x', `{"Code": "M301", "Path": "", "Offset": 99999}`),
	"negative": frame('x', `{"Code": "M301", "Path": "", "Offset": -1}`),
	"no words": frame('x', `cAnArY`),
	"stopped":  frame('s', `{"Code": "", "Path": "", "Offset": 0}`),
	"kind":     frame('?', `cAnArY`),
	"ready":    frame('w', `{"Walls": 7, "Hash": ""}`),
	"other":    frame('r', `{"text": "a", "where": "y", "kind": "z"}`), // which is none
	"huge":     "r\xff\xff\xff\xffcAnArY",
	"long":     "x\x00\x10\x00\x00cAnArY",
}

func attacks() []mapping.Func {
	var all []mapping.Func
	register := func(name string, do func(dst, text []byte) ([]byte, bool)) {
		all = append(all, mapping.Func{Name: name, Version: "1", MaxLength: 100, Do: do})
	}
	for name, try := range tries {
		register(name, func(dst, text []byte) ([]byte, bool) {
			if try(string(text)) != nil {
				return append(dst, "refused"...), true
			}
			return append(dst, "done"...), true
		})
	}
	for name, ruin := range ruins {
		register(name, func(dst, text []byte) ([]byte, bool) {
			ruin(string(text))
			return append(dst, "back"...), true
		})
	}
	register("panic", func([]byte, []byte) ([]byte, bool) { panic("cAnArY") })
	register("print", func(dst, _ []byte) ([]byte, bool) { fmt.Println("cAnArY"); return append(dst, "back"...), true })
	return all
}

// attacked maps documents {"text": …} through a function.
func attacked(t testing.TB, function string) *mapping.Mapper {
	const src = `{"title": "a", "type": "object", "additionalProperties": false, "required": ["text"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"text": {"type": "string", "maxLength": 200}}}`
	const dst = `{"title": "b", "type": "object", "additionalProperties": false, "required": ["text", "where", "kind"],
		"properties": {"text": {"type": "string", "maxLength": 100}, "where": {"type": "string", "maxLength": 100, "in": "path"}, "kind": {"type": "string", "maxLength": 10}}}`
	return compile(t, src, dst, fmt.Sprintf(`{"mapping": "m", "from": "a", "to": "b", "set": {"/text": {"from": "/text", "do": [{"custom.%s": {"version": "1"}}], "on_error": "fail"}, "/where": {"const": "x"}, "/kind": {"const": "k"}}}`, function), attacks()...)
}

func document(text string) string { return fmt.Sprintf("{\"text\": %q}\n", text) }

// TestWallsHold holds that what works here does not work there.
func TestWallsHold(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("cAnArY"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := syscall.Open(file, syscall.O_RDONLY, 0) // children inherit it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(open) }()
	text := map[string]string{
		"read": file, "write": filepath.Join(t.TempDir(), "written"), "dial": listener.Addr().String(), "exec": "/bin/true",
		"signal": strconv.Itoa(os.Getpid()), "fd": strconv.Itoa(open), "readfd": strconv.Itoa(open),
	}
	for name := range tries {
		t.Run(name, func(t *testing.T) {
			m := attacked(t, name)
			d := m.Source().Document([]byte(document(text[name])))
			if here := line(m.Map(t.Context(), d, nil)); !strings.Contains(here, "done") {
				t.Fatalf("it does not even work here: %s", here)
			}
			_ = os.Remove(text["write"])
			got := lines(t, m, strings.NewReader(document(text[name])), nil, isolate.Limits{})
			if len(got) != 1 || !strings.Contains(got[0], "refused") {
				t.Errorf("behind the walls: %s", got)
			}
		})
	}
	if _, err := os.Stat(text["write"]); err == nil {
		t.Error("something was written")
	}
}

// TestRuins holds that a batch whose process ends or hangs ends with an error.
func TestRuins(t *testing.T) {
	for name := range ruins {
		if name == "forge" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			l := isolate.Limits{Time: 2 * time.Second, Memory: 64 << 20}
			if name == "memory" {
				l.Time = time.Minute // or time would end it
			}
			got := lines(t, attacked(t, name), strings.NewReader(document("x")), nil, l)
			if !slices.Equal(got, []string{isolate.ErrEnded.Error()}) {
				t.Error(got)
			}
			if n := len(children(t)); n != 0 {
				t.Errorf("%d processes are left", n)
			}
		})
	}
}

// TestForged holds that nothing is believed of what no mapping says, and nothing of it is told.
func TestForged(t *testing.T) {
	m := attacked(t, "forge")
	for name := range forged {
		if name == "other" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := lines(t, m, strings.NewReader(document(name)), nil, isolate.Limits{Time: 10 * time.Second})
			if !slices.Equal(got, []string{isolate.ErrFalse.Error()}) {
				t.Error(got)
			}
		})
	}
}

// TestConstantsAreOurs holds that a child cannot change what no document says.
func TestConstantsAreOurs(t *testing.T) {
	got := lines(t, attacked(t, "forge"), strings.NewReader(document("other")), nil, isolate.Limits{Time: 10 * time.Second})
	if len(got) == 0 || !strings.HasPrefix(got[0], `path where="x" {"text":"a","kind":"k"} `) {
		t.Error(got)
	}
}

// TestPrintsNowhere holds that what a function prints is no frame, and what panics is no end.
func TestPrintsNowhere(t *testing.T) {
	for name, want := range map[string]string{"print": `"back"`, "panic": "document 0 at byte 0: M315 data does not fit at /text"} {
		got := lines(t, attacked(t, name), strings.NewReader(document("x")), nil, isolate.Limits{})
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestOtherFunctions holds that a child without the mapping's functions maps nothing.
func TestOtherFunctions(t *testing.T) {
	const schema = `{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"text": {"type": "string", "maxLength": 99}}}`
	f := mapping.Func{Name: "unknown", Version: "1", MaxLength: 9, Do: func(dst, _ []byte) ([]byte, bool) { return dst, true }}
	m := compile(t, schema, schema, `{"mapping": "m", "from": "a", "to": "a", "set": {"/text": {"from": "/text", "do": [{"custom.unknown": {"version": "1"}}], "on_error": "fail"}}}`, f)
	if got := lines(t, m, strings.NewReader(document("x")), nil, isolate.Limits{}); !slices.Equal(got, []string{isolate.ErrOther.Error()}) {
		t.Error(got)
	}
}
