package requests

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatNobodyIsToReachIsKnownInEachOfItsForms(t *testing.T) {
	tests := map[string]struct {
		address, want string
	}{
		"loopback":             {"127.0.0.1", "a loopback address"},
		"another of loopback":  {"127.255.255.254", "a loopback address"},
		"loopback of IPv6":     {"::1", "a loopback address"},
		"loopback, mapped":     {"::ffff:127.0.0.1", "a loopback address"},
		"loopback, compatible": {"::127.0.0.1", "another form of 127.0.0.1, a loopback address"},
		"loopback, translated": {"::ffff:0:127.0.0.1", "another form of 127.0.0.1, a loopback address"},
		"loopback over NAT64":  {"64:ff9b::7f00:1", "another form of 127.0.0.1, a loopback address"},
		"loopback over 6to4":   {"2002:7f00:1::1", "another form of 127.0.0.1, a loopback address"},
		"unspecified":          {"0.0.0.0", "unspecified"},
		"unspecified, and taken for loopback by some":    {"0.1.2.3", "unspecified"},
		"unspecified of IPv6":                            {"::", "unspecified"},
		"unspecified, mapped":                            {"::ffff:0.0.0.0", "unspecified"},
		"metadata":                                       {"169.254.169.254", "a cloud's metadata service"},
		"metadata, mapped":                               {"::ffff:169.254.169.254", "a cloud's metadata service"},
		"metadata, mapped, in hexadecimal":               {"::ffff:a9fe:a9fe", "a cloud's metadata service"},
		"metadata over NAT64":                            {"64:ff9b::a9fe:a9fe", "another form of 169.254.169.254, a cloud's metadata service"},
		"metadata over 6to4":                             {"2002:a9fe:a9fe::", "another form of 169.254.169.254, a cloud's metadata service"},
		"metadata over NAT64 of a network's own":         {"64:ff9b:1::a9fe:a9fe", "translated to an IPv4 address that cannot be told"},
		"Teredo":                                         {"2001:0:53aa:64c::1", "a Teredo address, behind which another is hidden"},
		"metadata over IPv6":                             {"fd00:ec2::254", "a cloud's metadata service"},
		"credentials of pods over IPv6":                  {"fd00:ec2::23", "a cloud's metadata service"},
		"metadata of Google over IPv6":                   {"fd20:ce::254", "a cloud's metadata service"},
		"metadata of Alibaba":                            {"100.100.100.200", "a cloud's metadata service"},
		"metadata of Azure":                              {"168.63.129.16", "a cloud's metadata service"},
		"metadata of Oracle":                             {"192.0.0.192", "a cloud's metadata service"},
		"credentials of tasks":                           {"169.254.170.2", "a link-local address"},
		"link-local":                                     {"169.254.0.1", "a link-local address"},
		"link-local of IPv6":                             {"fe80::1", "a link-local address"},
		"link-local of IPv6 with a zone":                 {"fe80::1%eth0", "a link-local address"},
		"the last of link-local":                         {"febf:ffff::1", "a link-local address"},
		"loopback with a zone":                           {"::1%lo", "a loopback address"},
		"multicast":                                      {"224.0.0.1", "a multicast address"},
		"multicast of IPv6":                              {"ff02::1", "a multicast address"},
		"multicast of one interface":                     {"ff01::1", "a multicast address"},
		"broadcast":                                      {"255.255.255.255", "the broadcast address"},
		"broadcast, mapped":                              {"::ffff:255.255.255.255", "the broadcast address"},
		"a pod's":                                        {"10.244.1.7", ""},
		"another pod's":                                  {"172.16.0.1", ""},
		"a pod's, mapped":                                {"::ffff:10.244.1.7", ""},
		"a pod's over NAT64":                             {"64:ff9b::10.244.1.7", ""},
		"a pod's of IPv6":                                {"fd12:3456::7", ""},
		"a pod's of the range shared by providers":       {"100.64.3.4", ""},
		"a pod's of class E, as there are":               {"240.10.0.1", ""},
		"before link-local":                              {"169.253.255.255", ""},
		"behind link-local":                              {"169.255.0.0", ""},
		"behind link-local of IPv6":                      {"fec0::1", ""},
		"a host's":                                       {"93.184.216.34", ""},
		"a host's of IPv6":                               {"2606:2800:220:1::1", ""},
		"a host's of IPv6 whose beginning is a Teredo's": {"2001:db8::1", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, NeverReached(netip.MustParseAddr(test.address)))
		})
	}
}

func TestAnAddressIsComparedInAllItsForms(t *testing.T) {
	for written, want := range map[string][]string{
		"10.0.0.7":            {"10.0.0.7"},
		"::ffff:10.0.0.7":     {"10.0.0.7"},
		"64:ff9b::10.0.0.7":   {"64:ff9b::a00:7", "10.0.0.7"},
		"2002:a00:7:1::2":     {"2002:a00:7:1::2", "10.0.0.7"},
		"fd00::7%eth0":        {"fd00::7"},
		"::10.0.0.7":          {"::a00:7", "10.0.0.7"},
		"::ffff:0:10.0.0.7":   {"::ffff:0:a00:7", "10.0.0.7"},
		"64:ff9b:2::10.0.0.7": {"64:ff9b:2::a00:7"},
	} {
		var forms []string
		for _, form := range Forms(netip.MustParseAddr(written)) {
			forms = append(forms, form.String())
		}
		assert.Equal(t, want, forms, written)
	}
}

func TestAHostIsANameOrAnIP(t *testing.T) {
	for _, good := range []string{"db", "db.shop.svc", "db.shop.svc.cluster.local.", "DB-0.db", "_sip.example.com", "10.0.0.7", "fd00::7", "127.0.0.1", "3com.com", "1.2.3.4.nip.io", "xn--bcher-kva.example"} {
		assert.NoError(t, CheckHost(good), good)
	}
	const name, number = "write a name, such as db.shop.svc, or an IP, without scheme, port and brackets", "write an IPv4 address as four numbers of 0 to 255"
	for bad, want := range map[string]string{
		"": name, ".": name, "a..b": name, "-a": name, "a-": name, "http://a": name, "a/b": name, "a:80": name, "[fd00::7]": name, "a b": name, "a\nb": name,
		"bücher.example": name, "a@b": name, "*.example.com": name, "a..": name,
		"127.1": number, "2130706433": number, "0x7f000001": number, "0x7f.1": number, "0177.0.0.1": number, "10.0.0.256": number, "10.0.0.7.": number, "a.1": number, "0x": number,
	} {
		assert.ErrorContains(t, CheckHost(bad), want, bad)
	}
	long := make([]byte, 254)
	for i := range long {
		long[i] = "a."[i%2]
	}
	assert.ErrorContains(t, CheckHost(string(long)+"a"), "write a name of at most 253")
}

func TestAHostThatNobodyReachesIsSeenAsItIsWritten(t *testing.T) {
	for bad, want := range map[string]string{
		"localhost":       "localhost is where the controller itself runs",
		"LocalHost.":      "localhost is where the controller itself runs",
		"db.localhost":    "localhost is where the controller itself runs",
		"127.0.0.1":       "127.0.0.1 is a loopback address, and never reached: leave host out for the pod's own IP, or write another host",
		"169.254.169.254": "169.254.169.254 is a cloud's metadata service",
		"::ffff:7f00:1":   "is a loopback address",
		"fe80::1":         "fe80::1 is a link-local address",
	} {
		assert.ErrorContains(t, CheckReach(bad), want, bad)
	}
	for _, good := range []string{"db.shop.svc", "localhost.example.com", "10.0.0.7", "fd00::7"} {
		require.NoError(t, CheckReach(good), good)
	}
}
