package action

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// server is an API server, kubelet and container in one, that speaks both protocols. What it is told to run it runs on this
// machine.
type server struct {
	t *testing.T
	// noWebSocket and noSPDY make it refuse a protocol, as a proxy does.
	noWebSocket, noSPDY bool
	// refuse answers every exec with an error.
	refuse *apierrors.StatusError
	// answer, where there is one, stands for the container: its error becomes the status, errSilent none.
	answer func(command []string, stdin io.Reader, stdout, stderr io.Writer) error
	pod    *corev1.Pod
	env    []string

	http *httptest.Server
	lock sync.Mutex
	// execs are the protocols that were used.
	execs []string
	conns []net.Conn
}

// errSilent ends a connection in good order and without a status.
var errSilent = errors.New("silent")

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, pod: runningPod()}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateHijacked {
			s.lock.Lock()
			s.conns = append(s.conns, conn)
			s.lock.Unlock()
		}
	}
	s.http.Start()
	t.Cleanup(func() {
		s.breakConnections()
		s.http.Close()
	})
	return s
}

func (s *server) executor() *Executor {
	s.t.Helper()
	e, err := New(&rest.Config{Host: s.http.URL}, s)
	require.NoError(s.t, err)
	e.settle = 100 * time.Millisecond
	return e
}

func runningPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db", UID: "1"},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "setup"}},
			Containers:     []corev1.Container{{Name: "main"}, {Name: "waits"}},
		},
		Status: corev1.PodStatus{
			Phase:                 corev1.PodRunning,
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}}},
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
				{Name: "waits", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}},
			},
		},
	}
}

var mainContainer = Target{Namespace: "shop", Pod: "db", UID: types.UID("1"), Container: "main"}

// Get is Pods.
func (s *server) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if s.pod == nil || key != client.ObjectKeyFromObject(s.pod) {
		return apierrors.NewNotFound(corev1.Resource("pods"), key.Name)
	}
	s.pod.DeepCopyInto(obj.(*corev1.Pod))
	return nil
}

// endConnections ends all connections behind what was written to them: the client reads that first.
func (s *server) endConnections() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, conn := range s.conns {
		tcp, ok := conn.(*net.TCPConn)
		assert.True(s.t, ok, "got %T", conn)
		assert.NoError(s.t, tcp.CloseWrite())
	}
}

// breakConnections ends all connections, as the death of the API server does.
func (s *server) breakConnections() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
}

func (s *server) protocols() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.execs
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/namespaces/shop/pods/db/exec" || r.URL.Query().Get("container") != "main" {
		http.NotFound(w, r)
		return
	}
	protocol := "SPDY"
	if wsstream.IsWebSocketRequest(r) {
		protocol = "WebSocket"
	}
	if protocol == "WebSocket" && s.noWebSocket || protocol == "SPDY" && s.noSPDY {
		http.Error(w, "not spoken here", http.StatusBadRequest)
		return
	}
	s.lock.Lock()
	s.execs = append(s.execs, protocol)
	s.lock.Unlock()
	if s.refuse != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(s.refuse.ErrStatus.Code))
		_ = json.NewEncoder(w).Encode(s.refuse.ErrStatus)
		return
	}
	if protocol == "WebSocket" {
		s.serveWebSocket(w, r)
	} else {
		s.serveSPDY(w, r)
	}
}

func (s *server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{remotecommand.StreamProtocolV5Name: {
		Binary: true,
		Channels: []wsstream.ChannelType{
			wsstream.ReadChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.ReadChannel,
		},
	}})
	_, streams, err := conn.Open(w, r)
	if err != nil {
		return
	}
	defer conn.Close()
	s.run(r, streams[0], streams[1], streams[2], streams[3])
}

func (s *server) serveSPDY(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{remotecommand.StreamProtocolV4Name}); err != nil {
		return
	}
	arriving := make(chan httpstream.Stream, 4)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, replySent <-chan struct{}) error {
		go func() {
			<-replySent
			arriving <- stream
		}()
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	streams := map[string]httpstream.Stream{}
	want := 3
	if r.URL.Query().Get("stdin") == "true" {
		want = 4
	}
	for len(streams) < want {
		select {
		case stream := <-arriving:
			streams[stream.Headers().Get(corev1.StreamType)] = stream
		case <-conn.CloseChan():
			return
		}
	}
	var stdin io.Reader = strings.NewReader("")
	if want == 4 {
		stdin = streams[corev1.StreamTypeStdin]
	}
	s.run(r, stdin, streams[corev1.StreamTypeStdout], streams[corev1.StreamTypeStderr], streams[corev1.StreamTypeError])
}

func (s *server) run(r *http.Request, stdin io.Reader, stdout, stderr, status io.Writer) {
	command := r.URL.Query()["command"]
	var err error
	if s.answer != nil && !slices.Contains(command, "quiesce-end") {
		err = s.answer(command, stdin, stdout, stderr)
	} else {
		err = s.execute(command, r.URL.Query().Get("stdin") == "true", stdin, stdout, stderr)
	}
	if errors.Is(err, errSilent) {
		return
	}
	answer := metav1.Status{Status: metav1.StatusSuccess}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code := exit.ExitCode()
		if code < 0 {
			code = 137
		}
		answer = metav1.Status{
			Status: metav1.StatusFailure, Reason: remotecommand.NonZeroExitCodeReason,
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: remotecommand.ExitCodeCauseType, Message: strconv.Itoa(code)}}},
		}
	} else if err != nil {
		answer = apierrors.NewInternalError(err).ErrStatus
	}
	_ = json.NewEncoder(status).Encode(answer)
}

// execute runs a command as containerd does: the end of the connection is the end of its stdin, and nothing else; but so is
// the end of either output.
func (s *server) execute(command []string, reads bool, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = s.env
	stop := func() error { return nil }
	if reads {
		pipe, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		stop = pipe.Close
		go func() {
			_, _ = io.Copy(pipe, stdin)
			_ = stop()
		}()
	}
	var copying sync.WaitGroup
	for _, out := range []struct {
		pipe func() (io.ReadCloser, error)
		to   io.Writer
	}{{cmd.StdoutPipe, stdout}, {cmd.StderrPipe, stderr}} {
		pipe, err := out.pipe()
		if err != nil {
			return err
		}
		copying.Go(func() {
			_, _ = io.Copy(out.to, pipe)
			_, _ = io.Copy(io.Discard, pipe) // the client has gone, and nobody tells the process
			_ = stop()
		})
	}
	err := cmd.Start()
	if err == nil {
		copying.Wait()
		err = cmd.Wait()
	}
	if errors.Is(err, exec.ErrNotFound) || strings.Contains(errText(err), "no such file or directory") {
		return errors.New(`error executing command in container: failed to exec in container: failed to start exec "1": ` +
			`OCI runtime exec failed: exec failed: unable to start container process: exec: "` + command[0] + `": executable file not found in $PATH: unknown`)
	}
	return err
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// exitWith is the answer of a container whose command ends with a code.
func exitWith(code int) error {
	return exec.Command("sh", "-c", "exit "+strconv.Itoa(code)).Run()
}
