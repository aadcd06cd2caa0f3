package world

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// hub takes events, and as a proof access tokens that its provider issued for it and
// for nobody else.
type hub struct {
	issuer, audience string
	client           *http.Client
}

func newHub(issuer, audience string, client *http.Client) http.Handler {
	h := hub{issuer, audience, client}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", func(w http.ResponseWriter, r *http.Request) {
		subject := h.who(r)
		if subject == "" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		as(r, subject)
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// delegated are the claims of a token that an exchange has made (RFC 8693, section 4).
type delegated struct {
	jwt.Claims
	Client string `json:"client_id"`
	Actor  struct {
		Subject string `json:"sub"`
	} `json:"act"`
}

// who is the subject of the token, and who acts for it; empty: the token is no good.
func (h hub) who(r *http.Request) string {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || scheme != "Bearer" {
		return ""
	}
	keys, err := h.keys(r.Context())
	if err != nil {
		return ""
	}
	var c delegated
	if err := token.Claims(keys, &c); err != nil {
		return ""
	}
	now := time.Now()
	if c.ValidateWithLeeway(jwt.Expected{Issuer: h.issuer, Time: now}, 0) != nil || c.Expiry == nil {
		return ""
	}
	if len(c.Audience) != 1 || c.Audience[0] != h.audience || c.Actor.Subject == "" || c.Subject == "" {
		return ""
	}
	return c.Subject + " through " + c.Actor.Subject
}

// keys are those of the provider, asked for each time.
func (h hub) keys(ctx context.Context) (*jose.JSONWebKeySet, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.issuer+"/keys", nil)
	if err != nil {
		return nil, err
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	keys := new(jose.JSONWebKeySet)
	return keys, json.NewDecoder(answer.Body).Decode(keys)
}
