//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// A backup names the policies that it wants: a session in its spec, a Backup of Velero by an annotation.
func TestABackupNamesThePoliciesThatItWants(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute, inSessions)
	other := &v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{does("flush", "echo flush >>/tmp/log", v1alpha1.PreSnapshot)}}}
	inSessions(&other.Spec)
	f.createPolicyNamed(f.namespace+"-other", other)

	session := f.begin(func(spec *v1alpha1.HookSessionSpec) { spec.PolicyNames = []string{other.Name} })
	f.waitReady(session)
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	assert.Equal(t, []string{"flush"}, f.log(f.pods[0]))

	by := func(policies string) *veleroObject {
		return createInVelero(t, "Backup", f.namespace, map[string]any{v1alpha1.PoliciesAnnotation: policies},
			map[string]any{"includedNamespaces": []any{f.namespace}, "snapshotVolumes": false})
	}
	backup := by(f.namespace)
	backup.waitEnded("Completed")
	f.waitFinished(backup.waitSession(f.namespace), v1alpha1.PhaseComplete)
	assert.Equal(t, []string{"flush", "freeze", "thaw"}, f.log(f.pods[0]))

	// The activity, filtered.
	var runs v1alpha1.HookRunList
	require.NoError(t, api.List(t.Context(), &runs, client.InNamespace(f.namespace), client.MatchingFields{"spec.policy.name": other.Name, "status.state": "Succeeded"}))
	require.Len(t, runs.Items, 1)
	assert.Equal(t, session.Name, runs.Items[0].Spec.Session.Name)

	mistaken := by("no-such-policy")
	mistaken.waitEnded("Failed")
	assert.Contains(t, mistaken.text("status", "failureReason"), `there is no policy "no-such-policy"`)
	requireCondition(t, mistaken.waitSession(f.namespace), v1alpha1.ConditionFailed, metav1.ConditionTrue, v1alpha1.ReasonPolicyNotFound)
}
