// Package requests says what a request of a hook's may be, and which addresses none of them ever reaches, for those who check hooks as
// they are written and for those who send them. Its errors say what to write instead, and leave the field to their readers.
package requests

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

var errScheme = errors.New("write http:// or https:// and a host, such as https://vault.example.com:8200/v1/sys/health")

// ParseURL reads the URL of a request. Its errors do not repeat it: there may be something in its query that is not for all.
func ParseURL(text string) (*url.URL, error) {
	parsed, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("it is no URL (%w): %w", err, errScheme)
	}
	switch {
	case parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Hostname() == "":
		return nil, errScheme
	case parsed.User != nil:
		return nil, errors.New("it has a user or a password, which all who may read the hook would see: leave them out, and write a header Authorization with valueFrom")
	}
	if err := CheckHost(parsed.Hostname()); err != nil {
		return nil, fmt.Errorf("its host: %w", err)
	}
	if port := parsed.Port(); port != "" {
		if number, err := strconv.Atoi(port); err != nil || !IsPort(number) {
			return nil, fmt.Errorf("its port is %s: %w", port, ErrPort)
		}
	}
	return parsed, checkSent(text, parsed)
}

// CheckPath checks a path, with the query if there is any.
func CheckPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("begin it with /, such as /healthz")
	}
	text := "http://host" + path
	parsed, err := parse(text)
	if err != nil {
		return fmt.Errorf("it is no path (%w): write one such as /healthz, with other characters percent-encoded", err)
	}
	return checkSent(text, parsed)
}

// parse is url.Parse without the URL in its errors.
func parse(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return nil, wrapped.Err
	}
	return parsed, err
}

// checkSent refuses what would not go out as it is written.
func checkSent(text string, parsed *url.URL) error {
	switch {
	case strings.Contains(text, "#"):
		return errors.New("# and what follows it are never sent: leave them out, or write %23 for the character itself")
	case parsed.RawPath != "" && parsed.RawPath != parsed.EscapedPath():
		return errors.New("its path has spaces, or other characters that no path can have as they are: percent-encode them, such as %20 for a space")
	case strings.ContainsFunc(parsed.RawQuery, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("its query has spaces, or letters beyond ASCII: percent-encode them, such as %20 for a space")
	}
	return nil
}

// ErrPort is said of numbers that no port has.
var ErrPort = errors.New("write a number of 1 to 65535")

// IsPort tells whether a port can have a number.
func IsPort(number int) bool { return number >= 1 && number <= 65535 }
