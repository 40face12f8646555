//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// freezer is a scene whose pods can be frozen: a file says that they are, and a log what was done.
type freezer struct {
	*scene
	pods []*corev1.Pod
}

const (
	freeze = `[ ! -e /tmp/frozen ] || exit 9; echo freeze >>/tmp/log; touch /tmp/frozen`
	thaw   = `echo thaw >>/tmp/log; rm -f /tmp/frozen`
)

// newFreezer runs pods, and adds the policy that freezes them and thaws them.
func newFreezer(t *testing.T, pods int, maxQuiesce time.Duration, change ...func(*v1alpha1.HookPolicySpec)) freezer {
	t.Helper()
	f := freezer{scene: newScene(t, optedIn)}
	for i := range pods {
		f.pods = append(f.pods, f.container(fmt.Sprintf("pod-%d", i), "quiesce.test/busybox:1.35", "sleep", "3600"))
	}
	policy := &v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{
		MaxQuiesce: v1alpha1.Duration{Duration: maxQuiesce},
		Hooks: []v1alpha1.Hook{
			{Name: "freeze", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: shell(freeze)}},
			{Name: "thaw", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}, Exec: &v1alpha1.ExecAction{Command: shell(thaw)}},
		},
	}}
	for _, change := range change {
		change(&policy.Spec)
	}
	f.createPolicy(policy)
	return f
}

// in runs a command in a pod, and returns what it writes.
func (s *scene) in(pod *corev1.Pod, script string) string {
	s.t.Helper()
	result := newExecutor(s.t, "").Exec(s.t.Context(), action.Request{Target: targetOf(pod), Command: shell(script), Timeout: time.Minute})
	require.Equal(s.t, action.Succeeded, result.Reason, result)
	return strings.TrimSpace(result.Output)
}

func (f freezer) frozen(pod *corev1.Pod) bool {
	return f.in(pod, "if [ -e /tmp/frozen ]; then echo yes; else echo no; fi") == "yes"
}

func (f freezer) log(pod *corev1.Pod) []string {
	return strings.Fields(f.in(pod, "cat /tmp/log 2>/dev/null || true"))
}

// wait waits in the test's own goroutine, for conditions that end the test if they cannot be asked. They are asked at least once.
func (s *scene) wait(within time.Duration, holds func() bool, sentence string, values ...any) {
	s.t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(tick) {
		require.Less(s.t, time.Since(begun), within, append([]any{sentence}, values...)...)
	}
}

// requireThawed waits until no pod is frozen.
func (f freezer) requireThawed(within time.Duration) {
	f.t.Helper()
	begun := time.Now()
	for _, pod := range f.pods {
		f.wait(within, func() bool { return !f.frozen(pod) }, "pod %s is still frozen", pod.Name)
	}
	f.t.Logf("thawed after %s", time.Since(begun).Round(100*time.Millisecond))
}

// requireUnguarded waits until no watchdog is left in any pod.
func (f freezer) requireUnguarded() {
	f.t.Helper()
	for _, pod := range f.pods {
		f.wait(patience, func() bool { return f.in(pod, "ps -o args | grep -c quiesce-[wt] || true") == "0" }, "a watchdog is left in pod %s", pod.Name)
	}
}

// begin creates a session.
func (s *scene) begin(change ...func(*v1alpha1.HookSessionSpec)) *v1alpha1.HookSession {
	s.t.Helper()
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, GenerateName: "session-"},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup},
	}
	for _, change := range change {
		change(&session.Spec)
	}
	require.NoError(s.t, api.Create(s.t.Context(), session))
	return session
}

// waitSession waits until something is so of a session.
func (s *scene) waitSession(session *v1alpha1.HookSession, what string, is func(*v1alpha1.HookSession) bool) {
	s.t.Helper()
	require.Eventuallyf(s.t, func() bool {
		return api.Get(s.t.Context(), client.ObjectKeyFromObject(session), session) == nil && is(session)
	}, patience, tick, "session is not %s: %s", what, describe(session))
}

func describe(session *v1alpha1.HookSession) fmt.Stringer { return description{session} }

type description struct{ session *v1alpha1.HookSession }

func (d description) String() string {
	s := &d.session.Status
	var text strings.Builder
	fmt.Fprintf(&text, "phase %s, %q, hooks %+v", s.Phase, s.Message, s.Hooks)
	for _, c := range s.Conditions {
		fmt.Fprintf(&text, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text.String()
}

func isTrue(kind string) func(*v1alpha1.HookSession) bool {
	return func(session *v1alpha1.HookSession) bool {
		return meta.IsStatusConditionTrue(session.Status.Conditions, kind)
	}
}

func (s *scene) waitReady(session *v1alpha1.HookSession) {
	s.t.Helper()
	s.waitSession(session, "ready for the snapshot", isTrue(v1alpha1.ConditionReadyForSnapshot))
}

// waitFinished waits until a session is over, and requires its phase.
func (s *scene) waitFinished(session *v1alpha1.HookSession, want v1alpha1.Phase) {
	s.t.Helper()
	s.waitSession(session, "finished", func(session *v1alpha1.HookSession) bool { return session.Status.Phase.Finished() })
	require.Equal(s.t, want, session.Status.Phase, describe(session).String())
}

// requireCondition asserts a condition of a session as it was read last.
func requireCondition(t *testing.T, session *v1alpha1.HookSession, kind string, status metav1.ConditionStatus, reason string) {
	t.Helper()
	condition := meta.FindStatusCondition(session.Status.Conditions, kind)
	require.NotNil(t, condition, kind)
	require.Equal(t, status, condition.Status, describe(session).String())
	require.Equal(t, reason, condition.Reason, describe(session).String())
}

// report sets outcomes, as a backup tool does.
func (s *scene) report(session *v1alpha1.HookSession, outcomes v1alpha1.Outcomes) {
	s.t.Helper()
	patch := client.MergeFrom(session.DeepCopy())
	session.Spec.Outcomes = &outcomes
	require.NoError(s.t, api.Patch(context.Background(), session, patch))
}

func TestASessionQuiescesWaitsAndThaws(t *testing.T) {
	f := newFreezer(t, 3, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	for _, pod := range f.pods {
		assert.True(t, f.frozen(pod))
	}
	assert.Equal(t, v1alpha1.PhaseQuiesced, session.Status.Phase)
	assert.EqualValues(t, 3, session.Status.QuiescedPods)
	requireCondition(t, session, v1alpha1.ConditionQuiesced, metav1.ConditionTrue, "Quiesced")
	requireCondition(t, session, v1alpha1.ConditionThawed, metav1.ConditionFalse, "Quiesced")

	f.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded})
	f.waitSession(session, "thawed", isTrue(v1alpha1.ConditionThawed))
	f.requireThawed(0)
	f.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	t.Log(describe(session))
	for _, pod := range f.pods {
		assert.Equal(t, []string{"freeze", "thaw"}, f.log(pod))
	}
	assert.Equal(t, v1alpha1.HookCounts{Total: 6, Succeeded: 6}, session.Status.Hooks)
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionUnknown, v1alpha1.ReasonNoClaims)
	f.requireUnguarded()
	f.waitSession(session, "released", func(s *v1alpha1.HookSession) bool { return len(s.Finalizers) == 0 })
}
