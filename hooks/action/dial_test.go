package action

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// resolving answers for names, and counts how often it is asked.
func resolving(s *Sender, names map[string][]string) *atomic.Int32 {
	asked := new(atomic.Int32)
	s.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		asked.Add(1)
		var found []netip.Addr
		for _, address := range names[host] {
			found = append(found, netip.MustParseAddr(address))
		}
		if found == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return found, nil
	}
	return asked
}

func prefixes(texts ...string) func(context.Context) ([]netip.Prefix, error) {
	return func(context.Context) ([]netip.Prefix, error) {
		var all []netip.Prefix
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all, nil
	}
}

func TestWhatNoRequestReachesIsRefusedWhicheverWayItIsWritten(t *testing.T) {
	names := map[string][]string{
		"metadata.example.com": {"169.254.169.254"},
		"here.example.com":     {"127.0.0.1", "::1"},
		"mapped.example.com":   {"::ffff:127.0.0.1"},
		"nat64.example.com":    {"64:ff9b::a9fe:a9fe"},
		"node.example.com":     {"192.0.2.10"},
		"pod.example.com":      {"10.244.9.9"},
	}
	const reaches = ", which no request reaches"
	tests := map[string]struct {
		host, pod, want string
	}{
		"loopback":                              {"127.0.0.1", "", "127.0.0.1 is a loopback address" + reaches},
		"loopback as the pod's own":             {"", "127.0.0.1", "127.0.0.1 is a loopback address" + reaches},
		"loopback of IPv6":                      {"::1", "", "::1 is a loopback address" + reaches},
		"loopback, mapped":                      {"::ffff:127.0.0.1", "", "is a loopback address" + reaches},
		"loopback over NAT64":                   {"64:ff9b::7f00:1", "", "another form of 127.0.0.1, a loopback address" + reaches},
		"loopback over 6to4":                    {"2002:7f00:1::", "", "another form of 127.0.0.1, a loopback address" + reaches},
		"a name of loopback":                    {"here.example.com", "", "here.example.com (::1) is a loopback address" + reaches},
		"a name of loopback, mapped":            {"mapped.example.com", "", "mapped.example.com (127.0.0.1) is a loopback address" + reaches},
		"metadata":                              {"169.254.169.254", "", "169.254.169.254 is a cloud's metadata service" + reaches},
		"metadata as the pod's own":             {"", "169.254.169.254", "169.254.169.254 is a cloud's metadata service" + reaches},
		"metadata over IPv6":                    {"fd00:ec2::254", "", "fd00:ec2::254 is a cloud's metadata service" + reaches},
		"a name of metadata":                    {"metadata.example.com", "", "metadata.example.com (169.254.169.254) is a cloud's metadata service" + reaches},
		"a name of metadata over NAT64":         {"nat64.example.com", "", "another form of 169.254.169.254, a cloud's metadata service" + reaches},
		"link-local":                            {"169.254.1.1", "", "169.254.1.1 is a link-local address" + reaches},
		"link-local of IPv6":                    {"fe80::1", "", "fe80::1 is a link-local address" + reaches},
		"unspecified":                           {"0.0.0.0", "", "0.0.0.0 is unspecified" + reaches},
		"unspecified of IPv6":                   {"::", "", ":: is unspecified" + reaches},
		"multicast":                             {"224.0.0.1", "", "224.0.0.1 is a multicast address" + reaches},
		"multicast of IPv6":                     {"ff02::1", "", "ff02::1 is a multicast address" + reaches},
		"a node":                                {"192.0.2.10", "", "192.0.2.10 is an address of a node or of the API server" + reaches},
		"a name of a node":                      {"node.example.com", "", "node.example.com (192.0.2.10) is an address of a node or of the API server" + reaches},
		"a node, mapped":                        {"::ffff:192.0.2.10", "", "is an address of a node or of the API server" + reaches},
		"a node over NAT64":                     {"64:ff9b::192.0.2.10", "", "is an address of a node or of the API server" + reaches},
		"a node of a mapped prefix":             {"192.0.2.11", "", "192.0.2.11 is an address of a node or of the API server" + reaches},
		"a node over IPv6":                      {"2001:db8::10", "", "2001:db8::10 is an address of a node or of the API server" + reaches},
		"the API server":                        {"10.96.0.1", "", "10.96.0.1 is an address of a node or of the API server" + reaches},
		"a pod with hostNetwork":                {"", "192.0.2.10", "192.0.2.10 is the pod's own IP, and its node's or the API server's as well" + reaches + ": a pod with hostNetwork has the node's. Use exec in the pod"},
		"a pod with hostNetwork by a name":      {"node.example.com", "192.0.2.10", "a pod with hostNetwork has the node's"},
		"a pod with hostNetwork, mapped as may": {"", "::ffff:192.0.2.10", "a pod with hostNetwork has the node's"},
	}
	for _, list := range [][]string{nil, {"*", "0.0.0.0/0", "::/0", "node.example.com", "192.0.2.10"}} {
		s, err := NewSender(SenderOptions{Hosts: list, Refused: prefixes("192.0.2.10/32", "::ffff:192.0.2.11/128", "2001:db8::/64", "10.96.0.1/32")})
		require.NoError(t, err)
		resolving(s, names)
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				pod := netip.Addr{}
				if test.pod != "" {
					pod = netip.MustParseAddr(test.pod)
				}
				results := []Result{
					s.HTTP(t.Context(), HTTPRequest{Method: http.MethodGet, Host: test.host, Port: 80, PodIP: pod, Timeout: patience}),
					s.HTTP(t.Context(), HTTPRequest{Method: http.MethodGet, Host: test.host, Port: 443, Scheme: "HTTPS", PodIP: pod, Timeout: patience}),
					s.TCP(t.Context(), TCPRequest{Host: test.host, Port: 80, PodIP: pod, Timeout: patience}),
				}
				for _, result := range results {
					assert.Equal(t, AddressRefused, result.Reason, result)
					assert.Equal(t, NeverRan, result.Process)
					assert.Contains(t, result.Message, test.want)
				}
			})
		}
	}
}

func TestBeyondThePodsOwnIPOnlyWhatIsListedIsReached(t *testing.T) {
	pod := netip.MustParseAddr("127.0.0.1")
	names := map[string][]string{
		"own.example.com": {"127.0.0.1"}, "vault.example.com": {"127.0.0.2"}, "a.b.example.com": {"127.0.0.2"}, "evil-example.com": {"127.0.0.2"},
		"db": {"127.0.0.2"}, "Vault.Example.com.": {"127.0.0.2"}, "some.example.com": {"127.0.0.5", "127.0.0.2"},
	}
	port := open(t, "127.0.0.1", "127.0.0.2", "127.0.0.5")
	at := ":" + strconv.Itoa(port)
	tests := map[string]struct {
		hosts []string
		host  string
		want  string // the message of a refusal
	}{
		"the pod's own":                     {nil, "", ""},
		"the pod's own, as it is written":   {nil, "127.0.0.1", ""},
		"the pod's own, mapped":             {nil, "::ffff:127.0.0.1", ""},
		"a name of the pod's own":           {nil, "own.example.com", ""},
		"another's":                         {nil, "127.0.0.2", "127.0.0.2 is not the pod's own IP: leave host out for that, or have the administrator list 127.0.0.2"},
		"a name of another's":               {nil, "vault.example.com", "vault.example.com (127.0.0.2) is not the pod's own IP: leave host out for that, or have the administrator list vault.example.com"},
		"a name that is listed":             {[]string{"vault.example.com"}, "vault.example.com", ""},
		"a name in other letters":           {[]string{"VAULT.example.com"}, "Vault.Example.com.", ""},
		"a name behind a glob":              {[]string{"*.example.com"}, "vault.example.com", ""},
		"a longer name behind a glob":       {[]string{"*.example.com"}, "a.b.example.com", ""},
		"a name that a glob does not mean":  {[]string{"*.example.com"}, "evil-example.com", "is not the pod's own IP"},
		"a name beside those listed":        {[]string{"vault.example.com"}, "db", "is not the pod's own IP"},
		"any name":                          {[]string{"*"}, "db", ""},
		"an IP where names are listed":      {[]string{"*"}, "127.0.0.2", "is not the pod's own IP"},
		"an IP where a glob of names is":    {[]string{"127.*"}, "127.0.0.2", "is not the pod's own IP"},
		"an IP of those listed":             {[]string{"10.0.0.0/8", "127.0.0.2/31"}, "127.0.0.2", ""},
		"an IP among those listed":          {[]string{"127.0.0.0/30"}, "127.0.0.2", ""},
		"an IP among those listed, mapped":  {[]string{"::ffff:127.0.0.0/126"}, "::ffff:127.0.0.2", ""},
		"an IP beside those listed":         {[]string{"127.0.0.4/30"}, "127.0.0.2", "is not the pod's own IP"},
		"a name of an IP that is listed":    {[]string{"127.0.0.2/31"}, "vault.example.com", ""},
		"a name on a port that is listed":   {[]string{"vault.example.com" + at}, "vault.example.com", ""},
		"a name on another port":            {[]string{"vault.example.com:1"}, "vault.example.com", "is not the pod's own IP"},
		"an IP on a port that is listed":    {[]string{"127.0.0.2/31" + at}, "127.0.0.2", ""},
		"an IP on another port":             {[]string{"127.0.0.2/31:1", "127.0.0.0/8:2"}, "127.0.0.2", "is not the pod's own IP"},
		"one address of several is listed":  {[]string{"127.0.0.2/31"}, "some.example.com", ""},
		"a name that has no address at all": {[]string{"*"}, "nothing.example.com", "nothing.example.com has no address that could be found: lookup nothing.example.com: no such host"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testSender(t, SenderOptions{Hosts: test.hosts})
			resolving(s, names)
			result := s.TCP(t.Context(), TCPRequest{Host: test.host, Port: port, PodIP: pod, Timeout: patience})
			if test.want == "" {
				assert.Equal(t, Succeeded, result.Reason, result)
				return
			}
			assert.Contains(t, []Reason{AddressRefused, Unreachable}, result.Reason, result)
			assert.Contains(t, result.Message, test.want)
		})
	}
	t.Run("of several addresses none but the one that is listed", func(t *testing.T) {
		s := testSender(t, SenderOptions{Hosts: []string{"127.0.0.2/31"}})
		resolving(s, names)
		connection, refused := s.dial(t.Context(), netip.Addr{}, "some.example.com", uint16(port))
		require.Nil(t, refused)
		defer connection.Close()
		assert.Equal(t, "127.0.0.2"+at, connection.RemoteAddr().String())
	})
	t.Run("without a pod nothing is its own", func(t *testing.T) {
		result := testSender(t, SenderOptions{}).TCP(t.Context(), TCPRequest{Host: "127.0.0.1", Port: port, Timeout: patience})
		assert.Equal(t, AddressRefused, result.Reason, result)
	})
}

// open accepts connections on one port of several addresses.
func open(t *testing.T, addresses ...string) int {
	t.Helper()
	port := 0
	for _, address := range addresses {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		require.NoError(t, err)
		t.Cleanup(func() { listener.Close() })
		port = listener.Addr().(*net.TCPAddr).Port
	}
	return port
}

func TestANameIsResolvedOnceAndWhatWasCheckedIsDialed(t *testing.T) {
	at := serve(t, func(http.ResponseWriter, *http.Request) {})
	parsed, err := url.Parse(at)
	require.NoError(t, err)
	s := testSender(t, SenderOptions{Hosts: []string{"rebind.example.com"}, Refused: prefixes("127.0.0.9/32")})
	var asked atomic.Int32
	s.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		if asked.Add(1) == 1 {
			return []netip.Addr{podIP}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.9")}, nil
	}
	result := s.HTTP(t.Context(), get("http://rebind.example.com:"+parsed.Port()))
	assert.Equal(t, Succeeded, result.Reason, result)
	assert.EqualValues(t, 1, asked.Load())
	result = s.HTTP(t.Context(), get("http://rebind.example.com:"+parsed.Port()))
	assert.Equal(t, AddressRefused, result.Reason, result)
	assert.EqualValues(t, 2, asked.Load())
}

func TestNothingIsReachedWhileNobodyKnowsWhichAddressesAreTheNodes(t *testing.T) {
	known := errors.New("the informer has not synced")
	var asked atomic.Int32
	s := testSender(t, SenderOptions{Refused: func(context.Context) ([]netip.Prefix, error) {
		asked.Add(1)
		return nil, known
	}})
	port := open(t, "127.0.0.1")
	request := TCPRequest{Port: port, PodIP: podIP, Timeout: patience}
	result := s.TCP(t.Context(), request)
	assert.Equal(t, Unreachable, result.Reason, "which may pass")
	assert.Equal(t, NeverRan, result.Process)
	assert.Equal(t, "which addresses nodes and the API server have is not known, so that none is reached: the informer has not synced", result.Message)
	known = nil
	assert.Equal(t, Succeeded, s.TCP(t.Context(), request).Reason)
	assert.EqualValues(t, 2, asked.Load(), "for each connection")
}

func TestAHostIsListedAsOneOrRefused(t *testing.T) {
	assert.NoError(t, ParseHosts([]string{"a", "*.example.com", "db-*.shop.svc:5432", "10.0.0.7", "10.0.0.0/8", "10.0.0.0/8:443", "fd00::7", "[fd00::7]:443", "[fd00::/64]:443", "fd00::/64", "0.0.0.0/0", "*", "*:443"}))
	for bad, want := range map[string]string{
		"":                     `host "": write a name, a glob such as *.example.com`,
		"http://a":             "its port is //a: write a number of 1 to 65535",
		"a:0":                  "its port is 0: write a number of 1 to 65535",
		"a:65536":              "its port is 65536",
		"a/b":                  "write a name, a glob such as *.example.com",
		"10.0.0.0/33":          "write a name, a glob such as *.example.com",
		"127.1":                "write a name, a glob such as *.example.com",
		"a[bc]":                "write a name, a glob such as *.example.com",
		"[fd00::7]":            "write a name, a glob such as *.example.com",
		"fe80::1%eth0":         "its port is 1%eth0",
		"127.0.0.1":            "127.0.0.1 is a loopback address, and never reached: leave it out",
		"169.254.169.254:80":   "169.254.169.254 is a cloud's metadata service, and never reached: leave it out",
		"::ffff:127.0.0.1/128": "127.0.0.1 is a loopback address, and never reached: leave it out",
	} {
		assert.ErrorContains(t, ParseHosts([]string{"a", bad}), want, "%q", bad)
		_, err := NewSender(SenderOptions{Hosts: []string{bad}})
		assert.ErrorContains(t, err, want, "%q", bad)
	}
}

func TestAConnectionIsOpenedAndNothingIsSent(t *testing.T) {
	free := func() int { // a port on which nobody listens
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		return listener.Addr().(*net.TCPAddr).Port
	}()
	port := open(t, "127.0.0.1")
	s := testSender(t, SenderOptions{Hosts: []string{"*"}})
	resolving(s, map[string][]string{"one-of.example.com": {"127.0.0.7", "127.0.0.1"}})
	tests := map[string]struct {
		request TCPRequest
		reason  Reason
		want    string
	}{
		"the pod":                  {TCPRequest{Port: port, PodIP: podIP}, Succeeded, "127.0.0.1:" + strconv.Itoa(port) + " accepts connections"},
		"nobody there":             {TCPRequest{Port: free, PodIP: podIP}, Unreachable, "127.0.0.1 cannot be reached: dial tcp 127.0.0.1:" + strconv.Itoa(free) + ": connect: connection refused"},
		"one address of two":       {TCPRequest{Host: "one-of.example.com", Port: port}, Succeeded, "127.0.0.1:"},
		"none of two":              {TCPRequest{Host: "one-of.example.com", Port: free}, Unreachable, "one-of.example.com (127.0.0.7) cannot be reached"},
		"no pod":                   {TCPRequest{Port: port}, BadRequest, "host: there is no pod whose IP it could be: write url or host"},
		"no port":                  {TCPRequest{PodIP: podIP}, BadRequest, "port: 0: write a number of 1 to 65535"},
		"a host that is none":      {TCPRequest{Host: "tcp://a", Port: port, PodIP: podIP}, BadRequest, `host: "tcp://a" is no host`},
		"no time":                  {TCPRequest{Port: port, PodIP: podIP, Timeout: -1}, TimedOut, ""},
		"a name that nobody knows": {TCPRequest{Host: "unknown.example.com", Port: port}, Unreachable, "unknown.example.com has no address that could be found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.request.Timeout == 0 {
				test.request.Timeout = 5 * time.Second
			}
			result := s.TCP(t.Context(), test.request)
			assert.Equal(t, test.reason, result.Reason, result)
			assert.Contains(t, result.Message, test.want)
			assert.Nil(t, result.Code)
			if test.reason == Succeeded {
				assert.Equal(t, HasEnded, result.Process)
			} else {
				assert.Equal(t, NeverRan, result.Process)
			}
		})
	}
}

// One address may serve many names. Who may reach one of them may not reach the others by it.
func TestAListedNameOpensNoOtherAtTheSameAddress(t *testing.T) {
	parsed, err := url.Parse(serve(t, func(http.ResponseWriter, *http.Request) {}))
	require.NoError(t, err)
	s := testSender(t, SenderOptions{Hosts: []string{"hooks.example.com", "*.example.org"}})
	s.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{podIP}, nil
	}
	tests := map[string]struct {
		host, asks, verifies string
		reason               Reason
	}{
		"none":                   {host: "hooks.example.com", reason: Succeeded},
		"the same":               {host: "hooks.example.com", asks: "HOOKS.example.com.:8080", reason: Succeeded},
		"another that is listed": {host: "hooks.example.com", asks: "a.example.org", reason: Succeeded},
		"another":                {host: "hooks.example.com", asks: "internal.example.com", reason: AddressRefused},
		"another's certificate":  {host: "hooks.example.com", verifies: "internal.example.com", reason: AddressRefused},
		"any, of the pod's own":  {host: podIP.String(), asks: "internal.example.com", reason: Succeeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := get("http://" + test.host + ":" + parsed.Port())
			request.PodIP = podIP
			if test.asks != "" {
				request.Header = http.Header{"Host": {test.asks}}
			}
			request.TLS.ServerName = test.verifies
			result := s.HTTP(t.Context(), request)
			assert.Equal(t, test.reason, result.Reason, result.Message)
		})
	}
}

// What lasts is known ahead of a request; what may pass is not told.
func TestOfARequestItIsKnownAheadWhetherItMayGoThere(t *testing.T) {
	broken := errors.New("away")
	s := testSender(t, SenderOptions{Refused: func(context.Context) ([]netip.Prefix, error) { return nil, broken }})
	request := HTTPRequest{Port: 80, PodIP: podIP, Timeout: patience}
	assert.Nil(t, s.Check(t.Context(), request), "which nodes there are may be known in a moment")
	broken = nil
	assert.Nil(t, s.Check(t.Context(), request))
	request.Host = "192.0.2.1"
	assert.Equal(t, AddressRefused, s.Check(t.Context(), request).Reason)
	request.Host = "no such"
	assert.Equal(t, BadRequest, s.Check(t.Context(), request).Reason)
}
