package thaw

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func shell(command string) *v1alpha1.ExecAction {
	return &v1alpha1.ExecAction{Command: []string{"sh", "-c", command}}
}

func hook(name string, stage v1alpha1.Stage, change ...func(*v1alpha1.Hook)) v1alpha1.Hook {
	h := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Fail, Timeout: v1alpha1.Duration{Duration: 30 * time.Second}}
	h.Exec = shell(name)
	for _, change := range change {
		change(&h)
	}
	return h
}

func policy(name string, hooks ...v1alpha1.Hook) v1alpha1.HookPolicy {
	return v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)},
		Spec: v1alpha1.HookPolicySpec{
			Selector:   v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"*"}},
			MaxQuiesce: v1alpha1.Duration{Duration: 10 * time.Minute}, Shell: v1alpha1.Posix, Hooks: hooks,
		},
	}
}

func set(all ...v1alpha1.HookPolicy) *policies.Set {
	return policies.NewSet(policies.Objects{Cluster: all}, stamp.Options{})
}

func pod(name string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Labels: map[string]string{"app": name[:2]}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "postgres:17"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

// stampedBy is a pod as policies stamp it.
func stampedBy(name string, by *policies.Set) corev1.Pod {
	p := pod(name)
	namespace := match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}
	p.Annotations = by.Compiled.Decide(namespace, stamp.Pod{Pod: world.PodOf(&p).Pod}).Set
	return p
}

// begun is a session that has resolved policies for pods, before its first hook.
func begun(by *policies.Set, pods ...corev1.Pod) *record.Record {
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly-42", UID: "session"},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup},
		Status: v1alpha1.HookSessionStatus{
			Phase: v1alpha1.PhaseQuiescing, Plan: &v1alpha1.SessionPlan{SnapshotHooks: true, BackupHooks: true}, Runs: new(int32(1)),
			Window: &v1alpha1.Window{OpenedAt: &metav1.MicroTime{Time: noon}, Deadline: &metav1.MicroTime{Time: noon.Add(10 * time.Minute)}},
		},
	}
	var targets []plan.Pod
	for i := range pods {
		targets = append(targets, plan.Pod{Pod: world.PodOf(&pods[i]).Pod, UID: pods[i].UID, Name: pods[i].Name, Ready: true})
	}
	resolved := plan.Resolve(by.Index, plan.Session{
		Namespace: match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}},
		Kinds:     plan.Kinds{Snapshot: true, Backup: true},
	}, targets)
	specs := map[match.Ref]*v1alpha1.HookPolicySpec{}
	for i := range by.Policies {
		specs[by.Policies[i].Ref] = by.Policies[i].Spec
	}
	r := &record.Record{Session: session}
	r.Runs = record.Write(session, resolved.Steps, func(ref match.Ref) record.Policy { return record.Policy{Spec: specs[ref]} }, 0)
	for _, run := range r.Runs {
		run.UID = types.UID(run.Name)
	}
	return r
}

// did gives hooks their results, in all of their pods.
func did(r *record.Record, name string, outcome v1alpha1.ResultOutcome) {
	for _, run := range r.Runs {
		if run.Spec.Hook.Name != name || plan.IsPost(run.Spec.Stage) != strings.HasPrefix(name, "un") {
			continue
		}
		var results []v1alpha1.PodResult
		for _, pod := range run.Spec.Pods {
			results = append(results, v1alpha1.PodResult{Pod: pod.Name, Outcome: outcome, Reason: "TimedOut"})
		}
		run.Status.Attempted = int32(len(results))
		record.SetResults(run, results)
	}
}

func all(match.Ref, string) bool { return true }

// containers answers for a cluster: by the script's name, or the command's, in a pod.
type containers struct {
	lock    sync.Mutex
	answers map[string][]action.Result // by "pod program"
	asked   []string
	process action.Process
}

func (c *containers) Exec(_ context.Context, request action.Request) action.Result {
	c.lock.Lock()
	defer c.lock.Unlock()
	program := strings.Join(request.Command, " ")
	if len(request.Command) > 3 && strings.HasPrefix(request.Command[3], "quiesce-") {
		program = request.Command[3]
	}
	said := request.Pod + " " + program
	if request.Disarm {
		said += " disarm"
	}
	c.asked = append(c.asked, said)
	key := request.Pod + " " + program
	if waiting := c.answers[key]; len(waiting) > 0 {
		c.answers[key] = waiting[1:]
		return waiting[0]
	}
	return ok("")
}

func (c *containers) End(_ context.Context, target action.Target, _ string) action.Process {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.asked = append(c.asked, target.Pod+" end")
	if c.process == "" {
		return action.HasEnded
	}
	return c.process
}

func ok(output string) action.Result {
	return action.Result{Reason: action.Succeeded, Code: new(0), Output: output, Process: action.HasEnded}
}

func exited(code int, output string) action.Result {
	return action.Result{Reason: action.ExitCode, Code: new(code), Message: "the command ended with a code", Output: output, Process: action.HasEnded}
}
