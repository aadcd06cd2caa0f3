package wire

import (
	"net/http"
	"slices"
	"strings"
)

// taken are headers that are taken off: credentials of the inbound side, what only
// one hop may say, and what a proxy would believe.
var taken = []string{
	"Authorization", "Cookie", "Cookie2", "Dpop", "Txn-Token", "Www-Authenticate", "X-Api-Key", "X-Vault-Token",
	"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length",
	"Forwarded", "Via", "X-Real-Ip",
}

// allowed are headers of requests whose data nobody described as opaque: none of
// them can carry a value of the caller's.
var allowed = []string{"Accept", "Accept-Language", "Accept-Encoding", "User-Agent"}

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
		case opaque || slices.Contains(allowed, canonical):
			out[canonical] = slices.Clone(values)
		default:
			return nil, false
		}
	}
	if !opaque && out.Get("User-Agent") == "" {
		out.Set("User-Agent", "carnet")
	}
	return out, true
}
