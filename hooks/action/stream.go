package action

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // what client-go's spdy.Upgrader is made of
	remotecommandconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	streamhttp "k8s.io/streaming/pkg/httpstream"
)

// Over what a command is run. A connection that is lost looks like success in two ways. Over SPDY client-go takes the end of
// the connection for the status of a command that ended well; we do not (proof). Over WebSocket it is the API server, or the
// kubelet, that speaks SPDY onwards by the same code, and tells us of a success when what it spoke with is gone
// (https://github.com/kubernetes/kubectl/issues/1726); only a call's report says better. So a command that has no shell to
// report for it goes over SPDY where that is to be had: there the status comes from the container's runtime itself. A success
// that is only said over WebSocket is Unknown.
type transport int

const (
	webSocketFirst transport = iota
	spdyFirst
	webSocketOnly
)

// stream is an exec in progress.
type stream struct {
	// done is closed when it has ended; err is then why, and nil means that a status of success has come.
	done   chan struct{}
	err    error
	cancel context.CancelFunc
}

// open begins an exec. It ends with the context, or by close.
func (e *Executor) open(ctx context.Context, over transport, target Target, argv []string, stdin io.Reader, out io.Writer) *stream {
	ctx, cancel := context.WithCancel(quiet(ctx))
	s := &stream{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(s.done)
		s.err = e.run(ctx, over, e.url(target, argv, stdin != nil), remotecommand.StreamOptions{Stdin: stdin, Stdout: out, Stderr: out})
	}()
	return s
}

// close breaks the connection, and waits until it is broken.
func (s *stream) close() {
	s.cancel()
	<-s.done
}

// failure is why it has ended, or nil when it has not.
func (s *stream) failure() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// run tries one protocol, and the other where the first is not spoken. Of two refusals that of WebSocket tells more.
func (e *Executor) run(ctx context.Context, over transport, at *url.URL, options remotecommand.StreamOptions) error {
	webSocket, err := remotecommand.NewWebSocketExecutor(e.config, http.MethodGet, at.String())
	if err != nil {
		return err
	}
	if over == webSocketOnly {
		return webSocket.StreamWithContext(ctx, options)
	}
	roundTripper, upgrader, err := spdy.RoundTripperFor(e.config)
	if err != nil {
		return err
	}
	// Of older protocols than v4 no status says that the command ended well.
	overSPDY, err := remotecommand.NewSPDYExecutorForProtocols(roundTripper, proof{upgrader}, http.MethodPost, at, remotecommandconsts.StreamProtocolV4Name)
	if err != nil {
		return err
	}
	if over == spdyFirst {
		if err = overSPDY.StreamWithContext(ctx, options); !noUpgrade(err) {
			return err
		}
		if err = webSocket.StreamWithContext(ctx, options); err == nil {
			err = errUnproven
		}
		return err
	}
	if err = webSocket.StreamWithContext(ctx, options); noUpgrade(err) {
		if second := overSPDY.StreamWithContext(ctx, options); !noUpgrade(second) {
			return second
		}
	}
	return err
}

// noUpgrade tells whether nothing was exchanged, as the protocol is not spoken, or not by us: the conditions of kubectl.
func noUpgrade(err error) bool {
	return streamhttp.IsUpgradeFailure(err) || streamhttp.IsHTTPSProxyError(err)
}

// errUnproven is a success that was said, and that nothing proves.
var errUnproven = errors.New("over WebSocket a success is also said when the container's runtime has died")

// errNoStatus is the end of a connection without a status of the command.
var errNoStatus = errors.New("the connection ended without the command's status")

// proof makes SPDY connections on which a command's success is one that was said.
type proof struct{ spdy.Upgrader }

func (p proof) NewConnection(response *http.Response) (httpstream.Connection, error) {
	connection, err := p.Upgrader.NewConnection(response)
	if err != nil {
		return nil, &streamhttp.UpgradeFailureError{Cause: err}
	}
	return provenConnection{connection}, nil
}

type provenConnection struct{ httpstream.Connection }

func (c provenConnection) CreateStream(headers http.Header) (httpstream.Stream, error) {
	created, err := c.Connection.CreateStream(headers)
	if err != nil || headers.Get(corev1.StreamType) != corev1.StreamTypeError {
		return created, err
	}
	return &statusStream{Stream: created}, nil
}

// statusStream fails at its end if nothing was read from it, for which client-go would read a success.
type statusStream struct {
	httpstream.Stream
	said bool
}

func (s *statusStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	s.said = s.said || n > 0
	if errors.Is(err, io.EOF) && !s.said {
		return n, errNoStatus
	}
	return n, err
}
