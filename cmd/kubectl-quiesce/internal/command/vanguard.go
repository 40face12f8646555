package command

import (
	"net/http"
	"sync/atomic"
)

// vanguard sends the first request ahead of all others, which then go over its connection. Requests that begin at once would
// each open one of their own, and give it up for the first that is there: the handshakes of ten take longer than the answers.
type vanguard struct {
	next http.RoundTripper

	begun    atomic.Bool
	answered chan struct{}
	// err is why the first was not answered. Who has waited for it is not to wait for the same again.
	err error
}

func newVanguard(next http.RoundTripper) http.RoundTripper {
	return &vanguard{next: next, answered: make(chan struct{})}
}

var _ http.RoundTripper = (*vanguard)(nil)

// RoundTrip implements http.RoundTripper.
func (v *vanguard) RoundTrip(request *http.Request) (response *http.Response, err error) {
	if v.begun.CompareAndSwap(false, true) {
		defer close(v.answered)
		if response, err = v.next.RoundTrip(request); request.Context().Err() == nil {
			v.err = err
		}
		return response, err
	}
	select {
	case <-v.answered:
		return v.next.RoundTrip(request)
	default:
	}
	select {
	case <-v.answered:
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	if v.err != nil {
		return nil, v.err
	}
	return v.next.RoundTrip(request)
}
