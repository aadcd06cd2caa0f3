package wire

import (
	"net/http"
	"slices"
	"strings"
)

// taken are headers that are taken off: credentials of the inbound side, what only
// one hop may say, what a proxy would believe, and what would make another request of
// this one. No such list is complete: an opaque request is what its reason says.
var taken = []string{
	"Authorization", "Cookie", "Cookie2", "Dpop", "Txn-Token", "Www-Authenticate", "X-Api-Key", "X-Auth-Token", "X-Vault-Token",
	"Client-Cert", "Client-Cert-Chain", "Private-Token", "X-Amz-Security-Token", "X-Remote-User", "Remote-User",
	"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length",
	"Forwarded", "Via", "X-Real-Ip", "True-Client-Ip",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url",
}

// usual are headers that clients set by themselves. Where the data is described they
// are taken off too, because they could carry any.
var usual = []string{"Accept", "Accept-Language", "Accept-Encoding", "User-Agent"}

// Header is what may leave of a caller's headers; false: one of them may not, and
// must not be dropped silently either. Opaque says that the request's data was
// declared as nobody's business.
func Header(in http.Header, opaque bool) (out http.Header, ok bool) {
	out = http.Header{}
	for name, values := range in {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case slices.Contains(taken, canonical), strings.HasPrefix(canonical, "Proxy-"), strings.HasPrefix(canonical, "X-Forwarded-"):
		case strings.Contains(name, "_"): // some servers read X_Actor as X-Actor
			return nil, false
		case !opaque && slices.Contains(usual, canonical):
		case !opaque || slices.ContainsFunc(values, breaks):
			return nil, false
		default:
			out[canonical] = slices.Clone(values)
		}
	}
	if out.Get("User-Agent") == "" {
		out.Set("User-Agent", "carnet")
	}
	return out, true
}

// breaks says whether a value would be more than one header's.
func breaks(value string) bool { return strings.ContainsAny(value, "\r\n\x00") }

// Bearer is the token in the one Authorization header (RFC 6750, section 2.1).
func Bearer(h http.Header) (token string, ok bool) {
	values := h["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}
