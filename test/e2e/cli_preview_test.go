//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// previewed is as much of `kubectl quiesce preview -o json` as is compared.
type previewed struct {
	Policies []struct{ Change, Refusal string }
	Pods     []struct {
		Names       []string
		Annotations struct{ Before, After map[string]string }
	}
	Matched, Unmatched int
}

func preview(t *testing.T, file, namespace string) previewed {
	t.Helper()
	ran := quiesce(t, "preview", "-f", file, "--cluster", "-n", namespace, "-o", "json")
	require.Zero(t, ran.code, ran.err)
	var report previewed
	require.NoError(t, json.Unmarshal([]byte(ran.out), &report))
	require.Len(t, report.Policies, 1)
	require.Empty(t, report.Policies[0].Refusal)
	return report
}

// hooksOf are the annotations of a pod by which hooks run.
func hooksOf(pod *corev1.Pod) map[string]string {
	kept := maps.Clone(pod.Annotations)
	maps.DeleteFunc(kept, func(key, _ string) bool {
		return !strings.Contains(key, "hook.backup.velero.io/") && !strings.HasPrefix(key, "quiesce.io/")
	})
	return kept
}

func TestWhatAPreviewForetellsIsWhatPodsThenCarry(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	pod, other := s.createPod(), s.pod()
	other.Labels = map[string]string{"app": "other"}
	require.NoError(t, api.Create(t.Context(), other))
	policy := readPolicy(t, "testdata/policy.yaml")
	policy.Name, policy.Spec.Priority, policy.Spec.Shell = s.namespace, 1000, v1alpha1.Posix // with a watchdog
	policy.APIVersion, policy.Kind = v1alpha1.GroupVersion.String(), "HookPolicy"
	policy.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(s.namespace)}
	for i := range policy.Spec.Hooks {
		policy.Spec.Hooks[i].Container = "main"
	}
	written, err := yaml.Marshal(policy)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, written, 0o600))

	foretold := preview(t, file, s.namespace)
	assert.Equal(t, "Created", foretold.Policies[0].Change)
	assert.Equal(t, 1, foretold.Matched)
	assert.Equal(t, 1, foretold.Unmatched)
	require.Len(t, foretold.Pods, 1)
	assert.Equal(t, []string{pod.Name}, foretold.Pods[0].Names)
	assert.Empty(t, foretold.Pods[0].Annotations.Before)
	assert.Contains(t, foretold.Pods[0].Annotations.After, v1alpha1.StampAnnotation)
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
	assert.Empty(t, hooksOf(pod), "a preview writes nothing")

	s.createPolicyNamed(policy.Name, policy)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
		assert.Equal(c, foretold.Pods[0].Annotations.After, hooksOf(pod))
	}, patience, tick)

	again := preview(t, file, s.namespace)
	assert.Equal(t, "Unchanged", again.Policies[0].Change)
	require.Len(t, again.Pods, 1)
	assert.Equal(t, foretold.Pods[0].Annotations.After, again.Pods[0].Annotations.Before)
	assert.Equal(t, again.Pods[0].Annotations.Before, again.Pods[0].Annotations.After)
}
