//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// templated is a policy that uses a template as it was delivered with the chart, for the images that the template suggests.
func templated(t *testing.T, name string, params map[string]string) *v1alpha1.HookPolicy {
	t.Helper()
	template := &v1alpha1.HookTemplate{}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKey{Name: name}, template))
		assert.True(c, meta.IsStatusConditionTrue(template.Status.Conditions, v1alpha1.ConditionReady), "%+v", template.Status.Conditions)
	}, patience, tick)
	use := &v1alpha1.TemplateUse{Name: name}
	for _, param := range slices.Sorted(maps.Keys(params)) {
		use.Params = append(use.Params, v1alpha1.TemplateParamValue{Name: param, Value: params[param]})
	}
	return &v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Selector: template.Spec.Selector, Template: use}}
}
