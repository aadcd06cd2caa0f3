package isolate_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
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
	"read":   func(text string) error { _, err := os.ReadFile(text); return err },
	"write":  func(text string) error { return os.WriteFile(text, []byte("cAnArY"), 0o600) },
	"dial":   func(text string) error { return closed(net.DialTimeout("tcp", text, 5*time.Second)) },
	"socket": func(string) error { return fd(syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)) },
	"exec":   func(text string) error { return exec.Command(text).Run() },
	"signal": func(text string) error { return syscall.Kill(number(text), 0) },
	"code":   func(string) error { return mapped(4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_PRIVATE) },
	"fd":     func(text string) error { _, err := syscall.Pread(number(text), make([]byte, 1), 0); return err },
	"readfd": func(text string) error { _, err := syscall.Read(number(text), make([]byte, 1)); return err },
	"notify": func(text string) error { _, err := syscall.Write(number(text), make([]byte, 8)); return err },
	"limits": func(string) error {
		return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	},
	// Memory that is not even touched.
	"private": func(string) error { return mapped(1<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE) },
	"shared":  func(string) error { return mapped(1<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED) },
	"stack": func(string) error {
		return mapped(1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_GROWSDOWN)
	},
	"pages": func(string) error {
		return mapped(int(many)<<30, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	},
}

// many gibibytes, where an int has 64 bits.
var many int64 = 128

// refusals are why they do not work, where that is not that the call is refused.
var refusals = map[string]syscall.Errno{
	"readfd": syscall.EBADF, "notify": syscall.EBADF, "private": syscall.ENOMEM, "pages": syscall.ENOMEM,
}

func closed(c net.Conn, err error) error {
	if err == nil {
		err = c.Close()
	}
	return err
}

func fd(fd int, err error) error {
	if err == nil {
		err = syscall.Close(fd)
	}
	return err
}

func mapped(size, access, how int) error {
	memory, err := syscall.Mmap(-1, 0, size, access, syscall.MAP_ANON|how)
	if err == nil {
		err = syscall.Munmap(memory)
	}
	return err
}

func number(text string) int { n, _ := strconv.Atoi(text); return n }

// before is a log that was made before anything else was.
var before = log.New(os.Stdout, "", 0)

// ruins end the process, or its batch.
var ruins = map[string]func(text string){
	"memory": func(string) {
		for all := [][]byte{}; ; all = append(all, bytes.Repeat([]byte{1}, 1<<20)) {
			runtime.KeepAlive(all)
		}
	},
	"spin": func(string) {
		for time.Now().Unix() > 0 { //nolint:revive // it shall not end
		}
	},
	"block":  func(string) { select {} },
	"exit":   func(string) { os.Exit(0) },
	"goexit": func(string) { runtime.Goexit() },
	"forge": func(text string) {
		for fd := 3; fd < 20; fd++ {
			_, _ = syscall.Write(fd, []byte(forged[text]))
		}
	},
}

func frame(kind byte, text string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
}

// forged are frames that a process says which is no child of ours any more. Of records, one thing
// is wrong with each.
var forged = map[string]string{
	"member":   record(`{"text": "a", "where": "b", "kind": "k", "cAnArY": 1}`),
	"twice":    record(`{"text": "a", "text": "cAnArY", "where": "b", "kind": "k"}`),
	"length":   record(`{"text": "` + strings.Repeat("cAnArY", 50) + `", "where": "b", "kind": "k"}`),
	"type":     record(`{"text": 1, "where": "b", "kind": "k"}`),
	"missing":  record(`{"text": "a", "kind": "k"}`),
	"no json":  record(`cAnArY`),
	"place":    record(`{"text": "a", "where": "..", "kind": "k"}`),
	"control":  record(`{"text": "a", "where": "cAnArY\u0007", "kind": "k"}`),
	"constant": record(`{"text": "a", "where": "b", "kind": "cAnArYcAnArYcAnArY"}`),
	"end":      frame('e', ""),
	"short":    frame('r', "{}"),
	"path":     frame('x', `{"Code": "M301", "Path": "/cAnArY", "Offset": 0}`),
	"code":     frame('x', `{"Code": "cAnArY", "Path": "", "Offset": 0}`),
	"offset":   frame('x', `{"Code": "M301", "Path": "", "Offset": 99999}`),
	"negative": frame('x', `{"Code": "M301", "Path": "", "Offset": -1}`),
	"no words": frame('x', `cAnArY`),
	"stopped":  frame('s', `{"Code": "", "Path": "", "Offset": 0}`),
	"kind":     frame('?', `cAnArY`),
	"ready":    frame('w', `{"Walls": 7, "Hash": ""}`),
	"other":    record(`{"text": "a", "where": "y", "kind": "z"}`), // which is none
	"huge":     "r\xff\xff\xff\xffcAnArY",
	"long":     "x\x7f\x00\x00\x00cAnArY",
}

func record(object string) string { return frame('r', "\x00\x00\x00\x00"+object) }

func attacks() []mapping.Func {
	var all []mapping.Func
	register := func(name string, do func(dst, text []byte) ([]byte, bool)) {
		all = append(all, mapping.Func{Name: name, Version: "1", MaxLength: 100, Do: do})
	}
	for name, try := range tries {
		register(name, func(dst, text []byte) ([]byte, bool) {
			err := try(string(text))
			if err == nil {
				return append(dst, "done"...), true
			}
			number, _ := errors.AsType[syscall.Errno](err)
			return fmt.Appendf(dst, "refused %d", int(number)), true
		})
	}
	for name, ruin := range ruins {
		register(name, func(dst, text []byte) ([]byte, bool) {
			ruin(string(text))
			return append(dst, "back"...), true
		})
	}
	register("panic", func([]byte, []byte) ([]byte, bool) { panic("cAnArY") })
	register("print", func(dst, _ []byte) ([]byte, bool) {
		fmt.Println("cAnArY")
		before.Print("cAnArY")
		return append(dst, "back"...), true
	})
	return all
}

// attacked maps documents {"text": …, "at": …} through a function.
func attacked(t testing.TB, function string) *mapping.Mapper {
	const src = `{"title": "a", "type": "object", "additionalProperties": false, "required": ["text", "at"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"text": {"type": "string", "maxLength": 200}, "at": {"type": "string", "maxLength": 100}}}`
	const dst = `{"title": "b", "type": "object", "additionalProperties": false, "required": ["text", "where", "kind"],
		"properties": {"text": {"type": "string", "maxLength": 100}, "where": {"type": "string", "maxLength": 100, "in": "path"}, "kind": {"type": "string", "maxLength": 10}}}`
	return compile(t, src, dst, fmt.Sprintf(`{"mapping": "m", "from": "a", "to": "b", "set": {"/text": {"from": "/text", "do": [{"custom.%s": {"version": "1"}}], "on_error": "fail"}, "/where": {"from": "/at"}, "/kind": {"const": "k"}}}`, function), attacks()...)
}

func document(text string) string { return fmt.Sprintf("{\"text\": %q, \"at\": \"x\"}\n", text) }

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
	event, _, failed := syscall.Syscall(syscall.SYS_EVENTFD2, 0, 0, 0)
	if failed != 0 {
		t.Fatal(failed)
	}
	defer func() { _ = syscall.Close(int(event)) }()
	text := map[string]string{
		"notify": strconv.Itoa(int(event)),
		"read":   file, "write": filepath.Join(t.TempDir(), "written"), "dial": listener.Addr().String(), "exec": "/bin/true",
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
			want := syscall.EPERM
			if other, ok := refusals[name]; ok {
				want = other
			}
			if len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf(`"refused %d"`, int(want))) {
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
		if name == "other" || name == "end" {
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

// TestForgedEnd holds that a child does not end a stream that goes on, nor one that has failed,
// whichever is seen first.
func TestForgedEnd(t *testing.T) {
	m, broken := attacked(t, "forge"), errors.New("cAnArY")
	for want, rest := range map[error]io.Reader{isolate.ErrFalse: hanging(t), broken: failure{broken}} {
		var last error
		for _, err := range isolate.Map(t.Context(), m, io.MultiReader(strings.NewReader(document("end")), rest), nil, isolate.Limits{Time: 10 * time.Second}) {
			last = err
		}
		if !errors.Is(last, want) && !errors.Is(last, isolate.ErrFalse) {
			t.Errorf("%v, want %v", last, want)
		}
	}
}

// TestConstantsAreOurs holds that a child cannot change what no document says.
func TestConstantsAreOurs(t *testing.T) {
	got := lines(t, attacked(t, "forge"), strings.NewReader(document("other")), nil, isolate.Limits{Time: 10 * time.Second})
	if len(got) == 0 || !strings.HasPrefix(got[0], `path where="y" {"text":"a","kind":"k"} `) {
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
