package world

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// redirect is where the provider sends a browser back to. Nothing listens there:
// the code is read from the address.
const redirect = "https://hr.acme.example/callback"

// relying is the service as the provider knows it: a confidential client of the
// authorization code flow and of token exchange (op.Client).
type relying struct{ secret string }

func (relying) GetID() string                       { return Audience }
func (relying) RedirectURIs() []string              { return []string{redirect} }
func (relying) PostLogoutRedirectURIs() []string    { return nil }
func (relying) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (relying) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (relying) ResponseTypes() []oidc.ResponseType  { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (relying) LoginURL(id string) string           { return "/login?id=" + id }
func (relying) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (relying) IDTokenLifetime() time.Duration      { return lifetime }
func (relying) DevMode() bool                       { return false }
func (relying) IsScopeAllowed(string) bool          { return false }
func (relying) ClockSkew() time.Duration            { return 0 }

func (relying) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeTokenExchange}
}

func (relying) IDTokenUserinfoClaimsAssertion() bool { return false }

func (relying) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (relying) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
