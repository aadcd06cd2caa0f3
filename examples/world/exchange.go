package world

import (
	"context"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// What op.TokenExchangeStorage asks for: the service may turn a token that was issued
// to it into one for a system that this provider knows, for the same subject.

// ValidateTokenExchangeRequest lets the service act for somebody, and nobody be
// impersonated.
func (s *storage) ValidateTokenExchangeRequest(_ context.Context, r op.TokenExchangeRequest) error {
	if r.GetRequestedTokenType() == "" {
		r.SetRequestedTokenType(oidc.AccessTokenType)
	}
	other := func(target string) bool { return target != s.audience }
	if len(r.GetAudience()) != 1 || slices.ContainsFunc(append(r.GetAudience(), r.GetResourses()...), other) {
		return oidc.ErrInvalidTarget()
	}
	if r.GetExchangeActor() != "" || !issuedTo(r.GetClientID(), r.GetExchangeSubjectTokenClaims()) {
		return oidc.ErrInvalidRequest()
	}
	r.SetCurrentScopes(nil)
	return nil
}

// issuedTo says whether the client is in the token's audience.
func issuedTo(client string, claims map[string]any) bool {
	switch aud := claims["aud"].(type) {
	case string:
		return aud == client
	case []any:
		return slices.Contains(aud, any(client))
	}
	return false
}

func (s *storage) CreateTokenExchangeRequest(context.Context, op.TokenExchangeRequest) error {
	return nil
}

// GetPrivateClaimsFromTokenExchangeRequest says who acts for the subject (RFC 8693,
// section 4.1).
func (s *storage) GetPrivateClaimsFromTokenExchangeRequest(_ context.Context, r op.TokenExchangeRequest) (map[string]any, error) {
	return map[string]any{"act": map[string]any{"sub": r.GetClientID()}}, nil
}

func (s *storage) SetUserinfoFromTokenExchangeRequest(context.Context, *oidc.UserInfo, op.TokenExchangeRequest) error {
	return oidc.ErrUnsupportedGrantType()
}
