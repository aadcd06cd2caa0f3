package oidcauth

import "github.com/carnet-go/carnet/auth/internal/strictjson"

import "strings"

// Bounds of what is presented.
const (
	maxToken = 16 << 10
	maxText  = 255 // of a name, in bytes; OpenID Connect Core, section 2, has it for sub
)

// token is a JWS in compact form (RFC 7515, section 7.1), taken apart, not verified.
type token struct {
	raw       string
	header    header
	signed    []byte
	payload   []byte
	signature []byte
}

// header is what is read of a JOSE header.
type header struct {
	alg    string
	key    string // kid; empty: none
	access bool   // typ says that it is an access token; otherwise it is JWT or absent
}

func parseToken(raw string) (token, error) {
	head, rest, _ := strings.Cut(raw, ".")
	body, sig, ok := strings.Cut(rest, ".")
	if !ok {
		return token{}, errToken
	}
	h, okH := decode(head)
	payload, okP := decode(body)
	signature, okS := decode(sig)
	if !okH || !okP || !okS || len(signature) == 0 {
		return token{}, errToken
	}
	t := token{raw: raw, signed: []byte(raw[:len(head)+1+len(body)]), payload: payload, signature: signature}
	var err error
	t.header, err = parseHeader(string(h))
	return t, err
}

// parseHeader refuses keys and places of keys that the token itself brings, and
// whatever a verifier would have to understand (crit, b64, nested tokens).
func parseHeader(s string) (header, error) {
	v, ok := strictjson.Read(s)
	if !ok || !v.Distinct("alg", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5u", "x5c") ||
		v.Has("cty", "crit", "b64", "jwk", "jku", "x5u", "x5c") {
		return header{}, errHeader
	}
	alg, ok := v.Get("alg")
	if !ok || alg.Kind != strictjson.Text {
		return header{}, errHeader
	}
	h := header{alg: alg.Text}
	if h.key, ok = optional(v, "kid"); !ok {
		return header{}, errHeader
	}
	typ, ok := optional(v, "typ")
	if !ok {
		return header{}, errType
	}
	switch strings.ToLower(typ) { // a media type: RFC 7515, section 4.1.9
	case "at+jwt", "application/at+jwt": // RFC 9068, section 4
		h.access = true
	case "jwt", "":
	default:
		return header{}, errType
	}
	return h, nil
}

// printable is a name that can stand in a log: ASCII, not empty, not long.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}

// word is printable without space, quotes and backslash: what audit.Event takes as
// issuer, scope, acr and amr.
func word(s string) bool { return printable(s) && !strings.ContainsAny(s, " \"'`\\") }
