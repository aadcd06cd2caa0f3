package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// standing is a stand-in, and the settings that find it.
func standing(t *testing.T) (*standIn, settings) {
	t.Helper()
	s := settings{prefix: "prod/", secret: "erp/db", field: "password"}
	far, err := stand(t.TempDir(), &s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.Close)
	return far, s
}

// The counts of reads and of events are those of a machine that has time; another one asks
// once more.
const story = `asks for prod/erp/db as arn:aws:iam::123456789012:role/payroll, with a token of its own
in use: 00000001-4711-4711-4711-474747474747
pending at AWS: 00000002-4711-4711-4711-474747474747
asked since, in use: 00000001-4711-4711-4711-474747474747
current at AWS: 00000002-4711-4711-4711-474747474747
noticed, in use: 00000002-4711-4711-4711-474747474747
the one before is still open for who uses it: true
and closed when he is done: true
the stand-in saw: logins 1, reads N, of what is not current 0, refused 0, from the environment 0
audit: N events, 0 grants, verified, root BASE64
`

var (
	counts = regexp.MustCompile(`(reads|audit:) \d+`)
	roots  = regexp.MustCompile(`root [A-Za-z0-9+/]{43}=`)
)

// TestRun: the rotation is noticed, what is pending is not served, and nothing of the
// environment is used, which offers somebody else's keys at each place where an SDK looks.
func TestRun(t *testing.T) {
	far, s := standing(t)
	for name, value := range far.ambient() {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	dir := t.TempDir()
	if err := run(ctx, &out, dir, s, far); err != nil {
		t.Fatalf("%v; printed:\n%s", err, out.String())
	}
	if got := roots.ReplaceAllString(counts.ReplaceAllString(out.String(), "$1 N"), "root BASE64"); got != story {
		t.Errorf("printed:\n%s", out.String())
	}
	if saw := far.seen(); saw.reads < 4 || saw != (seen{logins: 1, reads: saw.reads}) {
		t.Errorf("the stand-in saw: %v", saw)
	}
	kept := files(t, dir)
	if len(kept) < 2 {
		t.Errorf("%d files of the log", len(kept))
	}
	kept["the output"] = out.Bytes()
	for name, text := range kept {
		for _, secret := range secrets(t, far, s) {
			if shows(text, secret) {
				t.Errorf("a secret is in %s", name)
			}
		}
	}
}

// secrets are the passwords of all versions, the token and the sessions.
func secrets(t *testing.T, far *standIn, s settings) [][]byte {
	t.Helper()
	token, err := os.ReadFile(s.tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	all := [][]byte{token, []byte(foreign)}
	for version := range far.texts {
		all = append(all, far.password(t, version))
	}
	for _, session := range far.sessions {
		all = append(all, []byte(session))
	}
	if len(all) != 5 {
		t.Fatalf("%d secrets", len(all))
	}
	return all
}

func (a *standIn) password(t *testing.T, version string) []byte {
	t.Helper()
	var login struct {
		Password string `json:"password"`
	}
	if err := json.Unmarshal([]byte(a.texts[version]), &login); err != nil || login.Password == "" {
		t.Fatalf("no password: %v", err)
	}
	return []byte(login.Password)
}

func shows(text, secret []byte) bool {
	for _, form := range [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(base64.RawStdEncoding.EncodeToString(secret))} {
		if bytes.Contains(text, form) {
			return true
		}
	}
	return false
}

// files are the contents of all below a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found[name], err = os.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRunEndsWithItsContext(t *testing.T) {
	far, s := standing(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), t.TempDir(), s, far); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// told calls a function with each line.
type told func(line string)

func (f told) Write(b []byte) (int, error) { f(string(b)); return len(b), nil }

func TestRunEndsWhileItWaits(t *testing.T) {
	far, s := standing(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := told(func(line string) {
		if strings.HasPrefix(line, "in use:") {
			cancel()
		}
	})
	if err := run(ctx, out, t.TempDir(), s, far); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestFollowWaits: nobody but AWS rotates the real one.
func TestFollowWaits(t *testing.T) {
	far, s := standing(t)
	current := bound(t, s, far)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var printed strings.Builder
	out := told(func(line string) {
		printed.WriteString(line)
		if strings.HasPrefix(line, "waits") {
			far.promote(far.store())
		}
	})
	if err := follow(ctx, out, current, nil); err != nil {
		t.Fatal(err)
	}
	const want = `in use: 00000001-4711-4711-4711-474747474747
waits until it is rotated
noticed, in use: 00000002-4711-4711-4711-474747474747
the one before is still open for who uses it: true
and closed when he is done: true
`
	if printed.String() != want {
		t.Errorf("printed:\n%s", printed.String())
	}
	now, err := current.Value(t.Context())
	if err != nil || !bytes.Equal(now.key, far.password(t, now.version)) {
		t.Errorf("the client has another key: %v", err)
	}
}

// bound is a client that is kept up to date until the test ends.
func bound(t *testing.T, s settings, far *standIn) *vault.Bound[*client] {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, "acme.example/payroll/a", nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	from, err := backend(s, far)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(log, from, &vault.Options{Own: []string{s.secret}})
	if err != nil {
		t.Fatal(err)
	}
	current, err := vault.Bind(t.Context(), v.Own(s.secret), s.build, &vault.BindOptions[*client]{Every: s.every, Close: end})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(current.Close(ctx), v.Close(ctx), from.Close(ctx), log.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return current
}

// TestRunNeedsItsToken: without one nobody is asked, neither AWS nor the environment.
func TestRunNeedsItsToken(t *testing.T) {
	far, s := standing(t)
	for name, value := range far.ambient() {
		t.Setenv(name, value)
	}
	s.tokenFile = filepath.Join(t.TempDir(), "missing")
	if err := run(t.Context(), new(bytes.Buffer), t.TempDir(), s, far); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("without a token: %v", err)
	}
	if err := run(t.Context(), new(bytes.Buffer), t.TempDir(), s, nil); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("without a token, of the real one: %v", err)
	}
	if saw := far.seen(); saw != (seen{}) {
		t.Errorf("the stand-in saw: %v", saw)
	}
	s.roleARN = ""
	if err := run(t.Context(), new(bytes.Buffer), t.TempDir(), s, nil); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("without a role: %v", err)
	}
}

// TestStandInTrusts: the role is for one subject of one issuer, and for tokens to STS.
func TestStandInTrusts(t *testing.T) {
	end := jwt.NewNumericDate(time.Now().Add(time.Hour))
	for what, claims := range map[string]jwt.Claims{
		"issuer":   {Issuer: "https://other.example", Subject: subject, Audience: jwt.Audience{sts}, Expiry: end},
		"subject":  {Issuer: issuer, Subject: subject + "s", Audience: jwt.Audience{sts}, Expiry: end},
		"audience": {Issuer: issuer, Subject: subject, Audience: jwt.Audience{"erp"}, Expiry: end},
		"end":      {Issuer: issuer, Subject: subject, Audience: jwt.Audience{sts}, Expiry: jwt.NewNumericDate(time.Now().Add(-time.Hour))},
		"no end":   {Issuer: issuer, Subject: subject, Audience: jwt.Audience{sts}},
	} {
		far, s := standing(t)
		if err := far.identify(s.tokenFile, claims); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), new(bytes.Buffer), t.TempDir(), s, far); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("another %s: %v", what, err)
		}
		if saw := far.seen(); saw != (seen{refused: 1}) {
			t.Errorf("another %s: the stand-in saw: %v", what, saw)
		}
	}
	far, s := standing(t)
	other, theirs := standing(t)
	s.tokenFile = theirs.tokenFile
	if err := run(t.Context(), new(bytes.Buffer), t.TempDir(), s, far); !errors.Is(err, auth.ErrDenied) || other.seen() != (seen{}) {
		t.Errorf("a token of another key: %v", err)
	}
}

// TestStandInSees: what TestRun counts as nothing is counted.
func TestStandInSees(t *testing.T) {
	far, _ := standing(t)
	far.sessions["ASIA4711"] = "session"
	far.store()
	const signed = "AWS4-HMAC-SHA256 Credential=ASIA4711/20251126/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host;x-amz-security-token, Signature=00"
	for _, tt := range []struct {
		what, path, stage, authorization, token string
		want                                    seen
	}{
		{"the current one", "/", "AWSCURRENT", signed, "session", seen{reads: 1}},
		{"no stage", "/", "", signed, "session", seen{reads: 1}},
		{"what is pending", "/", "AWSPENDING", signed, "session", seen{reads: 1, notCurrent: 1}},
		{"no session", "/", "AWSCURRENT", signed, "", seen{refused: 1}},
		{"another session", "/", "AWSCURRENT", signed, "sessions", seen{refused: 1}},
		{"not signed", "/", "AWSCURRENT", "", "session", seen{refused: 1}},
		{"a session that is not signed", "/", "AWSCURRENT", strings.Replace(signed, ";x-amz-security-token", "", 1), "session", seen{refused: 1}},
		{"another region", "/", "AWSCURRENT", strings.Replace(signed, region, "eu-west-1", 1), "session", seen{refused: 1}},
		{"keys of the environment", "/", "AWSCURRENT", strings.Replace(signed, "ASIA4711", foreign, 1), foreign, seen{refused: 1, ambient: 1}},
		{"a place of the environment", "/" + foreign, "AWSCURRENT", signed, "session", seen{refused: 1, ambient: 1}},
	} {
		far.saw = seen{}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, far.URL+tt.path, strings.NewReader(`{"SecretId": "prod/erp/db", "VersionStage": "`+tt.stage+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
		r.Header.Set("Authorization", tt.authorization)
		r.Header.Set("X-Amz-Security-Token", tt.token)
		answer, err := far.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if saw := far.seen(); saw != tt.want {
			t.Errorf("%s: the stand-in saw: %v", tt.what, saw)
		}
	}
}

// TestClientKeepsACopy: a client outlives the lease that it was built from, and its own end
// overwrites the copy.
func TestClientKeepsACopy(t *testing.T) {
	leased := []byte("correct horse")
	lease := auth.NewLease("l-4711", map[string]auth.Secret{"password": auth.NewSecret(leased)}, &auth.LeaseOptions{Version: "1"})
	s := settings{field: "password"}
	c, err := s.build(t.Context(), lease)
	if err != nil {
		t.Fatal(err)
	}
	err = lease.Close(t.Context())
	clear(leased) // as the vault may, to whom they belong
	if err != nil || string(c.key) != "correct horse" || c.version != "1" || !c.open() {
		t.Errorf("%v, version %s, open: %t", err, c.version, c.open())
	}
	if err := end(t.Context(), c); err != nil || !bytes.Equal(c.key, make([]byte, len("correct horse"))) || c.open() {
		t.Errorf("%v, open: %t", err, c.open())
	}
	s.field = "token"
	if _, err := s.build(t.Context(), lease); err == nil {
		t.Error("a field that is not there")
	}
}
