package witnessaudit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// within is how long one request takes at most.
const within = 10 * time.Second

// maxAnswer is more than a signature line of each kind takes, from several keys.
const maxAnswer = 64 << 10

var (
	errURL      = errors.New("witnessaudit: the URL of a witness is https, or http on a loopback host, without user, query and fragment")
	errTLS      = errors.New("witnessaudit: ClientOptions.TLS verifies nobody")
	errTimeout  = errors.New("witnessaudit: ClientOptions.Timeout is negative")
	errArgument = errors.New("witnessaudit: old size and proof do not belong to the checkpoint")
	errNoClient = errors.New("witnessaudit: the client was not made by NewClient")
)

// ClientOptions of NewClient. Nil means the documented defaults.
type ClientOptions struct {
	TLS     *tls.Config   // nil: the system's roots, and no client certificate
	Timeout time.Duration // of one request; zero: 10 seconds
}

// Client asks one witness. Safe for concurrent use. A zero or nil Client asks nobody.
type Client struct {
	url       *url.URL
	of        *verifier
	timeout   time.Duration
	transport *http.Transport
}

// NewClient asks the witness with that submission prefix, and believes that verifier key, of
// type 0x04. No proxy of the environment is used, and no redirect followed.
func NewClient(prefix, vkey string, o *ClientOptions) (*Client, error) {
	u, err := endpoint(prefix)
	if err != nil {
		return nil, err
	}
	of, err := parseVerifier(vkey)
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = &ClientOptions{}
	}
	if o.Timeout < 0 {
		return nil, errTimeout
	}
	if o.TLS != nil && o.TLS.InsecureSkipVerify && o.TLS.VerifyConnection == nil && o.TLS.VerifyPeerCertificate == nil {
		return nil, errTLS
	}
	c := &Client{url: u.JoinPath(pathAdd), of: of, timeout: o.Timeout, transport: &http.Transport{
		TLSClientConfig: o.TLS.Clone(), DisableCompression: true, MaxConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
	}}
	if c.timeout == 0 {
		c.timeout = within
	}
	return c, nil
}

func endpoint(prefix string) (*url.URL, error) {
	u, err := url.Parse(prefix)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errURL // url's errors quote it
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, errURL
	}
	return u, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Name is that of the witness's key; empty on a zero Client.
func (c *Client) Name() string {
	if c == nil || c.of == nil {
		return ""
	}
	return c.of.name
}

// Close closes connections that are kept for the next request.
func (c *Client) Close() {
	if c != nil && c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// Cosign has a checkpoint cosigned, of which proof shows that it continues a tree of the size
// old (RFC 6962 section 2.1.2). It returns one signature line, with its newline, to be put
// behind those of the checkpoint. It asks once, and [*ConflictError] says with which size
// to ask again. It waits at most until ctx ends, or the client's timeout.
func (c *Client) Cosign(ctx context.Context, checkpoint []byte, old int64, proof [][32]byte) (cosignature []byte, err error) {
	if c == nil || c.of == nil {
		return nil, errNoClient
	}
	s, err := c.cosign(ctx, checkpoint, old, proof)
	if err != nil {
		return nil, err
	}
	return []byte(s.line), nil
}

func (c *Client) cosign(ctx context.Context, checkpoint []byte, old int64, proof [][32]byte) (stamp, error) {
	text, ok := textOf(checkpoint)
	t, whole := parseTree(text)
	if !ok || !whole || len(checkpoint) > maxNote {
		return stamp{}, errMalformed
	}
	if old < 0 || old > t.size || len(proof) > maxProof || old == 0 && len(proof) > 0 {
		return stamp{}, errArgument
	}
	req := request{old: old, note: checkpoint}
	for _, h := range proof {
		req.proof = append(req.proof, tlog.Hash(h))
	}
	status, size, body, err := c.post(ctx, req.bytes())
	if err != nil {
		return stamp{}, err
	}
	switch {
	case status == http.StatusOK:
		return c.accept(text, body)
	case status == http.StatusConflict && size:
		return stamp{}, conflictOf(body, old, t.size)
	case status == http.StatusConflict && old == t.size, status == http.StatusUnprocessableEntity:
		return stamp{}, ErrFork // the former was the answer to another root of that size until version 1.0.0
	case status >= 400 && status <= 499 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return stamp{}, ErrRefused
	}
	return stamp{}, ErrUnavailable
}

// post sends a body once, and reads a bounded answer; size says that it is a tree's size.
func (c *Client) post(ctx context.Context, body []byte) (status int, size bool, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, false, nil, errURL
	}
	r.Header.Set("User-Agent", "carnet")
	// A transport follows no redirect and keeps no cookie. This one has no Proxy.
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return 0, false, nil, absent(ctx)
	}
	defer response.Body.Close()
	text, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // the rest of a longer one is nobody's
	if err != nil {
		return 0, false, nil, absent(ctx)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return response.StatusCode, kind == typeSize, text, nil
}

// absent says why nobody answered; what net/http says has the URL in it.
func absent(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.Join(ErrUnavailable, ctx.Err())
	}
	return ErrUnavailable
}

// conflictOf is what a witness says of the size that it has. Where that is the one that was asked
// from, asking again would change nothing: it has another root of the checkpoint's size, or it
// contradicts itself.
func conflictOf(body []byte, old, size int64) error {
	text, ok := strings.CutSuffix(string(body), "\n")
	n, number := parseSize(text)
	switch {
	case !ok || !number:
		return ErrUnavailable
	case n != old:
		return &ConflictError{n}
	case n == size:
		return ErrFork
	}
	return ErrUnavailable
}

// accept looks for the one cosignature that is worth something here.
func (c *Client) accept(text string, body []byte) (stamp, error) {
	stamps, err := cosignaturesOf(text, body, []*verifier{c.of})
	s, ok := stamps[c.of.id()]
	if err != nil || !ok {
		return stamp{}, ErrCosignature
	}
	if d := time.Now().Unix() - s.time; d > skewSeconds || d < -skewSeconds {
		return stamp{}, ErrCosignature // an old answer, or one for later
	}
	return s, nil
}
