package witnessaudit_test

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

const (
	origin = "acme.example/hr/a"
	name   = "witness.example/w1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a log that can do what an honest one does not.
type fake struct {
	t      testing.TB
	signer note.Signer
	key    string
	hashes []tlog.Hash
	sizes  int64
}

type seeded byte

func (s seeded) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s)
	}
	return len(p), nil
}

// logOf is a log of n lines, which begin with a word, under a key of a seed.
func logOf(t testing.TB, origin string, seed byte, word string, n int64) *fake {
	t.Helper()
	private, public, err := note.GenerateKey(seeded(seed), origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, signer: signer, key: public}
	f.grow(word, n)
	return f
}

// grow adds lines up to a size.
func (f *fake) grow(word string, n int64) *fake {
	f.t.Helper()
	for ; f.sizes < n; f.sizes++ {
		hashes, err := tlog.StoredHashes(f.sizes, fmt.Appendf(nil, "%s %d", word, f.sizes), f)
		if err != nil {
			f.t.Fatal(err)
		}
		f.hashes = append(f.hashes, hashes...)
	}
	return f
}

func (f *fake) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		list[i] = f.hashes[x]
	}
	return list, nil
}

func (f *fake) root(size int64) tlog.Hash {
	f.t.Helper()
	h, err := tlog.TreeHash(size, f)
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

func (f *fake) text(size int64) string {
	return fmt.Sprintf("%s\n%d\n%s\n", f.signer.Name(), size, f.root(size))
}

func (f *fake) sign(text string) []byte {
	f.t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, f.signer)
	if err != nil {
		f.t.Fatal(err)
	}
	return msg
}

func (f *fake) checkpoint(size int64) []byte { f.t.Helper(); return f.sign(f.text(size)) }

func (f *fake) proof(size, old int64) tlog.TreeProof {
	f.t.Helper()
	if old == 0 || old > size {
		return nil
	}
	p, err := tlog.ProveTree(size, old, f)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// request is what a client of the log sends.
func (f *fake) request(size, old int64) string {
	f.t.Helper()
	return request(fmt.Sprint(old), f.proof(size, old), f.checkpoint(size))
}

func request(old string, proof tlog.TreeProof, msg []byte) string {
	var b strings.Builder
	b.WriteString("old " + old + "\n")
	for _, h := range proof {
		b.WriteString(h.String() + "\n")
	}
	return b.String() + "\n" + string(msg)
}

func arrays(proof tlog.TreeProof) [][32]byte {
	list := make([][32]byte, len(proof))
	for i, h := range proof {
		list[i] = h
	}
	return list
}

func keyOf(t testing.TB, name string, seed byte) *witnessaudit.Key {
	t.Helper()
	var b [ed25519.SeedSize]byte
	_, _ = seeded(seed).Read(b[:])
	k, err := witnessaudit.NewKey(name, ed25519.NewKeyFromSeed(b[:]))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// reports is what an operator was told.
type reports struct {
	mu   sync.Mutex
	list []string
}

func (r *reports) add(origin string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, origin+": "+err.Error())
}

func (r *reports) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.list, "\n")
	r.list = nil
	return text
}

// witness is one that is open, in a new folder.
type witness struct {
	*witnessaudit.Witness
	t    testing.TB
	dir  string
	key  *witnessaudit.Key
	keys []string
	told reports
}

func witnessOf(t testing.TB, keys ...string) *witness {
	t.Helper()
	w := &witness{t: t, dir: filepath.Join(t.TempDir(), "state"), key: keyOf(t, name, 7), keys: keys}
	if err := witnessaudit.Create(w.dir, w.key); err != nil {
		t.Fatal(err)
	}
	w.open()
	return w
}

func (w *witness) open() {
	w.t.Helper()
	var err error
	if w.Witness, err = witnessaudit.Open(w.dir, w.key, w.keys, &witnessaudit.Options{Report: w.told.add}); err != nil {
		w.t.Fatal(err)
	}
	opened := w.Witness
	w.t.Cleanup(func() { _ = opened.Close() })
}

func (w *witness) reopen() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// add posts a body.
func (w *witness) add(body string) *httptest.ResponseRecorder {
	return w.serve(http.MethodPost, "/add-checkpoint", body)
}

func (w *witness) serve(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRecorder()
	w.ServeHTTP(r, httptest.NewRequest(method, path, strings.NewReader(body)))
	return r
}

// wants posts a body and compares the status, and of a conflict the size.
func (w *witness) wants(status int, size, body string) string {
	w.t.Helper()
	r := w.add(body)
	text, _ := io.ReadAll(r.Body)
	if r.Code != status {
		w.t.Fatalf("got %d %q, want %d", r.Code, text, status)
	}
	conflict := status == http.StatusConflict
	if conflict && (string(text) != size+"\n" || r.Header().Get("Content-Type") != "text/x.tlog.size") {
		w.t.Fatalf("a conflict with %q of type %q, want size %s", text, r.Header().Get("Content-Type"), size)
	}
	if status != http.StatusOK && strings.Contains(string(text), "—") {
		w.t.Fatalf("a refusal with a signature: %q", text)
	}
	return string(text)
}

func (w *witness) file(origin string) string {
	return filepath.Join(w.dir, witnessaudit.HashOf(origin))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
