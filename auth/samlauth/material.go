package samlauth

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// material is the cookies of an open session. The key has been given back.
type material struct {
	cookies auth.Secret
	expires time.Time
	lease   string
	opaque  bool // the operation's answer may be anything, a page too
}

// Expires implements auth.Material: with the grant, the lease of the key or the first of
// the cookies.
func (m *material) Expires() time.Time { return m.expires }

// Credential implements auth.Material.
func (m *material) Credential() string { return m.lease }

// Apply implements auth.Applier.
func (m *material) Apply(r *http.Request) error {
	if !time.Now().Before(m.expires) {
		return auth.ErrExpired
	}
	return m.cookies.Use(func(b []byte) error {
		if r.Header == nil {
			r.Header = http.Header{}
		}
		// net/http sends each key of the map, and servers fold them into one name.
		for name := range r.Header {
			if strings.EqualFold(name, "Cookie") {
				delete(r.Header, name)
			}
		}
		r.Header["Cookie"] = []string{string(b)}
		return nil
	})
}

// Refused says whether the session has gone: service providers then ask for a login, or
// send to where one can be had.
func (m *material) Refused(r *http.Response) bool {
	switch r.StatusCode {
	case http.StatusUnauthorized, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect:
		return true
	}
	is, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return !m.opaque && r.StatusCode < 300 && (is == "text/html" || is == "application/xhtml+xml")
}
