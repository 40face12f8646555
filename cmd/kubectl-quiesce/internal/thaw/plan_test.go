package thaw

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func freezing(name string) v1alpha1.HookPolicy {
	return policy(name, hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot))
}

func TestSessionsThatMayHaveQuiescedSomethingAreCancelled(t *testing.T) {
	onlyA := func(_ match.Ref, pod string) bool { return pod == "a-0" }
	for name, test := range map[string]struct {
		phase     v1alpha1.Phase
		operation v1alpha1.Operation
		pod       string // that is frozen; empty for none
		narrow    bool
		chosen    bool
		cancels   bool
	}{
		"nobody has looked at it yet": {"", "Backup", "", false, true, true},
		"it waits":                    {"Pending", "Backup", "", false, true, true},
		"it is quiesced":              {"Quiesced", "Backup", "a-0", false, true, true},
		"its data still moves, and everything is thawed": {"Thawed", "Backup", "", false, false, false},
		"it finishes":                                         {"Finishing", "Backup", "", false, false, false},
		"it is over, and could not thaw":                      {"Failed", "Backup", "a-0", false, true, false},
		"a restore quiesces nothing":                          {"Quiesced", "Restore", "", false, false, false},
		"a pod that is meant is quiesced by it":               {"Quiesced", "Backup", "a-0", true, true, true},
		"it has other pods only":                              {"Quiesced", "Backup", "b-0", true, false, false},
		"it may come to the pod that is meant, and waits yet": {"Pending", "Backup", "", true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := record.Record{Session: &v1alpha1.HookSession{}}
			if test.pod != "" {
				r = *begun(set(freezing("db")), pod(test.pod))
				did(&r, "freeze", "Succeeded")
			}
			r.Session.Status.Phase, r.Session.Spec.Operation = test.phase, test.operation
			wanted := all
			if test.narrow {
				wanted = onlyA
			}
			chosen := planSessions([]record.Record{r}, test.narrow, wanted, noon)
			require.Equal(t, test.chosen, len(chosen) == 1)
			if test.chosen {
				assert.Equal(t, test.cancels, chosen[0].cancels)
			}
		})
	}
}

func TestStampedPodsAreThawedByTheirPoliciesAndElseByWhatTheyCarry(t *testing.T) {
	by := set(freezing("db"))
	selected := stampedBy("db-0", by)
	suspended := freezing("db")
	suspended.Spec.Suspend = true
	noShell := freezing("db")
	noShell.Spec.Shell = v1alpha1.NoShell
	over := stampedBy("db-1", by)
	over.Status.Phase = corev1.PodSucceeded
	edited := stampedBy("db-2", by)
	edited.Annotations["post.hook.backup.velero.io/command"] = `["mine"]`

	p := stampedPods("shop", []corev1.Pod{selected, over, edited, pod("web-0")}, by, scope{})
	require.Len(t, p, 2, "one that has ended has no watchdog")
	assert.Equal(t, "db-0", p[0].Pod)
	assert.False(t, p[0].edited)
	assert.True(t, p[1].edited)
	p[0].found, p[1].found = "12.34", "12.34"
	planned := &thawPlan{}
	planned.planStamped(p, true)
	assert.Len(t, planned.stamped, 1)
	require.Len(t, planned.unknown, 1, "what its user has written is not run")
	assert.Contains(t, planned.unknown[0].unknown, "its user has written another post hook")
	assert.True(t, p[0].guarded)
	require.NotNil(t, p[0].thaw)
	assert.Equal(t, "db/unfreeze", chainName(thawsOf(p[0].thaw.Chain)[0].Name))

	p = stampedPods("shop", []corev1.Pod{selected}, nil, scope{})
	assert.Nil(t, p[0].thaw)
	assert.Equal(t, "its policies may not be read", p[0].why)
	assert.Contains(t, p[0].own, "quiesce-post")

	p = stampedPods("shop", []corev1.Pod{selected}, set(suspended), scope{})
	assert.Nil(t, p[0].thaw)
	assert.Equal(t, `of HookPolicy "db" there is nothing any more to thaw it with`, p[0].why)

	p = stampedPods("shop", []corev1.Pod{stampedBy("db-0", set(noShell))}, set(noShell), scope{})
	assert.False(t, p[0].guarded)
	assert.Equal(t, []string{"sh", "-c", "unfreeze"}, p[0].own)
}

func TestPodsAreMeantByNameLabelAndPolicy(t *testing.T) {
	selector, err := labels.Parse("app=db")
	require.NoError(t, err)
	by := set(freezing("a"))
	pods := []corev1.Pod{stampedBy("db-0", by), stampedBy("web-0", by)}
	for name, test := range map[string]struct {
		scope scope
		want  int
	}{
		"all of them":       {scope{}, 2},
		"by name":           {scope{pods: []string{"web-0"}}, 1},
		"by label":          {scope{selector: selector}, 1},
		"by policy":         {scope{policies: []string{"a"}}, 2},
		"by other policy":   {scope{policies: []string{"b"}}, 0},
		"by name and label": {scope{pods: []string{"web-0"}, selector: selector}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Len(t, stampedPods("shop", pods, by, test.scope), test.want)
			assert.Equal(t, name != "all of them", test.scope.narrow())
		})
	}
	assert.True(t, scope{}.names(pods)("gone"), "what was quiesced in a pod that is gone is thawed, or found to be gone")
	assert.False(t, scope{selector: selector}.names(pods)("gone"))
}

func TestWithForcePodsAreThawedOfWhichNothingSaysThatTheyAreQuiesced(t *testing.T) {
	namespace := match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}
	got := forced(namespace, []corev1.Pod{pod("a-0"), pod("b-0")}, set(policy("db", nested()...)), func(_ match.Ref, pod string) bool { return pod == "a-0" })
	assert.Equal(t, []string{"1 run a-0 db/unfreeze", "2 run a-0 db/unflush"}, said(got))
}

func TestABackupThatRunsInTheNamespaceIsFound(t *testing.T) {
	backup := func(phase string, namespaces ...any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"namespace": "velero", "name": "nightly"},
			"spec":     map[string]any{"includedNamespaces": namespaces}, "status": map[string]any{"phase": phase},
		}}
	}
	for name, test := range map[string]struct {
		backup *unstructured.Unstructured
		want   bool
	}{
		"it runs there":       {backup("InProgress", "shop"), true},
		"in all namespaces":   {backup("InProgress"), true},
		"it runs elsewhere":   {backup("InProgress", "other"), false},
		"it has captured all": {backup("WaitingForPluginOperations", "shop"), false},
		"it has yet to begin": {backup("New", "shop"), false},
	} {
		_, runs := running(test.backup, "shop")
		assert.Equal(t, test.want, runs, name)
	}
}

func TestThePlanSaysWhatIsRunWhere(t *testing.T) {
	by := set(freezing("db"), policy("es", hook("freeze", v1alpha1.PreSnapshot), hook("unlock", v1alpha1.PostSnapshot, func(h *v1alpha1.Hook) {
		h.Exec, h.HTTPPost = nil, &v1alpha1.HTTPPostAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://es/_unlock"}}
	})))
	r := begun(by, pod("db-0"), pod("db-1"))
	did(r, "freeze", "Succeeded")
	r.Session.Status.Phase = v1alpha1.PhaseQuiesced
	p := &thawPlan{namespace: "shop", timeout: 30 * time.Second, warnings: []string{"Backup velero/nightly runs in namespace shop right now"}}
	p.sessions = planSessions([]record.Record{*r}, false, all, noon)
	pods := stampedPods("shop", []corev1.Pod{stampedBy("st-0", set(freezing("db"))), stampedBy("st-1", set(freezing("db"))), stampedBy("st-2", set(freezing("db")))}, set(freezing("db")), scope{})
	pods[0].found = "12.34"
	pods[2].unknown = "container main of pod shop/st-2 cannot be reached"
	p.planStamped(pods, false)
	var out bytes.Buffer
	require.NoError(t, p.show(&out, noon.Add(192*time.Second)))
	golden(t, "plan.txt", out.String())

	out.Reset()
	nothing := &thawPlan{namespace: "shop", idle: pods[1:2]}
	assert.True(t, nothing.empty())
	require.NoError(t, nothing.show(&out, noon))
	assert.Equal(t, "Stamped pods in which nothing is quiesced: st-1\n", out.String())
}
