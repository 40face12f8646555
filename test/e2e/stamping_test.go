//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// echoes are the annotations that the policy of a scene leads to.
var echoes = map[string]string{
	"pre.hook.backup.velero.io/command":    `["echo","freeze"]`,
	"pre.hook.backup.velero.io/container":  "main",
	"pre.hook.backup.velero.io/on-error":   "Fail",
	"pre.hook.backup.velero.io/timeout":    "30s",
	"post.hook.backup.velero.io/command":   `["echo","thaw"]`,
	"post.hook.backup.velero.io/container": "main",
	"post.hook.backup.velero.io/on-error":  "Continue",
	"post.hook.backup.velero.io/timeout":   "30s",
}

func TestAPodOfAnOptedInNamespaceIsStamped(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.addPolicy("main")

	pod := s.createPod()

	requireStamp(t, pod, policy, echoes)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
		assert.EqualValues(c, 1, policy.Status.StampedPods)
	}, patience, tick)
}

func TestAPodOfANamespaceThatDidNotOptInIsLeftAlone(t *testing.T) {
	s := newScene(t, nil)
	s.addPolicy("main")

	assert.Empty(t, s.createPod().Annotations)
}

func TestADryRunShowsTheStampAndChangesNothing(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.addPolicy("main")

	pod := s.pod()
	pod.Name, pod.GenerateName = "never", ""
	require.NoError(t, api.Create(t.Context(), pod, client.DryRunAll))

	requireStamp(t, pod, policy, echoes)
	err := api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)
	assert.True(t, apierrors.IsNotFound(err), "expected no pod, got %v", err)
}

func TestAPodWithoutTheNamedContainerIsUntouchedAndThePolicySaysSo(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.addPolicy("freezer")

	pod := s.createPod()

	assert.Empty(t, pod.Annotations)
	s.waitCondition(policy, v1alpha1.ConditionStampable, metav1.ConditionFalse, v1alpha1.ReasonContainerNotFound,
		"pod "+s.namespace+"/"+pod.Name+` has no container "freezer"`)
	require.Len(t, policy.Status.NotStamped, 1)
	assert.Equal(t, s.namespace+"/"+pod.Name, policy.Status.NotStamped[0].Pod)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		events, err := terminal.Run(t.Context(), "kubectl", "events", "-A", "--for", "hookpolicy/"+policy.Name)
		require.NoError(c, err)
		assert.Contains(c, events, v1alpha1.ReasonContainerNotFound)
	}, patience, tick)
}

func TestTheSamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	strict := client.WithFieldValidation(api, metav1.FieldValidationStrict)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			sample := &unstructured.Unstructured{}
			require.NoError(t, yaml.UnmarshalStrict(source, sample))
			if sample.GetKind() == "HookSession" {
				sample.SetNamespace("default")
			} else {
				sample.SetName(sample.GetName() + "-sample")
			}
			assert.NoError(t, strict.Create(t.Context(), sample, client.DryRunAll))
		})
	}
}
