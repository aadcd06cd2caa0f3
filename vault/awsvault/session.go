package awsvault

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/carnet-go/carnet/auth"
)

// A session is left in time: a request that begins with it must arrive with it.
const (
	leaveBefore    = 2 * time.Minute
	leaveJitter    = 0.5
	defaultSession = "carnet"
	restsFor       = 5 * time.Second // so long a refused login is not repeated
)

var (
	rolePattern    = regexp.MustCompile(`^arn:aws[a-z-]{0,16}:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	sessionPattern = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{2,64}$`)
)

// Credentials say who asks: exactly one of them.
type Credentials struct {
	Keys        *Keys                   // an access key; nil: none
	WebIdentity *WebIdentity            // a role, for a token of somebody else's; nil: none
	Provider    aws.CredentialsProvider // one of the SDK, such as Credentials of what its package config loads; nil: none
}

// Keys are an access key. They are used as long as the Vault is.
type Keys struct {
	AccessKeyID     auth.Secret
	SecretAccessKey auth.Secret
	SessionToken    auth.Secret // of a temporary key; empty: it is none
}

// WebIdentity is a role that STS lends for a token (AssumeRoleWithWebIdentity), such as that
// of a Kubernetes service account.
type WebIdentity struct {
	RoleARN     string
	Tokens      Tokens
	SessionName string // that CloudTrail shows; empty: "carnet"
	Endpoint    string // of STS: https, or http on loopback; empty: the region's own
}

// Tokens is where tokens come from. Token is called once for each session. It is safe for
// concurrent use, ends with its context, and its errors are package auth's.
type Tokens interface {
	Token(ctx context.Context) (auth.Secret, error)
}

// session is the credentials of requests: static ones, or cached until they end.
type session struct {
	aws.CredentialsProvider
	forget func() // nil: there is nothing to forget

	mu      sync.Mutex
	key     string    // access key of the newest; empty: none
	failure error     // of the newest login, which was refused
	until   time.Time // it stands for further ones
}

// signature is the session as one call uses it, and notes with which access key.
type signature struct {
	session *session
	key     string // empty: it is not signed
}

func (s *signature) sign(o *secretsmanager.Options) { o.Credentials = s }

// Retrieve implements aws.CredentialsProvider.
func (s *signature) Retrieve(ctx context.Context) (aws.Credentials, error) {
	got, err := s.session.Retrieve(ctx)
	s.key = got.AccessKeyID
	return got, err
}

// refused lets the next request log in anew, unless one already has since that key was used.
func (s *session) refused(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forget != nil && key != "" && key == s.key {
		s.key = ""
		s.forget()
	}
}

// log is what became of a login: a refused one is not repeated at once, whoever asks.
func (s *session) log(got aws.Credentials, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.failure = got.AccessKeyID, nil
	if errors.Is(err, auth.ErrDenied) || errors.Is(err, auth.ErrExpired) {
		s.failure, s.until = err, time.Now().Add(restsFor)
	}
}

func (s *session) resting() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) {
		return s.failure
	}
	return nil
}

func newSession(c Credentials, region string, calls caller) (*session, error) {
	given := 0
	for _, is := range []bool{c.Keys != nil, c.WebIdentity != nil, c.Provider != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, fmt.Errorf("%w: Credentials: exactly one of Keys, WebIdentity and Provider", auth.ErrInvalid)
	case c.Keys != nil:
		keys := *c.Keys
		if _, err := keys.credentials(); err != nil {
			return nil, err
		}
		provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys.credentials() })
		return &session{CredentialsProvider: provider}, nil
	case c.WebIdentity != nil:
		login, err := newLogin(*c.WebIdentity, region, calls)
		if err != nil {
			return nil, err
		}
		return cached(login.retrieve, nil), nil
	}
	inner, _ := c.Provider.(interface{ Invalidate() })
	return cached(c.Provider.Retrieve, inner), nil
}

// cached asks once for all who wait, with a time of its own, since the SDK's cache goes on
// after its callers have left. A panic in there would end the process.
func cached(retrieve aws.CredentialsProviderFunc, inner interface{ Invalidate() }) *session {
	s := &session{}
	cache := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (got aws.Credentials, err error) {
		if err := s.resting(); err != nil {
			return aws.Credentials{}, err
		}
		ctx, cancel := bounded(ctx)
		defer cancel()
		defer func() { s.log(got, err) }()
		defer func() {
			if recover() != nil {
				got, err = aws.Credentials{}, auth.ErrUnknown
			}
		}()
		got, err = retrieve(ctx)
		if err != nil {
			return aws.Credentials{}, noLogin(failure(err))
		}
		if !got.HasKeys() {
			return aws.Credentials{}, auth.ErrInvalid
		}
		if got.CanExpire && !time.Now().Before(got.Expires) {
			return aws.Credentials{}, auth.ErrExpired
		}
		return got, nil
	}), func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow, o.ExpiryWindowJitterFrac = leaveBefore, leaveJitter
	})
	s.CredentialsProvider, s.forget = cache, func() {
		cache.Invalidate()
		if inner != nil {
			inner.Invalidate()
		}
	}
	return s
}

// noLogin is the failure of a login: that there is none says nothing of the secret.
func noLogin(err error) error {
	if errors.Is(err, auth.ErrUndeclared) {
		return auth.ErrDenied
	}
	return err
}

var errKeys = fmt.Errorf("%w: Keys: AccessKeyID and SecretAccessKey are needed", auth.ErrInvalid)

// credentials are strings: the SDK takes nothing else.
func (k Keys) credentials() (aws.Credentials, error) {
	id, secret, token := text(k.AccessKeyID), text(k.SecretAccessKey), text(k.SessionToken)
	if id == "" || secret == "" {
		return aws.Credentials{}, errKeys
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
}

// text is empty for an empty secret.
func text(s auth.Secret) (t string) {
	_ = s.Use(func(b []byte) error { t = string(b); return nil })
	return t
}

// login is a WebIdentity that was checked.
type login struct {
	client *sts.Client
	w      WebIdentity
}

func newLogin(w WebIdentity, region string, calls caller) (*login, error) {
	if w.Tokens == nil || !rolePattern.MatchString(w.RoleARN) {
		return nil, fmt.Errorf("%w: WebIdentity: Tokens, and the ARN of a role, are needed", auth.ErrInvalid)
	}
	if w.SessionName == "" {
		w.SessionName = defaultSession
	}
	if !sessionPattern.MatchString(w.SessionName) {
		return nil, fmt.Errorf("%w: SessionName: 2 to 64 letters, digits and +=,.@_-", auth.ErrInvalid)
	}
	endpoint, err := parseEndpoint(w.Endpoint)
	if err != nil {
		return nil, err
	}
	return &login{w: w, client: sts.New(sts.Options{
		Region: region, BaseEndpoint: endpoint, Credentials: aws.AnonymousCredentials{}, HTTPClient: calls,
		Retryer: aws.NopRetryer{}, APIOptions: []func(*middleware.Stack) error{withoutEnvironment},
	})}, nil
}

// retrieve asks for a token, and with it for a session.
func (l *login) retrieve(ctx context.Context) (aws.Credentials, error) {
	secret, err := l.w.Tokens.Token(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	token := text(secret)
	if token == "" {
		return aws.Credentials{}, auth.ErrInvalid
	}
	out, err := l.client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &l.w.RoleARN, RoleSessionName: &l.w.SessionName, WebIdentityToken: &token,
	})
	if err != nil {
		return aws.Credentials{}, err
	}
	c := out.Credentials
	if c == nil || c.Expiration == nil || aws.ToString(c.SessionToken) == "" {
		return aws.Credentials{}, auth.ErrInvalid
	}
	return aws.Credentials{
		AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey), SessionToken: *c.SessionToken,
		CanExpire: true, Expires: *c.Expiration,
	}, nil
}
