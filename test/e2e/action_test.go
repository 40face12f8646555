//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
)

// Protocols of exec.
const (
	webSocket = "Sec-Websocket-Protocol"
	overSPDY  = "X-Stream-Protocol-Version"
)

// without has a client not speak a protocol.
type without struct {
	protocol string
	next     http.RoundTripper
}

func (w without) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case len(r.Header[w.protocol]) == 0:
		return w.next.RoundTrip(r)
	case w.protocol == webSocket:
		return nil, &httpstream.UpgradeFailureError{Cause: http.ErrNotSupported}
	}
	return &http.Response{StatusCode: http.StatusBadRequest, Body: http.NoBody}, nil
}

// newExecutor is the session controller's, which does not speak some protocols, and has the rights of another user.
func newExecutor(t *testing.T, user string, unspoken ...string) *action.Executor {
	t.Helper()
	config := rest.CopyConfig(clusterConfig)
	config.Impersonate.UserName = user
	for _, protocol := range unspoken {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return without{protocol, next} })
	}
	executor, err := action.New(config, api)
	require.NoError(t, err)
	return executor
}

// container is a pod with one container, main, that does nothing, made from an image.
func (s *scene) container(name, image string, command ...string) *corev1.Pod {
	s.t.Helper()
	return s.containerWith(func(*corev1.PodSpec) {}, name, image, command...)
}

// containerWith is one with a spec that is changed.
func (s *scene) containerWith(change func(*corev1.PodSpec), name, image string, command ...string) *corev1.Pod {
	s.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64(0)), RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{Name: "main", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: command}},
		},
	}
	change(&pod.Spec)
	require.NoError(s.t, api.Create(s.t.Context(), pod))
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(s.t.Context(), client.ObjectKeyFromObject(pod), pod))
		require.Len(c, pod.Status.ContainerStatuses, 1)
		assert.Nil(c, pod.Status.ContainerStatuses[0].State.Waiting)
	}, patience, tick)
	return pod
}

func (s *scene) busybox() *corev1.Pod {
	s.t.Helper()
	return s.container("busybox", "quiesce.test/busybox:1.35", "sleep", "3600")
}

func targetOf(pod *corev1.Pod) action.Target {
	return action.Target{Namespace: pod.Namespace, Pod: pod.Name, UID: pod.UID, Container: pod.Spec.Containers[0].Name}
}

func execIn(pod *corev1.Pod, command ...string) action.Request {
	return action.Request{Target: targetOf(pod), Command: command, Timeout: time.Minute}
}

func shell(script string) []string { return []string{"sh", "-c", script} }

func TestCommandsEndAsTheContainerSays(t *testing.T) {
	pod := newScene(t, nil).busybox()
	with := func(change func(*action.Request), command ...string) action.Request {
		r := execIn(pod, command...)
		change(&r)
		return r
	}
	tests := map[string]struct {
		request action.Request
		reason  action.Reason
		code    string
		output  string
		process action.Process
	}{
		"well":                   {execIn(pod, "echo", "it's"), action.Succeeded, "0", "it's\n", action.HasEnded},
		"with a code":            {execIn(pod, shell("echo out; echo err >&2; echo out; exit 3")...), action.ExitCode, "3", "out\nerr\nout\n", action.HasEnded},
		"with what they read":    {with(func(r *action.Request) { r.Stdin = "a\nb" }, "cat"), action.Succeeded, "0", "a\nb", action.HasEnded},
		"with nothing to read":   {execIn(pod, "cat"), action.Succeeded, "0", "", action.HasEnded},
		"killed":                 {execIn(pod, shell("kill -KILL $$")...), action.ExitCode, "137", "", action.HasEnded},
		"not being there":        {execIn(pod, "no-such-program"), action.ExitCode, "127", "", action.HasEnded},
		"in time or not":         {with(func(r *action.Request) { r.Timeout = time.Second }, shell("echo on; exec sleep 1000")...), action.TimedOut, "N/A", "on\n", action.HasEnded},
		"without a shell":        {with(func(r *action.Request) { r.NoShell = true }, "false"), action.ExitCode, "1", "", action.HasEnded},
		"well without a shell":   {with(func(r *action.Request) { r.NoShell = true }, "echo", "out"), action.Succeeded, "0", "out\n", action.HasEnded},
		"not there, and no sh":   {with(func(r *action.Request) { r.NoShell = true }, "no-such-program"), action.NotStarted, "N/A", "", action.NeverRan},
		"too late without a sh":  {with(func(r *action.Request) { r.NoShell, r.Timeout = true, time.Second }, "sleep", "30"), action.TimedOut, "N/A", "", action.MayRun},
		"in no container":        {with(func(r *action.Request) { r.Container = "none" }, "true"), action.ContainerNotFound, "N/A", "", action.NeverRan},
		"in another pod of name": {with(func(r *action.Request) { r.UID = "other" }, "true"), action.PodGone, "N/A", "", action.NeverRan},
	}
	for protocol, executor := range map[string]*action.Executor{
		"over WebSocket": newExecutor(t, "", overSPDY), "over SPDY": newExecutor(t, "", webSocket),
	} {
		for name, test := range tests {
			t.Run(name+" "+protocol, func(t *testing.T) {
				result := executor.Exec(t.Context(), test.request)
				if test.request.NoShell && test.reason == action.Succeeded && protocol == "over WebSocket" {
					test.reason, test.code, test.process = action.Unknown, "N/A", action.MayRun // nothing proves it
				}
				assert.Equal(t, test.reason, result.Reason, result)
				assert.Equal(t, test.code, result.CodeText())
				assert.Equal(t, test.process, result.Process)
				if test.code != "127" {
					assert.Equal(t, test.output, result.Output)
				}
				t.Logf("%s: %s", result.Duration.Round(time.Millisecond), result.Message)
			})
		}
	}
}

func TestAContainerWithoutAShellIsTold(t *testing.T) {
	s := newScene(t, nil)
	pod := s.container("pause", "quiesce.test/pause:1")
	executor := newExecutor(t, "")
	result := executor.Exec(t.Context(), execIn(pod, "/pause"))
	assert.Equal(t, action.NoShell, result.Reason, result)
	assert.Equal(t, action.NeverRan, result.Process)
	assert.Contains(t, result.Message, "shell: None")
	request := execIn(pod, "/pause")
	request.NoShell, request.Timeout = true, time.Second
	result = executor.Exec(t.Context(), request)
	assert.Equal(t, action.TimedOut, result.Reason, result)
	assert.Equal(t, action.MayRun, result.Process)
	assert.Contains(t, result.Message, "may still run")
}

func TestNothingRunsInAPodThatIsGoneOrReplacedOrEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	first := s.busybox()
	executor := newExecutor(t, "")
	require.Equal(t, action.Succeeded, executor.Exec(t.Context(), execIn(first, "true")).Reason)

	// It goes while a command runs.
	going := make(chan action.Result, 1)
	go func() { going <- executor.Exec(t.Context(), execIn(first, "sleep", "1000")) }()
	time.Sleep(time.Second)
	require.NoError(t, api.Delete(t.Context(), first, client.GracePeriodSeconds(0)))
	result := <-going
	t.Logf("of a pod that goes: %s, code %s, process %s: %s", result.Reason, result.CodeText(), result.Process, result.Message)
	assert.Contains(t, []action.Reason{action.ExitCode, action.ConnectionLost}, result.Reason)

	require.Eventually(t, func() bool {
		return apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(first), &corev1.Pod{}))
	}, patience, tick)
	result = executor.Exec(t.Context(), execIn(first, "true"))
	assert.Equal(t, action.PodGone, result.Reason, result)
	second := s.busybox()
	result = executor.Exec(t.Context(), execIn(first, "true"))
	assert.Equal(t, action.PodGone, result.Reason, result)
	assert.Contains(t, result.Message, "replaced")
	assert.Equal(t, action.Succeeded, executor.Exec(t.Context(), execIn(second, "true")).Reason)

	done := s.container("done", "quiesce.test/busybox:1.35", "sh", "-c", "exit 3")
	require.Eventually(t, func() bool {
		result = executor.Exec(t.Context(), execIn(done, "true"))
		return result.Reason == action.NotRunning && strings.Contains(result.Message, "code 3")
	}, patience, tick, "%v", result)
}

func TestAFloodOfOutputIsLetPass(t *testing.T) {
	pod := newScene(t, nil).busybox()
	for protocol, executor := range map[string]*action.Executor{
		"WebSocket": newExecutor(t, "", overSPDY), "SPDY": newExecutor(t, "", webSocket),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		result := executor.Exec(t.Context(), execIn(pod, shell("head -c 500000000 /dev/zero | tr '\\0' x; echo end; exit 4")...))
		runtime.GC()
		runtime.ReadMemStats(&after)
		assert.Equal(t, "4", result.CodeText(), result.Message)
		assert.Len(t, result.Output, 2048)
		assert.True(t, strings.HasSuffix(result.Output, "xend\n"))
		t.Logf("500 MB over %s in %s; heap %+d KiB, the system's %+d KiB", protocol, result.Duration.Round(tick),
			(int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10, (int64(after.Sys)-int64(before.Sys))>>10)
		assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(20<<20))
	}
	endless := execIn(pod, "yes")
	endless.Timeout = 2 * time.Second
	result := newExecutor(t, "").Exec(t.Context(), endless)
	assert.Equal(t, action.TimedOut, result.Reason, result.Message)
	assert.Equal(t, action.HasEnded, result.Process)
	assert.Less(t, result.Duration, patience)
}

// bareDatabase is a database that no policy applies to.
func bareDatabase(t *testing.T) (database, *corev1.Pod) {
	t.Helper()
	d := database{scene: newScene(t, nil)}
	_, err := terminal.Run(t.Context(), "kubectl", "create", "-n", d.namespace, "-f", "test/e2e/testdata/database.yaml")
	require.NoError(t, err)
	_, err = terminal.Run(t.Context(), "kubectl", "wait", "-n", d.namespace, "--for=condition=Ready", "pod/database", "--timeout=120s")
	require.NoError(t, err)
	d.started = d.ask("SELECT pg_postmaster_start_time()")
	pod := &corev1.Pod{}
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: "database"}, pod))
	return d, pod
}

func (d database) sleeping() string {
	d.t.Helper()
	return d.ask("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()")
}

// PostgreSQL, PID 1 here, restarts when a child of its ends by a signal.
func TestACommandIsEndedWithItsChildrenAndTheDatabaseDoesNotNotice(t *testing.T) {
	t.Parallel()
	d, pod := bareDatabase(t)
	executor := newExecutor(t, "")
	hanging := shell(`(sleep 1000; :) & sh -c "sleep 1000; :" & trap "" TERM; psql -c "SELECT pg_sleep(1000)"; sleep 1000; :`)
	// Otherwise the server goes on with what a client has asked for that has gone.
	hanging = append([]string{"env", "PGOPTIONS=-c client_connection_check_interval=1s"}, hanging...)

	request := execIn(pod, hanging...)
	request.Timeout = 2 * time.Second
	result := executor.Exec(t.Context(), request)
	t.Logf("%s: %s", result.Duration.Round(tick), result.Message)
	assert.Equal(t, action.TimedOut, result.Reason, result)
	assert.Equal(t, action.HasEnded, result.Process)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Second, cancel)
	result = executor.Exec(ctx, execIn(pod, hanging...))
	t.Logf("%s: %s", result.Duration.Round(tick), result.Message)
	assert.Equal(t, action.Cancelled, result.Reason, result)
	assert.Equal(t, action.HasEnded, result.Process)

	left := executor.Exec(t.Context(), execIn(pod, shell(`for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline; echo; done | grep -x 'sleep 1000 '`)...))
	assert.Equal(t, "1", left.CodeText(), left.Output)
	require.Eventually(t, func() bool { return d.sleeping() == "0" }, patience, tick)
	d.requireWritable()
	d.requireNeverRestarted()
}

func TestAnExecWithAPostSideLeavesAWatchdog(t *testing.T) {
	t.Parallel()
	d, pod := bareDatabase(t)
	executor := newExecutor(t, "")
	alter := func(name, value string) chain.Hook {
		return chain.Hook{Name: "p/" + name, Timeout: 10 * time.Second, Command: shell(
			`psql -c "ALTER SYSTEM SET default_transaction_read_only = ` + value + `" && psql -c "SELECT pg_reload_conf()"`)}
	}
	c := chain.Chain{Pre: []chain.Hook{alter("freeze", "on")}, Post: []chain.Hook{alter("thaw", "off")}, MaxQuiesce: 5 * time.Second}
	run := func(command []string, timeout time.Duration) action.Result {
		r := execIn(pod, command...)
		r.Timeout, r.Chain = timeout, true
		return executor.Exec(t.Context(), r)
	}
	result := run(c.PreCommand(), c.PreTimeout())
	require.Equal(t, action.Succeeded, result.Reason, result)
	require.Eventually(t, d.readOnly, patience, tick)
	result = run(c.PreCommand(), c.PreTimeout())
	assert.Equal(t, action.ExitCode, result.Reason, result)
	assert.Equal(t, chain.ExitBusy, *result.Code)
	require.Eventually(t, func() bool { return !d.readOnly() }, patience, tick, "nobody but the watchdog thaws")
	result = run(c.PostCommand(), c.PostTimeout())
	assert.Equal(t, chain.ExitThawedEarly, *result.Code)
	d.requireNeverRestarted()
}

// The rights of the markers, and no others.
func TestARoleNeedsNoMoreThanTheMarkersSay(t *testing.T) {
	s := newScene(t, nil)
	pod := s.busybox()
	rule := func(verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: verbs}
	}
	for user, verbs := range map[string][]string{"both": {"get", "create"}, "create": {"create"}, "get": {"get"}} {
		role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: user}, Rules: []rbacv1.PolicyRule{rule(verbs...)}}
		binding := &rbacv1.RoleBinding{
			ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		}
		require.NoError(t, api.Create(t.Context(), role))
		require.NoError(t, api.Create(t.Context(), binding))
	}
	allowed := func(user string, unspoken ...string) action.Reason {
		executor := newExecutor(t, user, unspoken...)
		var result action.Result
		require.Eventually(t, func() bool { // rights come into force in their own time
			result = executor.Exec(t.Context(), execIn(pod, "true"))
			return result.Reason == action.Succeeded || user != "both"
		}, patience, tick, "%v", result)
		t.Logf("%s without %v: %s", user, unspoken, result.Message)
		return result.Reason
	}
	assert.Equal(t, action.Succeeded, allowed("both", overSPDY))
	assert.Equal(t, action.Succeeded, allowed("both", webSocket))
	assert.Equal(t, action.Forbidden, allowed("create", overSPDY))
	assert.Equal(t, action.Forbidden, allowed("get", overSPDY))
	assert.Equal(t, action.Forbidden, allowed("nobody"))
}
