package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/quiesce-io/quiesce/hooks/requests"
)

// TCPRequest is a connection to be opened.
type TCPRequest struct {
	// Host is a name or an IP; by default, the pod's IP.
	Host string
	Port int
	// PodIP is the pod's own, or zero where there is no pod.
	PodIP netip.Addr
	// Timeout is for all of it, the name's resolution included.
	Timeout time.Duration
}

// TCP opens a connection and closes it at once. Nothing is sent: where that fails, the Process is NeverRan.
func (s *Sender) TCP(ctx context.Context, wanted TCPRequest) Result {
	begun := time.Now()
	result := s.tcp(ctx, wanted)
	result.Duration = time.Since(begun)
	return *result
}

func (s *Sender) tcp(ctx context.Context, wanted TCPRequest) *Result {
	ctx, cancel := context.WithTimeout(ctx, wanted.Timeout)
	defer cancel()
	host, err := hostOf(wanted.Host, wanted.PodIP)
	switch {
	case err != nil:
		return refusal(BadRequest, err.Error())
	case !requests.IsPort(wanted.Port):
		return refusal(BadRequest, fmt.Sprintf("port: %d: %v", wanted.Port, requests.ErrPort))
	}
	connection, refused := s.dial(ctx, wanted.PodIP, host, uint16(wanted.Port)) //nolint:gosec // IsPort
	if refused != nil {
		return refusal(refused.reason, refused.message)
	}
	at := connection.RemoteAddr()
	_ = connection.Close()
	return &Result{Reason: Succeeded, Process: HasEnded, Message: fmt.Sprintf("%s accepts connections", at)}
}

// hostOf is the host that is written, or the pod's IP.
func hostOf(written string, pod netip.Addr) (string, error) {
	if written == "" && !pod.IsValid() {
		return "", errors.New("host: there is no pod whose IP it could be: write url or host")
	}
	host := cmp.Or(written, pod.WithZone("").Unmap().String())
	if err := requests.CheckHost(host); err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	return host, nil
}
