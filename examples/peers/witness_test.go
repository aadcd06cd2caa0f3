package peers_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/witnessaudit"
)

const litewitness = "litewitness-0.9.0"

// cosigns has the newest checkpoint of a log cosigned, and returns it.
func cosigns(t *testing.T, dir, key, url, vkey string) []byte {
	t.Helper()
	r, err := round(t, dir, key, url, vkey)
	if err != nil || r.Witnesses[0].Err != nil || r.Cosigned != r.Size {
		t.Fatalf("%+v, %v", r, err)
	}
	msg, err := os.ReadFile(filepath.Join(dir, "cosigned"))
	must(t, err)
	return msg
}

func round(t *testing.T, dir, key, url, vkey string) (witnessaudit.Round, error) {
	t.Helper()
	client, err := witnessaudit.NewClient(url, vkey, nil)
	must(t, err)
	defer client.Close()
	w, err := witnessaudit.NewWatcher(dir, []string{key}, []*witnessaudit.Client{client}, nil)
	must(t, err)
	return w.Round(t.Context())
}

// both says whether torchwood takes a checkpoint by a policy that wants the log's signature and
// the witness's cosignature.
func both(t *testing.T, msg []byte, key, vkey string) error {
	t.Helper()
	v, err := torchwood.NewCosignatureVerifier(vkey)
	must(t, err)
	log, err := note.NewVerifier(key)
	must(t, err)
	_, _, err = torchwood.VerifyCheckpoint(msg, torchwood.ThresholdPolicy(3, torchwood.SingleVerifierPolicy(log), torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(v)))
	return err
}

// TestTorchwoodReadsOurWitness: its verifier takes our key and our cosignature, and takes
// neither for another's.
func TestTorchwoodReadsOurWitness(t *testing.T) {
	dir, key, _ := writeLog(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	mine, err := witnessaudit.NewKey("witness.example/w1", private)
	must(t, err)
	state := filepath.Join(t.TempDir(), "state")
	must(t, witnessaudit.Create(state, mine))
	w, err := witnessaudit.Open(state, mine, []string{key}, nil)
	must(t, err)
	defer w.Close()
	s := httptest.NewServer(w)
	defer s.Close()
	msg := cosigns(t, dir, key, s.URL, mine.Verifier())
	must(t, both(t, msg, key, mine.Verifier()))

	theirs, err := torchwood.NewCosignatureSigner("witness.example/w1", private)
	must(t, err)
	if got := theirs.Verifier().String(); got != mine.Verifier() {
		t.Errorf("one signer is %s to torchwood, and %s to us", got, mine.Verifier())
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	stranger, err := witnessaudit.NewKey("witness.example/w1", other)
	must(t, err)
	if both(t, msg, key, stranger.Verifier()) == nil {
		t.Error("another key's cosignature was accepted")
	}
	n, err := note.Open(msg, note.VerifierList(theirs.Verifier()))
	must(t, err)
	at, err := torchwood.CosignatureTimestamp(n.Sigs[0])
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
		t.Errorf("its time is %d, %v", at, err)
	}
}

// TestOurClientReadsTorchwoodsSigner: what another implementation signs now is taken, and what
// it signs over another checkpoint is not.
func TestOurClientReadsTorchwoodsSigner(t *testing.T) {
	dir, key, _ := writeLog(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := torchwood.NewCosignatureSigner("witness.example/w1", private)
	must(t, err)
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(t, err)
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"the checkpoint", text + "\n", nil},
		{"another", strings.Replace(text, origin, "acme.example/hr/b", 1) + "\n", witnessaudit.ErrCosignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				msg, err := note.Sign(&note.Note{Text: c.text}, signer)
				if err != nil {
					t.Error(err)
				}
				_, line, _ := strings.Cut(string(msg), "\n\n")
				fmt.Fprint(rw, line)
			}))
			defer s.Close()
			client, err := witnessaudit.NewClient(s.URL, signer.Verifier().String(), nil)
			must(t, err)
			defer client.Close()
			line, err := client.Cosign(t.Context(), checkpoint, 0, nil)
			if err != c.want || (err == nil) != (line != nil) {
				t.Fatalf("got %q, %v", line, err)
			}
			if err == nil {
				must(t, both(t, append(checkpoint, line...), key, signer.Verifier().String()))
			}
		})
	}
}

// TestLitewitnessCosignsALog: the witness that others run takes our requests, over growth, an
// answer that was lost, and a fork.
func TestLitewitnessCosignsALog(t *testing.T) {
	dir, key, _ := writeLog(t)
	url, vkey := startLitewitness(t, key)
	fork := filepath.Join(t.TempDir(), "log")
	must(t, os.CopyFS(fork, os.DirFS(dir)))
	for _, suffix := range []string{".key", ".vkey"} {
		b, err := os.ReadFile(dir + suffix)
		must(t, err)
		must(t, os.WriteFile(fork+suffix, b, 0o600))
	}
	must(t, both(t, cosigns(t, dir, key, url, vkey), key, vkey))
	must(t, os.Remove(filepath.Join(dir, "cosigned"))) // as if the answer had been lost
	cosigns(t, dir, key, url, vkey)
	more(t, dir, 300)
	must(t, both(t, cosigns(t, dir, key, url, vkey), key, vkey))
	r, err := round(t, fork, key, url, vkey)
	if err != nil || !errors.Is(r.Witnesses[0].Err, witnessaudit.ErrAhead) {
		t.Errorf("a log that was cut: %+v, %v", r, err)
	}
	more(t, fork, 400)
	r, err = round(t, fork, key, url, vkey)
	if err != nil || !errors.Is(r.Witnesses[0].Err, witnessaudit.ErrFork) {
		t.Errorf("a fork: %+v, %v", r, err)
	}
	if err := elsewhere(t, dir, url, vkey); err != witnessaudit.ErrFork {
		t.Errorf("a fork of the same size: %v", err)
	}
}

// elsewhere asks for a checkpoint of the size that was cosigned, with another root.
func elsewhere(t *testing.T, dir, url, vkey string) error {
	t.Helper()
	msg, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(t, err)
	private, err := os.ReadFile(dir + ".key")
	must(t, err)
	signer, err := note.NewSigner(strings.TrimSpace(string(private)))
	must(t, err)
	lines := strings.Split(string(msg), "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(t, err)
	forged, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, tlog.RecordHash(msg))}, signer)
	must(t, err)
	client, err := witnessaudit.NewClient(url, vkey, nil)
	must(t, err)
	defer client.Close()
	_, err = client.Cosign(t.Context(), forged, size, nil)
	return err
}

// more adds lines to a log.
func more(t *testing.T, dir string, n int) {
	t.Helper()
	log, err := audit.Open(t.Context(), dir, nil)
	must(t, err)
	for range n {
		_, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess})
		must(t, err)
	}
	must(t, log.Close(t.Context()))
}

// startLitewitness runs one that knows the log. Its key is in an SSH agent, as it wants it.
func startLitewitness(t *testing.T, key string) (url, vkey string) {
	t.Helper()
	bin := installed(t, "go", "CARNET_LITEWITNESS", litewitness)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	must(t, err)
	dir, err := os.MkdirTemp("", "w") // the path of a socket is short
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket, db := filepath.Join(dir, "s"), filepath.Join(dir, "db")
	serveAgent(t, socket, private)
	name, _, _ := strings.Cut(key, "+")
	for _, args := range [][]string{{"add-log", "-db", db, "-origin", name}, {"add-key", "-db", db, "-origin", name, "-key", key}} {
		if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "witnessctl"), args...).CombinedOutput(); err != nil {
			t.Fatalf("witnessctl: %v\n%s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, filepath.Join(bin, "litewitness"), "-name", "witness.example/lite", "-db", db, "-ssh-agent", socket,
		"-listen", address, "-key", ssh.FingerprintSHA256(signer.PublicKey()))
	must(t, server.Start())
	t.Cleanup(func() {
		cancel()
		_ = server.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	k, err := witnessaudit.NewKey("witness.example/lite", private)
	must(t, err)
	return "http://" + address, k.Verifier()
}

func serveAgent(t *testing.T, socket string, private ed25519.PrivateKey) {
	t.Helper()
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: private}))
	l, err := net.Listen("unix", socket)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = agent.ServeAgent(ring, c) // until the other side is gone
			}()
		}
	}()
}
