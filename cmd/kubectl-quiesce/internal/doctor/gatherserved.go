package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

const (
	// servedPort is the webhook's, as the chart has it.
	servedPort = 9443
	// handshakeTime bounds how long one replica may take.
	handshakeTime = 5 * time.Second
)

// served asks each replica of the webhook for its certificate, through the API server.
func (g *gatherer) served(ctx context.Context) {
	f := g.facts
	if !f.Pods.known() {
		f.Served = Fact[[]Served]{Lacks: f.Pods.Lacks, Err: f.Pods.Err}
		return
	}
	f.Served = learn(right("create", "pods/portforward", f.Release), func() ([]Served, error) {
		var pods []string
		for i := range f.Pods.Value {
			pod := &f.Pods.Value[i]
			ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
			})
			if pod.Labels[componentLabel] == "webhook" && ready && !ended(pod) {
				pods = append(pods, pod.Name)
			}
		}
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: newRight("create", "", "pods/portforward", "").attributes(f.Release),
		}}
		if err := g.client.Create(ctx, review); err != nil {
			return nil, err
		}
		if !review.Status.Allowed {
			return nil, apierrors.NewForbidden(corev1.Resource("pods/portforward"), "", nil)
		}
		answers := make([]Served, len(pods))
		ask := make([]func(context.Context), len(pods))
		for i, pod := range pods {
			ask[i] = func(ctx context.Context) {
				ctx, cancel := context.WithTimeout(ctx, handshakeTime)
				defer cancel()
				answers[i].Pod = pod
				answers[i].Certificates, answers[i].Err = g.certificates(ctx, pod)
			}
		}
		together(ctx, ask...)
		return answers, nil
	})
}

// certificates are those that a pod presents in a handshake.
func (g *gatherer) certificates(ctx context.Context, pod string) ([]*x509.Certificate, error) {
	port, stop, err := g.forward(ctx, pod)
	if err != nil {
		return nil, err
	}
	defer stop()
	// What is presented is wanted whatever it is worth: whether it would be trusted is asked afterwards.
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent, and see above
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("localhost", strconv.Itoa(int(port))))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	handshake, ok := connection.(*tls.Conn)
	if !ok {
		return nil, fmt.Errorf("got a connection of %T", connection)
	}
	return handshake.ConnectionState().PeerCertificates, nil
}

// forward forwards a free port of this machine to the webhook's in a pod, until it is stopped.
func (g *gatherer) forward(ctx context.Context, pod string) (port uint16, stop func(), err error) {
	client, err := kubernetes.NewForConfig(g.config)
	if err != nil {
		return 0, nil, err
	}
	url := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(g.facts.Release).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(g.config)
	if err != nil {
		return 0, nil, err
	}
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialer(url, g.config)
	if err != nil {
		return 0, nil, err
	}
	// As kubectl port-forward does, for proxies on the way that know no WebSocket.
	dialer := portforward.NewFallbackDialer(overWebSocket, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url),
		func(err error) bool { return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err) })
	ctx, stop = context.WithCancel(ctx)
	ready, failed := make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.NewOnAddressesWithContext(ctx, dialer, []string{"localhost"}, []string{fmt.Sprintf("0:%d", servedPort)}, ready, io.Discard, io.Discard)
	if err != nil {
		stop()
		return 0, nil, err
	}
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err = <-failed:
	case <-ctx.Done():
		err = fmt.Errorf("no answer within %s", handshakeTime)
	}
	if err != nil {
		stop()
		return 0, nil, err
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		stop()
		return 0, nil, err
	}
	return ports[0].Local, stop, nil
}
