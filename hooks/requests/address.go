package requests

import (
	"fmt"
	"net/netip"
)

// never lists what no request reaches, whoever lists it: what is the controller's own node's or its neighbours', and where clouds hand
// out the rights of nodes.
var never = []struct {
	addresses netip.Prefix
	why       string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("169.254.169.254/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("255.255.255.255/32"), "the broadcast address"},
	// Amazon's services for instances and pods, over IPv6.
	{netip.MustParsePrefix("fd00:ec2::/32"), "a cloud's metadata service"},
	// Google's, over IPv6.
	{netip.MustParsePrefix("fd20:ce::254/128"), "a cloud's metadata service"},
	// Alibaba's, Azure's (WireServer) and Oracle's, which are not link-local.
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("192.0.0.192/32"), "a cloud's metadata service"},
	// Where in these an IPv4 address stands is up to the network, or it is masked (RFC 8215, RFC 4380).
	{netip.MustParsePrefix("64:ff9b:1::/48"), "translated to an IPv4 address that cannot be told"},
	{netip.MustParsePrefix("2001::/32"), "a Teredo address, behind which another is hidden"},
}

// embedding lists the forms of IPv6 that lead to the IPv4 address in them, and where it stands: IPv4-compatible and IPv4-translated
// addresses, NAT64 (RFC 6052) and 6to4 (RFC 3056). IPv4-mapped ones are unmapped.
var embedding = []struct {
	form netip.Prefix
	at   int // byte
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// Forms are the addresses to which one may lead, first of all itself, as netip compares it: unmapped and without a zone.
func Forms(address netip.Addr) []netip.Addr {
	address = address.WithZone("").Unmap()
	forms := []netip.Addr{address}
	for _, embeds := range embedding {
		if embeds.form.Contains(address) {
			bytes := address.As16()
			forms = append(forms, netip.AddrFrom4([4]byte(bytes[embeds.at:])))
		}
	}
	return forms
}

// NeverReached says what an address is that no request ever reaches, such as "a loopback address"; empty for others.
func NeverReached(address netip.Addr) string {
	forms := Forms(address)
	for _, form := range forms {
		for _, one := range never {
			switch {
			case !one.addresses.Contains(form):
				continue
			case form == forms[0]:
				return one.why
			}
			return fmt.Sprintf("another form of %s, %s", form, one.why)
		}
	}
	return ""
}
