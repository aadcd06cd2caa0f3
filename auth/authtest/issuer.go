package authtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	issuerURL     = "https://carnet.invalid"
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/keys"
	tokenLife     = 5 * time.Minute
	coordinate    = 32 // bytes of a coordinate of P-256
)

var errElsewhere = errors.New("authtest: this client reaches the test issuer only")

// Issuer is an OpenID provider below https://carnet.invalid, a name that resolves
// nowhere (RFC 6761): verifiers refuse it without InsecureTestIssuer. It signs with
// ES256 whatever it is given. Safe for concurrent use.
type Issuer struct {
	mu      sync.Mutex
	key     *ecdsa.PrivateKey
	id      int
	answer  http.RoundTripper
	fetches int
}

// NewIssuer needs no test, so that a demonstration can run one.
func NewIssuer() (*Issuer, error) {
	i := &Issuer{}
	return i, i.Rotate()
}

// URL is iss.
func (i *Issuer) URL() string { return issuerURL }

// Client reaches the issuer, and nothing else, without a network.
func (i *Issuer) Client() *http.Client { return &http.Client{Transport: endpoints{i}} }

// Rotate replaces the key: what it signed before is no longer vouched for.
func (i *Issuer) Rotate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return errors.New("authtest: no key")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
	i.id++
	return nil
}

// AnswerKeys lets with answer for the keys, well or badly; nil: the issuer itself.
func (i *Issuer) AnswerKeys(with http.RoundTripper) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = with
}

// Fetches is how often the keys were asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// Token is an ID token. iss, iat and exp (5 minutes) are added where they are
// missing; a claim that is nil is left out.
func (i *Issuer) Token(claims map[string]any) (string, error) { return i.TokenAs("JWT", claims) }

// TokenAs is a token of another type, such as at+jwt (RFC 9068); empty: none is said.
func (i *Issuer) TokenAs(typ string, claims map[string]any) (string, error) {
	i.mu.Lock()
	key, id := i.key, i.id
	i.mu.Unlock()
	if key == nil {
		return "", errors.New("authtest: the issuer was not made by NewIssuer")
	}
	header := map[string]any{"alg": "ES256", "kid": strconv.Itoa(id)}
	if typ != "" {
		header["typ"] = typ
	}
	now := time.Now()
	all := map[string]any{"iss": issuerURL, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return sign(key, header, all)
}

func sign(key *ecdsa.PrivateKey, header, claims map[string]any) (string, error) {
	h, errH := json.Marshal(header)
	c, errC := json.Marshal(claims)
	if errH != nil || errC != nil {
		return "", errors.New("authtest: claims that are no JSON")
	}
	signed := encode(h) + "." + encode(c)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", errors.New("authtest: no signature")
	}
	signature := make([]byte, 2*coordinate)
	r.FillBytes(signature[:coordinate])
	s.FillBytes(signature[coordinate:])
	return signed + "." + encode(signature), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// endpoints are the issuer's as a http.RoundTripper.
type endpoints struct{ i *Issuer }

func (e endpoints) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.URL.Scheme+"://"+r.URL.Host != issuerURL {
		return nil, errElsewhere
	}
	switch r.URL.Path {
	case discoveryPath:
		return answer(r, map[string]any{
			"issuer": issuerURL, "jwks_uri": issuerURL + keysPath, "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	case keysPath:
		return e.keys(r)
	default:
		return respond(r, http.StatusNotFound, nil), nil
	}
}

func (e endpoints) keys(r *http.Request) (*http.Response, error) {
	e.i.mu.Lock()
	e.i.fetches++
	with, public, id := e.i.answer, &e.i.key.PublicKey, e.i.id
	e.i.mu.Unlock()
	if with != nil {
		return with.RoundTrip(r)
	}
	point, err := public.Bytes() // 4, x, y
	if err != nil {
		return nil, errElsewhere
	}
	return answer(r, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": strconv.Itoa(id),
		"x": encode(point[1 : 1+coordinate]), "y": encode(point[1+coordinate:]),
	}}})
}

func answer(r *http.Request, v any) (*http.Response, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return respond(r, http.StatusOK, body), nil
}

func respond(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}
}
