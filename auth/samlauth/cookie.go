package samlauth

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/netguard"
)

// How much of it is a session: more than browsers keep is not.
const (
	mostCookies  = 50
	longestLines = 8 << 10 // bytes, in all
	longestAge   = 366 * 24 * 60 * 60
)

// way is from whom cookies come, and to where they would go (RFC 6265).
type way struct {
	from     netguard.Origin
	fromPath string
	to       netguard.Origin
	toPath   string // with {places}: a path of a cookie that reaches into one does not match
}

func between(system auth.System, path string) (w way, err error) {
	if w.from, w.fromPath, err = netguard.ParseEndpoint(system.Endpoints[acs]); err != nil {
		return w, err
	}
	w.to, err = netguard.ParseOrigin(system.Origin)
	w.toPath = path
	return w, err
}

// cookies are those that are sent, the longest path first.
type cookies []cookie

type cookie struct {
	name, value, domain, path string
	ends                      time.Time // zero: with the session
}

// keep is what a browser would send to the operation, from what it was told in answer
// to the sign-in.
func (w way) keep(lines []string, at time.Time) (cookies, error) {
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	if len(lines) > mostCookies || size > longestLines {
		return nil, auth.ErrInvalid
	}
	var kept cookies
	for _, line := range lines {
		said, err := http.ParseSetCookie(line)
		if err != nil {
			continue // as browsers do
		}
		c, ok := w.read(said, at)
		if !ok {
			continue
		}
		kept = slices.DeleteFunc(kept, func(old cookie) bool {
			return old.name == c.name && old.domain == c.domain && old.path == c.path
		})
		if c.value != "" && (c.ends.IsZero() || c.ends.After(at)) {
			kept = append(kept, c)
		}
	}
	slices.SortStableFunc(kept, func(a, b cookie) int { return len(b.path) - len(a.path) })
	return kept, nil
}

// read is a cookie that may have been set there, and goes here.
func (w way) read(said *http.Cookie, at time.Time) (c cookie, ok bool) {
	c = cookie{name: said.Name, value: said.Value, domain: strings.ToLower(strings.TrimPrefix(said.Domain, ".")), path: said.Path}
	if said.Quoted {
		c.value = `"` + c.value + `"`
	}
	if !strings.HasPrefix(c.path, "/") {
		c.path = w.fromPath[:max(1, strings.LastIndexByte(w.fromPath, '/'))]
	}
	c.ends = said.Expires
	if said.MaxAge != 0 { // goes before Expires; net/http says -1 for 0 and for what is negative
		c.ends = at.Add(time.Duration(min(said.MaxAge, longestAge)) * time.Second)
	}
	return c, prefixed(said) && w.hosts(c.domain) && within(w.toPath, c.path) && !(said.Secure && w.to.Scheme != "https")
}

// prefixed holds a cookie to what its name promises (RFC 6265bis, section 4.1.3).
func prefixed(c *http.Cookie) bool {
	name := strings.ToLower(c.Name)
	switch {
	case strings.HasPrefix(name, "__secure-"):
		return c.Secure
	case strings.HasPrefix(name, "__host-"):
		return c.Secure && c.Domain == "" && c.Path == "/"
	}
	return true
}

// hosts says whether a cookie of the domain may come from there and goes here. Without
// one it goes back to the same host. A domain of one label is nobody's.
func (w way) hosts(domain string) bool {
	if w.from.Host == w.to.Host && (domain == "" || domain == w.to.Host) {
		return true
	}
	return strings.Contains(domain, ".") && below(w.from.Host, domain) && below(w.to.Host, domain)
}

// open says whether any cookie goes this way.
func (w way) open() bool {
	for domain := w.from.Host; domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		if w.hosts(domain) {
			return true
		}
	}
	return false
}

func below(host, domain string) bool {
	return host == domain || net.ParseIP(host) == nil && strings.HasSuffix(host, "."+domain)
}

// within is path-match (RFC 6265, section 5.1.4).
func within(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(of, "/"))
}

// session is the material that has the cookies, if they are one.
func (all cookies) session(needed []string, from minted, opaque bool) (auth.Material, error) {
	var pairs []string
	for _, c := range all {
		pairs = append(pairs, c.name+"="+c.value)
		if !c.ends.IsZero() && c.ends.Before(from.expires) {
			from.expires = c.ends
		}
	}
	for _, name := range needed {
		if !slices.ContainsFunc(all, func(c cookie) bool { return c.name == name }) {
			return nil, auth.ErrDenied
		}
	}
	if len(pairs) == 0 {
		return nil, auth.ErrDenied
	}
	return &material{auth.NewSecret([]byte(strings.Join(pairs, "; "))), from.expires, from.lease, opaque}, nil
}
