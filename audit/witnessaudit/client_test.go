package witnessaudit_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// A client is what a log asks.
var _ interface {
	Cosign(ctx context.Context, checkpoint []byte, old int64, proof [][32]byte) (cosignature []byte, err error)
} = (*witnessaudit.Client)(nil)

// clientOf asks a handler.
func clientOf(t *testing.T, h http.Handler, key *witnessaudit.Key, o *witnessaudit.ClientOptions) *witnessaudit.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := witnessaudit.NewClient(s.URL, key.Verifier(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// zeroed is a signature line whose time is none.
func zeroed(line string) string {
	i := strings.LastIndex(line, " ") + 1
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(line[i:], "\n"))
	clear(raw[4:12])
	return line[:i] + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// signedAt is a line by a key of a seed that says another time than a witness would.
func signedAt(seed byte, line, text string, seconds uint64) string {
	var b [ed25519.SeedSize]byte
	_, _ = seeded(seed).Read(b[:])
	i := strings.LastIndex(line, " ") + 1
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(line[i:], "\n"))
	raw = binary.BigEndian.AppendUint64(raw[:4], seconds)
	raw = append(raw, ed25519.Sign(ed25519.NewKeyFromSeed(b[:]), fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text))...)
	return line[:i] + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func TestAClientAndAWitness(t *testing.T) {
	log := logOf(t, origin, 1, "a", 300)
	w := witnessOf(t, log.key)
	prefix := http.NewServeMux()
	prefix.Handle("/w1/", http.StripPrefix("/w1", w))
	s := httptest.NewTLSServer(prefix)
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c, err := witnessaudit.NewClient(s.URL+"/w1/", w.key.Verifier(), &witnessaudit.ClientOptions{TLS: roots})
	if err != nil || c.Name() != name {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range [][2]int64{{0, 3}, {3, 3}, {3, 257}, {257, 300}} {
		line, err := c.Cosign(t.Context(), log.checkpoint(step[1]), step[0], arrays(log.proof(step[1], step[0])))
		if err != nil {
			t.Fatal(err)
		}
		got, err := witnessaudit.ReadCheckpoint(append(log.checkpoint(step[1]), line...), []string{log.key}, []string{w.key.Verifier()})
		if err != nil || len(got.Cosignatures) != 1 || time.Since(got.Cosignatures[0].Time) > time.Minute {
			t.Errorf("%v: %+v, %v", step, got, err)
		}
	}
	var conflict *witnessaudit.ConflictError
	if _, err := c.Cosign(t.Context(), log.checkpoint(300), 7, arrays(log.proof(300, 7))); !errors.As(err, &conflict) || conflict.Size != 300 {
		t.Errorf("a conflict: %v", err)
	}
	fork := logOf(t, origin, 1, "b", 400)
	if _, err := c.Cosign(t.Context(), fork.checkpoint(400), 300, arrays(fork.proof(400, 300))); err != witnessaudit.ErrFork {
		t.Errorf("a fork: %v", err)
	}
	if _, err := c.Cosign(t.Context(), logOf(t, "other", 1, "a", 4).checkpoint(4), 0, nil); err != witnessaudit.ErrRefused {
		t.Errorf("another log: %v", err)
	}
	plain, err := witnessaudit.NewClient(s.URL, w.key.Verifier(), nil) // without the test's root
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Cosign(t.Context(), log.checkpoint(300), 300, nil); err != witnessaudit.ErrUnavailable {
		t.Errorf("a certificate of nobody: %v", err)
	}
}

// TestAnswersThatAreNone: whatever a witness answers, a client returns the right key's
// cosignature of what it sent, made now, or none.
func TestAnswersThatAreNone(t *testing.T) {
	log, other := logOf(t, origin, 1, "a", 20), logOf(t, "acme.example/hr/b", 1, "a", 20)
	key, renamed, stranger := keyOf(t, name, 7), keyOf(t, "witness.example/w2", 7), keyOf(t, name, 8)
	text, now := log.text(10), time.Now()
	good := key.SignAt(text, now)
	ok := func(body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, body) }
	}
	status := func(code int, kind, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(code)
			fmt.Fprint(rw, body)
		}
	}
	// A note's signature by the same key, over the checkpoint alone.
	var seed [32]byte
	_, _ = seeded(7).Read(seed[:])
	bare := ed25519.Sign(ed25519.NewKeyFromSeed(seed[:]), []byte(text))
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(good[strings.LastIndex(good, " ")+1:], "\n"))
	undated := "— " + name + " " + base64.StdEncoding.EncodeToString(append(raw[:12:12], bare...)) + "\n"
	const size = "text/x.tlog.size"
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"another origin", ok(key.SignAt(other.text(10), now)), witnessaudit.ErrCosignature},
		{"another size", ok(key.SignAt(log.text(9), now)), witnessaudit.ErrCosignature},
		{"another name", ok(renamed.SignAt(text, now)), witnessaudit.ErrCosignature},
		{"another key under the name", ok(stranger.SignAt(text, now)), witnessaudit.ErrCosignature},
		{"an old one", ok(key.SignAt(text, now.Add(-6*time.Minute))), witnessaudit.ErrCosignature},
		{"one for later", ok(key.SignAt(text, now.Add(6*time.Minute))), witnessaudit.ErrCosignature},
		{"one of the last second there is", ok(key.SignAt(text, time.Unix(1<<63-1, 0))), witnessaudit.ErrCosignature},
		{"another time than was signed", ok(zeroed(good)), witnessaudit.ErrCosignature},
		{"without a time", ok(signedAt(7, good, text, 0)), witnessaudit.ErrCosignature},
		{"a signature that says no time", ok(undated), witnessaudit.ErrCosignature},
		{"the log's own signature", ok(strings.SplitN(string(log.checkpoint(10)), "\n\n", 2)[1]), witnessaudit.ErrCosignature},
		{"no newline", ok(strings.TrimSuffix(good, "\n")), witnessaudit.ErrCosignature},
		{"another checkpoint, signed", ok("\n" + string(log.checkpoint(9)) + key.SignAt(log.text(9), now)), witnessaudit.ErrCosignature},
		{"the right one of a longer text", ok("x\n\n" + key.SignAt(text+"\nx\n", now)), witnessaudit.ErrCosignature},
		{"nothing", ok(""), witnessaudit.ErrCosignature},
		{"words", ok("all is well\n"), witnessaudit.ErrCosignature},
		{"more than it reads", ok(good + strings.Repeat("x", witnessaudit.MaxAnswer)), witnessaudit.ErrCosignature},
		{"a redirect", status(307, "", ""), witnessaudit.ErrUnavailable},
		{"another redirect", status(301, "", good), witnessaudit.ErrUnavailable},
		{"created", status(201, "", good), witnessaudit.ErrUnavailable},
		{"no such log", status(404, "", good), witnessaudit.ErrRefused},
		{"forbidden", status(403, "", good), witnessaudit.ErrRefused},
		{"bad request", status(400, "", good), witnessaudit.ErrRefused},
		{"throttled", status(429, "", good), witnessaudit.ErrUnavailable},
		{"broken", status(500, "", good), witnessaudit.ErrUnavailable},
		{"a fork", status(422, "", good), witnessaudit.ErrFork},
		{"a conflict of another type", status(409, "text/plain", "7\n"), witnessaudit.ErrRefused},
		{"a conflict without a newline", status(409, size, "7"), witnessaudit.ErrUnavailable},
		{"a conflict with a sign", status(409, size, "-7\n"), witnessaudit.ErrUnavailable},
		{"a conflict with a zero", status(409, size, "07\n"), witnessaudit.ErrUnavailable},
		{"a conflict and words", status(409, size, "7\nwords\n"), witnessaudit.ErrUnavailable},
		{"a conflict beyond numbers", status(409, size, "9223372036854775808\n"), witnessaudit.ErrUnavailable},
		{"half an answer", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			fmt.Fprint(rw, good)
		}, witnessaudit.ErrUnavailable},
		{"an answer without end", func(rw http.ResponseWriter, r *http.Request) {
			for n := 0; r.Context().Err() == nil; n++ {
				if fmt.Fprint(rw, good); n > 1<<20 {
					t.Error("it reads without end")
					return
				}
			}
		}, witnessaudit.ErrCosignature},
		{"headers without end", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("X", strings.Repeat("x", 1<<20))
			fmt.Fprint(rw, good)
		}, witnessaudit.ErrUnavailable},
		{"it hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, witnessaudit.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			client := clientOf(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if asked.Add(1); r.URL.Path != "/add-checkpoint" || r.Method != http.MethodPost {
					t.Errorf("asked %s %s", r.Method, r.URL.Path)
				}
				c.answer(rw, r)
			}), key, nil)
			line, err := client.Cosign(t.Context(), log.checkpoint(10), 0, nil)
			if err != c.want || line != nil || asked.Load() != 1 {
				t.Errorf("got %q, %v after %d requests, want %v", line, err, asked.Load(), c.want)
			}
		})
	}
	t.Run("among lines of others", func(t *testing.T) {
		mldsa := "— " + name + " " + base64.StdEncoding.EncodeToString(make([]byte, 4+8+2420)) + "\n"
		client := clientOf(t, ok(mldsa+stranger.SignAt(text, now)+good+good), key, nil)
		if line, err := client.Cosign(t.Context(), log.checkpoint(10), 0, nil); err != nil || string(line) != good {
			t.Errorf("got %q, %v", line, err)
		}
	})
}

// TestABlackHole: who does not answer holds a caller for as long as it says, and no longer.
func TestABlackHole(t *testing.T) {
	log, stop := logOf(t, origin, 1, "a", 20), make(chan bool)
	hole := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop })
	client := clientOf(t, hole, keyOf(t, name, 7), &witnessaudit.ClientOptions{Timeout: 50 * time.Millisecond})
	if _, err := client.Cosign(t.Context(), log.checkpoint(10), 0, nil); !errors.Is(err, witnessaudit.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("its own timeout: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Cosign(ctx, log.checkpoint(10), 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller's end: %v", err)
	}
	close(stop)
}

// TestNoProxyOfTheEnvironment: what is shown to a witness goes to no other. net/http reads the
// environment once in a process, so a proxy that is set here would not be seen.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	client, err := witnessaudit.NewClient("https://witness.example", keyOf(t, name, 7).Verifier(), nil)
	if err != nil || client.Proxied() {
		t.Errorf("a proxy is asked, %v", err)
	}
}

func TestClientsThatAreNone(t *testing.T) {
	key := keyOf(t, name, 7).Verifier()
	for _, u := range []string{"", "witness.example", "http://witness.example", "https://", "https://u:p@witness.example", "https://witness.example?a", "https://witness.example/?",
		"https://witness.example#a", "ftp://localhost", "https:witness", "https://a b", "://", "http://10.0.0.1", "http://localhost.example"} {
		if _, err := witnessaudit.NewClient(u, key, nil); err != witnessaudit.ErrURL {
			t.Errorf("%q: %v", u, err)
		}
	}
	for _, u := range []string{"https://witness.example", "http://localhost:1", "http://127.0.0.1:1/x", "http://[::1]:1"} {
		if _, err := witnessaudit.NewClient(u, key, nil); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
	const u = "https://witness.example"
	for _, vkey := range []string{"", "x", key + "=", strings.Replace(key, "+", "+0", 1), logOf(t, name, 1, "a", 1).key} {
		if _, err := witnessaudit.NewClient(u, vkey, nil); err != witnessaudit.ErrVerifier {
			t.Errorf("%q: %v", vkey, err)
		}
	}
	if _, err := witnessaudit.NewClient(u, key, &witnessaudit.ClientOptions{TLS: &tls.Config{InsecureSkipVerify: true}}); err != witnessaudit.ErrTLS {
		t.Errorf("a client that verifies nobody: %v", err)
	}
	if _, err := witnessaudit.NewClient(u, key, &witnessaudit.ClientOptions{Timeout: -1}); err != witnessaudit.ErrTimeout {
		t.Errorf("a negative timeout: %v", err)
	}
	log := logOf(t, origin, 1, "a", 20)
	for _, zero := range []*witnessaudit.Client{nil, {}} {
		if _, err := zero.Cosign(t.Context(), log.checkpoint(1), 0, nil); err != witnessaudit.ErrNoClient || zero.Name() != "" {
			t.Errorf("a zero client: %v", err)
		}
		zero.Close()
	}
	client, err := witnessaudit.NewClient("http://127.0.0.1:1", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		msg   []byte
		old   int64
		proof [][32]byte
		want  error
	}{
		{"no checkpoint", []byte("x"), 0, nil, witnessaudit.ErrMalformed},
		{"huge", append(log.checkpoint(20), make([]byte, witnessaudit.MaxNote)...), 0, nil, witnessaudit.ErrMalformed},
		{"negative", log.checkpoint(20), -1, nil, witnessaudit.ErrArgument},
		{"larger", log.checkpoint(20), 21, nil, witnessaudit.ErrArgument},
		{"from nothing with a proof", log.checkpoint(20), 0, make([][32]byte, 1), witnessaudit.ErrArgument},
		{"64 hashes", log.checkpoint(20), 1, make([][32]byte, 64), witnessaudit.ErrArgument},
	} {
		if _, err := client.Cosign(t.Context(), c.msg, c.old, c.proof); err != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
