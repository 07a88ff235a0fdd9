package config

import (
	"fmt"
	"net/netip"
)

// Network is a range of IP addresses written as 10.0.0.0/8, or one address.
type Network struct{ netip.Prefix }

// UnmarshalText reads a range or an address. IPv4 is written as such, because an address
// is looked for in that form.
func (n *Network) UnmarshalText(text []byte) error {
	p, err := netip.ParsePrefix(string(text))
	if addr, single := netip.ParseAddr(string(text)); single == nil && addr.Zone() == "" {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("want addresses, as in 10.0.0.0/8 or 10.1.2.3, got %q", text)
	case p.Addr().Is4In6():
		return fmt.Errorf("want IPv4 addresses without ::ffff:, got %q", text)
	case p != p.Masked():
		return fmt.Errorf("want %s, got %q", p.Masked(), text)
	}
	n.Prefix = p
	return nil
}
