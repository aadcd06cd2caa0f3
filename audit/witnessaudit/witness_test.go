package witnessaudit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// TestAWitnessCosignsWhatContinues: from nothing, on, and again at the same size, and each
// answer is one cosignature over what was sent.
func TestAWitnessCosignsWhatContinues(t *testing.T) {
	log := logOf(t, origin, 1, "a", 300)
	w := witnessOf(t, log.key)
	for _, c := range []struct{ old, size int64 }{{0, 1}, {1, 1}, {1, 2}, {2, 255}, {255, 256}, {256, 300}, {300, 300}} {
		w.wants(http.StatusOK, "", log.request(c.size, c.old))
		line := w.wants(http.StatusOK, "", log.request(c.size, c.size))
		got, err := witnessaudit.ReadCheckpoint(append(log.checkpoint(c.size), line...), []string{log.key}, []string{w.key.Verifier()})
		if err != nil || got.Size != c.size || got.Origin != origin || got.Root != log.root(c.size) || len(got.Cosignatures) != 1 || got.Cosignatures[0].Witness != name {
			t.Fatalf("%d to %d: %+v, %v", c.old, c.size, got, err)
		}
		kept := string(read(t, w.file(origin)))
		if !strings.HasPrefix(kept, string(log.checkpoint(c.size))) || strings.Count(kept, "—") != 2 {
			t.Fatalf("the folder holds %q", kept)
		}
		shown := w.serve(http.MethodGet, "/"+witnessaudit.HashOf(origin)+"/checkpoint", "")
		if shown.Code != http.StatusOK || shown.Body.String() != kept {
			t.Errorf("%d: shown as %d %q", c.size, shown.Code, shown.Body)
		}
	}
}

// TestAWitnessRefuses: the statuses are those of C2SP tlog-witness, and a refusal changes
// nothing.
func TestAWitnessRefuses(t *testing.T) {
	log, fork := logOf(t, origin, 1, "a", 400), logOf(t, origin, 1, "a", 90)
	fork.grow("b", 400)
	stranger, other := logOf(t, origin, 2, "a", 400), logOf(t, "acme.example/hr/b", 1, "a", 400)
	w := witnessOf(t, log.key)
	w.wants(http.StatusOK, "", log.request(100, 0))
	kept := string(read(t, w.file(origin)))

	good := log.checkpoint(200)
	flipped := strings.Replace(string(good), origin+" ", origin+" "+"x", 1) // of the signature line
	flipped = strings.Replace(flipped, " x", " ", 1)
	sig := flipped[strings.LastIndex(flipped, " ")+1:]
	flipped = strings.Replace(flipped, sig, sig[:20]+swap(sig[20])+sig[21:], 1)
	huge := make(tlog.TreeProof, 64)
	empty := tlog.Hash{}
	for _, c := range []struct {
		name   string
		status int
		body   string
	}{
		{"no such log", 404, other.request(200, 100)},
		{"no such log and nothing else right", 404, "old 7\n\nnobody\n"},
		{"another key", 403, stranger.request(200, 100)},
		{"a flipped bit in the signature", 403, request("100", log.proof(200, 100), []byte(flipped))},
		{"no signature of the log", 403, request("100", log.proof(200, 100), []byte(log.text(200)+"\n— "+name+" AAAAAAAA\n"))},
		{"the signature of another size", 403, request("100", log.proof(200, 100), []byte(strings.Replace(string(good), "\n200\n", "\n201\n", 1)))},
		{"old is larger", 400, request("201", nil, good)},
		{"it shrinks", 400, log.request(50, 100)},
		{"old with a zero", 400, request("0100", log.proof(200, 100), good)},
		{"old with a sign", 400, request("+100", log.proof(200, 100), good)},
		{"old is negative", 400, request("-1", nil, good)},
		{"old is huge", 400, request("9223372036854775808", nil, good)},
		{"no old", 400, "\n" + string(good)},
		{"no empty line", 400, "old 100\n"},
		{"two empty lines", 404, "old 100\n\n\n" + string(good)},
		{"nothing", 400, ""},
		{"64 hashes", 400, request("100", huge, good)},
		{"a hash that is none", 400, "old 100\nAAAA\n\n" + string(good)},
		{"a hash with stray bits", 400, "old 100\n" + strings.Repeat("A", 42) + "B=\n\n" + string(good)},
		{"a carriage return", 400, strings.ReplaceAll(log.request(200, 100), "\n", "\r\n")},
		{"a checkpoint with a zero", 400, request("100", log.proof(200, 100), log.sign(strings.Replace(log.text(200), "\n200\n", "\n0200\n", 1)))},
		{"a checkpoint whose root has stray bits", 400, request("100", log.proof(200, 100), log.sign(stray(log.text(200))))},
		{"a checkpoint of two lines", 400, request("100", nil, log.sign(origin+"\n200\n"))},
		{"a checkpoint of negative size", 400, request("0", nil, log.sign(fmt.Sprintf("%s\n-1\n%s\n", origin, empty)))},
		{"too large", 413, log.request(200, 100) + strings.Repeat("x", 1<<20)},
		{"a checkpoint that is too large", 400, log.request(200, 100) + strings.Repeat("— a AAAAAAAA\n", witnessaudit.MaxNote/15)},
		{"from nothing, with a proof", 409, request("0", log.proof(200, 100), good)},
		{"from nothing again", 409, log.request(200, 0)},
		{"an old checkpoint again", 409, log.request(100, 0)},
		{"an old checkpoint from its own size", 409, log.request(50, 50)},
		{"from another size", 409, log.request(200, 99)},
		{"another history", 422, fork.request(200, 100)},
		{"another history of the same size", 422, fork.request(100, 100)},
		{"no proof", 422, request("100", nil, good)},
		{"half a proof", 422, request("100", log.proof(200, 100)[1:], good)},
		{"too much proof", 422, request("100", append(log.proof(200, 100), empty), good)},
		{"the proof of another size", 422, request("100", log.proof(201, 100), good)},
		{"63 hashes", 422, request("100", huge[:63], good)},
		{"a proof at the same size", 422, request("100", huge[:1], log.checkpoint(100))},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := ""
			if c.status == http.StatusConflict {
				size = "100"
			}
			w.t = t
			w.wants(c.status, size, c.body)
			if now := string(read(t, w.file(origin))); now != kept {
				t.Errorf("the folder holds %q", now)
			}
		})
	}
	w.t = t
	w.wants(http.StatusOK, "", log.request(200, 100))
}

// stray is a text with another encoding of the same root: two bits of its last digit say nothing.
func stray(text string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := len(text) - len("x=\n")
	return text[:i] + digits[strings.IndexByte(digits, text[i])^1:][:1] + text[i+1:]
}

func swap(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func TestAnEmptyLog(t *testing.T) {
	log := logOf(t, origin, 1, "a", 3)
	w := witnessOf(t, log.key)
	var none tlog.Hash
	w.wants(http.StatusUnprocessableEntity, "", request("0", nil, log.sign(fmt.Sprintf("%s\n0\n%s\n", origin, none))))
	w.wants(http.StatusUnprocessableEntity, "", request("0", tlog.TreeProof{none}, log.checkpoint(3)))
	w.wants(http.StatusOK, "", log.request(0, 0))
	w.reopen()
	w.wants(http.StatusOK, "", log.request(3, 0))
}

// TestAForkIsKept: two checkpoints of one size that the log's key signed prove it for good.
func TestAForkIsKept(t *testing.T) {
	log, fork := logOf(t, origin, 1, "a", 9), logOf(t, origin, 1, "b", 9)
	w := witnessOf(t, log.key)
	w.wants(http.StatusOK, "", log.request(9, 0))
	w.wants(http.StatusUnprocessableEntity, "", request("9", make(tlog.TreeProof, 3), log.checkpoint(9))) // proves nothing
	if _, err := os.Stat(w.file(origin) + ".fork"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a bad proof was kept as a fork")
	}
	w.told.take()
	w.wants(http.StatusUnprocessableEntity, "", fork.request(9, 9))
	w.wants(http.StatusUnprocessableEntity, "", logOf(t, origin, 1, "c", 9).request(9, 9))
	if got := string(read(t, w.file(origin)+".fork")); got != string(fork.checkpoint(9)) {
		t.Errorf("kept %q", got)
	}
	if want := origin + ": " + witnessaudit.ErrFork.Error(); w.told.take() != want+"\n"+want {
		t.Error("the operator was not told twice")
	}
	w.reopen() // the file is nobody's checkpoint
	w.wants(http.StatusOK, "", log.request(9, 9))
}

func TestOtherPathsAndMethods(t *testing.T) {
	log := logOf(t, origin, 1, "a", 9)
	w := witnessOf(t, log.key)
	newest := "/" + witnessaudit.HashOf(origin) + "/checkpoint"
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/add-checkpoint", 405}, {"PUT", "/add-checkpoint", 405}, {"POST", "/", 404}, {"POST", newest, 404},
		{"GET", newest, 404}, {"GET", "/", 404}, {"GET", "/witness", 404}, {"GET", "/LOCK", 404}, {"POST", "/add-checkpoint/", 404},
	} {
		if got := w.serve(c.method, c.path, log.request(9, 0)); got.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got.Code, c.status)
		}
	}
	for _, zero := range []*witnessaudit.Witness{nil, {}} {
		r := httptest.NewRecorder()
		zero.ServeHTTP(r, httptest.NewRequest("POST", "/add-checkpoint", strings.NewReader(log.request(9, 0))))
		if r.Code != http.StatusNotFound || zero.Close() != nil {
			t.Errorf("a zero witness answers %d", r.Code)
		}
	}
}

// TestTwoAtOnce: of two that continue the same tree one is cosigned, and its size never
// becomes smaller. Without a lock around look and write both were.
func TestTwoAtOnce(t *testing.T) {
	log := logOf(t, origin, 1, "a", 200)
	w := witnessOf(t, log.key)
	for at := int64(0); at < 60; at += 3 {
		codes := make([]int, 3)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() { codes[i] = w.add(log.request(at+1+int64(i), at)).Code })
		}
		wg.Wait()
		won := -1
		for i, code := range codes {
			if code == http.StatusOK && won < 0 {
				won = i
			} else if code != http.StatusConflict {
				t.Fatalf("from %d: %v", at, codes)
			}
		}
		if won < 0 {
			t.Fatalf("from %d: nobody won", at)
		}
		if size := at + 1 + int64(won); size < at+3 {
			w.wants(http.StatusOK, "", log.request(at+3, size))
		}
	}
}

// early looks whether the folder has what is about to be answered.
type early struct {
	*httptest.ResponseRecorder
	seen func(line string)
}

func (e *early) WriteString(s string) (int, error) { return e.Write([]byte(s)) }

func (e *early) Write(b []byte) (int, error) {
	e.seen(string(b))
	return e.ResponseRecorder.Write(b)
}

// TestItIsKeptBeforeItIsAnswered, and so a crash in between, of which the client learns
// nothing, does not make the witness vouch for another history.
func TestItIsKeptBeforeItIsAnswered(t *testing.T) {
	log, fork := logOf(t, origin, 1, "a", 20), logOf(t, origin, 1, "b", 20)
	w := witnessOf(t, log.key)
	answered := false
	r := &early{httptest.NewRecorder(), func(line string) {
		answered = true
		if !strings.HasSuffix(string(read(t, w.file(origin))), line) {
			t.Error("it is answered, and not kept")
		}
	}}
	w.ServeHTTP(r, httptest.NewRequest("POST", "/add-checkpoint", strings.NewReader(log.request(10, 0))))
	if !answered {
		t.Fatal("no answer")
	}
	w.reopen() // as if the answer had been lost
	w.wants(http.StatusConflict, "10", fork.request(20, 0))
	w.wants(http.StatusUnprocessableEntity, "", fork.request(20, 10))
	w.wants(http.StatusOK, "", log.request(10, 10))
	w.wants(http.StatusOK, "", log.request(20, 10))
}

// TestAFolderThatFails: what cannot be kept is not signed for, and when the folder is there
// again the witness goes on.
func TestAFolderThatFails(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	w := witnessOf(t, log.key)
	away := w.dir + ".away"
	if err := os.Rename(w.dir, away); err != nil {
		t.Fatal(err)
	}
	w.wants(http.StatusInternalServerError, "", log.request(10, 0))
	if want := origin + ": " + witnessaudit.ErrState.Error(); w.told.take() != want {
		t.Error("the operator was not told")
	}
	if err := os.Rename(away, w.dir); err != nil {
		t.Fatal(err)
	}
	w.wants(http.StatusOK, "", log.request(10, 0))
}

// TestAFolderThatWentBack: a copy that is put back beneath a witness at work is noticed, and
// nothing is signed until somebody has looked.
func TestAFolderThatWentBack(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	for _, c := range []struct {
		name string
		back func(w *witness, old []byte)
	}{
		{"an older copy", func(w *witness, old []byte) { write(t, w.file(origin), old) }},
		{"removed", func(w *witness, _ []byte) { _ = os.Remove(w.file(origin)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := witnessOf(t, log.key)
			w.wants(http.StatusOK, "", log.request(5, 0))
			old := read(t, w.file(origin))
			w.wants(http.StatusOK, "", log.request(10, 5))
			c.back(w, old)
			for _, from := range []int64{0, 5, 10} {
				w.wants(http.StatusInternalServerError, "", log.request(20, from))
			}
			if !strings.HasPrefix(w.told.take(), origin+": "+witnessaudit.ErrChanged.Error()) {
				t.Error("the operator was not told")
			}
		})
	}
}

// TestAClockThatWentBackCosignsNothing: a cosignature says that at its time no longer history
// was known.
func TestAClockThatWentBackCosignsNothing(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	w := witnessOf(t, log.key)
	w.wants(http.StatusOK, "", log.request(5, 0))
	synctest.Test(t, func(t *testing.T) { // where it is the year 2000
		w.wants(http.StatusServiceUnavailable, "", log.request(10, 5))
	})
	w.wants(http.StatusOK, "", log.request(10, 5))
}

func TestOpenRefuses(t *testing.T) {
	log, other := logOf(t, origin, 1, "a", 20), logOf(t, origin, 2, "a", 20)
	w := witnessOf(t, log.key)
	w.wants(http.StatusOK, "", log.request(10, 0))
	if _, err := witnessaudit.Open(w.dir, w.key, w.keys, nil); err != witnessaudit.ErrStateInUse {
		t.Errorf("in use: got %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		dir  string
		key  *witnessaudit.Key
		logs []string
		want error
	}{
		{"no folder", w.dir + "x", w.key, w.keys, witnessaudit.ErrStateMissing},
		{"a folder of nobody", t.TempDir(), w.key, w.keys, witnessaudit.ErrStateMissing},
		{"another witness", w.dir, keyOf(t, name, 8), w.keys, witnessaudit.ErrStateOther},
		{"no key", w.dir, nil, w.keys, witnessaudit.ErrSigner},
		{"a zero key", w.dir, new(witnessaudit.Key), w.keys, witnessaudit.ErrSigner},
		{"no log", w.dir, w.key, nil, witnessaudit.ErrNoLogs},
		{"no log's key", w.dir, w.key, []string{w.key.Verifier()}, witnessaudit.ErrLogKey},
		{"another key of the log", w.dir, w.key, []string{other.key}, witnessaudit.ErrDamaged},
	} {
		if got, err := witnessaudit.Open(c.dir, c.key, c.logs, nil); err != c.want && !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	w.keys = []string{log.key, other.key} // the key changed: both are known until the new one has signed
	w.open()
	w.wants(http.StatusOK, "", other.request(20, 10))
	w.keys = []string{other.key}
	w.reopen()
}

// TestEveryFlippedBitOfItsMemoryRefuses: what a witness remembers vouches for itself.
func TestEveryFlippedBitOfItsMemoryRefuses(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	w := witnessOf(t, log.key)
	w.wants(http.StatusOK, "", log.request(10, 0))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good := read(t, w.file(origin))
	for i := range good {
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			write(t, w.file(origin), bad)
			opened, err := witnessaudit.Open(w.dir, w.key, w.keys, nil)
			if err == nil { // stray bits of base64 are all that say the same
				_ = opened.Close()
				if got, err := witnessaudit.ReadCheckpoint(bad, w.keys, []string{w.key.Verifier()}); err != nil || got.Size != 10 || got.Root != log.root(10) || len(got.Cosignatures) != 1 {
					t.Fatalf("byte %d bit %d: another state", i, bit)
				}
			} else if !errors.Is(err, witnessaudit.ErrDamaged) {
				t.Fatalf("byte %d bit %d: %v", i, bit, err)
			}
		}
	}
}

// TestAWitnessThatVanishedDoesNotBeginAgain: neither Open nor Create make one where one was.
func TestAWitnessThatVanishedDoesNotBeginAgain(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	w := witnessOf(t, log.key)
	if err := witnessaudit.Create(w.dir, w.key); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second one: %v", err)
	}
	if err := errors.Join(w.Close(), os.RemoveAll(w.dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := witnessaudit.Open(w.dir, w.key, w.keys, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it opened: %v", err)
	}
	for _, k := range []*witnessaudit.Key{nil, {}} {
		if err := witnessaudit.Create(w.dir, k); err != witnessaudit.ErrSigner {
			t.Errorf("nobody's: %v", err)
		}
	}
}

// TestNoise: a body that never ends holds a place, not the witness, and more than it has
// places for is turned away at once.
func TestNoise(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	w := witnessOf(t, log.key)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	started := make(chan bool, witnessaudit.AtOnce)
	for range witnessaudit.AtOnce {
		wg.Go(func() {
			r := httptest.NewRequest("POST", "/add-checkpoint", &hanging{ctx: ctx, started: started})
			w.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	for range witnessaudit.AtOnce {
		<-started
	}
	w.wants(http.StatusServiceUnavailable, "", log.request(20, 0))
	cancel()
	wg.Wait()
	w.wants(http.StatusOK, "", log.request(20, 0))
}

// TestTheSameAgainCostsOneWriteASecond: a checkpoint is public, and so is who may show it.
func TestTheSameAgainCostsOneWriteASecond(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	w := witnessOf(t, log.key)
	synctest.Test(t, func(t *testing.T) {
		first := w.wants(http.StatusOK, "", log.request(20, 0))
		written := stat(t, w.file(origin))
		for range 20 {
			if again := w.wants(http.StatusOK, "", log.request(20, 20)); again != first {
				t.Error("another cosignature of the same second")
			}
			if !os.SameFile(written, stat(t, w.file(origin))) {
				t.Error("it was written again")
			}
		}
		w.reopen()
		if again := w.wants(http.StatusOK, "", log.request(20, 20)); again != first {
			t.Error("another cosignature of the same second, after a restart")
		}
		time.Sleep(time.Second)
		if again := w.wants(http.StatusOK, "", log.request(20, 20)); again == first {
			t.Error("an old cosignature")
		}
	})
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

type hanging struct {
	ctx     context.Context
	started chan bool
	once    sync.Once
}

func (h *hanging) Read([]byte) (int, error) {
	h.once.Do(func() { h.started <- true })
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

// TestAWitnessFollowsARekey: it takes either key until the new one has signed, and then not even
// what continues the log rightly under the old one, also after it was opened again.
func TestAWitnessFollowsARekey(t *testing.T) {
	old, next := logOf(t, origin, 1, "a", 40), logOf(t, origin, 2, "a", 40)
	w := witnessOf(t, old.key)
	w.wants(http.StatusOK, "", old.request(10, 0))
	w.wants(http.StatusForbidden, "", next.request(20, 10))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.keys = []string{old.key, next.key}
	w.open()
	w.wants(http.StatusOK, "", old.request(11, 10))
	w.wants(http.StatusOK, "", next.request(20, 11))
	for range 2 {
		w.wants(http.StatusForbidden, "", old.request(30, 20))
		w.wants(http.StatusForbidden, "", old.request(20, 20))
		w.wants(http.StatusOK, "", next.request(20, 20))
		w.reopen()
	}
	w.keys = []string{next.key}
	w.reopen()
	w.wants(http.StatusOK, "", next.request(30, 20))
}
