package fetch

import (
	"context"
	"net/netip"
	"slices"
	"syscall"
)

// A guard decides which addresses connections may be opened to.
type guard struct {
	allowed []netip.Prefix
	plain   bool // the connections are not encrypted
}

// control is asked about the very address a socket is about to connect to, so that no
// name can resolve to one address when looked at and to another when dialled.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	return g.check(to)
}

func (g guard) check(to netip.AddrPort) error {
	addr := to.Addr().Unmap().WithZone("")
	switch {
	case contain(g.allowed, addr):
		return nil
	case g.plain:
		return errPlain
	case !isPublic(addr):
		return errAddress
	case !slices.Contains(ports, to.Port()):
		return errPort
	}
	return nil
}

// ports are those of web servers: at others listen services that a stranger could have the
// gateway knock at, such as 22 or 6379.
var ports = []uint16{443, 8443}

func contain(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// isPublic tells whether the address, which is no IPv4 address in IPv6, may belong to
// anybody on the Internet.
func isPublic(addr netip.Addr) bool {
	if v4, ok := embedded(addr); ok {
		addr = v4
	}
	if addr.Is6() {
		return contain(global6, addr) && !contain(special6, addr)
	}
	return addr.IsValid() && !contain(special4, addr)
}

// embedded is the IPv4 address that a NAT64 or 6to4 address leads to.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:])), true
	}
	return addr, false
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

// special4 are the IPv4 addresses of the IANA special-purpose registry that are not
// globally reachable, and multicast.
var special4 = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // behind a carrier's NAT; Alibaba's metadata
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host, which hands out configuration
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local: metadata of Google, AWS and Azure
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocols; Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // former 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, and broadcast
}

// global6 is all of IPv6 that is handed out. Outside of it are loopback, unspecified,
// IPv4-compatible, local NAT64 (64:ff9b:1::/48), discard-only, unique local (fd00:ec2::254
// is AWS's metadata, fd20:ce::254 Google's), link-local, site-local and multicast.
var global6 = []netip.Prefix{netip.MustParsePrefix("2000::/3")}

// special6 are the addresses in global6 that are not globally reachable.
var special6 = []netip.Prefix{
	netip.MustParsePrefix("2001::/23"),     // protocols, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("3fff::/20"),     // documentation
}
