package requests

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

var (
	label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	// numeric is a last label by which some resolvers take a name for an IPv4 address in one of its old forms, such as 127.1.
	numeric = regexp.MustCompile(`^([0-9]+|0[xX][0-9a-fA-F]*)$`)
)

const maxHostLength = 253

// CheckHost checks how a name or an IP is written. An IPv6 address has no brackets.
func CheckHost(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > maxHostLength {
		return fmt.Errorf("it has %d characters: write a name of at most %d", len(name), maxHostLength)
	}
	labels := strings.Split(name, ".")
	for _, one := range labels {
		if !label.MatchString(one) {
			return fmt.Errorf("%q is no host: write a name, such as db.shop.svc, or an IP, without scheme, port and brackets", host)
		}
	}
	if numeric.MatchString(labels[len(labels)-1]) {
		return fmt.Errorf("%q is neither a name nor an IP: write an IPv4 address as four numbers of 0 to 255, without zeros ahead, such as 10.0.0.7", host)
	}
	return nil
}

// CheckReach refuses a host of which one sees without asking anybody that no request reaches it.
func CheckReach(host string) error {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return errors.New("localhost is where the controller itself runs, which is never reached: leave host out for the pod's own IP")
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if why := NeverReached(address); why != "" {
			return fmt.Errorf("%s is %s, and never reached: leave host out for the pod's own IP, or write another host", address, why)
		}
	}
	return nil
}
