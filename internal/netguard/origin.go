package netguard

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ErrOrigin: not an origin, or not one that may be used.
var ErrOrigin = errors.New("netguard: origin must be scheme://host[:port], of a scheme that may be used there")

// Origin is scheme, host and port (RFC 6454), in one spelling: two are the same
// exactly when they are ==. The zero Origin is none.
type Origin struct {
	Scheme string // https, http on a loopback host, ldaps or ldap
	Host   string // lower case; IPv6 without brackets
	Port   uint16 // never 0
}

// ParseOrigin reads scheme://host or scheme://host:port, of https, or http on a loopback
// host. Upper case is folded, and the scheme's port stands for a missing one; otherwise
// the text must be the one spelling: ASCII, no trailing dot, no user, path, query or
// fragment, no zone, an IPv4 address as four decimals and an IPv6 address in brackets.
func ParseOrigin(s string) (Origin, error) {
	o, err := parse(s, map[string]uint16{"https": 443, "http": 80})
	if o.Scheme == "http" && !o.Loopback() {
		return Origin{}, ErrOrigin
	}
	return o, err
}

// ParseDirectory reads the origin of a directory likewise: ldaps, or ldap.
func ParseDirectory(s string) (Origin, error) {
	return parse(s, map[string]uint16{"ldaps": 636, "ldap": 389})
}

// ParseEndpoint reads a URL of one spelling: an origin of https, or of http on a
// loopback host, and a clean path.
func ParseEndpoint(s string) (o Origin, path string, err error) {
	scheme, rest, _ := strings.Cut(s, "://")
	host := strings.IndexByte(rest, '/')
	if host < 0 {
		return Origin{}, "", ErrOrigin
	}
	if o, err = ParseOrigin(scheme + "://" + rest[:host]); err == nil && !CleanPath(rest[host:]) {
		err = ErrOrigin
	}
	if err != nil {
		return Origin{}, "", err
	}
	return o, rest[host:], nil
}

func parse(s string, ports map[string]uint16) (Origin, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !ascii(s) {
		return Origin{}, ErrOrigin
	}
	o := Origin{Scheme: strings.ToLower(scheme)}
	if o.Port, ok = ports[o.Scheme]; !ok {
		return Origin{}, ErrOrigin
	}
	host, port, ok := cutPort(strings.ToLower(rest))
	if !ok || (port != "" && !parsePort(port, &o.Port)) {
		return Origin{}, ErrOrigin
	}
	if o.Host, ok = parseHost(host); !ok {
		return Origin{}, ErrOrigin
	}
	return o, nil
}

// String is scheme://host:port, the port always there; empty: none.
func (o Origin) String() string {
	if o == (Origin{}) {
		return ""
	}
	return o.Scheme + "://" + o.Address()
}

// Address is host:port, to be dialled.
func (o Origin) Address() string {
	return net.JoinHostPort(o.Host, strconv.FormatUint(uint64(o.Port), 10))
}

// Authority is what a Host header says: without the scheme's own port.
func (o Origin) Authority() string {
	if (o.Scheme == "https" && o.Port == 443) || (o.Scheme == "http" && o.Port == 80) { // of a directory nobody asks
		return strings.TrimSuffix(o.Address(), ":"+strconv.FormatUint(uint64(o.Port), 10))
	}
	return o.Address()
}

// Loopback says whether the host is localhost, in 127.0.0.0/8, or ::1. What is
// dialled, the Guard decides.
func (o Origin) Loopback() bool {
	if o.Host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(o.Host)
	return err == nil && addr.IsLoopback()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// cutPort leaves the brackets of an IPv6 address on.
func cutPort(s string) (host, port string, ok bool) {
	if end := strings.IndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		host, s = s[:end+1], s[end+1:]
	} else if colon := strings.IndexByte(s, ':'); colon >= 0 {
		host, s = s[:colon], s[colon:]
	} else {
		host, s = s, ""
	}
	if s == "" {
		return host, "", true
	}
	port, ok = strings.CutPrefix(s, ":")
	return host, port, ok && port != ""
}

func parsePort(s string, port *uint16) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	*port = uint16(n)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == s
}

func parseHost(s string) (string, bool) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		// A mapped address is an IPv4 address in other clothes.
		if !ok || err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
			return "", false
		}
		return addr.String(), true
	}
	if len(s) > 253 {
		return "", false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if !hostLabel(label) {
			return "", false
		}
	}
	// Resolvers read 127.1, 0x7f.1 and 2130706433 as addresses; we read only four decimals.
	if last := labels[len(labels)-1]; numeric(last) {
		addr, err := netip.ParseAddr(s)
		return s, err == nil && addr.Is4()
	}
	return s, true
}

// hostLabel is a label of RFC 1123, section 2.1.
func hostLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// numeric says whether a resolver may take the last label for a number.
func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
