package wire

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Side is the class of failure that an answer is; empty: the call is done. A redirect is
// refused: the place that it names was declared by nobody. Refused is that the credential
// was not accepted; where that is not said by 401, a call that must not be made twice may
// have been made.
func Side(status int, refused, readOnly, once bool) string {
	switch {
	case refused && status < 400 && once, status >= 500 && !readOnly && status != http.StatusServiceUnavailable:
		return "unknown"
	case refused && status < 400, status == http.StatusUnauthorized:
		return "expired"
	case status >= 200 && status < 300:
		return ""
	case status < 400:
		if !readOnly && status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect {
			return "unknown" // 303 says that it was done
		}
		return "undeclared"
	case status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return "denied"
	case status == http.StatusTooManyRequests:
		return "throttled"
	case status == http.StatusServiceUnavailable && once:
		return "unknown" // gateways say so when a server died under the request
	case status < 500:
		return "invalid"
	}
	return "unavailable"
}

// Challenge asks for another login (RFC 9470, section 3).
func Challenge(acr []string, age time.Duration) string {
	challenge := `Bearer error="insufficient_user_authentication"`
	if len(acr) > 0 {
		challenge += `, acr_values="` + strings.Join(acr, " ") + `"`
	}
	if age > 0 {
		challenge += `, max_age="` + strconv.FormatInt(int64(age/time.Second), 10) + `"`
	}
	return challenge
}

// Undescribed leaves of an answer what is nobody's data: the status, and when to come
// again.
func Undescribed(r *http.Response) {
	r.Body.Close()
	r.Body, r.ContentLength = http.NoBody, 0
	kept := http.Header{}
	for _, name := range []string{"Allow", "Date", "Retry-After"} {
		if values := r.Header.Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	r.Header = kept
}
