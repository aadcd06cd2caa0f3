package wire_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth/internal/wire"
)

// TestCertificatesThatWereShown, and believed, by the origin, on connections of either kind and on
// those of what speaks TLS by itself.
func TestCertificatesThatWereShown(t *testing.T) {
	far := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // its certificate is of example.com too
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	call := func(line *wire.Line, once bool) error {
		r, _ := http.NewRequest(http.MethodGet, far.URL, nil)
		response, err := line.RoundTrip(r, once)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	for name, c := range map[string]struct {
		do    func(*wire.Line) error
		roots *x509.CertPool
		shown bool
		works bool
	}{
		"pooled": {func(l *wire.Line) error { return call(l, false) }, roots, true, true},
		"once":   {func(l *wire.Line) error { return call(l, true) }, roots, true, true},
		"by itself": {func(l *wire.Line) error {
			conn, err := l.Dial(t.Context(), far.Listener.Addr().String())
			if err != nil {
				return err
			}
			defer conn.Close()
			return tls.Client(conn, l.TLS("example.com")).HandshakeContext(t.Context())
		}, roots, true, true},
		"another's, at an endpoint": {func(l *wire.Line) error {
			response, err := l.Endpoints(map[string]string{"token": far.URL + "/token"}, func() error { return nil }).Get(far.URL + "/token")
			if err == nil {
				response.Body.Close()
			}
			return err
		}, roots, false, true},
		"not believed": {func(l *wire.Line) error { return call(l, false) }, x509.NewCertPool(), false, false},
	} {
		line, err := wire.NewLine([]string{"127.0.0.0/8"}, c.roots)
		if err != nil {
			t.Fatal(err)
		}
		defer line.Close()
		if err := c.do(line); (err == nil) != c.works {
			t.Errorf("%s: %v", name, err)
		}
		from, until := line.Certificate()
		if c.shown != until.Equal(far.Certificate().NotAfter) || !c.shown && (!from.IsZero() || !until.IsZero()) {
			t.Errorf("%s: has shown one, %v to %v", name, from, until)
		}
	}
}

// TestTimesOfCertificates are those of the last one, as the log takes them: another would
// cost the outcome of the call.
func TestTimesOfCertificates(t *testing.T) {
	line, err := wire.NewLine(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	year := func(n int) time.Time { return time.Date(n, 1, 2, 3, 4, 5, 0, time.UTC) }
	none, first := time.Time{}, time.Unix(1, 0)
	for _, c := range []struct{ from, until, wantFrom, wantUntil time.Time }{
		{year(1971), year(9999), year(1971), year(9999)},
		{year(1969), year(2100), first, year(2100)},
		{time.Unix(0, 0), year(2101), first, year(2101)}, // as those of net/http/httptest
		{first, year(2102), first, year(2102)},
		{year(2000), year(10000), none, none},
		{year(1969), year(10000), none, none},
		{year(2000), time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)), none, none}, // which is the next year in UTC
	} {
		shown := tls.ConnectionState{ServerName: "crm.example", PeerCertificates: []*x509.Certificate{{NotBefore: c.from, NotAfter: c.until}}}
		if err := line.TLS("crm.example").VerifyConnection(shown); err != nil {
			t.Fatal(err)
		}
		if from, until := line.Certificate(); !from.Equal(c.wantFrom) || !until.Equal(c.wantUntil) {
			t.Errorf("%v to %v: %v to %v", c.from, c.until, from, until)
		}
	}
	leaf, between, root := &x509.Certificate{NotBefore: year(2000), NotAfter: year(2050)}, &x509.Certificate{NotBefore: year(2001), NotAfter: year(2040)}, &x509.Certificate{NotAfter: year(2060)}
	shown := tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, between}, VerifiedChains: [][]*x509.Certificate{{leaf, between, root}}}
	if err := line.TLS("crm.example").VerifyConnection(shown); err != nil {
		t.Fatal(err)
	}
	if from, until := line.Certificate(); !from.Equal(year(2001)) || !until.Equal(year(2040)) {
		t.Errorf("of a chain not the one that ends first: %v to %v", from, until)
	}
}
