package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/witnessaudit"
)

const witnessAgain = "\nRun carnet audit witness -h for its arguments and an example.\n"

func TestAuditWitnessArguments(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "-state is required"},
		{"x -state s", "flags come before the arguments; an argument that begins with - comes after --"},
		{"-state s x", "takes flags only"},
		{"-state s", "give -new once, and -listen from then on"},
		{"-state s -new n -listen 127.0.0.1:0", "give -new once, and -listen from then on"},
		{"-state s -new n -log l", "-new takes -state and -key only"},
		{"-state s -new n -cert c", "-new takes -state and -key only"},
		{"-state s -listen 127.0.0.1:0", "-log is required: a witness vouches for logs that it was told of, by their public keys"},
		{"-state s -listen 127.0.0.1:0 -log l -cert c", "-cert and -cert-key belong together"},
	} {
		args := append([]string{"audit", "witness"}, strings.Fields(c.args)...)
		check(t, result{statusUsage, "", "carnet audit witness: " + c.want + witnessAgain}, args...)
	}
}

// newWitness makes the folder of one, and returns its public key.
func newWitness(t *testing.T) (dir, vkey string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	got := runWith(t.Context(), "audit", "witness", "-new", "witness.example/w1", "-state", dir)
	if got.status != statusOK || got.stderr != "" || !strings.HasPrefix(got.stdout, "witness.example/w1+") {
		t.Fatalf("%#v", got)
	}
	return dir, strings.TrimSuffix(got.stdout, "\n")
}

func TestAuditWitnessNew(t *testing.T) {
	dir, vkey := newWitness(t)
	key, err := witnessaudit.ReadKey(dir + ".key")
	if err != nil || key.Verifier() != vkey {
		t.Errorf("the key is not the one that was printed: %v", err)
	}
	before, err := os.ReadFile(dir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	check(t, result{statusWrong, "", "carnet audit witness: witnessaudit: the key is there already, and nothing is overwritten: file already exists\n"},
		"audit", "witness", "-new", "w", "-state", dir)
	other := filepath.Join(t.TempDir(), "key")
	check(t, result{statusWrong, "", "carnet audit witness: witnessaudit: there is a witness's folder already: file already exists\n"},
		"audit", "witness", "-new", "w", "-state", dir, "-key", other)
	if _, err := os.Stat(other); err == nil {
		t.Error("a key without a folder is left")
	}
	if after, err := os.ReadFile(dir + ".key"); err != nil || !bytes.Equal(before, after) {
		t.Error("the key is another one")
	}
	check(t, result{statusWrong, "", "carnet audit witness: witnessaudit: the name of a witness is up to 255 bytes of UTF-8 without spaces and plus\n"},
		"audit", "witness", "-new", "a b", "-state", filepath.Join(t.TempDir(), "s"))
}

func TestAuditWitnessDoesNotServe(t *testing.T) {
	dir, vkey := newWitness(t)
	logKey := newLog(t)
	good := []string{"audit", "witness", "-listen", "127.0.0.1:0", "-state", dir, "-log"}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{append(good, "no-file"), "-log is neither a key, origin+hash+base64, nor a file that can be read"},
		{append(good, bad), "witnessaudit: not a log's verifier key, origin+hash+base64 of Ed25519"},
		{append(good, vkey), "-log is neither a key, origin+hash+base64, nor a file that can be read"},
		{append(good, logKey, "-key", bad), "witnessaudit: the key is malformed"},
		{append(good, logKey, "-key", bad+"x"), "witnessaudit: the key is missing: file does not exist"},
		{append(good, logKey, "-state", dir+"x", "-key", dir+".key"), "witnessaudit: there is no witness's folder: file does not exist"},
		{append(good, logKey, "-listen", "127.0.0.1:-1"), "the address that -listen names cannot be listened on"},
		{append(good, logKey, "-cert", bad, "-cert-key", bad), "-cert and -cert-key are not a certificate and its key, PEM, that can be read"},
	} {
		check(t, result{statusWrong, "", "carnet audit witness: " + c.want + "\n"}, c.args...)
	}
}

// newLog is the file with the key of a new log; the log is beside it, without .vkey.
func newLog(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, "acme.example/hr/a", nil); err != nil {
		t.Fatal(err)
	}
	return dir + ".vkey"
}

// serving is a witness at work.
type serving struct {
	url    string
	stderr *bytes.Buffer // after end
	end    func() int
}

// serveWitness runs the command until end.
func serveWitness(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"audit", "witness", "-listen", "127.0.0.1:0"}, args...), nil, io.Discard, in)
		_ = in.Close()
	}()
	s := &serving{stderr: new(bytes.Buffer)}
	var first []byte
	for b := make([]byte, 1); !bytes.HasSuffix(first, []byte("\n")); first = append(first, b...) {
		if _, err := out.Read(b); err != nil {
			cancel()
			t.Fatalf("it ended with %d: %s", <-status, first)
		}
	}
	var ok bool
	if s.url, ok = strings.CutPrefix(strings.TrimSpace(string(first)), "carnet audit witness: listening on "); !ok {
		t.Errorf("said %q", first)
	}
	read := make(chan bool)
	go func() {
		_, _ = io.Copy(s.stderr, out)
		close(read)
	}()
	s.end = func() int {
		cancel()
		code := <-status
		<-read
		return code
	}
	t.Cleanup(func() { cancel() })
	return s
}

// TestAuditWitnessVouches: for a log of this machine, over two lives of the command, with and
// without TLS; and it tells of a log with two histories.
func TestAuditWitnessVouches(t *testing.T) {
	dir, vkey := newWitness(t)
	logFile := newLog(t)
	logDir := strings.TrimSuffix(logFile, ".vkey")
	fork := filepath.Join(t.TempDir(), "audit")
	if err := os.CopyFS(fork, os.DirFS(logDir)); err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(logDir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fork+".key", private, 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveWitness(t, "-state", dir, "-log", logFile)
	key := grown(t, logDir, 3)
	vouched(t, s.url, vkey, key, logDir, nil, nil)
	if status := s.end(); status != statusOK || s.stderr.Len() > 0 {
		t.Errorf("ended with %d: %s", status, s.stderr)
	}

	cert, certKey, roots := certificate(t)
	s = serveWitness(t, "-state", dir, "-log", key, "-cert", cert, "-cert-key", certKey)
	if !strings.HasPrefix(s.url, "https://") {
		t.Errorf("it listens on %s", s.url)
	}
	grown(t, logDir, 3)
	vouched(t, s.url, vkey, key, logDir, roots, nil)
	grown(t, fork, 30)
	vouched(t, s.url, vkey, key, fork, roots, witnessaudit.ErrFork)
	if status := s.end(); status != statusOK || s.stderr.String() != "carnet audit witness: acme.example/hr/a: "+witnessaudit.ErrFork.Error()+"\n" {
		t.Errorf("ended with %d: %s", status, s.stderr)
	}
}

// grown opens a log, adds lines and closes it.
func grown(t *testing.T, dir string, n int) (key string) {
	t.Helper()
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return log.Key()
}

// vouched has a log cosigned.
func vouched(t *testing.T, url, vkey, key, dir string, roots *tls.Config, want error) {
	t.Helper()
	client, err := witnessaudit.NewClient(url, vkey, &witnessaudit.ClientOptions{TLS: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	w, err := witnessaudit.NewWatcher(dir, []string{key}, []*witnessaudit.Client{client}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Round(t.Context())
	if err != nil || !errors.Is(r.Witnesses[0].Err, want) {
		t.Fatalf("%+v, %v", r, err)
	}
	if want != nil {
		return
	}
	msg, err := os.ReadFile(filepath.Join(dir, "cosigned"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := witnessaudit.ReadCheckpoint(msg, []string{key}, []string{vkey})
	if err != nil || len(c.Cosignatures) != 1 || c.Size != r.Size || time.Since(c.Cosignatures[0].Time) > time.Minute {
		t.Errorf("%+v, %v", c, err)
	}
}

// certificate is one of the loopback address, in files, and who believes it.
func certificate(t *testing.T) (cert, key string, roots *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return cert, key, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}
