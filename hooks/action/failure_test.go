package action

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestNothingIsRunWhereNothingCanBe(t *testing.T) {
	elsewhere := func(change func(*Target)) Request {
		r := Request{Target: mainContainer, Command: sh("exit 0"), Timeout: forever}
		change(&r.Target)
		return r
	}
	tests := map[string]struct {
		request Request
		change  func(s *server)
		reason  Reason
		message string
	}{
		"there is no such pod":    {elsewhere(func(to *Target) { to.Pod = "other" }), nil, PodGone, "pod shop/other is gone"},
		"there is another of it":  {elsewhere(func(to *Target) { to.UID = "0" }), nil, PodGone, "replaced by another of its name"},
		"there is no container":   {elsewhere(func(to *Target) { to.Container = "none" }), nil, ContainerNotFound, `no container "none"`},
		"the container waits":     {elsewhere(func(to *Target) { to.Container = "waits" }), nil, NotRunning, "CrashLoopBackOff"},
		"the container has ended": {elsewhere(func(to *Target) { to.Container = "setup" }), nil, NotRunning, "ended with code 3"},
		"the API server forbids":  {elsewhere(func(*Target) {}), func(s *server) { s.refuse = apierrors.NewForbidden(corev1.Resource("pods"), "db", errors.New("no")) }, Forbidden, "forbidden"},
		"the pod has just gone":   {elsewhere(func(*Target) {}), func(s *server) { s.refuse = apierrors.NewNotFound(corev1.Resource("pods"), "db") }, PodGone, "is gone"},
		"the node is not there": {elsewhere(func(*Target) {}), func(s *server) {
			s.refuse = apierrors.NewInternalError(errors.New("error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused"))
		}, Unreachable, "connection refused"},
		"the API server is down":   {elsewhere(func(*Target) {}), func(s *server) { s.http.Close() }, Unreachable, "cannot be reached"},
		"the container just ended": {elsewhere(func(*Target) {}), fails(`container not found ("main")`), NotRunning, "container not found"},
		"containerd has no shell":  {elsewhere(func(*Target) {}), fails(`error executing command in container: failed to exec in container: failed to start exec "e": OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown`), NoShell, "set shell: None"},
		"CRI-O has no shell":       {elsewhere(func(*Target) {}), fails("error executing command in container: exec failed: container_linux.go:380: starting container process caused: exec: \"/bin/sh\": stat /bin/sh: no such file or directory"), NoShell, "set shell: None"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			if test.change != nil {
				test.change(s)
			}
			result := s.executor().Exec(t.Context(), test.request)
			assert.Equal(t, test.reason, result.Reason, result)
			assert.Contains(t, result.Message, test.message)
			assert.Equal(t, NeverRan, result.Process)
			assert.Equal(t, "N/A", result.CodeText())
		})
	}
}

func fails(with string) func(*server) {
	return func(s *server) {
		s.answer = func([]string, io.Reader, io.Writer, io.Writer) error { return errors.New(with) }
	}
}

func TestACommandThatDoesNotExistIsNotStarted(t *testing.T) {
	eachWay(t, func(t *testing.T, s *server, request Request) {
		request.Command = []string{"/no/such/program"}
		result := s.executor().Exec(t.Context(), request)
		if request.NoShell {
			assert.Equal(t, NotStarted, result.Reason, result)
			assert.Equal(t, NeverRan, result.Process)
		} else {
			assert.Equal(t, ExitCode, result.Reason, result)
			assert.Equal(t, "127", result.CodeText())
		}
	})
}

func TestAnAnswerThatNobodyUnderstandsIsNoSuccess(t *testing.T) {
	s := newServer(t)
	fails("gibberish")(s)
	result := s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: sh("exit 0"), Timeout: forever})
	assert.Equal(t, Unknown, result.Reason)
	assert.Equal(t, MayRun, result.Process)
	assert.Contains(t, result.Message, "gibberish")
}

// The URL of an exec has the whole command, which may hold what is not for everybody, or read like a runtime's sentence.
func TestNoMessageTellsOfTheCommand(t *testing.T) {
	err := errors.New(`error sending request: Post "https://10.0.0.1:10250/exec/a/b/c?command=echo&command=secret+container+not+found&output=1": EOF`)
	result := failure(mainContainer, err, true)
	assert.Equal(t, ConnectionLost, result.Reason)
	assert.Contains(t, result.Message, `Post "https://10.0.0.1:10250/exec/a/b/c": EOF`)
	assert.Less(t, len(failure(mainContainer, errors.New(strings.Repeat("x", 1<<20)), true).Message), 2*messageLimit)
}

func TestAShellThatIsKilledIsTold(t *testing.T) {
	s := newServer(t)
	s.answer = func([]string, io.Reader, io.Writer, io.Writer) error { return exitWith(137) }
	result := s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: sh("exit 0"), Timeout: forever})
	assert.Equal(t, ExitCode, result.Reason)
	assert.Equal(t, "137", result.CodeText())
	assert.Equal(t, MayRun, result.Process)
}
