package integration

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The activity is what kubectl get hookruns --field-selector answers: docs/sessions.md.
func TestTheActivityIsFilteredByTheAPIServer(t *testing.T) {
	session := "activity-" + rand.String(5)
	run := func(name, policy string, stage v1alpha1.Stage, state v1alpha1.RunState) {
		t.Helper()
		run := &v1alpha1.HookRun{
			ObjectMeta: metav1.ObjectMeta{Name: session + "-" + name, Namespace: "default"},
			Spec: v1alpha1.HookRunSpec{
				Session: v1alpha1.ObjectRef{Name: session, UID: "uid"}, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: policy, UID: "uid"}, Stage: stage,
				Hook: v1alpha1.ResolvedHook{Name: "freeze", OnError: v1alpha1.Fail, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}},
				Pods: []v1alpha1.RunPod{},
			},
		}
		require.NoError(t, api.Create(t.Context(), run))
		t.Cleanup(func() { _ = api.Delete(t.Context(), run) })
		run.Status.State = state
		require.NoError(t, api.Status().Update(t.Context(), run))
	}
	run("1", "postgres", v1alpha1.PreSnapshot, v1alpha1.RunSucceeded)
	run("2", "postgres", v1alpha1.PostSnapshot, v1alpha1.RunFailed)
	run("3", "redis", v1alpha1.PreSnapshot, v1alpha1.RunFailed)
	for name, test := range map[string]struct {
		fields client.MatchingFields
		want   []string
	}{
		"by session":           {client.MatchingFields{}, []string{"1", "2", "3"}},
		"by policy":            {client.MatchingFields{"spec.policy.name": "postgres"}, []string{"1", "2"}},
		"by what became of it": {client.MatchingFields{"status.state": "Failed"}, []string{"2", "3"}},
		"by both":              {client.MatchingFields{"status.state": "Failed", "spec.policy.name": "postgres"}, []string{"2"}},
		"by stage and hook":    {client.MatchingFields{"spec.stage": "PreSnapshot", "spec.hook.name": "freeze"}, []string{"1", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.fields["spec.session.name"] = session
			var list v1alpha1.HookRunList
			require.NoError(t, api.List(t.Context(), &list, test.fields))
			var found []string
			for i := range list.Items {
				found = append(found, list.Items[i].Name[len(session)+1:])
			}
			assert.ElementsMatch(t, test.want, found)
		})
	}
}
