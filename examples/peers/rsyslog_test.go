package peers_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/syslogaudit"
	"github.com/carnet-go/carnet/audit/verify"
)

// rsyslogConf takes messages of those whose certificate has the common name carnet, and
// writes what it has understood of them.
const rsyslogConf = `
global(
	workDirectory="%[1]s" net.enableDNS="off" defaultNetstreamDriver="ossl"
	defaultNetstreamDriverCAFile="%[1]s/ca.pem" defaultNetstreamDriverCertFile="%[2]s" defaultNetstreamDriverKeyFile="%[3]s"
)
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["carnet"])
template(name="line" type="list") {
	property(name="pri") constant(value="|") property(name="timereported" dateFormat="rfc3339") constant(value="|") property(name="hostname")
	constant(value="|") property(name="app-name") constant(value="|") property(name="msgid") constant(value="|") property(name="structured-data")
	constant(value="|") property(name="msg") constant(value="\n")
}
ruleset(name="carnet") { action(type="omfile" file="%[1]s/out" template="line") }
input(type="imtcp" address="127.0.0.1" port="%[4]s" ruleset="carnet")
`

// rsyslog is a server with a folder of its own.
type rsyslog struct {
	dir, conf, port string
	ca              authority
	cmd             *exec.Cmd
}

func newRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	runs(t, "rsyslog", "/bin/sh", "-c", "/usr/sbin/rsyslogd -v && ls /usr/lib/*/rsyslog/lmnsd_ossl.so")
	r := &rsyslog{dir: t.TempDir(), port: freePort(t), ca: newAuthority(t)}
	key, cert := r.ca.loopback(t)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.ca.cert.Raw})
	if err := os.WriteFile(filepath.Join(r.dir, "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	r.conf = filepath.Join(r.dir, "rsyslog.conf")
	if err := os.WriteFile(r.conf, fmt.Appendf(nil, rsyslogConf, r.dir, cert, key, r.port), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// start waits until it listens.
func (r *rsyslog) start(t *testing.T) {
	t.Helper()
	var said bytes.Buffer
	r.cmd = exec.Command("/usr/sbin/rsyslogd", "-n", "-f", r.conf, "-i", filepath.Join(r.dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = &said, &said
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if r.knock() == nil {
			return
		}
	}
	r.stop()
	t.Fatalf("rsyslogd does not listen:\n%s", &said)
}

// knock connects and hangs up, and waits until the server has done so too.
func (r *rsyslog) knock() error {
	conn, err := net.Dial("tcp", "127.0.0.1:"+r.port)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

func (r *rsyslog) stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// certified is the certificate of a client.
func certified(t *testing.T, of authority, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cert := of.issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// feed is the log's side.
func (r *rsyslog) feed(t *testing.T, cert tls.Certificate) *audit.Options {
	t.Helper()
	config := r.ca.trust()
	config.Certificates = []tls.Certificate{cert}
	to := syslogaudit.Syslog{Address: "127.0.0.1:" + r.port, TLS: config, Host: "hr-1"}
	return &audit.Options{
		Feeds:         []audit.Feed{{Name: "rsyslog", To: to, Jurisdictions: []string{"eu"}, Clearance: "internal", Within: 5 * time.Second}},
		Jurisdictions: []string{"eu"},
	}
}

var rsyslogLine = regexp.MustCompile(`^110\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|\+00:00)\|hr-1\|carnet\|(audit|oversize)\|\[carnet@32473 origin="acme\.example/hr/a" index="(\d+)"(?: leaf="([^"]+)")?\]\|(.*)$`)

// written are the leaf hashes of what it has understood, by index: what it was sent again is one.
func (r *rsyslog) written(t *testing.T) (leaves map[int64][32]byte, oversize int, text string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "out"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	leaves = map[int64][32]byte{}
	for line := range strings.Lines(string(b)) {
		parts := rsyslogLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if parts == nil {
			t.Fatalf("rsyslog has written\n%s", line)
		}
		index, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		leaf := sha256.Sum256(append([]byte{0}, parts[4]...))
		if parts[1] == "oversize" {
			hash, err := base64.StdEncoding.DecodeString(parts[3])
			if err != nil || len(hash) != len(leaf) {
				t.Fatalf("rsyslog has written\n%s", line)
			}
			leaf = [32]byte(hash)
			if _, again := leaves[index]; !again {
				oversize++
			}
		}
		leaves[index] = leaf
	}
	return leaves, oversize, string(b)
}

// TestRsyslog gets a log over TLS with certificates on both sides, is killed and started
// again, and has every line, byte for byte, or its hash where it is long.
func TestRsyslog(t *testing.T) {
	r := newRsyslog(t)
	r.start(t)
	dir := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, "acme.example/hr/a", nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir, r.feed(t, certified(t, r.ca, "carnet")))
	if err != nil {
		t.Fatal(err)
	}
	receipts := record(t, log, 200)
	until(t, func() bool { return log.Health().Feeds[0].Next > 100 })
	r.stop()
	receipts = append(receipts, record(t, log, 200)...)
	until(t, func() bool { return log.Health().Feeds[0].Failure == "unavailable" })
	r.start(t)
	receipts = append(receipts, record(t, log, 200)...)
	until(t, func() bool { f := log.Health(); return f.Feeds[0].Next == f.Lines })
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := log.Health().Lines
	until(t, func() bool { leaves, _, _ := r.written(t); return int64(len(leaves)) >= lines })
	leaves, oversize, text := r.written(t)
	for _, receipt := range receipts {
		if leaves[receipt.Index] != receipt.Leaf {
			t.Errorf("line %d is missing or another", receipt.Index)
		}
	}
	if int64(len(leaves)) != lines || oversize != 3 || !strings.Contains(text, `"checkpoint":"acme.example/hr/a\n`) {
		t.Errorf("%d lines of %d, %d oversize", len(leaves), lines, oversize)
	}
	if report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{log.Key()}); err != nil || len(report.Findings) > 0 {
		t.Errorf("%v, %v", report, err)
	}
}

// record appends n events, of which one is too long for a message.
func record(t *testing.T, log *audit.Log, n int) []audit.Receipt {
	t.Helper()
	var receipts []audit.Receipt
	for i := range n {
		e := audit.Event{Actor: audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"}, Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}
		if i == n/2 {
			for range 32 {
				e.Scopes = append(e.Scopes, strings.Repeat("s", 255))
			}
		}
		r, err := log.Append(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	return receipts
}

func until(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// TestRsyslogRefusesStrangers: a client of another authority is refused, and one of another name
// where rsyslog looks at it; the log notices, whatever the version of TLS, and nothing counts. Whom
// it knows it takes.
func TestRsyslogRefusesStrangers(t *testing.T) {
	r := newRsyslog(t)
	r.start(t)
	sent := int64(0)
	for name, cert := range map[string]tls.Certificate{"another authority": certified(t, newAuthority(t), "carnet"), "another name": certified(t, r.ca, "mallory")} {
		for version, newest := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
			t.Run(name+" "+version, func(t *testing.T) {
				server := r.feed(t, cert).Feeds[0].To.(syslogaudit.Syslog)
				server.TLS.MaxVersion = newest
				if name == "another name" {
					server.Address = r.late(t)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				sent++
				if n, err := server.Deliver(ctx, entry(sent)); n != 0 || err == nil || ctx.Err() != nil {
					t.Errorf("%d count, %v", n, err)
				}
			})
		}
	}
	sent++
	server := r.feed(t, certified(t, r.ca, "carnet")).Feeds[0].To
	if n, err := server.Deliver(t.Context(), entry(sent)); n != 1 || err != nil {
		t.Fatalf("%d count, %v", n, err)
	}
	until(t, func() bool { leaves, _, _ := r.written(t); _, is := leaves[sent]; return is })
	if leaves, _, _ := r.written(t); len(leaves) != 1 {
		t.Errorf("%d lines of strangers", len(leaves)-1)
	}
}

func entry(index int64) []audit.Entry {
	return []audit.Entry{{Origin: "acme.example/hr/a", Index: index, Line: []byte("{}"), Time: time.Now()}}
}

// late is the address of a way to the server on which one client's hello is there before the
// server accepts. rsyslog 8.2302 does not look at the name of a client for whose hello it had to
// wait: it tries a handshake once more itself, and what is then still missing OpenSSL does while
// it reads, where nobody asks who it was.
func (r *rsyslog) late(t *testing.T) string {
	t.Helper()
	must(t, r.knock())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		hello := make([]byte, 1<<14)
		n, err := client.Read(hello)
		if err != nil || r.cmd.Process.Signal(syscall.SIGSTOP) != nil {
			t.Error("no hello, or no server")
			return
		}
		for end := time.Now().Add(10 * time.Second); !r.stopped(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Error("the server does not stand still")
				break
			}
		}
		server, err := net.Dial("tcp", "127.0.0.1:"+r.port)
		if err == nil {
			defer server.Close()
			_, err = server.Write(hello[:n])
		}
		if cont := r.cmd.Process.Signal(syscall.SIGCONT); err != nil || cont != nil {
			t.Errorf("%v, %v", err, cont)
			return
		}
		wg.Go(func() {
			_, _ = io.Copy(struct{ io.Writer }{server}, client) // what is written at once arrives at once: no splice
			_ = server.(*net.TCPConn).CloseWrite()
		})
		_, _ = io.Copy(client, server)
	})
	return l.Addr().String()
}

// stopped says whether all threads stand still.
func (r *rsyslog) stopped() bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", r.cmd.Process.Pid))
	for _, task := range tasks {
		stat, _ := os.ReadFile(task)
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(tasks) > 0
}
