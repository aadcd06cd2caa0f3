package world

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

var (
	errUser   = errors.New("world: no such user")
	errFactor = errors.New("world: the user has no second factor")
	errLogin  = errors.New("world: the provider refused the login")
)

// Token logs a user in with the password alone, through the provider's form, and
// is the ID token for the service.
func (w *World) Token(ctx context.Context, user string) (string, error) {
	u, ok := w.provider.storage.users[user]
	if !ok {
		return "", errUser
	}
	return w.provider.token(ctx, url.Values{"username": {user}, "password": {u.password}})
}

// StepUp logs a user in with a one-time password too, as a challenge asks.
func (w *World) StepUp(ctx context.Context, user string) (string, error) {
	u, ok := w.provider.storage.users[user]
	if !ok {
		return "", errUser
	}
	if u.seed == "" {
		return "", errFactor
	}
	return w.provider.token(ctx, url.Values{"username": {user}, "password": {u.password}, "otp": {u.otp(time.Now())}})
}

// token walks the authorization code flow (RFC 6749, section 4.1, with RFC 7636)
// as browser and as client.
func (p *provider) token(ctx context.Context, typed url.Values) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client)
	config := oauth2.Config{
		ClientID: Audience, ClientSecret: p.storage.client.secret, RedirectURL: redirect, Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{
			AuthURL: p.issuer + "/authorize", TokenURL: p.issuer + "/oauth/token", AuthStyle: oauth2.AuthStyleInHeader,
		},
	}
	state, proof := p.secrets.random(), oauth2.GenerateVerifier()
	p.secrets.keep([]byte(proof))
	code, err := p.browse(ctx, config.AuthCodeURL(state, oauth2.S256ChallengeOption(proof)), state, typed)
	if err != nil {
		return "", err
	}
	p.secrets.keep([]byte(code))
	answer, err := config.Exchange(ctx, code, oauth2.VerifierOption(proof))
	if err != nil {
		return "", errLogin // what oauth2 says quotes the answer
	}
	id, ok := answer.Extra("id_token").(string)
	if !ok {
		return "", errLogin
	}
	p.secrets.keep([]byte(answer.AccessToken), []byte(id))
	return id, nil
}

// browse follows the provider's redirects to its form, posts what was typed, and
// reads the code from the redirect that leads back to the service.
func (p *provider) browse(ctx context.Context, start, state string, typed url.Values) (code string, err error) {
	form, err := p.visit(ctx, http.MethodGet, start, nil)
	if err != nil {
		return "", err
	}
	typed.Set("id", form.Query().Get("id"))
	form.RawQuery = ""
	callback, err := p.visit(ctx, http.MethodPost, form.String(), typed)
	if err != nil {
		return "", err
	}
	back, err := p.visit(ctx, http.MethodGet, callback.String(), nil)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(back.String(), redirect+"?") || back.Query().Get("state") != state {
		return "", errLogin
	}
	return back.Query().Get("code"), nil
}

// visit makes one request and is where its answer redirects to.
func (p *provider) visit(ctx context.Context, method, target string, body url.Values) (*url.URL, error) {
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body.Encode()))
	if err != nil {
		return nil, errLogin
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := p.client.Transport.RoundTrip(r)
	if err != nil {
		return nil, errors.Join(errLogin, ctx.Err())
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusFound {
		return nil, errLogin
	}
	return answer.Location()
}
