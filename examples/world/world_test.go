package world_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/examples/world"
	"github.com/carnet-go/carnet/vault/filevault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, dir string) *world.World {
	t.Helper()
	w, err := world.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// claims reads a token without a look at its signature.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token of %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTokenSaysWhoAndHowSure(t *testing.T) {
	w := start(t, "")
	for _, tt := range []struct {
		user, subject, acr string
		login              func(context.Context, string) (string, error)
	}{
		{"alice", "u-alice", "pwd", w.Token},
		{"mallory", "u-mallory", "pwd", w.Token},
		{"carol", "u-carol", "pwd", w.Token},
		{"carol", "u-carol", "mfa", w.StepUp},
		{"alice", "u-alice", "mfa", w.StepUp},
	} {
		token, err := tt.login(t.Context(), tt.user)
		if err != nil {
			t.Fatalf("%s: %v", tt.user, err)
		}
		c := claims(t, token)
		if c["iss"] != w.Issuer || c["sub"] != tt.subject || c["acr"] != tt.acr || c["amr"].([]any)[0] != "pwd" {
			t.Errorf("%s: claims %v", tt.user, c)
		}
		if aud := fmt.Sprint(c["aud"]); aud != "["+world.Audience+"]" && aud != world.Audience {
			t.Errorf("%s: aud %s", tt.user, aud)
		}
		if at := time.Unix(int64(c["auth_time"].(float64)), 0); time.Since(at) > time.Minute {
			t.Errorf("%s: auth_time %v", tt.user, at)
		}
	}
}

func TestTokenRefuses(t *testing.T) {
	w := start(t, "")
	if _, err := w.Token(t.Context(), "nobody"); err == nil || err.Error() != "world: no such user" {
		t.Errorf("Token of nobody = %v", err)
	}
	if _, err := w.StepUp(t.Context(), "mallory"); err == nil || err.Error() != "world: the user has no second factor" {
		t.Errorf("StepUp of mallory = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Token(ctx, "alice"); !errors.Is(err, context.Canceled) {
		t.Errorf("Token after the end of its context = %v", err)
	}
}

func get(t *testing.T, client *http.Client, url, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer
}

// origin of the CRM, as the boundary declares it.
func origin(t *testing.T, w *world.World) string {
	t.Helper()
	text, err := fs.ReadFile(w.Boundary, "boundary.jsonc")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`"name": "crm",\s+"origin": "(https://127\.0\.0\.1:\d+)"`).FindSubmatch(text)
	if m == nil || bytes.Contains(text, []byte("acme.example")) {
		t.Fatalf("boundary.jsonc:\n%s", text)
	}
	return string(m[1])
}

func key(t *testing.T, w *world.World) string {
	t.Helper()
	issued, err := filevault.File{Path: w.Secrets, Identity: w.Identity}.Issue(t.Context(), "crm/api")
	if err != nil {
		t.Fatal(err)
	}
	var key string
	if err := issued.Fields["key"].Use(func(b []byte) error { key = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	return key
}

func TestCRMWantsItsKey(t *testing.T) {
	w := start(t, "")
	for _, tt := range []struct {
		key  string
		want int
	}{{"", 401}, {"wrong", 401}, {key(t, w), 200}} {
		if got := get(t, w.Client, origin(t, w)+"/contacts/4711", tt.key).StatusCode; got != tt.want {
			t.Errorf("with a key of %d bytes: %d, want %d", len(tt.key), got, tt.want)
		}
	}
	if got := w.Received(world.CRM); len(got) != 3 || got[2].Method != "GET" || got[2].Path != "/contacts/4711" {
		t.Errorf("Received = %d requests", len(got))
	}
}

// The redirect is dangerous: net/http strips Authorization and Cookie on the way to
// another host, and hands every other header over.
func TestPlainClientHandsTheKeyToTheLurker(t *testing.T) {
	w := start(t, "")
	get(t, w.Client, origin(t, w)+"/contacts/4711/photo", key(t, w))
	got := w.Received(world.Lurker)
	if len(got) != 1 || got[0].As != w.Received(world.CRM)[0].As || got[0].As == "" {
		t.Errorf("the lurker received %+v", got)
	}
}

func TestSecretsOfRunAreAll(t *testing.T) {
	w := start(t, "")
	token, err := w.StepUp(t.Context(), "carol")
	if err != nil {
		t.Fatal(err)
	}
	secrets := w.SecretsOfRun()
	holds := func(b string) bool {
		return slices.ContainsFunc(secrets, func(s []byte) bool { return string(s) == b })
	}
	if !holds(token) || !holds(key(t, w)) {
		t.Error("token or key is missing")
	}
	for _, s := range secrets {
		if len(s) < 16 {
			t.Errorf("a secret of %d bytes is found everywhere", len(s))
		}
	}
}

func TestCloseLeavesTheNamedFolderOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	w := start(t, dir)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 || files[0].Name() != "boundary" {
		t.Errorf("files = %v, %v", files, err)
	}
	if _, err := os.Stat(w.Secrets); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("secrets: %v", err)
	}
	if _, err := w.Client.Get(w.Issuer); err == nil {
		t.Error("the provider still answers")
	}
}

func TestTemporaryFolderGoes(t *testing.T) {
	w := start(t, "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folder: %v", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := world.Start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Close(); err != nil { // waits for the one under way
		t.Fatal(err)
	}
	if _, err := os.Stat(w.Secrets); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("secrets: %v", err)
	}
}

func TestStartRefusesFolderWithFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := world.Start(t.Context(), dir); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("Start = %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files = %v, %v", files, err)
	}
}

func TestRequestsAreShownOnALine(t *testing.T) {
	for want, r := range map[string]world.Request{
		"GET /keys":                         {Method: "GET", Path: "/keys"},
		`PUT /contacts/1 as key-1 {"a":1}`:  {Method: "PUT", Path: "/contacts/1", As: "key-1", Body: []byte(`{"a":1}`)},
		"add uid=1 as cn=x cn=Ada mail=a,b": {Method: "add", Path: "uid=1", As: "cn=x", Entry: map[string][]string{"mail": {"a", "b"}, "cn": {"Ada"}}},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAmendedBoundaryHasTheOtherFilesAndTheSameOrigins(t *testing.T) {
	w := start(t, "")
	changed, err := w.Amended(fstest.MapFS{"mappings/new.jsonc": {Data: []byte("https://crm.acme.example")}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(changed, "mappings/new.jsonc"); err != nil || string(text) != origin(t, w) {
		t.Errorf("new.jsonc = %s, %v", text, err)
	}
	if _, err := fs.Stat(w.Boundary, "mappings/new.jsonc"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the boundary itself has the file: %v", err)
	}
	for _, name := range []string{"boundary.jsonc", "schemas/employee.jsonc", "mappings/employee-to-contact.jsonc"} {
		text, err := fs.ReadFile(changed, name)
		if same, other := fs.ReadFile(w.Boundary, name); err != nil || other != nil || !bytes.Equal(text, same) {
			t.Errorf("%s is another: %v, %v", name, err, other)
		}
	}
}

func TestWorldsShareNoSecret(t *testing.T) {
	one, other := start(t, ""), start(t, "")
	for _, a := range one.SecretsOfRun() {
		for _, b := range other.SecretsOfRun() {
			if bytes.Equal(a, b) {
				t.Fatal("two worlds have a secret in common")
			}
		}
	}
}
