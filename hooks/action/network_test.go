package action

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const networkVariable = "QUIESCE_TEST_NETWORK"

// TestInANetworkWithAllThatIsNotToBeReached runs itself in a network namespace in which the addresses are real: each has a server, and
// that of a refused one would answer.
func TestInANetworkWithAllThatIsNotToBeReached(t *testing.T) {
	if os.Getenv(networkVariable) != "" {
		inItsNetwork(t)
		return
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), networkVariable+"=own")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	said, err := command.CombinedOutput()
	require.NoError(t, err, "in a network of its own: %s", said)
}

func inItsNetwork(t *testing.T) {
	t.Helper()
	all := []string{
		"10.244.1.7/32", "10.244.1.8/32", "10.244.1.9/32", "192.0.2.10/32", "10.96.0.1/32", "169.254.169.254/32", "100.100.100.200/32",
		"fd00:244::7/128", "2001:db8::10/128", "fd00:ec2::254/128", "64:ff9b::a9fe:a9fe/128", "2002:a9fe:a9fe::1/128",
	}
	script := `set -e; ip link set lo up; for address; do ip addr add "$address" dev lo nodad; done`
	said, err := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", script, "sh"}, all...)...).CombinedOutput()
	require.NoError(t, err, "adding addresses: %s", said)
	var came atomic.Int32
	for _, listen := range []string{"0.0.0.0:8080", "[::]:8080"} {
		network := "tcp4"
		if strings.HasPrefix(listen, "[") {
			network = "tcp6"
		}
		listener, err := net.Listen(network, listen)
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			came.Add(1)
			fmt.Fprint(w, r.Context().Value(http.LocalAddrContextKey))
		})}
		t.Cleanup(func() { server.Close() })
		go func() { _ = server.Serve(listener) }()
	}
	for _, address := range all { // the kernel makes routes to those of IPv6 when it comes to it
		at := net.JoinHostPort(netip.MustParsePrefix(address).Addr().String(), "8080")
		require.Eventually(t, func() bool {
			reached, err := new(net.Dialer).DialContext(t.Context(), "tcp", at)
			return err == nil && reached.Close() == nil
		}, patience, 10*time.Millisecond, at)
	}
	s, err := NewSender(SenderOptions{
		Hosts:   []string{"10.244.1.8", "0.0.0.0/1", "128.0.0.0/1", "::/0"},
		Refused: prefixes("192.0.2.10/32", "10.96.0.1/32", "2001:db8::/64"),
	})
	require.NoError(t, err)
	send := func(ctx context.Context, host, pod string) Result {
		return s.HTTP(ctx, HTTPRequest{Method: http.MethodGet, Host: host, Port: 8080, PodIP: netip.MustParseAddr(pod), Timeout: patience})
	}
	for host, want := range map[string]string{"": "10.244.1.7:8080", "10.244.1.8": "10.244.1.8:8080", "::ffff:10.244.1.9": "10.244.1.9:8080", "fd00:244::7": "[fd00:244::7]:8080"} {
		result := send(t.Context(), host, "10.244.1.7")
		assert.Equal(t, Succeeded, result.Reason, result)
		assert.Equal(t, want, result.Output)
	}
	result := send(t.Context(), "", "fd00:244::7")
	assert.Equal(t, "[fd00:244::7]:8080", result.Output, result)
	before := came.Load()
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "169.254.169.254", "100.100.100.200", "192.0.2.10", "10.96.0.1", "2001:db8::10",
		"fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::ffff:169.254.169.254",
	} {
		for _, result := range []Result{send(t.Context(), host, "10.244.1.7"), send(t.Context(), "", host)} {
			assert.Equal(t, AddressRefused, result.Reason, "%s: %v", host, result)
		}
		reached, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort(host, "8080"))
		require.NoError(t, err, "%s would have answered", host)
		reached.Close()
	}
	assert.Equal(t, before, came.Load())

	strict, err := NewSender(SenderOptions{})
	require.NoError(t, err)
	refused := strict.HTTP(t.Context(), HTTPRequest{Method: http.MethodGet, URL: "http://10.244.1.8:8080/", PodIP: netip.MustParseAddr("10.244.1.7"), Timeout: patience})
	assert.Equal(t, AddressRefused, refused.Reason, refused)
}
