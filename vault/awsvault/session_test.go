package awsvault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

// TestKeys: the signature is that of the keys, and of no others.
func TestKeys(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	f.keys["ASIATEMPORARY"] = [2]string{"temporary", "token"}
	for _, tt := range []struct {
		keys *awsvault.Keys
		want error
	}{
		{keys(accessKey, secretKey, ""), nil},
		{keys("ASIATEMPORARY", "temporary", "token"), nil},
		{keys("ASIATEMPORARY", "temporary", "other"), auth.ErrDenied},
		{keys("ASIATEMPORARY", "temporary", ""), auth.ErrDenied},
		{keys(accessKey, secretKey+"x", ""), auth.ErrDenied},
		{keys("AKIDOTHER", secretKey, ""), auth.ErrDenied},
	} {
		b := f.with(t, awsvault.Credentials{Keys: tt.keys}, nil)
		*tt.keys = awsvault.Keys{} // what New was given is not looked at again
		if _, err := b.Issue(t.Context(), "crm/api"); err != tt.want {
			t.Errorf("%v, want %v", err, tt.want)
		}
	}
}

// TestSession: one for all who come, with one token; the next with a new one.
func TestSession(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	source := &counted{}
	b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(source)}, nil)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if f.logins() != 1 || source.n != 1 {
		t.Errorf("%d sessions of %d tokens", f.logins(), source.n)
	}
	f.lives = 30 * time.Second // shorter than what is left in time: each is used once
	short := f.with(t, awsvault.Credentials{WebIdentity: f.identity(source)}, nil)
	for range 3 {
		if _, err := short.Issue(t.Context(), "crm/api"); err != nil {
			t.Error(err)
		}
	}
	if f.logins() != 4 || source.n != 4 {
		t.Errorf("%d sessions of %d tokens", f.logins(), source.n)
	}
	for _, r := range f.seen() {
		if r.target == "" && !strings.Contains(r.body, "RoleSessionName=carnet&") {
			t.Errorf("asked for %s", r.body)
		}
	}
}

// TestRevokedSession: a session that was refused is not used again.
func TestRevokedSession(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{})}, nil)
	for range 2 {
		if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
			t.Fatal(err)
		}
		f.revoke()
		if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrDenied {
			t.Errorf("revoked: %v", err)
		}
	}
	if _, err := b.Issue(t.Context(), "crm/api"); err != nil || f.logins() != 3 {
		t.Errorf("%v, %d sessions", err, f.logins())
	}
}

// TestRefusedCallKeepsTheSession: it is the role that may not, or the key of the secret.
func TestRefusedCallKeepsTheSession(t *testing.T) {
	for code, logins := range map[string]int{
		"AccessDenied": 1, "AccessDeniedException": 1, "DecryptionFailure": 1, "RequestExpired": 1, "InvalidSignatureException": 1, "": 1,
		"ExpiredToken": 2, "ExpiredTokenException": 2, "UnrecognizedClientException": 2, "InvalidClientTokenId": 2, "InvalidAccessKeyId": 2,
	} {
		for _, all := range []bool{false, true} {
			f := start(t)
			f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) { refuse(w, http.StatusForbidden, code, canary) }
			b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{})}, nil)
			for range 2 {
				if all {
					b.IssueAll(t.Context(), []string{"crm/api"})
				} else if _, err := b.Issue(t.Context(), "crm/api"); err == nil {
					t.Error("issued")
				}
			}
			if n := f.logins(); n != logins {
				t.Errorf("%s, %t: %d sessions, want %d", code, all, n, logins)
			}
		}
	}
}

// TestLateRefusal: of a session that has been replaced since. The new one stays.
func TestLateRefusal(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	came, release := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	f.hook = func(w http.ResponseWriter, r *http.Request, _ string) {
		switch n.Add(1) {
		case 1: // is refused when all is over
			close(came)
			<-release
			refuse(w, http.StatusBadRequest, "ExpiredTokenException", canary)
		case 2:
			refuse(w, http.StatusBadRequest, "ExpiredTokenException", canary)
		default:
			refuse(w, http.StatusBadRequest, "ResourceNotFoundException", canary)
		}
	}
	b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{})}, nil)
	issue := func(want error) {
		t.Helper()
		if _, err := b.Issue(t.Context(), "crm/api"); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { issue(auth.ErrExpired) })
	<-came
	issue(auth.ErrExpired)
	issue(auth.ErrUndeclared)
	close(release)
	wg.Wait()
	issue(auth.ErrUndeclared)
	if n := f.logins(); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

// TestRefusedLoginRests a few seconds, whoever comes.
func TestRefusedLoginRests(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	f.login = func(w http.ResponseWriter, _ *http.Request) {
		refuseXML(w, http.StatusForbidden, "AccessDenied", canary)
	}
	b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{})}, nil)
	for range 9 {
		if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrDenied {
			t.Errorf("refused: %v", err)
		}
	}
	if n := len(f.seen()); n != 1 {
		t.Errorf("%d logins", n)
	}
	f.login = nil
	awsvault.Rested(b)
	if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
		t.Errorf("rested: %v", err)
	}
}

// TestLoginFails: on its side, without a retry, and without a call of Secrets Manager.
func TestLoginFails(t *testing.T) {
	xml := func(status int, code string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { refuseXML(w, status, code, canary) }
	}
	raw := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }
	}
	session := func(credentials string) func(http.ResponseWriter, *http.Request) {
		return raw(`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>` + credentials + `</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	}
	for name, tt := range map[string]struct {
		login  func(http.ResponseWriter, *http.Request)
		source awsvault.Tokens
		want   error
	}{
		"expired token":    {xml(400, "ExpiredTokenException"), nil, auth.ErrExpired},
		"invalid token":    {xml(400, "InvalidIdentityToken"), nil, auth.ErrDenied},
		"rejected claim":   {xml(403, "IDPRejectedClaim"), nil, auth.ErrDenied},
		"role denied":      {xml(403, "AccessDenied"), nil, auth.ErrDenied},
		"provider is down": {xml(400, "IDPCommunicationError"), nil, auth.ErrUnavailable},
		"throttled":        {xml(400, "Throttling"), nil, auth.ErrThrottled},
		"validation":       {xml(400, "ValidationError"), nil, auth.ErrInvalid},
		"unavailable":      {xml(503, "ServiceUnavailable"), nil, auth.ErrUnavailable},
		"HTML":             {raw("<html>" + canary), nil, auth.ErrInvalid},
		"JSON":             {raw(`{"a":"` + canary + `"}`), nil, auth.ErrInvalid},
		"nothing":          {raw(""), nil, auth.ErrInvalid},
		"no credentials":   {session(""), nil, auth.ErrInvalid},
		"half of them": {session("<Credentials><AccessKeyId>A</AccessKeyId><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"),
			nil, auth.ErrInvalid},
		"no token of the session": {session("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"),
			nil, auth.ErrInvalid},
		"no end": {session("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken></Credentials>"),
			nil, auth.ErrInvalid},
		"ended before it began": {session("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2001-01-01T00:00:00Z</Expiration></Credentials>"),
			nil, auth.ErrExpired},
		"endless":           {func(w http.ResponseWriter, r *http.Request) { endless(w, r, "") }, nil, auth.ErrInvalid},
		"token denied":      {nil, tokens{err: fmt.Errorf("%w: %s", auth.ErrDenied, canary)}, auth.ErrDenied},
		"token undeclared":  {nil, tokens{err: auth.ErrUndeclared}, auth.ErrDenied},
		"token unavailable": {nil, tokens{err: errors.New(canary)}, auth.ErrUnavailable},
		"token empty":       {nil, tokens{}, auth.ErrInvalid},
		"token panics":      {nil, tokens{do: func(context.Context) { panic(canary) }}, auth.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			f.put("crm/api", "k3y")
			f.login = tt.login
			if tt.source == nil {
				tt.source = &counted{}
			}
			_, err := f.with(t, awsvault.Credentials{WebIdentity: f.identity(tt.source)}, nil).Issue(t.Context(), "crm/api")
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			seen := f.seen()
			if len(seen) > 1 || len(seen) == 1 && seen[0].target != "" {
				t.Errorf("%d requests", len(seen))
			}
		})
	}
}

// TestCallerOfTheLoginLeaves: the others get the session for which the first has asked.
func TestCallerOfTheLoginLeaves(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	asked, release := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	source := tokensFunc(func(ctx context.Context) (auth.Secret, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("a login without an end")
		}
		n.Add(1)
		close(asked)
		<-release
		return auth.NewSecret([]byte("oidc-1")), ctx.Err()
	})
	b := f.with(t, awsvault.Credentials{WebIdentity: f.identity(source)}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := b.Issue(ctx, "crm/api"); !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
	})
	<-asked
	wg.Go(func() {
		if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
			t.Errorf("the second: %v", err)
		}
	})
	cancel()
	time.Sleep(50 * time.Millisecond) // the second is waiting by then, or logs in by itself below
	close(release)
	wg.Wait()
	if n.Load() != 1 {
		t.Errorf("%d tokens", n.Load())
	}
}

type tokensFunc func(context.Context) (auth.Secret, error)

func (f tokensFunc) Token(ctx context.Context) (auth.Secret, error) { return f(ctx) }

// broken is a provider that goes wrong.
type broken struct{ err error }

func (b broken) Retrieve(context.Context) (aws.Credentials, error) {
	if b.err == nil {
		panic(canary)
	}
	return aws.Credentials{}, b.err
}

// cache is a provider that, like the SDK's, keeps what it has until it is told not to.
type cache struct {
	f       *fake
	session atomic.Pointer[aws.Credentials]
	forgot  atomic.Int64
}

func (c *cache) Retrieve(context.Context) (aws.Credentials, error) {
	if kept := c.session.Load(); kept != nil {
		return *kept, nil
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.sessions++
	got := aws.Credentials{AccessKeyID: fmt.Sprintf("ASIA%d", c.f.sessions), SecretAccessKey: "s", SessionToken: "t"}
	c.f.keys[got.AccessKeyID] = [2]string{"s", "t"}
	c.session.Store(&got)
	return got, nil
}

func (c *cache) Invalidate() {
	c.forgot.Add(1)
	c.session.Store(nil)
}

// TestProvider: one of the SDK's, which has found its credentials wherever it was told to.
func TestProvider(t *testing.T) {
	f := start(t)
	f.put("crm/api", "k3y")
	c := &cache{f: f}
	b := f.with(t, awsvault.Credentials{Provider: c}, nil)
	for _, revoke := range []bool{false, true, false} {
		if revoke {
			f.revoke()
			if _, err := b.Issue(t.Context(), "crm/api"); err != auth.ErrDenied {
				t.Errorf("revoked: %v", err)
			}
		}
		if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
			t.Error(err)
		}
	}
	if f.logins() != 2 || c.forgot.Load() != 1 {
		t.Errorf("%d sessions, %d forgotten", f.logins(), c.forgot.Load())
	}
	for want, p := range map[error]aws.CredentialsProvider{
		auth.ErrUnavailable: broken{errors.New(canary)}, auth.ErrUnknown: broken{}, auth.ErrDenied: broken{auth.ErrUndeclared}, auth.ErrInvalid: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil }),
	} {
		if _, err := f.with(t, awsvault.Credentials{Provider: p}, nil).Issue(t.Context(), "crm/api"); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

func TestTokenFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) awsvault.TokenFile {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return awsvault.TokenFile(file)
	}
	fresh := write("token", "oidc-1\n")
	for _, want := range []string{"oidc-1", "oidc-2"} {
		write("token", want+"\n")
		got, err := fresh.Token(t.Context())
		if err != nil || !got.Equal([]byte(want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fresh.Token(ended); !errors.Is(err, context.Canceled) || !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("ended: %v", err)
	}
	for file, want := range map[awsvault.TokenFile]error{
		"": auth.ErrUnavailable, awsvault.TokenFile(dir): auth.ErrUnavailable, awsvault.TokenFile(dir + "/none"): auth.ErrUnavailable,
		write("empty", " \n"): auth.ErrInvalid, write("huge", strings.Repeat("x", 20_001)): auth.ErrInvalid,
	} {
		if got, err := file.Token(t.Context()); err != want || got.Equal(nil) {
			t.Errorf("%s: %v, want %v", file, err, want)
		}
	}
	f := start(t)
	f.put("crm/api", "k3y")
	if _, err := f.with(t, awsvault.Credentials{WebIdentity: f.identity(fresh)}, nil).Issue(t.Context(), "crm/api"); err != nil {
		t.Error(err)
	}
}
