package requests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAHeaderIsOneOfTheRequestAndNotOfTheConnection(t *testing.T) {
	for _, good := range []string{"Authorization", "authorization", "X-Api-Key", "Host", "Content-Type", "User-Agent", "Cookie", "Accept-Encoding", "x_y.z", "1"} {
		assert.NoError(t, CheckHeaderName(good), good)
	}
	for _, own := range []string{"Content-Length", "content-length", "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "TE", "Trailer", "Transfer-Encoding", "TRANSFER-ENCODING", "Upgrade", "Expect"} {
		assert.ErrorContains(t, CheckHeaderName(own), own+" is about the connection, and the controller's own: leave it out")
	}
	for _, bad := range []string{"", "a b", "a:", "a\n", "a\r\nb", "ä", "a\x00", "(a)"} {
		assert.ErrorContains(t, CheckHeaderName(bad), "write the name of a header, such as Authorization", "%q", bad)
	}
}

func TestTheValueOfAHeaderHasNoLines(t *testing.T) {
	for _, good := range []string{"", "Bearer abc", "a\tb", "ü", "  a  "} {
		assert.NoError(t, CheckHeaderValue("Authorization", good), "%q", good)
	}
	for bad, want := range map[string]string{
		"hunter2\n":   "its value ends with a line break: leave that out, where it comes from a Secret by printf '%s' or --from-literal in place of echo",
		"hunter2\r\n": "its value ends with a line break", "hunter2\r\nX: y": "its value has a line break or another control character", "hunter2\x00": "control character", "\x7fhunter2": "control character",
	} {
		err := CheckHeaderValue("Authorization", bad)
		require.ErrorContains(t, err, want, "%q", bad)
		assert.NotContains(t, err.Error(), "hunter2")
	}
	for _, good := range []string{"db.shop.svc", "db.shop.svc:8443", "10.0.0.7:80", "[fd00::7]:80", "[fd00::7]"} {
		assert.NoError(t, CheckHeaderValue("host", good), good)
	}
	for _, bad := range []string{"", "a b", "a/b", "u@a", "http://a", "a:b"} {
		assert.ErrorContains(t, CheckHeaderValue("host", bad), "write a name or an IP, with a port if there is one", "%q", bad)
	}
}
