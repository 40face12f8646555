// Package action runs one hook in one container: a command with a timeout, or one that is held until it is released. What it
// answers is never better than what is known: a success is one that the container itself has reported.
package action

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/chain"
)

// An exec over WebSocket is a GET, for which API servers up to 1.34 want get, and later ones create as well.
// +kubebuilder:rbac:groups="",resources=pods,verbs=get
// +kubebuilder:rbac:groups="",resources=pods/exec,verbs=get;create

// Pods looks pods up as they are now, not from a cache: a client.Reader does.
type Pods interface {
	Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error
}

// Target is a container of a pod. A pod of the same name with another UID is another pod.
type Target struct {
	Namespace, Pod, Container string
	UID                       types.UID
}

func (t Target) String() string {
	return fmt.Sprintf("container %s of pod %s/%s", t.Container, t.Namespace, t.Pod)
}

// Request is a command to be run. Its context may end it as well: then and at its timeout the process in the container is
// ended, which takes some seconds, before the answer comes.
type Request struct {
	Target
	Command []string
	// Timeout is enforced inside the container, in whole seconds, rounded up.
	Timeout time.Duration
	// Stdin is what the command can read; without it there is nothing to read.
	Stdin string
	// Chain says that Command is one of hooks/chain: it keeps its own time, of which Timeout is the sum, and when it is to
	// end before, it undoes what it did.
	Chain bool
	// NoShell says that the container has no /bin/sh, or no sleep: at the timeout its process cannot be ended.
	NoShell bool
	// Arm is the guard whose watchdog is started ahead of the command, which is not run if that fails. It needs a shell.
	Arm *chain.Guard
	// Disarm ends the container's watchdog when the command has succeeded.
	Disarm bool
	// Token is one of NewToken's under which End finds the process later, whoever asks for it. By default it is not told.
	Token string
}

// NewToken returns the name of a process yet to be begun.
func NewToken() string { return rand.Text() }

// Executor runs commands in containers. It is safe for use from many goroutines.
type Executor struct {
	pods   Pods
	config *rest.Config
	core   *rest.RESTClient
	// settle is how long a connection may take to close when all has been said.
	settle time.Duration
}

// New returns an Executor that uses a cluster's API server.
func New(config *rest.Config, pods Pods) (*Executor, error) {
	config = rest.CopyConfig(config)
	config.APIPath = "/api"
	config.GroupVersion = &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	core, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("client for exec: %w", err)
	}
	return &Executor{pods: pods, config: config, core: core, settle: time.Second}, nil
}

// url is that of an exec.
func (e *Executor) url(target Target, argv []string, stdin bool) *url.URL {
	return e.core.Post().Namespace(target.Namespace).Resource("pods").Name(target.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: target.Container, Command: argv, Stdin: stdin, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec).URL()
}

// quiet is a context in which client-go does not log what is told by results.
func quiet(ctx context.Context) context.Context { return logr.NewContext(ctx, logr.Discard()) }

// interruption is the reason for which a context ended.
func interruption(ctx context.Context) Reason {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return TimedOut
	}
	return Cancelled
}
