//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// until is a script that says that it has begun, and waits until it may go on.
func until(name string) string {
	return fmt.Sprintf("echo %[1]s >>/tmp/log; while [ ! -e /tmp/%[1]s ]; do sleep .2; done; ", name)
}

// reach waits until a pod's log has a word.
func (f freezer) reach(pod *corev1.Pod, word string) {
	f.t.Helper()
	f.wait(patience, func() bool { return slices.Contains(f.log(pod), word) }, "%s was not reached", word)
}

func (f freezer) letGo(word string) {
	f.t.Helper()
	for _, pod := range f.pods {
		f.in(pod, "touch /tmp/"+word)
	}
}

func does(name, script string, stages ...v1alpha1.Stage) v1alpha1.Hook {
	return v1alpha1.Hook{
		Name: name, Stages: stages, Exec: &v1alpha1.ExecAction{Command: shell(script)},
		Timeout: v1alpha1.Duration{Duration: 2 * time.Minute},
	}
}

func hooks(hooks ...v1alpha1.Hook) func(*v1alpha1.HookPolicySpec) {
	return func(spec *v1alpha1.HookPolicySpec) { spec.Hooks = hooks }
}

// A lock that is held: the file is there for as long as the command reads from its stdin.
func holding(ready string) v1alpha1.Hook {
	return v1alpha1.Hook{
		Name: "hold", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Timeout: v1alpha1.Duration{Duration: 2 * time.Minute},
		Hold: &v1alpha1.HoldAction{
			Command:      shell(`echo hold >>/tmp/log; ` + ready + ` touch /tmp/frozen; echo held; cat >/dev/null; rm /tmp/frozen; echo released >>/tmp/log`),
			ReadyPattern: "^held$",
		},
	}
}

// points are those at which the controller is killed. Each has its own namespace; all sessions are brought to their points,
// and then there is one kill.
var points = map[string]struct {
	hooks []v1alpha1.Hook
	// bring takes a session to the point.
	bring func(freezer, *v1alpha1.HookSession)
	// after is what happens when another controller leads, and what is required then.
	after func(freezer, *v1alpha1.HookSession)
}{
	"in a hook of PreBackup": {
		hooks: []v1alpha1.Hook{does("freeze", freeze+"; "+until("a"), v1alpha1.PreBackup), does("thaw", thaw, v1alpha1.PostBackup)},
		bring: func(f freezer, _ *v1alpha1.HookSession) { f.reach(f.pods[0], "a") },
		after: interrupted,
	},
	"in a hook of PreSnapshot, behind one that has frozen": {
		hooks: []v1alpha1.Hook{does("freeze", freeze, v1alpha1.PreSnapshot), does("more", until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, _ *v1alpha1.HookSession) { f.reach(f.pods[0], "a") },
		after: interrupted,
	},
	"while onlyIf asks": {
		hooks: []v1alpha1.Hook{func() v1alpha1.Hook {
			hook := does("freeze", freeze, v1alpha1.PreSnapshot)
			hook.OnlyIf = &v1alpha1.ExecAction{Command: shell(until("a"))}
			return hook
		}(), does("thaw", thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, _ *v1alpha1.HookSession) { f.reach(f.pods[0], "a") },
		after: interrupted,
	},
	"when everything is quiesced": {
		hooks: []v1alpha1.Hook{does("freeze", freeze, v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, session *v1alpha1.HookSession) { f.waitReady(session) },
		after: func(f freezer, session *v1alpha1.HookSession) {
			assert.True(f.t, f.frozen(f.pods[0]), "a session outlives its controller")
			f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
			f.waitFinished(session, v1alpha1.PhaseComplete)
			assert.Equal(f.t, []string{"freeze", "thaw"}, f.log(f.pods[0]))
		},
	},
	"when the tool has reported, and nobody has heard": {
		hooks: []v1alpha1.Hook{does("freeze", freeze, v1alpha1.PreSnapshot), does("thaw", until("a")+thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, session *v1alpha1.HookSession) {
			f.waitReady(session)
			f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
			f.reach(f.pods[0], "a")
		},
		after: func(f freezer, session *v1alpha1.HookSession) {
			f.letGo("a")
			f.waitFinished(session, v1alpha1.PhaseComplete)
			assert.Contains(f.t, f.log(f.pods[0]), "thaw", "a thaw of which nobody knows whether it happened is run again")
		},
	},
	"while data moves": {
		hooks: []v1alpha1.Hook{does("freeze", freeze, v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, session *v1alpha1.HookSession) {
			f.waitReady(session)
			f.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded})
			f.waitSession(session, "thawed", isTrue(v1alpha1.ConditionThawed))
		},
		after: func(f freezer, session *v1alpha1.HookSession) {
			f.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded})
			f.waitFinished(session, v1alpha1.PhaseComplete)
			assert.Equal(f.t, []string{"freeze", "thaw"}, f.log(f.pods[0]))
		},
	},
	"in a hook of PostBackup that undoes nothing": {
		hooks: []v1alpha1.Hook{
			does("freeze", freeze, v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot),
			does("tell", until("a"), v1alpha1.PostBackup),
		},
		bring: func(f freezer, session *v1alpha1.HookSession) {
			f.waitReady(session)
			f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
			f.reach(f.pods[0], "a")
		},
		after: func(f freezer, session *v1alpha1.HookSession) {
			f.letGo("a")
			f.waitFinished(session, v1alpha1.PhaseComplete)
		},
	},
	"while a lock is held": {
		hooks: []v1alpha1.Hook{holding("")},
		bring: func(f freezer, session *v1alpha1.HookSession) { f.waitReady(session) },
		after: func(f freezer, session *v1alpha1.HookSession) {
			f.waitFinished(session, v1alpha1.PhaseFailed)
			requireCondition(f.t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonHoldLost)
		},
	},
	"while a lock is being taken": {
		hooks: []v1alpha1.Hook{holding(until("a"))},
		bring: func(f freezer, _ *v1alpha1.HookSession) { f.reach(f.pods[0], "a") },
		after: interrupted,
	},
	"when the session was deleted, in the thaw": {
		hooks: []v1alpha1.Hook{does("freeze", freeze, v1alpha1.PreSnapshot), does("thaw", until("a")+thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, session *v1alpha1.HookSession) {
			f.waitReady(session)
			require.NoError(f.t, api.Delete(f.t.Context(), session))
			f.reach(f.pods[0], "a")
		},
		after: func(f freezer, session *v1alpha1.HookSession) {
			f.letGo("a")
			f.waitGone(session)
		},
	},
	"while a session waits for another": {
		hooks: []v1alpha1.Hook{does("freeze", freeze, v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)},
		bring: func(f freezer, session *v1alpha1.HookSession) {
			f.waitReady(session)
			second := f.begin()
			f.waitSession(second, "waiting", func(s *v1alpha1.HookSession) bool { return s.Status.Message != "" })
			assert.Contains(f.t, second.Status.Message, session.Name)
			assert.Contains(f.t, second.Status.Message, f.pods[0].Name)
		},
		after: func(f freezer, session *v1alpha1.HookSession) {
			var sessions v1alpha1.HookSessionList
			f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
			f.waitFinished(session, v1alpha1.PhaseComplete)
			require.NoError(f.t, api.List(f.t.Context(), &sessions, client.InNamespace(f.namespace)))
			for i := range sessions.Items {
				if second := &sessions.Items[i]; second.Name != session.Name {
					f.waitReady(second)
					f.report(second, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
					f.waitFinished(second, v1alpha1.PhaseComplete)
				}
			}
			assert.Equal(f.t, []string{"freeze", "thaw", "freeze", "thaw"}, f.log(f.pods[0]), "never both at once")
		},
	},
}

// interrupted is what becomes of a session whose controller died in a hook of before the snapshot: nobody knows how that hook came out.
func interrupted(f freezer, session *v1alpha1.HookSession) {
	f.letGo("a")
	f.waitFinished(session, v1alpha1.PhaseFailed)
	require.NotEmpty(f.t, session.Status.Failures)
	assert.Equal(f.t, "Interrupted", session.Status.Failures[0].Reason)
	assert.Equal(f.t, "N/A", session.Status.Failures[0].ExitCode)
	assert.Nil(f.t, session.Status.BegunAt, "the tool was never told to begin")
}

// waitGone waits until a session can be deleted.
func (s *scene) waitGone(session *v1alpha1.HookSession) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return client.IgnoreNotFound(api.Get(s.t.Context(), client.ObjectKeyFromObject(session), session)) == nil && session.UID == "" ||
			gone(s.t.Context(), session)
	}, patience, tick, "session %s is still there: %s", session.Name, describe(session))
}

func gone(ctx context.Context, object client.Object) bool {
	err := api.Get(ctx, client.ObjectKeyFromObject(object), object)
	return err != nil && client.IgnoreNotFound(err) == nil
}

func TestTheControllerIsKilledAtAnyPoint(t *testing.T) {
	type one struct {
		f       freezer
		session *v1alpha1.HookSession
	}
	all := map[string]one{}
	for name, point := range points {
		f := newFreezer(t, 1, 10*time.Minute, hooks(point.hooks...))
		session := f.begin()
		point.bring(f, session)
		all[name] = one{f, session}
	}
	killController(t)
	for name, point := range points {
		t.Run(name, func(t *testing.T) {
			f, session := all[name].f, all[name].session
			f.scene = &scene{t: t, namespace: f.namespace}
			point.after(f, session)
			f.requireThawed(patience)
			f.requireUnguarded()
			if !gone(t.Context(), session) {
				assert.Zero(t, session.Status.QuiescedPods, describe(session).String())
			}
			t.Log(describe(session))
		})
	}
}

// kill ends the process with which a pod's container began.
func kill(t *testing.T, pod *corev1.Pod, container string) {
	t.Helper()
	require.NoError(t, syscall.Kill(processOf(t, pod, container), syscall.SIGKILL))
}
