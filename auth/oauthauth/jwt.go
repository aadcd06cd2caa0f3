package oauthauth

import (
	"encoding/base64"
	"strings"
)

// jwt is what a token says of itself. Nobody verified it here: it can only refuse.
type jwt struct {
	typ    string
	claims object // nil: the token is opaque
}

// parse tells a JWT in compact form from what is opaque; false: one that two readers
// could understand differently.
func parse(token string) (jwt, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return jwt{}, true
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || !strings.HasPrefix(strings.TrimSpace(string(head)), "{") {
		return jwt{}, true
	}
	header, okH := read(head)
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	claims, okC := read(body)
	if !okH || err != nil || !okC {
		return jwt{}, false
	}
	typ, _ := header["typ"].(string)
	return jwt{typ, claims}, true
}

// text is a claim that is text; empty: it is none.
func (j jwt) text(name string) string {
	s, _ := j.claims[name].(string)
	return s
}
