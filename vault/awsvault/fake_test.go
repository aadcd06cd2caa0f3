package awsvault_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

const (
	accessKey = "AKIDEXAMPLE4711"
	secretKey = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYEXAMPLEKEY"
	role      = "arn:aws:iam::123456789012:role/payroll"
)

// stored is a secret with its versions and stages.
type stored struct {
	text    map[string]string // by version
	binary  map[string][]byte
	stages  map[string]string // version by stage
	deleted bool
}

// request is what came.
type request struct {
	target string
	header http.Header
	body   string
}

// fake is Secrets Manager (JSON 1.1) and STS (Query) on loopback. It lets in only what is
// signed as SigV4 says.
type fake struct {
	server  *httptest.Server
	hook    func(w http.ResponseWriter, r *http.Request, target string) // instead of an answer; nil: none
	login   func(w http.ResponseWriter, r *http.Request)                // the same of STS
	roleKey string                                                      // the secret key of sessions
	lives   time.Duration                                               // of sessions

	mu       sync.Mutex
	secrets  map[string]*stored
	keys     map[string][2]string // secret key and session token, by access key
	requests []request
	sessions int
}

// newFake starts one; state hears of its connections, where it is not nil.
func newFake(state func(net.Conn, http.ConnState)) *fake {
	f := &fake{roleKey: "role-key", lives: time.Hour, secrets: map[string]*stored{}, keys: map[string][2]string{accessKey: {secretKey, ""}}}
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.ConnState = state
	f.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.server.Start()
	return f
}

func start(t *testing.T) *fake {
	t.Helper()
	f := newFake(nil)
	t.Cleanup(f.server.Close)
	return f
}

func keys(id, secret, token string) *awsvault.Keys {
	return &awsvault.Keys{AccessKeyID: auth.NewSecret([]byte(id)), SecretAccessKey: auth.NewSecret([]byte(secret)), SessionToken: auth.NewSecret([]byte(token))}
}

func static() awsvault.Credentials {
	return awsvault.Credentials{Keys: keys(accessKey, secretKey, "")}
}

func (f *fake) vault(t *testing.T, o *awsvault.Options) *awsvault.Vault {
	t.Helper()
	return f.with(t, static(), o)
}

func (f *fake) with(t *testing.T, c awsvault.Credentials, o *awsvault.Options) *awsvault.Vault {
	t.Helper()
	if o == nil {
		o = &awsvault.Options{}
	}
	if o.Endpoint == "" {
		o.Endpoint = f.server.URL
	}
	b, err := awsvault.New("eu-central-1", c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (f *fake) identity(source awsvault.Tokens) *awsvault.WebIdentity {
	return &awsvault.WebIdentity{RoleARN: role, Tokens: source, Endpoint: f.server.URL}
}

// counted gives another token each time.
type counted struct {
	wrong string // instead of a token; empty: none
	mu    sync.Mutex
	n     int
}

func (c *counted) Token(context.Context) (auth.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.wrong != "" {
		return auth.NewSecret([]byte(c.wrong)), nil
	}
	return auth.NewSecret(fmt.Appendf(nil, "oidc-%d", c.n)), nil
}

// tokens is a source that goes wrong.
type tokens struct {
	err error
	do  func(ctx context.Context)
}

func (s tokens) Token(ctx context.Context) (auth.Secret, error) {
	if s.do != nil {
		s.do(ctx)
	}
	return auth.Secret{}, s.err
}

// put stores text as a new version, which becomes current.
func (f *fake) put(name, text string) string { return f.stage(name, text, "AWSCURRENT") }

// stage stores text as a new version that has a stage.
func (f *fake) stage(name, text string, stages ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.secrets[name]
	if s == nil {
		s = &stored{text: map[string]string{}, binary: map[string][]byte{}, stages: map[string]string{}}
		f.secrets[name] = s
	}
	version := fmt.Sprintf("%08d-1111-2222-3333-444444444444", len(s.text)+1)
	s.text[version] = text
	for _, stage := range stages {
		if stage == "AWSCURRENT" && s.stages[stage] != "" {
			s.stages["AWSPREVIOUS"] = s.stages[stage]
		}
		s.stages[stage] = version
	}
	return version
}

func (f *fake) seen() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func (f *fake) logins() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions
}

// revoke ends all sessions.
func (f *fake) revoke() {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.keys, func(id string, _ [2]string) bool { return id != accessKey })
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	target := r.Header.Get("X-Amz-Target")
	f.mu.Lock()
	f.requests = append(f.requests, request{target, r.Header.Clone(), string(body)})
	f.mu.Unlock()
	if target == "" {
		f.assume(w, r, string(body))
		return
	}
	if f.hook != nil {
		f.hook(w, r, target)
		return
	}
	if code := f.verify(r, body); code != "" {
		refuse(w, http.StatusBadRequest, code, "The signature does not match: "+secretKey)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
		refuse(w, http.StatusBadRequest, "SerializationException", "")
	case target == "secretsmanager.GetSecretValue":
		f.get(w, body)
	case target == "secretsmanager.BatchGetSecretValue":
		f.batch(w, body)
	default:
		refuse(w, http.StatusBadRequest, "UnknownOperationException", "")
	}
}

// say answers with a status and JSON, or text.
func say(status int, body any) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, _ *http.Request, _ string) { reply(w, status, body) }
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-RequestId", "req-4711")
	w.WriteHeader(status)
	if text, ok := body.(string); ok {
		_, _ = io.WriteString(w, text)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]string{"__type": code, "Message": message})
}

// value is the wire form of a version; the stage says which.
func (f *fake) value(name, stage string) (entry map[string]any, code, message string) {
	s := f.secrets[name]
	if s == nil {
		return nil, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
	}
	if s.deleted {
		return nil, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion."
	}
	version := s.stages[stage]
	if version == "" {
		return nil, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: " + stage
	}
	entry = map[string]any{"ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:" + name + "-AbCdEf", "Name": name, "VersionId": version, "CreatedDate": 1764000000.123}
	if binary, ok := s.binary[version]; ok {
		entry["SecretBinary"] = binary // base64 in JSON
	} else {
		entry["SecretString"] = s.text[version]
	}
	var stages []string
	for _, stage := range slices.Sorted(maps.Keys(s.stages)) {
		if s.stages[stage] == version {
			stages = append(stages, stage)
		}
	}
	entry["VersionStages"] = stages
	return entry, "", ""
}

func (f *fake) get(w http.ResponseWriter, body []byte) {
	var in struct{ SecretId, VersionId, VersionStage string }
	if err := json.Unmarshal(body, &in); err != nil || in.VersionStage == "" || in.VersionId != "" {
		refuse(w, http.StatusBadRequest, "InvalidParameterException", "")
		return
	}
	entry, code, message := f.value(in.SecretId, in.VersionStage)
	if code != "" {
		refuse(w, http.StatusBadRequest, code, message)
		return
	}
	reply(w, http.StatusOK, entry)
}

func (f *fake) batch(w http.ResponseWriter, body []byte) {
	var in struct{ SecretIdList []string }
	if err := json.Unmarshal(body, &in); err != nil || len(in.SecretIdList) == 0 || len(in.SecretIdList) > 20 {
		refuse(w, http.StatusBadRequest, "InvalidParameterException", "")
		return
	}
	values, errs := []any{}, []any{}
	for _, name := range in.SecretIdList {
		if entry, code, message := f.value(name, "AWSCURRENT"); code == "" {
			values = append(values, entry)
		} else {
			errs = append(errs, map[string]string{"SecretId": name, "ErrorCode": code, "Message": message})
		}
	}
	reply(w, http.StatusOK, map[string]any{"SecretValues": values, "Errors": errs})
}

type assumed struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
	Result  struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	} `xml:"AssumeRoleWithWebIdentityResult"`
}

// assume is STS: it takes tokens that begin with "oidc-".
func (f *fake) assume(w http.ResponseWriter, r *http.Request, body string) {
	if f.login != nil {
		f.login(w, r)
		return
	}
	form, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		return
	}
	form.Header = r.Header
	if err := form.ParseForm(); err != nil || form.PostForm.Get("Action") != "AssumeRoleWithWebIdentity" || form.PostForm.Get("RoleArn") != role || r.Header.Get("Authorization") != "" {
		refuseXML(w, http.StatusBadRequest, "ValidationError", body)
		return
	}
	if !strings.HasPrefix(form.PostForm.Get("WebIdentityToken"), "oidc-") {
		refuseXML(w, http.StatusBadRequest, "InvalidIdentityToken", body)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions++
	var a assumed
	c := &a.Result.Credentials
	c.AccessKeyId, c.SecretAccessKey, c.SessionToken = fmt.Sprintf("ASIA%d", f.sessions), f.roleKey, fmt.Sprintf("session-%d", f.sessions)
	c.Expiration = time.Now().Add(f.lives).UTC().Format(time.RFC3339)
	f.keys[c.AccessKeyId] = [2]string{c.SecretAccessKey, c.SessionToken}
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(a)
}

func refuseXML(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>`, code)
	_ = xml.EscapeText(w, []byte(message))
	_, _ = io.WriteString(w, `</Message></Error><RequestId>req-4711</RequestId></ErrorResponse>`)
}

// wantErr says what is wrong with an error; empty: it is the one.
func wantErr(err, want error) string {
	if !errors.Is(err, want) {
		return fmt.Sprintf("%v, want %v", err, want)
	}
	return ""
}
