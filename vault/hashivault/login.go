package hashivault

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/carnet-go/carnet/auth"
)

// Login is how the service logs in. Exactly one of SecretID, Wrapped, JWT, Kubernetes and
// Certificate is set.
type Login struct {
	RoleID   string      // AppRole, with SecretID or Wrapped
	SecretID auth.Secret // of the AppRole; empty: not this way
	Wrapped  auth.Secret // a wrapping token that holds the secret id, unwrapped once, by New; empty: not this way

	JWT        TokenSource // for the jwt method; nil: not this way
	Kubernetes TokenSource // for the kubernetes method, a service account's; nil: not this way

	// Certificate is for the cert method: the client certificate, as tls.Config's
	// GetClientCertificate, asked for by each new connection. nil: not this way.
	Certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)

	Role  string // JWT and Kubernetes: as which; Wrapped: the AppRole's name; Certificate: empty for any that matches
	Mount string // of the method; empty: "approle", "jwt", "kubernetes" or "cert"
}

// TokenSource yields a token of whoever vouches for the service. It is asked again for
// each login, may be asked by several goroutines, and ends with its context.
type TokenSource interface {
	Token(ctx context.Context) (auth.Secret, error)
}

// TokenFile is a TokenSource that reads a file each time, such as
// /var/run/secrets/kubernetes.io/serviceaccount/token.
type TokenFile string

const longestToken = 64 << 10

var errTokenFile = fmt.Errorf("%w: the token file cannot be read", auth.ErrUnavailable)

// Token implements TokenSource. The file is a regular one of at most 64 KiB. One newline
// at the end is dropped.
func (f TokenFile) Token(ctx context.Context) (auth.Secret, error) {
	if ctx.Err() != nil {
		return auth.Secret{}, silent(ctx)
	}
	if info, err := os.Stat(string(f)); err != nil || !info.Mode().IsRegular() { // a pipe would be waited for
		return auth.Secret{}, errTokenFile
	}
	file, err := os.Open(string(f))
	if err != nil {
		return auth.Secret{}, errTokenFile
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, longestToken+1))
	switch {
	case err != nil:
		return auth.Secret{}, errTokenFile
	case len(b) > longestToken:
		return auth.Secret{}, fmt.Errorf("%w: the token file is too long", auth.ErrInvalid)
	}
	return auth.NewSecret(bytes.TrimSuffix(b, []byte("\n"))), nil
}

// login is a Login that was checked.
type login struct {
	mount  string
	role   string
	roleID string
	secret auth.Secret   // secret id; empty: it is wrapped, or there is none
	wraps  auth.Secret   // the wrapping token; empty: there is none
	tokens TokenSource   // nil: there is none
	one    chan struct{} // held by who unwraps
}

func (l Login) compile() (*login, error) {
	c := &login{role: l.Role, roleID: l.RoleID, secret: l.SecretID, wraps: l.Wrapped, one: make(chan struct{}, 1)}
	ways := 0
	for usual, set := range map[string]bool{
		"approle": has(l.SecretID) != has(l.Wrapped), "jwt": l.JWT != nil, "kubernetes": l.Kubernetes != nil, "cert": l.Certificate != nil,
	} {
		if set {
			ways++
			c.mount = usual
		}
	}
	if l.Mount != "" {
		c.mount = l.Mount
	}
	c.tokens = l.JWT
	if l.Kubernetes != nil {
		c.tokens = l.Kubernetes
	}
	approle, certificate := l.RoleID != "" || has(l.SecretID) || has(l.Wrapped), l.Certificate != nil
	switch {
	case ways != 1 || approle && (l.RoleID == "" || c.tokens != nil || certificate):
		return nil, fmt.Errorf("%w: Login: exactly one way to log in, and whole", auth.ErrInvalid)
	case l.Role == "" && (c.tokens != nil || has(l.Wrapped)):
		return nil, fmt.Errorf("%w: Login: Role is missing", auth.ErrInvalid)
	case l.Role != "" && !isName(l.Role), !isName(c.mount), !printable(l.RoleID):
		return nil, fmt.Errorf("%w: Login: RoleID, Role or Mount is not a name", auth.ErrInvalid)
	}
	return c, nil
}

// body is what is sent for the next login.
func (l *login) body(ctx context.Context, id auth.Secret) (map[string]string, error) {
	body := map[string]string{}
	switch {
	case l.tokens != nil:
		token, err := l.tokens.Token(ctx)
		if err != nil {
			return nil, side(err)
		}
		body["role"] = l.role
		return body, put(body, "jwt", token)
	case l.roleID != "":
		body["role_id"] = l.roleID
		return body, put(body, "secret_id", id)
	case l.role != "":
		body["name"] = l.role // of the certificate role
	}
	return body, nil
}

// put is where a secret becomes text of a request.
func put(body map[string]string, name string, s auth.Secret) error {
	err := s.Use(func(b []byte) error {
		if !printable(string(b)) {
			return auth.ErrInvalid
		}
		body[name] = string(b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: what to log in with is empty or no line of text", auth.ErrInvalid)
	}
	return nil
}

// logIn is one login: one that nobody uses yet.
func (v *Vault) logIn(ctx context.Context) (*session, error) {
	secret, err := v.unwrap(ctx)
	if err != nil {
		return nil, err
	}
	body, err := v.login.body(ctx, secret)
	if err != nil {
		return nil, err
	}
	a, err := v.client.do(ctx, auth.Secret{}, request{method: http.MethodPost, path: "auth/" + v.login.mount + "/login", body: body})
	if err != nil {
		return nil, err
	}
	defer a.body.wipe()
	if a.status == http.StatusBadRequest { // so Vault refuses a secret id
		return nil, auth.ErrDenied
	}
	if err := a.side(); err != nil {
		return nil, err
	}
	return newSession(a)
}

// unwrap is the secret id, for which the wrapping token is exchanged once.
func (v *Vault) unwrap(ctx context.Context) (auth.Secret, error) {
	l := v.login
	if !has(l.wraps) {
		return l.secret, nil
	}
	select {
	case l.one <- struct{}{}:
		defer func() { <-l.one }()
	case <-ctx.Done():
		return auth.Secret{}, silent(ctx)
	}
	if has(l.secret) {
		return l.secret, nil
	}
	if err := v.made(ctx); err != nil {
		return auth.Secret{}, err
	}
	data, err := v.wrapping(ctx, l.wraps, "unwrap", struct{}{})
	if err != nil {
		return auth.Secret{}, err
	}
	defer data.wipe()
	id := data.get("secret_id")
	if id.kind != text || len(id.text) == 0 {
		return auth.Secret{}, auth.ErrInvalid
	}
	l.secret = auth.NewSecret(bytes.Clone(id.text))
	return l.secret, nil
}

// made says whether the wrapping token was made for this role, before it is used up:
// somebody may have put another one in its place.
func (v *Vault) made(ctx context.Context) error {
	body := map[string]string{}
	if err := put(body, "token", v.login.wraps); err != nil {
		return err
	}
	data, err := v.wrapping(ctx, auth.Secret{}, "lookup", body)
	if err != nil {
		return err
	}
	defer data.wipe()
	path, _ := data.get("creation_path").string()
	if path != "auth/"+v.login.mount+"/role/"+v.login.role+"/secret-id" {
		return fmt.Errorf("%w: the wrapping token was not made for a secret id of this role", auth.ErrDenied)
	}
	return nil
}

func (v *Vault) wrapping(ctx context.Context, token auth.Secret, what string, body any) (node, error) {
	a, err := v.client.do(ctx, token, request{method: http.MethodPost, path: "sys/wrapping/" + what, body: body})
	if err != nil {
		return node{}, err
	}
	if a.status == http.StatusBadRequest {
		return node{}, ErrUnwrapped
	}
	if err := a.side(); err != nil {
		return node{}, err
	}
	e, err := a.envelope()
	return e.data, err
}

func has(s auth.Secret) bool { return s.Use(func([]byte) error { return nil }) == nil }

// printable is ASCII of one line, as ids and tokens are.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
