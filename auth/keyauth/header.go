package keyauth

import (
	"context"
	"fmt"
	"net/textproto"
	"strings"

	"github.com/carnet-go/carnet/auth"
)

// Header puts a key into a header.
type Header struct {
	Name   string      // such as X-Api-Key
	Prefix string      // such as "Bearer "; empty: none
	Source auth.Source // field key
}

// Check says whether a header of that name may hold a key: not one that says where a
// request goes, how it is framed, or who else handled it.
func (h Header) Check() error {
	switch {
	case h.Source == nil:
		return fmt.Errorf("%w: Header.Source is nil", auth.ErrInvalid)
	case !token(h.Name) || reserved(strings.ToLower(h.Name)):
		return fmt.Errorf("%w: Header.Name is not a header that may hold a key", auth.ErrInvalid)
	case !printable(h.Prefix) || strings.HasPrefix(h.Prefix, " "):
		return fmt.Errorf("%w: Header.Prefix is not the beginning of a header value", auth.ErrInvalid)
	}
	return nil
}

// Translate yields an auth.Applier.
func (h Header) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if h.Check() != nil {
		return nil, auth.ErrInvalid
	}
	return lend(ctx, h.Source, n, textproto.CanonicalMIMEHeaderKey(h.Name), h.value)
}

func (h Header) value(l *auth.Lease) (value string, err error) {
	err = use(l, "key", func(b []byte) error {
		value = h.Prefix + string(b)
		return nil
	})
	return value, err
}

// token is what a header may be called (RFC 9110, section 5.1).
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// reserved headers mean something to net/http or to those on the way.
func reserved(name string) bool {
	switch name {
	case "host", "cookie", "cookie2", "set-cookie", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
		"via", "forwarded", "date", "range", "accept-encoding", "idempotency-key", "x-idempotency-key",
		"x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url", "x-real-ip":
		return true
	}
	for _, prefix := range []string{"proxy-", "content-", "x-forwarded-", "sec-", "if-", "access-control-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
