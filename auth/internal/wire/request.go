package wire

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/internal/netguard"
	"github.com/carnet-go/carnet/mapping"
)

// Call is a declared call. Nothing of it comes from a caller but values.
type Call struct {
	Origin netguard.Origin
	Method string
	Path   string // with {places}
	// Narrower are paths of other operations, which a value in a place must not make of it.
	Narrower []string
}

// other says whether a path that fits is another operation's.
func (c Call) other(path string) bool {
	return slices.ContainsFunc(c.Narrower, func(template string) bool { return netguard.Reaches(template, path) })
}

// Request is the call with a record's fields; false: one of them would make another call
// of it.
func (c Call) Request(ctx context.Context, record mapping.Record) (*http.Request, bool) {
	header, places := http.Header{"User-Agent": {"carnet"}}, map[string]string{}
	var query []string
	for place, value := range record.Fields() {
		switch place.In {
		case mapping.InPath:
			places[place.Name] = value
		case mapping.InQuery:
			query = append(query, url.QueryEscape(place.Name)+"="+url.QueryEscape(value))
		case mapping.InHeader:
			if breaks(value) || !MayHold(place.Name) || header.Get(place.Name) != "" {
				return nil, false
			}
			header.Set(place.Name, value)
		default:
			return nil, false
		}
	}
	path, ok := fill(c.Path, places)
	plain, err := url.PathUnescape(path)
	if !ok || err != nil || c.other(path) {
		return nil, false
	}
	r := &http.Request{
		Method: c.Method,
		URL: &url.URL{
			Scheme: c.Origin.Scheme, Host: c.Origin.Authority(), Path: plain, RawPath: path, RawQuery: strings.Join(query, "&"),
		},
		Header: header,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body := record.Body(); body.Len() > 0 {
		r.Body, r.ContentLength = io.NopCloser(body), int64(body.Len())
		r.Header.Set("Content-Type", "application/json")
	}
	return r.WithContext(ctx), true
}

// Keys remembers why a key could not be had: a mapping says only that it could not.
type Keys struct {
	Of  mapping.KeySource // nil: there is nobody to lend keys
	Err error
}

// UseKey implements mapping.KeySource.
func (k *Keys) UseKey(ctx context.Context, name string, use func(version string, key []byte) error) error {
	if k.Of == nil {
		return mapping.ErrNoKey
	}
	k.Err = k.Of.UseKey(ctx, name, use)
	return k.Err
}

// Canonical is all that a record says, each part with its length.
func Canonical(record mapping.Record) []byte {
	var all []byte
	for place, value := range record.Fields() {
		for _, part := range []string{place.In, place.Name, value} {
			all = append(binary.AppendUvarint(all, uint64(len(part))), part...)
		}
	}
	body := record.Body()
	rest := make([]byte, body.Len())
	_, _ = body.Read(rest)
	return append(all, rest...)
}

// fill puts values into a template, each as one segment. What cannot be one is refused,
// not escaped until it looks like one.
func fill(template string, places map[string]string) (string, bool) {
	segments := strings.Split(template, "/")
	for i, segment := range segments {
		name, isPlace := strings.CutPrefix(segment, "{")
		if !isPlace {
			continue
		}
		value, ok := places[strings.TrimSuffix(name, "}")]
		if !ok {
			return "", false
		}
		segments[i] = url.PathEscape(value)
	}
	path := strings.Join(segments, "/")
	return path, netguard.MatchPath(template, path)
}

// Guard is somebody else's request as it may leave: the declared call and nothing else.
// Body and query are only for what is opaque.
func (c Call) Guard(ctx context.Context, r *http.Request, opaque bool) (*http.Request, bool) {
	origin, err := netguard.ParseOrigin(r.URL.Scheme + "://" + r.URL.Host)
	if err != nil || origin != c.Origin || r.URL.User != nil || r.URL.Opaque != "" {
		return nil, false
	}
	if r.Host != "" && r.Host != r.URL.Host {
		return nil, false
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	if path := r.URL.EscapedPath(); method != c.Method || !netguard.MatchPath(c.Path, path) || c.other(path) {
		return nil, false
	}
	body := r.Body != nil && r.Body != http.NoBody
	if !body && r.ContentLength > 0 || !cleanQuery(r.URL.RawQuery) {
		return nil, false
	}
	if !opaque && (body || r.URL.RawQuery != "" || r.URL.ForceQuery) {
		return nil, false
	}
	header, ok := Header(r.Header, opaque)
	if !ok || len(r.Trailer) > 0 {
		return nil, false
	}
	out := &http.Request{
		Method: method, URL: &url.URL{Scheme: origin.Scheme, Host: origin.Authority(), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
		Header: header, Body: r.Body, ContentLength: r.ContentLength,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return out.WithContext(ctx), true
}

// cleanQuery says whether a query is what it looks like: a space would end the
// request line.
func cleanQuery(q string) bool {
	for i := range len(q) {
		if q[i] <= ' ' || q[i] > '~' || q[i] == '#' {
			return false
		}
	}
	return true
}

// MayHold says whether a field of data may stand in a header of that name: not one that
// is a credential, or that says where a request goes and how it is framed.
func MayHold(name string) bool {
	canonical := http.CanonicalHeaderKey(name)
	return canonical != "" && !strings.Contains(name, "_") && !slices.Contains(taken, canonical) && !slices.Contains(usual, canonical) &&
		canonical != "Content-Type" && !strings.HasPrefix(canonical, "Content-") &&
		!strings.HasPrefix(canonical, "Proxy-") && !strings.HasPrefix(canonical, "X-Forwarded-")
}
