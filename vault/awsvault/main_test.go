package awsvault_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

// trap is where a hostile environment points to. Nothing may ever come there.
var trap struct {
	url  string
	hits atomic.Int64
}

// TestMain runs all tests in a hostile environment: whatever it has would be used in one of
// them.
func TestMain(m *testing.M) { os.Exit(hostile(m)) }

func hostile(m *testing.M) (code int) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		trap.hits.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	trap.url = server.URL
	dir, err := os.MkdirTemp("", "awsvault")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared := filepath.Join(dir, "config")
	profile := "[default]\nregion = us-east-1\nendpoint_url = " + trap.url + "\naws_access_key_id = HOSTILE\naws_secret_access_key = hostile\nretry_mode = adaptive\n"
	if err := os.WriteFile(shared, []byte(profile), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for name, value := range map[string]string{
		"HTTP_PROXY": trap.url, "HTTPS_PROXY": trap.url, "ALL_PROXY": trap.url, "http_proxy": trap.url, "https_proxy": trap.url, "NO_PROXY": "", "no_proxy": "",
		"AWS_ACCESS_KEY_ID": "HOSTILE", "AWS_SECRET_ACCESS_KEY": "hostile", "AWS_SESSION_TOKEN": "hostile", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_PROFILE": "default", "AWS_CONFIG_FILE": shared, "AWS_SHARED_CREDENTIALS_FILE": shared, "AWS_CA_BUNDLE": shared,
		"AWS_ENDPOINT_URL": trap.url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": trap.url, "AWS_ENDPOINT_URL_STS": trap.url,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": trap.url, "AWS_CONTAINER_CREDENTIALS_FULL_URI": trap.url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hostile",
		"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/hostile", "AWS_WEB_IDENTITY_TOKEN_FILE": shared, "AWS_ROLE_SESSION_NAME": "hostile",
		"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_MAX_ATTEMPTS": "9", "AWS_RETRY_MODE": "adaptive", "AWS_NEW_RETRIES_2026": "true",
		"AWS_LAMBDA_FUNCTION_NAME": "hostile", "_X_AMZN_TRACE_ID": "Root=hostile", "AWS_EXECUTION_ENV": "hostile", "AWS_SDK_UA_APP_ID": "hostile",
		"AWS_SDK_LOAD_CONFIG": "1", "AWS_DEFAULTS_MODE": "auto", "AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026": "true", "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
	} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if code = m.Run(); code != 0 {
		server.Close()
		return code
	}
	server.Close()
	if n := trap.hits.Load(); n > 0 {
		fmt.Fprintln(os.Stderr, n, "requests went where the environment points to")
		return 1
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestEnvironment: neither keys, region, endpoint, proxy, retries nor headers come from it.
func TestEnvironment(t *testing.T) {
	through, err := http.ProxyFromEnvironment(httptest.NewRequest(http.MethodPost, "https://secretsmanager.invalid/", nil))
	if err != nil || through == nil || through.String() != trap.url {
		t.Fatalf("the environment is not hostile: %v, %v", through, err)
	}
	f := start(t)
	f.put("crm/api", "k3y")
	for name, b := range map[string]*awsvault.Vault{
		"keys": f.vault(t, nil), "web identity": f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{})}, nil),
		"a client without a transport": f.vault(t, &awsvault.Options{HTTPClient: &http.Client{}}),
	} {
		if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, r := range f.seen() {
		for header, values := range r.header {
			for _, value := range values {
				if strings.Contains(value, "hostile") || strings.Contains(value, "HOSTILE") || strings.Contains(value, "us-east-1") {
					t.Errorf("%s: %s", header, value)
				}
			}
		}
		if got := r.header.Get("User-Agent"); got != "carnet-awsvault" {
			t.Errorf("User-Agent: %s", got)
		}
	}
	// A host that is not loopback is where a proxy would be asked.
	for name, o := range map[string]*awsvault.Options{"own": nil, "given": {HTTPClient: &http.Client{}}} {
		if o == nil {
			o = &awsvault.Options{}
		}
		o.Endpoint = "https://secretsmanager.invalid"
		_, err := f.with(t, static(), o).Issue(t.Context(), "crm/api")
		if wantErr(err, auth.ErrUnavailable) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := awsvault.New("eu-central-1", awsvault.Credentials{}, nil); wantErr(err, auth.ErrInvalid) != "" {
		t.Errorf("without credentials: %v", err)
	}
	if n := trap.hits.Load(); n != 0 {
		t.Errorf("%d requests went where the environment points to", n)
	}
}

// stderr is what a function prints there.
func stderr(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = w
	func() {
		defer func() { os.Stderr = old }()
		do()
	}()
	_ = w.Close()
	out, err := io.ReadAll(r)
	_ = r.Close()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
