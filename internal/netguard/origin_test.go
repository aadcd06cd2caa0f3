package netguard_test

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/internal/netguard"
)

var label63 = strings.Repeat("a", 63)

func TestParseOrigin(t *testing.T) {
	for s, want := range map[string]struct {
		origin    netguard.Origin
		authority string
	}{
		"https://crm.example":           {netguard.Origin{Scheme: "https", Host: "crm.example", Port: 443}, "crm.example"},
		"https://crm.example:443":       {netguard.Origin{Scheme: "https", Host: "crm.example", Port: 443}, "crm.example"},
		"HTTPS://CRM.Example:8443":      {netguard.Origin{Scheme: "https", Host: "crm.example", Port: 8443}, "crm.example:8443"},
		"https://xn--bcher-kva.example": {netguard.Origin{Scheme: "https", Host: "xn--bcher-kva.example", Port: 443}, "xn--bcher-kva.example"},
		"https://10.0.0.1":              {netguard.Origin{Scheme: "https", Host: "10.0.0.1", Port: 443}, "10.0.0.1"},
		"https://[2001:DB8:0:0::1]":     {netguard.Origin{Scheme: "https", Host: "2001:db8::1", Port: 443}, "[2001:db8::1]"},
		"https://[2001:db8::1]:444":     {netguard.Origin{Scheme: "https", Host: "2001:db8::1", Port: 444}, "[2001:db8::1]:444"},
		"http://localhost:8080":         {netguard.Origin{Scheme: "http", Host: "localhost", Port: 8080}, "localhost:8080"},
		"http://127.0.0.1":              {netguard.Origin{Scheme: "http", Host: "127.0.0.1", Port: 80}, "127.0.0.1"},
		"http://127.8.8.8:80":           {netguard.Origin{Scheme: "http", Host: "127.8.8.8", Port: 80}, "127.8.8.8"},
		"http://[::1]:1":                {netguard.Origin{Scheme: "http", Host: "::1", Port: 1}, "[::1]:1"},
		"https://crm":                   {netguard.Origin{Scheme: "https", Host: "crm", Port: 443}, "crm"},
		"https://1.example:65535":       {netguard.Origin{Scheme: "https", Host: "1.example", Port: 65535}, "1.example:65535"},
	} {
		got, err := netguard.ParseOrigin(s)
		if err != nil || got != want.origin {
			t.Errorf("ParseOrigin(%q) = %+v, %v", s, got, err)
		}
		if a := got.Authority(); a != want.authority {
			t.Errorf("Authority of %q = %q", s, a)
		}
		if again, err := netguard.ParseOrigin(got.String()); err != nil || again != got {
			t.Errorf("ParseOrigin(%q) = %+v, %v", got, again, err)
		}
	}
}

// TestHostHasOneSpelling: what one resolver and another could read differently.
func TestHostHasOneSpelling(t *testing.T) {
	for _, s := range []string{
		"", "https", "https:", "https:/", "https://", "https:///", "https:///crm.example", "//crm.example", "crm.example", "crm.example:443",
		"ftp://crm.example", "ws://localhost", "file:///etc/passwd", "https ://crm.example", " https://crm.example", "https://crm.example ", "https://crm.example\n",
		"http://crm.example", "http://10.0.0.1", "http://[2001:db8::1]", "http://localhost.crm.example", "http://notlocalhost",
		"http://127.0.0.1.crm.example", "http://[::ffff:127.0.0.1]",
		"https://crm.example.", "https://.crm.example", "https://crm..example", "https://crm.example/", "https://crm.example/x", "https://crm.example?x", "https://crm.example#x",
		"https://user@crm.example", "https://user:pw@crm.example", "https://@crm.example", `https://crm.example\@evil.example`, "https://crm.example%2f", "https://crm%2eexample",
		"https://crm_db.example", "https://-crm.example", "https://crm-.example", "https://*.example",
		"https://crm。example", "https://crm．example", "https://bücher.example", "https://ｃrm.example", "https://crm.ex\u00adample", "https://\u212Arm.example", "https://crm.example\x00",
		"https://crm.example:", "https://crm.example:0", "https://crm.example:65536", "https://crm.example:0443", "https://crm.example:+443", "https://crm.example:https", "https://crm.example:443:443", "https://crm.example:4 43",
		"https://[::1", "https://::1", "https://[::1]x", "https://[::1]:", "https://[[::1]]", "https://[crm.example]", "https://[10.0.0.1]", "https://[fe80::1%25lo]", "https://[fe80::1%lo]", "https://[::ffff:10.0.0.1]", "https://[]", "https://x[::1]",
		"https://127.1", "https://2130706433", "https://0x7f.0.0.1", "https://0x7f000001", "https://0177.0.0.1", "https://127.0.0.01", "https://1.2.3.4.5", "https://256.0.0.1", "https://crm.0x", "https://crm.42",
		"https://" + label63 + "a.example", "https://" + strings.Repeat(label63+".", 4) + "example",
	} {
		if o, err := netguard.ParseOrigin(s); err != netguard.ErrOrigin || o != (netguard.Origin{}) {
			t.Errorf("ParseOrigin(%q) = %+v, %v", s, o, err)
		}
	}
}

func TestZeroOriginIsNone(t *testing.T) {
	var o netguard.Origin
	if o.String() != "" || o.Loopback() {
		t.Errorf("%q", o)
	}
	if _, err := netguard.ParseOrigin(o.String()); err != netguard.ErrOrigin {
		t.Error(err)
	}
}

// FuzzParseOrigin: what is accepted has one spelling, and net/url reads it alike.
func FuzzParseOrigin(f *testing.F) {
	for _, s := range []string{"https://crm.example", "https://CRM.example:8443", "http://[::1]:80", "https://[::ffff:1.2.3.4]", "https://127.1", "https://a@b", "https://crm.example."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := netguard.ParseOrigin(s)
		if err != nil {
			if err != netguard.ErrOrigin || o != (netguard.Origin{}) {
				t.Fatalf("%+v, %v", o, err)
			}
			return
		}
		if again, err := netguard.ParseOrigin(o.String()); err != nil || again != o {
			t.Fatalf("%q is read back as %+v, %v", o, again, err)
		}
		u, err := url.Parse(s)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("net/url reads %q as %+v, %v", s, u, err)
		}
		host := strings.ToLower(u.Hostname())
		if addr, err := netip.ParseAddr(host); err == nil {
			host = addr.String()
		}
		if host != o.Host || (u.Port() != "" && u.Port() != strconv.Itoa(int(o.Port))) || !strings.EqualFold(u.Scheme, o.Scheme) {
			t.Fatalf("net/url reads %q as %q %q", s, u.Hostname(), u.Port())
		}
		if o.Scheme != "https" && !o.Loopback() {
			t.Fatalf("%q is neither https nor loopback", o)
		}
	})
}

func TestParseDirectory(t *testing.T) {
	for s, want := range map[string]netguard.Origin{
		"ldaps://dir.example":      {Scheme: "ldaps", Host: "dir.example", Port: 636},
		"LDAPS://Dir.Example:3269": {Scheme: "ldaps", Host: "dir.example", Port: 3269},
		"ldap://10.0.0.1":          {Scheme: "ldap", Host: "10.0.0.1", Port: 389},
		"ldap://[::1]:1389":        {Scheme: "ldap", Host: "::1", Port: 1389},
	} {
		got, err := netguard.ParseDirectory(s)
		if err != nil || got != want {
			t.Errorf("ParseDirectory(%q) = %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "https://dir.example", "ldapi://%2ftmp", "ldaps://", "ldaps://dir.example/o=acme", "ldaps://user@dir.example", "ldaps://dir.example:0", "ldaps://dir.example."} {
		if got, err := netguard.ParseDirectory(s); err == nil || got != (netguard.Origin{}) {
			t.Errorf("ParseDirectory(%q) = %+v, %v", s, got, err)
		}
	}
}

// TestParseEndpoint: a URL has one spelling, so that what is called is what was declared.
func TestParseEndpoint(t *testing.T) {
	for s, want := range map[string]string{
		"https://id.example/token": "/token", "HTTPS://ID.example:443/a/b": "/a/b", "https://id.example/": "/", "http://127.0.0.1:8080/token": "/token",
		"https://id.example/a%20b": "/a%20b",
	} {
		if o, path, err := netguard.ParseEndpoint(s); err != nil || path != want || o.Host == "" {
			t.Errorf("ParseEndpoint(%q) = %+v, %q, %v", s, o, path, err)
		}
	}
	for _, s := range []string{
		"", "/token", "id.example/token", "https://id.example", "http://id.example/token", "ldaps://id.example/token", "https:///token",
		"https://id.example//token", "https://id.example/../token", "https://id.example/token?x=1", "https://id.example/token#x",
		"https://user@id.example/token", "https://id.example/a%2fb", "https://id.example/a b", "https://id.example:0/token",
	} {
		if o, path, err := netguard.ParseEndpoint(s); err == nil || path != "" || o != (netguard.Origin{}) {
			t.Errorf("ParseEndpoint(%q) = %+v, %q, %v", s, o, path, err)
		}
	}
}
