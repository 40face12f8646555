package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/requests"
)

// userAgent is said to servers that are not told another.
const userAgent = "quiesce-controller"

// prepare makes a request ready, or says what of it cannot be sent.
func (r *HTTPRequest) prepare(ctx context.Context) (*http.Request, error) {
	at, err := r.url()
	if err != nil {
		return nil, err
	}
	prepared, err := http.NewRequestWithContext(ctx, r.Method, at.String(), strings.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		if err := requests.CheckHeaderName(name); err != nil {
			return nil, fmt.Errorf("header %w", err)
		}
		for _, value := range values {
			if err := requests.CheckHeaderValue(name, value); err != nil {
				return nil, fmt.Errorf("header %s: %w", name, err)
			}
			prepared.Header.Add(name, value)
		}
	}
	if _, given := prepared.Header["User-Agent"]; !given {
		prepared.Header.Set("User-Agent", userAgent)
	}
	// What a Transport sends is not the header, but the field.
	if hosts := prepared.Header.Values("Host"); len(hosts) > 1 {
		return nil, errors.New("header Host: write one")
	}
	prepared.Host = cmp.Or(prepared.Header.Get("Host"), prepared.Host)
	prepared.Header.Del("Host")
	return prepared, nil
}

// url is where the request goes.
func (r *HTTPRequest) url() (*url.URL, error) {
	if r.URL != "" {
		at, err := requests.ParseURL(r.URL)
		if err != nil {
			return nil, fmt.Errorf("url: %w", err)
		}
		return at, nil
	}
	host, err := hostOf(r.Host, r.PodIP)
	if err != nil {
		return nil, err
	}
	if !requests.IsPort(r.Port) {
		return nil, fmt.Errorf("port: %d: %w", r.Port, requests.ErrPort)
	}
	path := cmp.Or(r.Path, "/")
	if err := requests.CheckPath(path); err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	scheme := cmp.Or(r.Scheme, corev1.URISchemeHTTP)
	if scheme != corev1.URISchemeHTTP && scheme != corev1.URISchemeHTTPS {
		return nil, fmt.Errorf("scheme: %q: write HTTP or HTTPS", scheme)
	}
	return requests.ParseURL(strings.ToLower(string(scheme)) + "://" + net.JoinHostPort(host, strconv.Itoa(r.Port)) + path)
}
