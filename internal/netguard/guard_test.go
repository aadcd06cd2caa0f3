package netguard_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/internal/netguard"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func guard(t testing.TB, private ...string) netguard.Guard {
	t.Helper()
	g, err := netguard.New(private)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPublicOnly: netip's own predicates call many of these public.
func TestPublicOnly(t *testing.T) {
	var g netguard.Guard
	for _, addr := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
		"192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15",
		"2606:4700:4700::1111", "2001:200::1", "2a00::1", "::ffff:8.8.8.8",
		"64:ff9b::808:808", "2002:808:808::1",
	} {
		if !g.Allows(netip.MustParseAddr(addr)) {
			t.Errorf("%s is refused", addr)
		}
	}
	for addr, what := range map[string]string{
		"0.0.0.0": "unspecified", "0.1.2.3": "this network", "10.0.0.1": "private", "172.16.0.1": "private",
		"172.31.255.255": "private", "192.168.1.1": "private", "127.0.0.1": "loopback", "127.255.255.254": "loopback",
		"169.254.0.1": "link-local", "169.254.169.254": "metadata", "100.64.0.1": "carrier-grade NAT",
		"100.127.255.255": "carrier-grade NAT", "100.100.100.200": "metadata", "192.0.0.1": "protocol assignments",
		"192.0.0.192": "metadata", "168.63.129.16": "metadata", "192.0.2.1": "documentation", "198.51.100.1": "documentation",
		"203.0.113.1": "documentation", "192.88.99.1": "6to4 relay", "198.18.0.1": "benchmark", "198.19.255.255": "benchmark",
		"224.0.0.1": "multicast", "239.255.255.255": "multicast", "240.0.0.1": "reserved", "255.255.255.255": "broadcast",
		"::": "unspecified", "::1": "loopback", "::7f00:1": "compatible", "::8.8.8.8": "compatible", "::ffff:127.0.0.1": "mapped",
		"::ffff:10.0.0.1": "mapped", "::ffff:169.254.169.254": "mapped", "fc00::1": "unique local", "fd12::1": "unique local",
		"fd00:ec2::254": "metadata", "fe80::1": "link-local", "fec0::1": "site-local", "ff02::1": "multicast",
		"ff0e::1": "multicast", "100::1": "discard", "2001::1": "Teredo", "2001:0:4136:e378::1": "Teredo",
		"2001:2::1": "benchmark", "2001:10::1": "ORCHID", "2001:20::1": "ORCHID", "2001:db8::1": "documentation",
		"3fff::1": "documentation", "5f00::1": "segment routing", "4000::1": "unallocated",
		"64:ff9b::a9fe:a9fe": "NAT64 of metadata", "64:ff9b::7f00:1": "NAT64 of loopback", "64:ff9b::a00:1": "NAT64 of private",
		"64:ff9b:1::808:808": "NAT64 for local use", "64:ff9b:1::a9fe:a9fe": "NAT64 for local use",
		"2002:7f00:1::": "6to4 of loopback", "2002:a00:1::1": "6to4 of private", "2002:a9fe:a9fe::": "6to4 of metadata",
		"2606:4700:4700::1111%eth0": "zone", "fe80::1%lo": "zone", "::ffff:8.8.8.8%eth0": "zone",
	} {
		if g.Allows(netip.MustParseAddr(addr)) {
			t.Errorf("%s (%s) is allowed", addr, what)
		}
	}
	if g.Allows(netip.Addr{}) {
		t.Error("the zero address is allowed")
	}
}

func TestPrivateOpensWhatItNames(t *testing.T) {
	for _, tt := range []struct {
		private, addr string
		want          bool
	}{
		{"10.0.0.0/8", "10.1.2.3", true},
		{"10.0.0.0/8", "::ffff:10.1.2.3", true},
		{"10.0.0.0/8", "192.168.0.1", false},
		{"10.0.0.0/8", "64:ff9b::a01:203", true},
		{"10.0.0.0/8", "2002:a01:203::", true},
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.0/8", "::1", false},
		{"127.0.0.0/8", "::7f00:1", false},
		{"::1/128", "::1", true},
		{"::1/128", "127.0.0.1", false},
		{"fc00::/7", "fd12::1", true},
		{"240.0.0.0/4", "240.0.0.1", true},
		{"64:ff9b:1::/48", "64:ff9b:1::808:808", true},
		{"64:ff9b:1::/48", "64:ff9b:1::a00:1", false},
		{"fe80::/10", "fe80::1%lo", false},
	} {
		if got := guard(t, tt.private).Allows(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("%s with %s opened: %v", tt.addr, tt.private, got)
		}
	}
}

// TestDenyWins: no range opens these, however wide.
func TestDenyWins(t *testing.T) {
	g := guard(t, "0.0.0.0/0", "::/0", "169.254.169.254/32", "100.64.0.0/10")
	for _, addr := range []string{
		"0.0.0.0", "224.0.0.1", "255.255.255.255", "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200",
		"168.63.129.16", "192.0.0.192", "::", "::7f00:1", "ff02::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
		"::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "2002:6464:64c8::",
	} {
		if g.Allows(netip.MustParseAddr(addr)) {
			t.Errorf("%s is allowed", addr)
		}
	}
	for _, addr := range []string{"10.0.0.1", "127.0.0.1", "::1", "2001::1", "1.1.1.1"} {
		if !g.Allows(netip.MustParseAddr(addr)) {
			t.Errorf("%s is refused although opened", addr)
		}
	}
}

// TestZeroPrefixOpensNothing: a Guard that somebody wrote by hand.
func TestZeroPrefixOpensNothing(t *testing.T) {
	g := netguard.Guard{Private: []netip.Prefix{{}}}
	if g.Allows(netip.MustParseAddr("10.0.0.1")) {
		t.Error("allowed")
	}
}

func TestNew(t *testing.T) {
	for _, text := range []string{"", "10.0.0.1", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "010.0.0.0/8", "10.0.0.0/08",
		"::ffff:10.0.0.0/104", "FC00::/7", "fc00::0/7", "fe80::%lo/10", " 10.0.0.0/8", "localhost/8"} {
		if g, err := netguard.New([]string{"10.0.0.0/8", text}); err != netguard.ErrRange || g.Private != nil {
			t.Errorf("New(%q) = %v", text, err)
		}
	}
}

func TestControl(t *testing.T) {
	g := guard(t, "127.0.0.0/8")
	for _, tt := range []struct {
		network, address string
		wantErr          error
	}{
		{"tcp4", "127.0.0.1:80", nil},
		{"tcp4", "1.1.1.1:443", nil},
		{"tcp6", "[2606:4700:4700::1111]:443", nil},
		{"tcp6", "[::ffff:127.0.0.1]:443", nil},
		{"tcp4", "10.0.0.1:80", netguard.ErrRefused},
		{"tcp6", "[::1]:80", netguard.ErrRefused},
		{"tcp6", "[fe80::1%lo]:80", netguard.ErrRefused},
		{"tcp4", "127.0.0.1:0", netguard.ErrRefused},
		{"tcp4", "127.0.0.1", netguard.ErrRefused},
		{"tcp4", "crm.example:80", netguard.ErrRefused},
		{"tcp4", "", netguard.ErrRefused},
		{"udp4", "1.1.1.1:53", netguard.ErrRefused},
		{"unix", "/run/docker.sock", netguard.ErrRefused},
		{"ip4", "1.1.1.1", netguard.ErrRefused},
	} {
		if err := g.Control(tt.network, tt.address, nil); err != tt.wantErr {
			t.Errorf("Control(%s, %s) = %v", tt.network, tt.address, err)
		}
	}
}

// TestCheckedAtDial: the name is asked for its address once, by the dialler, and
// what it says then is checked. That is all that rebinding could change.
func TestCheckedAtDial(t *testing.T) {
	var accepted atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { accepted.Add(1) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, address := range []string{"127.0.0.1:" + port, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "0.0.0.0:" + port} {
		conn, err := netguard.Guard{}.DialContext(t.Context(), "tcp", address)
		if err != netguard.ErrRefused || conn != nil {
			t.Errorf("dial %s = %v", address, err)
		}
	}
	for _, address := range []string{"127.0.0.1:" + port, "localhost:" + port} {
		conn, err := guard(t, "127.0.0.0/8").DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Errorf("opened, but %v", err)
			continue
		}
		_ = conn.Close()
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestDialContext(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelLate()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	for _, tt := range []struct {
		name, network, address string
		ctx                    context.Context
		wantErr                error
	}{
		{"udp", "udp", "1.1.1.1:53", t.Context(), netguard.ErrRefused},
		{"unix", "unix", "/run/docker.sock", t.Context(), netguard.ErrRefused},
		{"no such name", "tcp", "no such name:443", t.Context(), netguard.ErrUnreachable},
		{"no port", "tcp", "127.0.0.1", t.Context(), netguard.ErrUnreachable},
		{"nobody listens", "tcp", closed, t.Context(), netguard.ErrUnreachable},
		{"cancelled", "tcp", closed, ended, context.Canceled},
		{"too late", "tcp", closed, late, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := guard(t, "127.0.0.0/8").DialContext(tt.ctx, tt.network, tt.address)
			if err != tt.wantErr || conn != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestErrorsHoldNoAddress: net's own errors do.
func TestErrorsHoldNoAddress(t *testing.T) {
	_, err := netguard.Guard{}.DialContext(t.Context(), "tcp", "127.0.0.1:9")
	if text := fmt.Sprintf("%+v", err); strings.Contains(text, "127") || errors.Unwrap(err) != nil {
		t.Error(text)
	}
}

// TestProxyVariablesChangeNothing: a check at dial sees only the proxy's address
// where there is a proxy, so there is none.
func TestProxyVariablesChangeNothing(t *testing.T) {
	proxied := atomic.Bool{}
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Store(true) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	transport := &http.Transport{DialContext: guard(t, "127.0.0.0/8").DialContext}
	defer transport.CloseIdleConnections()
	_, err := (&http.Client{Transport: transport}).Get("http://169.254.169.254/latest/meta-data/")
	if !errors.Is(err, netguard.ErrRefused) || proxied.Load() {
		t.Errorf("%v; proxied %v", err, proxied.Load())
	}
}

// TestPooledConnectionsAreNotCheckedAgain is the limit that the package states.
func TestPooledConnectionsAreNotCheckedAgain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	dials := 0
	g := guard(t, "127.0.0.0/8")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return g.DialContext(ctx, network, address)
	}}
	get := func() error {
		response, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	for range 2 {
		if err := get(); err != nil {
			t.Fatal(err)
		}
	}
	if dials != 1 {
		t.Errorf("%d dials", dials)
	}
	g = netguard.Guard{}
	transport.CloseIdleConnections()
	if err := get(); !errors.Is(err, netguard.ErrRefused) {
		t.Errorf("narrowed and closed: %v", err)
	}
}

func BenchmarkAllows(b *testing.B) {
	g := guard(b, "10.0.0.0/8")
	addr := netip.MustParseAddr("2606:4700:4700::1111")
	b.ReportAllocs()
	for b.Loop() {
		g.Allows(addr)
	}
}

func Example() {
	g, _ := netguard.New([]string{"10.20.0.0/16"})
	for _, addr := range []string{"1.1.1.1", "10.20.0.7", "10.0.0.1", "169.254.169.254"} {
		fmt.Println(addr, g.Allows(netip.MustParseAddr(addr)))
	}
	o, err := netguard.ParseOrigin("https://CRM.example")
	fmt.Println(o, err, netguard.MatchPath("/contacts/{id}", "/contacts/17"))
	// Output:
	// 1.1.1.1 true
	// 10.20.0.7 true
	// 10.0.0.1 false
	// 169.254.169.254 false
	// https://crm.example:443 <nil> true
}
