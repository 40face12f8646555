package requests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAURLHasASchemeAndAHostAndNothingThatIsNotSent(t *testing.T) {
	for _, good := range []string{
		"http://db.shop.svc", "https://db.shop.svc:8443/", "HTTPS://db.shop.svc/a%20b?c=d%20e&f=%C3%BC", "http://10.0.0.7:80/a%20%2F(b);c='d'", "http://[fd00::7]:9200/_snapshot", "http://a:/x", "http://a?b", "http://a//b/../c",
	} {
		parsed, err := ParseURL(good)
		require.NoError(t, err, good)
		assert.NotEmpty(t, parsed.Hostname(), good)
	}
	const scheme = "write http:// or https:// and a host, such as https://vault.example.com:8200/v1/sys/health"
	for bad, want := range map[string]string{
		"": scheme, "db.shop.svc": scheme, "db.shop.svc:80": scheme, "ftp://a": scheme, "file:///etc/passwd": scheme, "gopher://a:70/": scheme, "http:": scheme, "http://": scheme, "http://:80": scheme, "http:a/b": scheme,
		"//a/b": scheme, "/a": scheme, "https:///a": scheme, "http://a b/": scheme, "http://a:b/": scheme, "http://[fd00::7/": scheme, "http://a/%zz": scheme,
		"http://a/\n":            "it is no URL (net/url: invalid control character in URL)",
		"http://a/\r\nX: y":      "it is no URL (net/url: invalid control character in URL)",
		"http://u:p@a/":          "it has a user or a password",
		"http://u@a/":            "it has a user or a password",
		"http://@a/":             "it has a user or a password",
		"http://10.0.0.7@a/":     "it has a user or a password",
		"http://a/#b":            "# and what follows it are never sent",
		"http://a/#":             "# and what follows it are never sent",
		"http://a:0/":            "its port is 0: write a number of 1 to 65535",
		"http://a:65536/":        "its port is 65536: write a number of 1 to 65535",
		"http://a:99999999999/":  "its port is 99999999999: write a number of 1 to 65535",
		"http://127.1/":          "its host: \"127.1\" is neither a name nor an IP",
		"http://0x7f.0.0.1/":     "its host: \"0x7f.0.0.1\" is neither a name nor an IP",
		"http://bücher.example/": "its host: ",
		"http://a%20b/":          "it is no URL",
		"http://a/b%2Fc d":       "its path has spaces",
		"http://a/ü":             "its path has spaces, or other characters",
		"http://a/\"":            "its path has spaces, or other characters",
		"http://a/?b c":          "its query has spaces",
		"http://a/?ü":            "its query has spaces, or letters beyond ASCII",
	} {
		_, err := ParseURL(bad)
		assert.ErrorContains(t, err, want, "%q", bad)
	}
	_, err := ParseURL("http://a:b/?token=hunter2")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestAPathBeginsAtTheRoot(t *testing.T) {
	for _, good := range []string{"/", "/healthz", "/_snapshot/x?wait_for_completion=true", "//a", "/%2F", "/@b", "/a:b"} {
		assert.NoError(t, CheckPath(good), good)
	}
	for bad, want := range map[string]string{
		"": "begin it with /", "healthz": "begin it with /", "@evil.example/": "begin it with /", ":80/": "begin it with /", "?a": "begin it with /",
		"/a#b": "# and what follows it", "/%zz": "it is no path (invalid URL escape \"%zz\")", "/a\n": "it is no path (net/url: invalid control character in URL)", "/a b": "its path has spaces", "/?a b": "its query has spaces",
	} {
		assert.ErrorContains(t, CheckPath(bad), want, "%q", bad)
	}
}
