package world

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// lifetime of the tokens.
const lifetime = 10 * time.Minute

var errUnknown = errors.New("world: unknown")

// storage is what the provider remembers (op.Storage): users, one client, one key,
// and logins on their way. What neither the code flow nor an exchange needs, it refuses.
type storage struct {
	users    map[string]user
	client   relying
	audience string // that tokens may be exchanged for
	key      signingKey
	mu       sync.Mutex
	pending  map[string]*login // by id
	codes    map[string]string // id, by code
}

func newStorage(audience string, secrets *ledger) (*storage, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	secrets.keep(der)
	return &storage{
		users: newUsers(secrets), client: relying{secrets.random()}, audience: audience, key: signingKey{rand.Text(), key},
		pending: map[string]*login{}, codes: map[string]string{},
	}, nil
}

// login is an authorization request, and who has logged in for it (op.AuthRequest).
type login struct {
	*oidc.AuthRequest
	id, subject, acr string
	amr              []string
	at               time.Time // zero: nobody has
}

func (l *login) GetID() string          { return l.id }
func (l *login) GetACR() string         { return l.acr }
func (l *login) GetAMR() []string       { return l.amr }
func (l *login) GetAudience() []string  { return []string{l.ClientID} }
func (l *login) GetAuthTime() time.Time { return l.at }
func (l *login) GetClientID() string    { return l.ClientID }
func (l *login) GetNonce() string       { return l.Nonce }
func (l *login) GetScopes() []string    { return l.Scopes }
func (l *login) GetSubject() string     { return l.subject }
func (l *login) Done() bool             { return !l.at.IsZero() }
func (l *login) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: l.CodeChallenge, Method: l.CodeChallengeMethod}
}

// login notes who proved himself.
func (s *storage) login(id, name, password, otp string, now time.Time) bool {
	acr, amr, ok := s.users[name].login(password, otp, now)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.pending[id]
	if !ok {
		return false
	}
	done := *l // whoever holds the old one may be reading it
	done.subject, done.acr, done.amr, done.at = s.users[name].subject, acr, amr, now
	s.pending[id] = &done
	return true
}

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest()
	}
	l := &login{AuthRequest: r, id: rand.Text()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending[l.id] = l
	return l, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.pending[id]; ok {
		return l, nil
	}
	return nil, errUnknown
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id, ok := s.codes[code]
	delete(s.codes, code) // a code works once
	s.mu.Unlock()
	if !ok {
		return nil, errUnknown
	}
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(lifetime), nil
}

// SetUserinfoFromScopes says who, and nothing about him: what it sets replaces the
// claims of the ID token, sub included.
func (s *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, _ []string) error {
	info.Subject = subject
	return nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.client.GetID() {
		return nil, errUnknown
	}
	return s.client, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.client.GetID() || !same(s.client.secret, secret) {
		return errUnknown
	}
	return nil
}

// signingKey is one key as op.SigningKey; its public half is an op.Key.
type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

type publicKey struct{ signingKey }

func (k publicKey) Key() any                           { return &k.key.PublicKey }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }
func (s *storage) KeySet(context.Context) ([]op.Key, error)          { return []op.Key{publicKey{s.key}}, nil }
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}
