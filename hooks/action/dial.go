package action

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/quiesce-io/quiesce/hooks/requests"
)

// SenderOptions say what a Sender may reach beside a pod's own IP.
type SenderOptions struct {
	// Hosts are those that the administrator has listed, as ParseHosts has it.
	Hosts []string
	// Refused are the addresses of nodes and of the API server as they are known now, which are never reached. It is asked for each
	// connection. Without it there are none; while it fails, nothing is reached.
	Refused func(ctx context.Context) ([]netip.Prefix, error)
}

// Sender sends requests and opens connections from where it runs. It is safe for use from many goroutines, and keeps nothing of a
// request for the next.
//
// It reaches a pod's own IP, and hosts that are listed. Which address that is it finds out once, by itself, and connects to that very
// address: what a name's owner answers to the next who asks does not matter.
type Sender struct {
	listed  hosts
	refused func(ctx context.Context) ([]netip.Prefix, error)
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// never is requests.NeverReached, but for tests.
	never func(netip.Addr) string
}

// NewSender returns a Sender, or says what of its hosts cannot be.
func NewSender(options SenderOptions) (*Sender, error) {
	listed, err := parseHosts(options.Hosts)
	if err != nil {
		return nil, err
	}
	refused := options.Refused
	if refused == nil {
		refused = func(context.Context) ([]netip.Prefix, error) { return nil, nil }
	}
	return &Sender{listed: listed, refused: refused, lookup: net.DefaultResolver.LookupNetIP, never: requests.NeverReached}, nil
}

// unsent is why there is no connection, and nothing was sent.
type unsent struct {
	reason  Reason
	message string
}

func refusedAddress(format string, args ...any) *unsent {
	return &unsent{AddressRefused, fmt.Sprintf(format, args...)}
}

// reach are the addresses of a host that may be dialed for a pod, which may be none.
func (s *Sender) reach(ctx context.Context, pod netip.Addr, host string, port uint16) ([]netip.AddrPort, *unsent) {
	addresses, err := s.resolve(ctx, host)
	if err != nil {
		return nil, &unsent{failedDial(ctx, err), fmt.Sprintf("%s has no address that could be found: %s", host, plain(err))}
	}
	guarded, err := s.refused(ctx)
	if err != nil {
		return nil, &unsent{Unreachable, "which addresses nodes and the API server have is not known, so that none is reached: " + plain(err)}
	}
	var allowed []netip.AddrPort
	var refused *unsent
	for _, address := range addresses {
		at := netip.AddrPortFrom(address.WithZone("").Unmap(), port)
		if refused = s.check(pod, guarded, host, at); refused == nil {
			allowed = append(allowed, at)
		}
	}
	if len(allowed) == 0 {
		return nil, refused
	}
	return allowed, nil
}

// dial connects to a host for a pod, which may be none.
func (s *Sender) dial(ctx context.Context, pod netip.Addr, host string, port uint16) (net.Conn, *unsent) {
	allowed, refused := s.reach(ctx, pod, host, port)
	if refused != nil {
		return nil, refused
	}
	connection, err := dialFirst(ctx, allowed)
	if err != nil {
		return nil, &unsent{failedDial(ctx, err), fmt.Sprintf("%s cannot be reached: %s", named(host, allowed[0].Addr()), plain(err))}
	}
	return connection, nil
}

// resolve finds a host's addresses.
func (s *Sender) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	addresses, err := s.lookup(ctx, "ip", host)
	if err == nil && len(addresses) == 0 {
		err = errors.New("there is none")
	}
	return addresses, err
}

// check refuses an address that is not to be reached, whichever way it was found.
func (s *Sender) check(pod netip.Addr, guarded []netip.Prefix, host string, at netip.AddrPort) *unsent {
	address, isPods := at.Addr(), pod.IsValid() && at.Addr() == pod.WithZone("").Unmap()
	if why := s.never(address); why != "" {
		return refusedAddress("%s is %s, which no request reaches", named(host, address), why)
	}
	for _, form := range requests.Forms(address) {
		for _, prefix := range guarded {
			switch {
			case !unmapped(prefix).Contains(form):
				continue
			case isPods:
				return refusedAddress("%s is the pod's own IP, and its node's or the API server's as well, which no request reaches: "+
					"a pod with hostNetwork has the node's. Use exec in the pod, such as curl there", address)
			}
			return refusedAddress("%s is an address of a node or of the API server, which no request reaches", named(host, address))
		}
	}
	if isPods || s.listed.allow(host, at) {
		return nil
	}
	return refusedAddress("%s is not the pod's own IP: leave host out for that, or have the administrator list %s among the hosts that requests may reach",
		named(host, address), host)
}

// checkName refuses a name by which a server of several is asked for another than the one that is listed. Whoever writes an IP asks one server,
// and may ask it for what he likes.
func (s *Sender) checkName(to *url.URL, name string) *unsent {
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if _, err := netip.ParseAddr(to.Hostname()); err == nil || name == "" || plainName(name) == plainName(to.Hostname()) {
		return nil
	}
	if s.listed.allow(name, netip.AddrPortFrom(netip.Addr{}, portOf(to))) {
		return nil
	}
	return refusedAddress("the request goes to %s, and asks for %s there, which is not among the hosts that requests may reach: "+
		"leave the header Host and tls.serverName out, or have the administrator list it", to.Hostname(), name)
}

// dialFirst connects to the first address that answers.
func dialFirst(ctx context.Context, addresses []netip.AddrPort) (net.Conn, error) {
	var first error
	for i, address := range addresses {
		connection, err := dialOne(ctx, address, len(addresses)-i)
		if err == nil {
			return connection, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// dialOne leaves some of the time for the other addresses that there are.
func dialOne(ctx context.Context, address netip.AddrPort, share int) (net.Conn, error) {
	if deadline, limited := ctx.Deadline(); limited && share > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(share))
		defer cancel()
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address.String())
}

// named is an address, with the name that led there.
func named(host string, address netip.Addr) string {
	if host == address.String() {
		return host
	}
	return fmt.Sprintf("%s (%s)", host, address)
}

// failedDial is the reason of what failed while nothing was sent yet.
func failedDial(ctx context.Context, err error) Reason {
	if reason := outOfTime(ctx, err); reason != "" {
		return reason
	}
	return Unreachable
}

// outOfTime is the reason for which the time of a request has passed, or empty. Connections may notice ahead of the context.
func outOfTime(ctx context.Context, err error) Reason {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Cancelled
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	}
	return ""
}
