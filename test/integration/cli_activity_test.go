package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// plugin is `kubectl quiesce` in a namespace, not yet started.
func plugin(t *testing.T, namespace string, args ...string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"test": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"test": {
			ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken,
		}},
		Contexts:       map[string]*clientcmdapi.Context{"test": {Cluster: "test", AuthInfo: "test", Namespace: namespace}},
		CurrentContext: "test",
	}, file))
	c := exec.CommandContext(t.Context(), filepath.Join(binaries, "kubectl-quiesce"), args...)
	c.Env = append(os.Environ(), "KUBECONFIG="+file, "HOME="+t.TempDir())
	return c
}

// says runs it to its end.
func says(t *testing.T, namespace string, args ...string) (out, errOut string) {
	t.Helper()
	var both [2]bytes.Buffer
	c := plugin(t, namespace, args...)
	c.Stdout, c.Stderr = &both[0], &both[1]
	if err := c.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return both[0].String(), both[1].String()
}

// hooksRan creates a HookRun with the results of its pods.
func hooksRan(ctx context.Context, namespace, session string, number int, results ...v1alpha1.PodResult) error {
	run := &v1alpha1.HookRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%05d", session, number), Labels: map[string]string{v1alpha1.SessionUIDLabel: session}},
		Spec: v1alpha1.HookRunSpec{
			Session: v1alpha1.ObjectRef{Name: session, UID: types.UID(session)}, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "postgres"},
			Stage: v1alpha1.PreSnapshot, Order: int32(number), PodCount: int32(len(results)),
			Hook: v1alpha1.ResolvedHook{Name: "freeze", OnError: v1alpha1.Fail, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}},
		},
	}
	for _, result := range results {
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: result.Pod, UID: types.UID(result.Pod), Container: "db"})
	}
	if err := api.Create(ctx, run); err != nil {
		return err
	}
	record.SetResults(run, results)
	return api.Status().Update(ctx, run)
}

func activityNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "activity-"}}
	require.NoError(t, api.Create(t.Context(), namespace))
	return namespace.Name
}

func TestTheActivityOfManyHooksIsReadPageByPage(t *testing.T) {
	const many = 800
	namespace := activityNamespace(t)
	begun := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	var creating errgroup.Group
	creating.SetLimit(16)
	for number := range many {
		creating.Go(func() error {
			result := v1alpha1.PodResult{
				Pod: fmt.Sprintf("db-%d", number%3), Outcome: v1alpha1.ResultSucceeded, Duration: "1s",
				StartedAt: &metav1.MicroTime{Time: begun.Add(time.Duration(many-number) * time.Second)}, // the names run the other way
			}
			if number%400 == 7 {
				result.Outcome, result.Message = v1alpha1.ResultFailed, "the command ended with code 1"
			}
			return hooksRan(t.Context(), namespace, "night", number, result)
		})
	}
	require.NoError(t, creating.Wait())

	from := time.Now()
	out, errOut := says(t, namespace, "logs", "-o", "json")
	t.Logf("%d hooks read in %s", many, time.Since(from).Round(time.Millisecond))
	require.Empty(t, errOut)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, many)
	previous := time.Time{}
	for _, line := range lines {
		var entry struct{ Time time.Time }
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		require.True(t, entry.Time.After(previous), "by time")
		previous = entry.Time
	}
	for args, want := range map[string]int{
		"--tail 5":                              5,
		"--result Failed":                       2,
		"--pod db-1":                            267,
		"--pod pod/db-1 --result failed":        1,
		"--session other":                       0,
		"--policy postgres --stage presnapshot": many,
		"--policy redis":                        0,
		"--since-time 2026-01-31T12:10:00Z --until 2026-01-31T12:10:59Z": 60,
	} {
		out, _ := says(t, namespace, append([]string{"logs", "--no-headers"}, strings.Fields(args)...)...)
		assert.Equal(t, want, strings.Count(out, "\n"), args)
	}
	_, errOut = says(t, namespace, "logs", "--result", "Fialed")
	assert.Contains(t, errOut, `error: --result: there is no result "Fialed": did you mean "Failed"?`)
}

func TestTheActivityIsFollowedAndSessionsAreWatched(t *testing.T) {
	namespace := activityNamespace(t)
	require.NoError(t, hooksRan(t.Context(), namespace, "night", 0, v1alpha1.PodResult{Pod: "db-0", Outcome: v1alpha1.ResultSucceeded, StartedAt: new(metav1.NowMicro())}))
	follow := plugin(t, namespace, "logs", "-f", "--no-headers")
	watch := plugin(t, namespace, "sessions", "-w", "-o", "name", "--phase", "Pending,Complete")
	byPolicy := plugin(t, namespace, "sessions", "-w", "-o", "name", "--policy", "postgres")
	// next reads a line, and those that are to be skipped before it.
	next := func(c *exec.Cmd) func(want string, skip ...string) {
		pipe, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		lines := make(chan string)
		go func() {
			defer close(lines)
			for scanner := bufio.NewScanner(pipe); scanner.Scan(); {
				lines <- scanner.Text()
			}
		}()
		return func(want string, skip ...string) {
			t.Helper()
			for late := time.After(patience); ; {
				select {
				case line := <-lines:
					if slices.Contains(skip, line) {
						continue
					}
					assert.Contains(t, line, want)
					return
				case <-late:
					require.Fail(t, "nothing comes", want)
				}
			}
		}
	}
	logged, watched, ofPolicy := next(follow), next(watch), next(byPolicy)
	logged("db-0")
	require.NoError(t, hooksRan(t.Context(), namespace, "night", 1, v1alpha1.PodResult{Pod: "db-1", Outcome: v1alpha1.ResultFailed, StartedAt: new(metav1.NowMicro())}))
	logged("db-1")

	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "night"}, Spec: v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup}}
	require.NoError(t, api.Create(t.Context(), session))
	watched("hooksession.quiesce.io/night")
	session.Status.Phase = v1alpha1.PhaseComplete
	require.NoError(t, api.Status().Update(t.Context(), session))
	watched("hooksession.quiesce.io/night")

	ofPolicy("hooksession.quiesce.io/night")
	later := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "later"}, Spec: v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup}}
	require.NoError(t, api.Create(t.Context(), later))
	require.NoError(t, hooksRan(t.Context(), namespace, "later", 0, v1alpha1.PodResult{Pod: "db-0", Outcome: v1alpha1.ResultSucceeded, StartedAt: new(metav1.NowMicro())}))
	later.Status.Phase, later.Status.Runs = v1alpha1.PhaseQuiescing, new(int32(1))
	require.NoError(t, api.Status().Update(t.Context(), later))
	// What became of night is told once by a watch that began late.
	ofPolicy("hooksession.quiesce.io/later", "hooksession.quiesce.io/night")
	for _, c := range []*exec.Cmd{follow, watch, byPolicy} {
		require.NoError(t, c.Process.Signal(os.Interrupt))
		require.NoError(t, c.Wait())
	}
}

func TestSessionsAreChosenDescribedAndCancelled(t *testing.T) {
	namespace := activityNamespace(t)
	for name, status := range map[string]v1alpha1.HookSessionStatus{
		"done": {Phase: v1alpha1.PhaseComplete}, "broken": {Phase: v1alpha1.PhaseFailed, Message: "a hook failed"}, "open": {Phase: v1alpha1.PhaseQuiesced}, "new": {},
	} {
		session := &v1alpha1.HookSession{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"name": name}}, Spec: v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup},
		}
		require.NoError(t, api.Create(t.Context(), session))
		session.Status = status
		require.NoError(t, api.Status().Update(t.Context(), session))
	}
	require.NoError(t, hooksRan(t.Context(), namespace, "broken", 0, v1alpha1.PodResult{Pod: "db-0", Outcome: v1alpha1.ResultFailed}))
	for args, want := range map[string]string{
		"":                                      "broken done new open",
		"--phase Failed":                        "broken",
		"--phase failed,Pending":                "broken new",
		"--operation Restore":                   "",
		"--policy postgres":                     "broken",
		"--since 1h -l name=done":               "done",
		"open":                                  "open",
		"hooksession.quiesce.io/open hses/done": "open done",
	} {
		out, _ := says(t, namespace, append([]string{"sessions", "-o", "jsonpath={range .items[*]}{.metadata.name} {end}{.metadata.name}"}, strings.Fields(args)...)...)
		assert.ElementsMatch(t, strings.Fields(want), strings.Fields(out), args)
	}
	out, _ := says(t, namespace, "sessions", "-o", "json", "--operation", "Restore")
	assert.Contains(t, out, `"items": []`)
	out, _ = says(t, namespace, "sessions", "-o", "yaml")
	assert.True(t, strings.HasPrefix(out, "apiVersion: v1\nitems:\n- apiVersion: quiesce.io/v1alpha1\n  kind: HookSession\n"), out)
	out, _ = says(t, namespace, "describe", "hooksession/broken")
	assert.Contains(t, out, "Message:      a hook failed\n")
	_, errOut := says(t, namespace, "describe", "session", "brokn")
	assert.Equal(t, fmt.Sprintf("error: in namespace %s there is no HookSession \"brokn\": did you mean \"broken\"?\n", namespace), errOut)
	_, errOut = says(t, namespace, "cancel", "--all")
	assert.Contains(t, errOut, "there is no terminal to ask on: write --yes")
	out, _ = says(t, namespace, "cancel", "--all", "--dry-run=server")
	assert.ElementsMatch(t, []string{"hooksession/new cancelled (server dry run)", "hooksession/open cancelled (server dry run)"}, strings.Split(strings.TrimSpace(out), "\n"))
	out, errOut = says(t, namespace, "cancel", "ne", "hooksession/new")
	assert.Equal(t, "hooksession/new cancelled\n", out)
	assert.Contains(t, errOut, `there is no HookSession "ne": did you mean "new"?`)
	out, _ = says(t, namespace, "cancel", "--all", "--yes")
	assert.ElementsMatch(t, []string{"hooksession/new was cancelled already", "hooksession/open cancelled"}, strings.Split(strings.TrimSpace(out), "\n"))
	out, errOut = says(t, namespace, "cancel", "open", "done", "--wait", "--timeout", "1s")
	assert.Equal(t, "hooksession/open was cancelled already\nhooksession/done is over already: Complete\n", out)
	assert.Contains(t, errOut, "hooksession/open is not thawed yet (Quiesced)")
	var session v1alpha1.HookSession
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "open"}, &session))
	assert.True(t, session.Spec.Cancel)
}
