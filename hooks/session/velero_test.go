package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestABackupThatDidNotWaitHasMissedThePoliciesThatItWants(t *testing.T) {
	spec := &v1alpha1.HookPolicySpec{
		Velero: v1alpha1.PolicyVelero{Mode: v1alpha1.VeleroSession},
		Hooks:  []v1alpha1.Hook{{Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}}},
	}
	index, refused := match.CompileAll([]match.Source{{Ref: match.Ref{Name: "p"}, Spec: spec}})
	require.Empty(t, refused)
	tests := map[string]struct {
		source *v1alpha1.VeleroSource
		names  []string
		skips  bool
		missed bool
	}{
		"it was not held":                {source: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup}, missed: true},
		"and names the policy":           {source: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup}, names: []string{"p"}, missed: true},
		"and names another":              {source: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup}, names: []string{"q"}},
		"and the pod takes no part":      {source: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup}, skips: true},
		"it was held":                    {source: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Held: true}},
		"it is a restore":                {source: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore}},
		"somebody else makes the backup": {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := &open{index: index, namespace: match.Namespace{Name: "shop"}}
			o.record.Session = &v1alpha1.HookSession{Spec: v1alpha1.HookSessionSpec{Velero: test.source, PolicyNames: test.names}}
			o.record.Session.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: true}
			pod := plan.Pod{Name: "db-0"}
			if test.skips {
				pod.Annotations = map[string]string{v1alpha1.SkipAnnotation: "true"}
			}
			o.noteVelero([]plan.Pod{pod})
			condition := meta.FindStatusCondition(o.record.Session.Status.Conditions, v1alpha1.ConditionConsistent)
			require.Equal(t, test.missed, condition != nil)
			if test.missed {
				assert.Equal(t, v1alpha1.ReasonGateMissed, condition.Reason)
				assert.Contains(t, condition.Message, `pod "db-0" was not quiesced, for which HookPolicy "p"`)
			}
		})
	}
}
