package netguard

import "net/netip"

// ranges is a list with the source of each entry.
type ranges []struct {
	prefix netip.Prefix
	source string
}

func (r ranges) contains(addr netip.Addr) bool {
	for _, entry := range r {
		if entry.prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// never is what no declaration opens.
var never = ranges{
	{cidr("0.0.0.0/8"), "RFC 1122 3.2.1.3: this network; Linux takes 0.0.0.0 for itself"},
	{cidr("224.0.0.0/4"), "RFC 5771: multicast"},
	{cidr("255.255.255.255/32"), "RFC 919: broadcast"},
	{cidr("::/96"), "RFC 4291 2.5.5.1: IPv4-compatible, deprecated; unspecified"},
	{cidr("ff00::/8"), "RFC 4291 2.7: multicast"},

	{cidr("169.254.169.254/32"), "metadata: AWS, Azure, Google Cloud, OpenStack, and others"},
	{cidr("169.254.170.2/32"), "metadata: AWS ECS credentials"},
	{cidr("169.254.170.23/32"), "metadata: AWS EKS Pod Identity"},
	{cidr("100.100.100.200/32"), "metadata: Alibaba Cloud"},
	{cidr("168.63.129.16/32"), "metadata: Azure host agent, a public address"},
	{cidr("192.0.0.192/32"), "metadata: Oracle Cloud"},
	{cidr("fd00:ec2::254/128"), "metadata: AWS"},
	{cidr("fd00:ec2::23/128"), "metadata: AWS EKS Pod Identity"},
	{cidr("fd20:ce::254/128"), "metadata: Google Cloud"},
}

// special is what is not public: the IANA registries of special-purpose addresses
// (RFC 6890), where they are not globally reachable.
var special = ranges{
	{cidr("10.0.0.0/8"), "RFC 1918: private"},
	{cidr("100.64.0.0/10"), "RFC 6598: carrier-grade NAT"},
	{cidr("127.0.0.0/8"), "RFC 1122 3.2.1.3: loopback"},
	{cidr("169.254.0.0/16"), "RFC 3927: link-local"},
	{cidr("172.16.0.0/12"), "RFC 1918: private"},
	{cidr("192.0.0.0/24"), "RFC 6890: protocol assignments"},
	{cidr("192.0.2.0/24"), "RFC 5737: documentation"},
	{cidr("192.88.99.0/24"), "RFC 7526: 6to4 relays, deprecated"},
	{cidr("192.168.0.0/16"), "RFC 1918: private"},
	{cidr("198.18.0.0/15"), "RFC 2544: benchmarks"},
	{cidr("198.51.100.0/24"), "RFC 5737: documentation"},
	{cidr("203.0.113.0/24"), "RFC 5737: documentation"},
	{cidr("240.0.0.0/4"), "RFC 1112: reserved"},

	{cidr("2001::/23"), "RFC 2928: protocol assignments; Teredo (RFC 4380), benchmarks (RFC 5180), ORCHID (RFC 7343)"},
	{cidr("2001:db8::/32"), "RFC 3849: documentation"},
	{cidr("3fff::/20"), "RFC 9637: documentation"},
}

// global is where public IPv6 addresses are. All others are not: unique local
// fc00::/7 (RFC 4193), link-local fe80::/10, site-local fec0::/10 (RFC 3879), discard
// 100::/64 (RFC 6666), NAT64 for local use 64:ff9b:1::/48 (RFC 8215), loopback.
var global = ranges{
	{cidr("2000::/3"), "RFC 4291: what IANA allocates"},
	{cidr("64:ff9b::/96"), "RFC 6052: NAT64"},
}

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func public(addr netip.Addr) bool {
	return (addr.Is4() || global.contains(addr)) && !special.contains(addr)
}

// embeddings are addresses that stand for an IPv4 address, at that byte.
var embeddings = []struct {
	prefix netip.Prefix
	source string
	at     int
}{
	{cidr("64:ff9b::/96"), "RFC 6052: NAT64", 12},
	{cidr("64:ff9b:1::/48"), "RFC 8215: NAT64 for local use, as /96", 12},
	{cidr("2002::/16"), "RFC 3056: 6to4", 2},
}

func embedded(addr netip.Addr) (netip.Addr, bool) {
	for _, e := range embeddings {
		if e.prefix.Contains(addr) {
			b := addr.As16()
			return netip.AddrFrom4([4]byte(b[e.at : e.at+4])), true
		}
	}
	return netip.Addr{}, false
}
