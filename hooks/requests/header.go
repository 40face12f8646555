package requests

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// headerName is a token (RFC 9110, 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ownHeaders are about the connection, or follow from the body: the controller writes them, or nobody.
var ownHeaders = []string{
	"connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
	"te", "trailer", "transfer-encoding", "upgrade",
}

// CheckHeaderName checks the name of a header.
func CheckHeaderName(name string) error {
	switch {
	case !headerName.MatchString(name):
		return fmt.Errorf("%q: write the name of a header, such as Authorization", name)
	case slices.Contains(ownHeaders, strings.ToLower(name)):
		return fmt.Errorf("%s is about the connection, and the controller's own: leave it out", name)
	}
	return nil
}

// hostHeader is what a header Host says, such as db.shop.svc:8443.
var hostHeader = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)

// CheckHeaderValue checks the value of a header. It may be a secret, so that the error does not repeat it.
func CheckHeaderValue(name, value string) error {
	switch {
	case strings.TrimRight(value, "\r\n") != value:
		return errors.New("its value ends with a line break: leave that out, where it comes from a Secret by printf '%s' or --from-literal in place of echo")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return errors.New("its value has a line break or another control character: leave it out")
	case strings.EqualFold(name, "Host") && !hostHeader.MatchString(value):
		return errors.New("write a name or an IP, with a port if there is one, such as db.shop.svc:8443")
	}
	return nil
}
