package vaulttest

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// hashiEntry is a role of a method other than AppRole.
type hashiEntry struct {
	hashiTerms
	name        string
	accepts     func(jwt string) bool // of jwt and kubernetes
	certificate *x509.Certificate     // of cert
}

// JWTRole adds a role of the method jwt, mounted there: "jwt" is its usual mount. accepts
// stands for signature and claims; several goroutines may call it. The rest is as for
// AppRole: what the role may read, and how long its tokens last.
func (h *Hashi) JWTRole(mount, name string, ttl, most time.Duration, accepts func(jwt string) bool, paths ...string) {
	h.add("jwt", mount, ttl, most, paths, &hashiEntry{name: name, accepts: accepts})
}

// KubernetesRole adds a role of the method kubernetes, which takes the token of a service
// account. The rest is as for JWTRole.
func (h *Hashi) KubernetesRole(mount, name string, ttl, most time.Duration, accepts func(jwt string) bool, paths ...string) {
	h.add("kubernetes", mount, ttl, most, paths, &hashiEntry{name: name, accepts: accepts})
}

// CertRole adds a role of the method cert: for whoever shows that certificate, or, where
// it is that of a CA, one for clients that it has issued. The rest is as for AppRole.
func (h *Hashi) CertRole(mount, name string, ttl, most time.Duration, certificate *x509.Certificate, paths ...string) {
	h.add("cert", mount, ttl, most, paths, &hashiEntry{name: name, certificate: certificate})
}

func (h *Hashi) add(kind, mount string, ttl, most time.Duration, paths []string, e *hashiEntry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.hashiTerms = h.terms(e.name, ttl, most, paths)
	h.methods[mount], h.entries[mount+"/"+e.name] = kind, e
}

// enter is a login by one of them; false: it is none.
func (h *Hashi) enter(c hashiCall) (hashiReply, bool) {
	mount, login := strings.CutSuffix(c.path, "/login")
	mount, auth := strings.CutPrefix(mount, "auth/")
	kind := h.methods[mount]
	switch {
	case !login || !auth:
		return hashiReply{}, false
	case kind == "cert":
		return h.byCertificate(c, mount), true
	case kind == "jwt", kind == "kubernetes":
		return h.byJWT(c, kind, mount), true
	}
	return hashiReply{}, false
}

// byJWT asks whether the JWT is accepted without the lock.
func (h *Hashi) byJWT(c hashiCall, kind, mount string) hashiReply {
	name, jwt := c.word("role"), c.word("jwt")
	e := h.entries[mount+"/"+name]
	switch {
	case name == "":
		return refuse(http.StatusBadRequest, "missing role")
	case e == nil && kind == "kubernetes":
		return refuse(http.StatusBadRequest, fmt.Sprintf("invalid role name %q", name))
	case e == nil:
		return refuse(http.StatusBadRequest, fmt.Sprintf("role %q could not be found", name))
	}
	return hashiReply{then: func(context.Context) hashiReply {
		switch ok := e.accepts(jwt); {
		case !ok && kind == "kubernetes":
			return refuse(http.StatusForbidden, "permission denied")
		case !ok:
			return refuse(http.StatusBadRequest, "error validating token: invalid signature or claims")
		}
		t := &hashiToken{path: c.path, meta: map[string]any{"role": name}}
		who := subject(jwt)
		if kind == "kubernetes" {
			who = t.account(who)
		}
		t.display = strings.TrimSuffix(strings.ReplaceAll(mount, "/", "-")+"-"+who, "-")
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.admit(e.hashiTerms, t)
	}}
}

// subject is what a JWT says of whom it is for; empty: it is none.
func subject(jwt string) string {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return ""
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct{ Sub string }
	if err != nil || json.Unmarshal(claims, &said) != nil {
		return ""
	}
	return said.Sub
}

// account notes the service account that is the subject, and is its display name.
func (t *hashiToken) account(subject string) string {
	namespace, name, ok := strings.Cut(strings.TrimPrefix(subject, "system:serviceaccount:"), ":")
	if !ok {
		namespace, name = "default", "default"
	}
	t.meta["service_account_namespace"], t.meta["service_account_name"] = namespace, name
	t.meta["service_account_uid"], t.meta["service_account_secret_name"] = uuid(), ""
	return namespace + "-" + name
}

// byCertificate takes the role that is named, or the first that the certificate matches.
func (h *Hashi) byCertificate(c hashiCall, mount string) hashiReply {
	named := c.word("name")
	for path, e := range h.entries {
		if path != mount+"/"+e.name || named != "" && named != e.name || e.refuses(c.peer, h.now()) != "" {
			continue
		}
		return h.admit(e.hashiTerms, &hashiToken{path: c.path, display: strings.ReplaceAll(mount, "/", "-") + "-" + e.name, entry: e, meta: map[string]any{
			"cert_name": e.name, "common_name": c.peer.Subject.CommonName, "serial_number": c.peer.SerialNumber.String(),
			"subject_key_id": colons(c.peer.SubjectKeyId), "authority_key_id": colons(c.peer.AuthorityKeyId),
		}})
	}
	return refuse(http.StatusBadRequest, noCertificate(c.peer))
}

func noCertificate(shown *x509.Certificate) string {
	if shown == nil {
		return "client certificate must be supplied"
	}
	return "invalid certificate or no client certificate supplied"
}

// refuses says why a certificate that was shown is not one of the role; empty: it is, or
// the role is of another method.
func (e *hashiEntry) refuses(shown *x509.Certificate, now time.Time) string {
	switch {
	case e == nil:
		return ""
	case shown == nil:
		return noCertificate(nil)
	case shown.Equal(e.certificate):
		return ""
	}
	roots := x509.NewCertPool()
	roots.AddCert(e.certificate)
	o := x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := shown.Verify(o); err != nil || !e.certificate.IsCA {
		return noCertificate(shown)
	}
	return ""
}
