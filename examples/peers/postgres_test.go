package peers_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// postgres is a running PostgreSQL that takes nothing but TLS and passwords.
type postgres struct {
	url string // of the superuser
	log string // file
}

func startPostgres(t *testing.T) postgres {
	t.Helper()
	bin := postgresPrograms(t)
	dir := filepath.Join(t.TempDir(), "postgres")
	must(t, os.Mkdir(dir, 0o700))
	a, password := newAuthority(t), rand.Text()
	keyFile, certFile := a.loopback(t)
	p := postgres{log: filepath.Join(dir, "log")}
	files := map[string][]byte{
		"password": []byte(password), "ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}),
		"key.pem": read(t, keyFile), "cert.pem": read(t, certFile), "hba.conf": []byte("hostssl all all 127.0.0.1/32 scram-sha-256\n"),
	}
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	as := unprivileged(t, dir, files)
	made := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", filepath.Join(dir, "password"), "-N", "-E", "UTF8", "--locale=C")
	made.Dir, made.SysProcAttr = dir, as
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "log_statement=ddl",
		"-c", "hba_file="+filepath.Join(dir, "hba.conf"), "-c", "ssl=on", "-c", "ssl_key_file="+filepath.Join(dir, "key.pem"), "-c", "ssl_cert_file="+filepath.Join(dir, "cert.pem"))
	log, err := os.Create(p.log)
	must(t, err)
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, as, log, log
	must(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // ends sessions, and itself
		_ = server.Wait()
		_ = log.Close()
	})
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = conn.Close()
			if bytes.Contains(read(t, p.log), []byte("ready to accept connections")) {
				break
			}
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("PostgreSQL does not begin:\n%s", read(t, p.log))
		}
	}
	p.url = fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/postgres?sslmode=verify-full&sslrootcert=%s", password, port, filepath.Join(dir, "ca.pem"))
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return b
}

// postgresPrograms is the folder of the newest that is installed.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	switch {
	case len(found) > 0:
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })) // 9.6 is older than 17
	case os.Getenv("CARNET_PEERS") == "require":
		t.Fatal("PostgreSQL is required and missing: run examples/peers/install.sh")
	}
	t.Skip("PostgreSQL is not installed: run examples/peers/install.sh")
	return ""
}

// unprivileged is the user postgres, who then owns the folder, where this is root, as whom
// PostgreSQL does not run; else whoever this is.
func unprivileged(t *testing.T, dir string, files map[string][]byte) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	must(t, err)
	uid, err := strconv.Atoi(who.Uid)
	must(t, err)
	gid, err := strconv.Atoi(who.Gid)
	must(t, err)
	must(t, os.Chown(dir, uid, gid))
	for name := range files {
		must(t, os.Chown(filepath.Join(dir, name), uid, gid))
	}
	for above := filepath.Dir(dir); above != os.TempDir() && above != "/"; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		must(t, err)
		must(t, os.Chmod(above, info.Mode().Perm()|0o011)) // so that he comes there
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// TestDatabaseLogins runs examples/vaultdatabase against a PostgreSQL: logins are made for a
// service, renewed, replaced while it asks on, and dropped, and none is left.
func TestDatabaseLogins(t *testing.T) {
	p := startPostgres(t)
	program := filepath.Join(t.TempDir(), "vaultdatabase")
	build := exec.Command("go", "build", "-o", program, "./vaultdatabase")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for range 2 { // it leaves nothing that is in the way of the next
		out, err := exec.CommandContext(t.Context(), program, "-postgres", p.url).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, read(t, p.log))
		}
		if !databaseStory.Match(out) {
			t.Errorf("printed:\n%s", out)
		}
	}
	log := string(read(t, p.log))
	made, extended := strings.Count(log, "statement: CREATE ROLE \"v-approle-"), strings.Count(log, "statement: ALTER ROLE \"v-approle-")
	dropped := strings.Count(log, "statement: DROP ROLE IF EXISTS \"v-approle-")
	if made < 4 || dropped < made || extended < 2 {
		t.Errorf("%d logins made, %d extended, %d dropped:\n%s", made, extended, dropped, log)
	}
	wrong, err := url.Parse(p.url)
	must(t, err)
	wrong.User = url.UserPassword("postgres", "correct-horse")
	out, err := exec.CommandContext(t.Context(), program, "-postgres", wrong.String()).CombinedOutput()
	if err == nil || bytes.Contains(out, []byte("correct-horse")) {
		t.Errorf("with a wrong password of the superuser: %v\n%s", err, out)
	}
}

var databaseStory = regexp.MustCompile(`^asks as a login that was made for this service
may read 3 rows; may delete them: false
asks as another one after \d+s; asked \d+ times, each was answered
the one before was dropped
audit: \d+ events, 0 grants, verified, root \S+
logins that are left in the database: 0
$`)
