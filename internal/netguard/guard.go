// Package netguard decides what may be dialled, and in which one spelling a host
// and a path are compared.
//
//	guard, err := netguard.New([]string{"10.20.0.0/16"})
//	transport := &http.Transport{DialContext: guard.DialContext}
//
// # Guarantees
//
// A [Guard] looks at the address that the kernel is about to connect to, after the
// name was resolved, so that a name cannot change its address between check and
// use. It lets through public unicast addresses, and those of ranges that were
// opened by name. An address that stands for another one (IPv4-mapped, NAT64, 6to4)
// passes only if that one does too. Cloud metadata services, multicast and
// unspecified addresses cannot be opened: denial wins. No proxy is ever used.
//
// [ParseOrigin] yields one spelling for one origin, and [CleanPath] accepts one
// reading of a path: what two parsers could understand differently is refused.
//
// # Limits
//
// The resolver is the host's, with its search list: a name may find another host
// than was meant, and TLS must notice. What lies behind a public address, such as a
// tunnel, cannot be seen. The list of special ranges is as old as this code. A
// connection that stands was checked once: whoever narrows a guard closes them.
//
// # Errors
//
// [ErrRefused], [ErrUnreachable], [ErrOrigin], [ErrRange] and those of the context.
// None holds a name, an address or a path.
//
// # Concurrency
//
// All values are immutable and safe for concurrent use.
package netguard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

var (
	// ErrRefused: the address is not public, and was not opened.
	ErrRefused = errors.New("netguard: address refused")
	// ErrUnreachable: the name has no address, or nobody answers there.
	ErrUnreachable = errors.New("netguard: no connection")
	// ErrRange: a range is not a CIDR range in its canonical form.
	ErrRange = errors.New("netguard: not a canonical CIDR range")
)

// Guard says which addresses may be dialled. The zero Guard allows public ones.
type Guard struct {
	Private []netip.Prefix // may be dialled although not public; nil: none
}

// New opens ranges, such as 10.20.0.0/16: canonical, with no bits set after the mask.
func New(private []string) (Guard, error) {
	var g Guard
	for _, text := range private {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Masked() != p || p.Addr().Is4In6() || p.String() != text {
			return Guard{}, ErrRange
		}
		g.Private = append(g.Private, p)
	}
	return g, nil
}

// Allows says whether addr may be dialled. An address with a zone may not.
func (g Guard) Allows(addr netip.Addr) bool {
	if addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	// The loopback address stands in the range of IPv4-compatible ones.
	if !addr.IsValid() || (never.contains(addr) && !addr.IsLoopback()) {
		return false
	}
	if inner, ok := embedded(addr); ok && !g.Allows(inner) {
		return false
	}
	return public(addr) || g.opened(addr)
}

func (g Guard) opened(addr netip.Addr) bool {
	for _, p := range g.Private {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Control is for [net.Dialer.Control]. It is asked for each address that a name has.
func (g Guard) Control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return ErrRefused
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil || to.Port() == 0 || !g.Allows(to.Addr()) {
		return ErrRefused
	}
	return nil
}

// DialContext resolves and dials, tcp only. Of the addresses that a name has, those
// that are refused get no packet.
func (g Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, ErrRefused
	}
	dialer := net.Dialer{Control: g.Control}
	conn, err := dialer.DialContext(ctx, network, address)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, ErrRefused):
		return nil, ErrRefused
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		return nil, ErrUnreachable // net's errors quote name and address
	}
}
