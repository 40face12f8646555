package webhook

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestADecisionIsCountedByWhatCameOfIt(t *testing.T) {
	policy := benchmarkPolicy("p", "shop")
	lacking := benchmarkPolicy("lacking", "other")
	lacking.Spec.Hooks[0].Container = "db"
	index, refused := match.CompileAll(match.Sources([]v1alpha1.HookPolicy{policy, lacking}, nil))
	require.Empty(t, refused)
	policies := stamp.New(index, stamp.Options{})
	decide := func(app string, annotations map[string]string) stamp.Decision {
		return policies.Decide(match.Namespace{Name: "shop"}, stamp.Pod{Annotations: annotations, Pod: match.Pod{
			Labels: map[string]string{"app": app}, Containers: []match.Container{{Name: "app"}}}})
	}
	fresh := decide("shop", nil).Set
	edited := maps.Clone(fresh)
	edited["post.hook.backup.velero.io/timeout"] = "1s"

	tests := map[string]struct {
		app         string
		annotations map[string]string
		want        verdict
	}{
		"a new pod":                           {"shop", nil, verdict{resultStamped, ""}},
		"the right stamp":                     {"shop", fresh, verdict{resultUnchanged, ""}},
		"a stamp of the past":                 {"of-no-policy", fresh, verdict{resultRefreshed, ""}},
		"an edited side, so that both go":     {"shop", edited, verdict{resultRefreshed, ""}},
		"an annotation of the user's":         {"shop", map[string]string{"hook.backup.velero.io/command": "x"}, verdict{resultSkipped, v1alpha1.ReasonUserOwned}},
		"an opt-out":                          {"shop", map[string]string{v1alpha1.SkipAnnotation: "true"}, verdict{resultSkipped, v1alpha1.ReasonSkipped}},
		"a container that the pod lacks":      {"other", nil, verdict{resultSkipped, v1alpha1.ReasonContainerNotFound}},
		"a pod to which no policy applies":    {"of-no-policy", nil, verdict{resultSkipped, reasonNoPolicy}},
		"another annotation, and a new stamp": {"shop", map[string]string{"a": "b"}, verdict{resultStamped, ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, judge(decide(test.app, test.annotations), test.annotations))
		})
	}
}
