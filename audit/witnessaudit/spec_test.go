package witnessaudit_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// TestEachSentenceOfTheSpecification of C2SP tlog-witness that says what a witness answers, as of
// July 2026: until version 1.0.0 another root of the same size was a 409. Each request is the
// only thing that is wrong with it, in the order of the page, to a witness that holds 100 lines.
func TestEachSentenceOfTheSpecification(t *testing.T) {
	log, fork := logOf(t, origin, 1, "a", 300), logOf(t, origin, 1, "b", 300)
	second, stranger := logOf(t, origin, 2, "a", 300), logOf(t, origin, 3, "a", 300)
	good, proof := log.checkpoint(200), log.proof(200, 100)
	_, foreign, _ := strings.Cut(string(stranger.checkpoint(200)), "\n\n")
	_, theirs, _ := strings.Cut(string(second.checkpoint(200)), "\n\n")
	_, wrong, _ := strings.Cut(string(second.checkpoint(199)), "\n\n") // of a trusted key, over something else
	many := strings.Repeat(foreign, 20)
	none := fmt.Sprintf("%s\n0\n%s\n", origin, log.root(1))
	for _, c := range []struct {
		rule string
		code int
		body string
	}{
		{"old size, proof, empty line, checkpoint", 200, request("100", proof, good)},
		{"a line ends with U+000A: not with two bytes", 400, strings.Replace(request("100", proof, good), "\n", "\r\n", 1)},
		{"the first line is the word old, a single space, a size", 400, strings.Replace(request("100", proof, good), "old ", "old  ", 1)},
		{"the word is old", 400, strings.Replace(request("100", proof, good), "old", "Old", 1)},
		{"no leading zeroes", 400, request("0100", proof, good)},
		{"zero is 0", 400, request("00", nil, good)},
		{"a hash is base64 of the standard alphabet", 400, request("100", nil, good)[:8] + strings.Repeat("-", 43) + "=\n\n" + string(good)},
		{"a line has a single hash", 400, request("100", nil, good)[:8] + proof[0].String() + " " + proof[1].String() + "\n\n" + string(good)},
		{"at most 63 proof lines", 400, request("100", make(tlog.TreeProof, 64), good)},
		{"several signatures of keys that it trusts", 200, request("100", proof, append(good[:len(good):len(good)], theirs...))},
		{"any of the keys that it trusts", 200, second.request(200, 100)},
		{"signatures of unknown keys are ignored", 200, request("100", proof, append(good[:len(good):len(good)], many...))},
		{"an unknown origin", 404, logOf(t, "acme.example/hr/z", 1, "a", 200).request(200, 100)},
		{"no signature of a trusted key", 403, stranger.request(200, 100)},
		{"a trusted key's signature that fails, beside one that does not", 403, request("100", proof, append(good[:len(good):len(good)], wrong...))},
		{"old is larger than the checkpoint", 400, request("201", nil, good)},
		{"old is not its own size", 409, request("99", log.proof(200, 99), good)},
		{"old of zero asks which it has", 409, request("0", nil, good)},
		{"its own size comes before everything about proofs", 409, request("99", make(tlog.TreeProof, 3), good)},
		{"a proof that does not verify", 422, request("100", proof[1:], good)},
		{"a proof of another tree", 422, fork.request(200, 100)},
		{"the same size and another root", 422, fork.request(100, 100)},
		{"the same size, another root, and a proof", 422, request("100", make(tlog.TreeProof, 1), fork.checkpoint(100))},
		{"the same size and root", 200, log.request(100, 100)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := witnessOf(t, log.key, second.key)
			w.wants(http.StatusOK, "", log.request(100, 0))
			before := string(read(t, w.file(origin)))
			text := w.wants(c.code, "100", c.body)
			if after := string(read(t, w.file(origin))); c.code != http.StatusOK && after != before {
				t.Errorf("refused, and it holds %q", after)
			} else if c.code == http.StatusOK && !strings.HasSuffix(after, text) {
				t.Error("it has answered, and does not hold it")
			}
		})
	}
	w := witnessOf(t, log.key)
	w.wants(http.StatusUnprocessableEntity, "", request("0", nil, log.sign(none))) // a tree of nothing has one root
	w.wants(http.StatusUnprocessableEntity, "", request("0", proof, good))         // and from nothing there is no proof
	w.wants(http.StatusConflict, "0", log.request(200, 100))                       // nor has it cosigned anything
	if got := w.serve(http.MethodGet, "/"+witnessaudit.HashOf(origin)+"/checkpoint", ""); got.Code != http.StatusNotFound {
		t.Errorf("it shows what it never cosigned: %d", got.Code)
	}
	before := time.Now().Unix()
	lines := w.wants(http.StatusOK, "", log.request(100, 0))
	if !regexp.MustCompile(`\A(— ` + regexp.QuoteMeta(name) + ` [A-Za-z0-9+/]+=*\n)+\z`).MatchString(lines) {
		t.Errorf("signature lines, each with its dash and newline: %q", lines)
	}
	got, err := witnessaudit.ReadCheckpoint(append(log.checkpoint(100), lines...), []string{log.key}, []string{w.key.Verifier()})
	if err != nil || len(got.Cosignatures) != 1 || got.Cosignatures[0].Time.Unix() < before {
		t.Errorf("the time is not omitted: %+v, %v", got, err)
	}
	for path, code := range map[string]int{
		"/" + witnessaudit.HashOf(origin) + "/checkpoint":                  200,
		"/" + strings.ToUpper(witnessaudit.HashOf(origin)) + "/checkpoint": 404, // in lower case
		"/" + origin + "/checkpoint":                                       404,
		"/" + witnessaudit.HashOf("acme.example/hr/z") + "/checkpoint":     404,
	} {
		r := w.serve(http.MethodGet, path, "")
		if r.Code != code {
			t.Errorf("%s: %d, want %d", path, r.Code, code)
		}
		if code == 200 {
			v, err := note.NewVerifier(log.key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := note.Open(r.Body.Bytes(), note.VerifierList(v)); err != nil || !strings.HasSuffix(r.Body.String(), lines) {
				t.Errorf("it shows %q, %v", r.Body, err)
			}
		}
	}
}

// answers are what a witness says, one after the other, and the last of them again and again.
type answers struct {
	mu   sync.Mutex
	list []http.HandlerFunc
	n    atomic.Int64
}

func (a *answers) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	a.n.Add(1)
	a.mu.Lock()
	say := a.list[0]
	if len(a.list) > 1 {
		a.list = a.list[1:]
	}
	a.mu.Unlock()
	say(rw, r)
}

func status(code int, kind, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", kind)
		rw.WriteHeader(code)
		_, _ = rw.Write([]byte(body))
	}
}

// conflict says that the witness has another size.
func conflict(size int64) http.HandlerFunc {
	return status(http.StatusConflict, "text/x.tlog.size", fmt.Sprintf("%d\n", size))
}

// TestAConflictAtTheSameSizeIsAFork: so said C2SP tlog-witness until version 1.0.0, and there is
// nothing to ask again. Of a size that was not shown, the same answer is none.
func TestAConflictAtTheSameSizeIsAFork(t *testing.T) {
	log := logOf(t, origin, 1, "a", 20)
	for _, c := range []struct {
		name   string
		size   int64
		answer http.HandlerFunc
		want   error
	}{
		{"its size is the checkpoint's", 10, conflict(10), witnessaudit.ErrFork},
		{"it does not say its size", 10, status(http.StatusConflict, "text/plain", "Conflict\n"), witnessaudit.ErrFork},
		{"as the page says now", 10, status(http.StatusUnprocessableEntity, "text/plain", ""), witnessaudit.ErrFork},
		{"its size is the one that was asked from", 20, conflict(10), witnessaudit.ErrUnavailable},
		{"it says no size, of a longer one", 20, status(http.StatusConflict, "text/plain", "Conflict\n"), witnessaudit.ErrRefused},
	} {
		witness := &answers{list: []http.HandlerFunc{c.answer}}
		client := clientOf(t, witness, keyOf(t, name, 7), nil)
		line, err := client.Cosign(t.Context(), log.checkpoint(c.size), 10, arrays(log.proof(c.size, 10)))
		if err != c.want || line != nil || witness.n.Load() != 1 {
			t.Errorf("%s: %q, %v after %d requests, want %v", c.name, line, err, witness.n.Load(), c.want)
		}
	}
}

// TestALyingWitness is asked twice in a round, and then left alone for a while, whatever it
// says of its size.
func TestALyingWitness(t *testing.T) {
	l := logIn(t)
	l.grow(10)
	l.shut()
	size := sizeOf(t, l)
	for _, c := range []struct {
		name  string
		list  []http.HandlerFunc
		want  error // nil: some conflict
		asked int64
	}{
		{"less each time", []http.HandlerFunc{conflict(5), conflict(4), conflict(3)}, nil, 2},
		{"one or the other", []http.HandlerFunc{conflict(5), conflict(0), conflict(5)}, nil, 2},
		{"what it was asked from", []http.HandlerFunc{conflict(0)}, witnessaudit.ErrUnavailable, 1},
		{"that, after another", []http.HandlerFunc{conflict(5), conflict(5)}, witnessaudit.ErrUnavailable, 2},
		{"the checkpoint's own, twice", []http.HandlerFunc{conflict(size), conflict(size)}, witnessaudit.ErrFork, 2},
		{"more than there is", []http.HandlerFunc{conflict(1 << 40)}, witnessaudit.ErrAhead, 1},
		{"less, and then a fork", []http.HandlerFunc{conflict(5), status(422, "", "")}, witnessaudit.ErrFork, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			witness := &answers{list: c.list}
			w := l.watcher(nil, clientOf(t, witness, keyOf(t, name, 7), nil))
			r, err := w.Round(t.Context())
			got := r.Witnesses[0]
			_, conflicts := got.Err.(*witnessaudit.ConflictError)
			if err != nil || !got.Asked || c.want == nil && !conflicts || c.want != nil && got.Err != c.want {
				t.Errorf("%s, %v, want %v", said(r), err, c.want)
			}
			if n := witness.n.Load(); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			rounds := int64(1)
			for range 5 {
				r, err := w.Round(t.Context())
				if err != nil || r.Cosigned != 0 {
					t.Fatalf("%s, %v", said(r), err)
				}
				if r.Witnesses[0].Asked { // more than a second has gone by
					rounds++
				}
			}
			if n := witness.n.Load(); n > 2*rounds {
				t.Errorf("asked %d times in %d rounds", n, rounds)
			}
		})
	}
}

// TestAForkIsNotForgotten: when the witness later says that all is well, it is told on and on,
// and what it cosigns does not count.
func TestAForkIsNotForgotten(t *testing.T) {
	l := logIn(t)
	one, two := witnessOf(t, l.Key()), second(t, l.Key())
	witness := &answers{list: []http.HandlerFunc{status(422, "", ""), one.ServeHTTP}}
	w := l.watcher(&witnessaudit.WatcherOptions{Quorum: 1}, clientOf(t, witness, one.key, nil), clientOf(t, two, two.key, nil))
	wantRound(t, w, "2 2, "+name+" 0 true "+witnessaudit.ErrFork.Error()+", witness.example/w2 2 true", nil)
	for round := 0; witness.n.Load() < 2; round++ { // within a second, when it is asked again
		l.grow(1)
		r, err := w.Round(t.Context())
		if err != nil || r.Witnesses[0].Err != witnessaudit.ErrFork {
			t.Fatalf("round %d: %s, %v", round, said(r), err)
		}
	}
	r, err := w.Round(t.Context())
	if err != nil || r.Witnesses[0].Err != witnessaudit.ErrFork || r.Witnesses[0].Size == 0 {
		t.Fatalf("%s, %v", said(r), err)
	}
	if c := l.cosigned(one.key, two.key); len(c.Cosignatures) != 1 || c.Cosignatures[0].Witness != "witness.example/w2" {
		t.Errorf("it counts as cosigned: %+v", c)
	}
	again := l.watcher(nil, clientOf(t, one, one.key, nil), clientOf(t, two, two.key, nil)) // somebody has looked
	if r, err := again.Round(t.Context()); err != nil || r.Witnesses[0].Err != nil || r.Cosigned != r.Size {
		t.Errorf("%s, %v", said(r), err)
	}
}

// sizeOf is that of a log's checkpoint.
func sizeOf(t *testing.T, l *logged) (size int64) {
	t.Helper()
	if _, err := fmt.Sscanf(strings.Split(string(read(t, filepath.Join(l.dir, "checkpoint"))), "\n")[1], "%d", &size); err != nil {
		t.Fatal(err)
	}
	return size
}
