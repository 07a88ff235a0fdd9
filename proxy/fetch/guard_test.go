package fetch

import (
	"errors"
	"net/netip"
	"testing"
)

func TestAddressesThatAreNotPublic(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "100.100.100.200", "127.0.0.1", "127.255.255.255",
		"168.63.129.16", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:10.0.0.1", "100::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254",
		"fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "1fff::1", "4000::1", "5f00::1",
		"64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "64:ff9b:1:808:8:800::",
		"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1ff::1", "2001:db8::1", "2002:a00:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff:fff::1",
	} {
		if err := (guard{}).check(netip.AddrPortFrom(netip.MustParseAddr(text), 443)); !errors.Is(err, errAddress) {
			t.Errorf("%s: %v, want %v", text, err, errAddress)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1", "168.63.129.15", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1", "2001:4860:4860::8888", "2002:808:808::1", "2606:4700::1111", "2a00::1", "3ffe::1",
	} {
		addr := netip.MustParseAddr(text)
		if err := (guard{}).check(netip.AddrPortFrom(addr, 443)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := (guard{plain: true}).check(netip.AddrPortFrom(addr, 80)); !errors.Is(err, errPlain) {
			t.Errorf("%s over http: %v, want %v", text, err, errPlain)
		}
	}
}

func TestAllowedAddresses(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/64")}
	for text, want := range map[string]error{
		"10.1.0.0:443": nil, "10.1.255.255:22": nil, "[::ffff:10.1.2.3]:9000": nil, "[fd00::1]:9000": nil, "[fd00::1%eth0]:1": nil,
		"10.2.0.0:443": errAddress, "[fd00:0:0:1::1]:443": errAddress, "[64:ff9b::10.1.0.1]:443": errAddress,
		"8.8.8.8:443": nil, "8.8.8.8:8443": nil, "8.8.8.8:22": errPort, "8.8.8.8:80": errPort, "[2a00::1]:6379": errPort,
	} {
		if err := (guard{allowed: allowed}).check(netip.MustParseAddrPort(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if err := (guard{allowed: allowed, plain: true}).check(netip.MustParseAddrPort("10.1.0.1:80")); err != nil {
		t.Errorf("over http: %v", err)
	}
}

func TestGuardKnowsItsAddress(t *testing.T) {
	for address, want := range map[string]error{"8.8.8.8:443": nil, "127.0.0.1:443": errAddress, "[::1%lo]:443": errAddress, "/run/socket": errAddress, "": errAddress} {
		if err := (guard{}).control(t.Context(), "tcp", address, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", address, err, want)
		}
	}
}
