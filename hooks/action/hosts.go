package action

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/requests"
)

// hosts are those that the administrator has listed.
type hosts []listedHost

// listedHost is a name, or addresses, and all ports or one.
type listedHost struct {
	name      string // a glob, in lower case; empty for addresses
	addresses netip.Prefix
	port      uint16 // 0 for all
}

// ParseHosts checks a list of hosts that requests may be sent to. Each is a name, in which * stands for any number of characters, an
// IP, or addresses such as 10.1.0.0/16, with :port behind it (and an IPv6 address in brackets then) where only that port is meant.
func ParseHosts(texts []string) error {
	_, err := parseHosts(texts)
	return err
}

func parseHosts(texts []string) (hosts, error) {
	var all hosts
	for _, text := range texts {
		one, err := parseHost(text)
		if err != nil {
			return nil, fmt.Errorf("host %q: %w", text, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func parseHost(text string) (listedHost, error) {
	if addresses, isAddress := parseAddresses(text); isAddress {
		return listedHost{addresses: addresses}, checkListed(addresses)
	}
	var port uint16
	if before, digits, found := cutPort(text); found {
		number, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || number == 0 {
			return listedHost{}, fmt.Errorf("its port is %s: %w", digits, requests.ErrPort)
		}
		text, port = before, uint16(number)
	}
	if addresses, isAddress := parseAddresses(text); isAddress {
		return listedHost{addresses: addresses, port: port}, checkListed(addresses)
	}
	if err := requests.CheckHost(strings.ReplaceAll(text, "*", "x")); err != nil {
		return listedHost{}, fmt.Errorf("write a name, a glob such as *.example.com, an IP, or addresses such as 10.1.0.0/16, with :port behind it or without: %w", err)
	}
	return listedHost{name: plainName(text), port: port}, nil
}

// parseAddresses reads an IP, or several as a CIDR.
func parseAddresses(text string) (netip.Prefix, bool) {
	if addresses, err := netip.ParsePrefix(text); err == nil {
		return unmapped(addresses).Masked(), true
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, false
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), true
}

// cutPort cuts a port off, and the brackets that an IPv6 address has ahead of one.
func cutPort(text string) (before, port string, found bool) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 || strings.HasSuffix(text, "]") {
		return text, "", false
	}
	before, port = text[:at], text[at+1:]
	if inner, opened := strings.CutPrefix(before, "["); opened {
		before = strings.TrimSuffix(inner, "]")
	}
	return before, port, true
}

// checkListed refuses an address that would not be reached all the same.
func checkListed(addresses netip.Prefix) error {
	if why := requests.NeverReached(addresses.Addr()); why != "" && addresses.IsSingleIP() {
		return fmt.Errorf("%s is %s, and never reached: leave it out", addresses.Addr(), why)
	}
	return nil
}

// unmapped is a prefix as netip compares addresses with it.
func unmapped(prefix netip.Prefix) netip.Prefix {
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix
}

// allow tells whether a host may be reached at one of its addresses.
func (h hosts) allow(host string, at netip.AddrPort) bool {
	for _, listed := range h {
		if listed.port != 0 && listed.port != at.Port() {
			continue
		}
		if listed.name == "" && listed.addresses.Contains(at.Addr()) || listed.name != "" && listed.isNamed(host) {
			return true
		}
	}
	return false
}

func (l listedHost) isNamed(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil { // a glob is for names
		return false
	}
	matched, err := path.Match(l.name, plainName(host))
	return matched && err == nil
}

// plainName is a name as others of the same host are.
func plainName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
