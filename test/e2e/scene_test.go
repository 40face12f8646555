//go:build e2e

package e2e

import (
	"context"
	"maps"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// scene is a namespace of one test, with the policies that apply there alone. All of it goes when the test ends. If the
// test fails, what helps to understand why is printed first.
type scene struct {
	t         *testing.T
	namespace string
	policies  []*v1alpha1.HookPolicy
	library   []client.Object // scripts and templates
	reported  bool
}

// optedIn are the labels of a namespace that takes part.
var optedIn = map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}

func newScene(t *testing.T, labels map[string]string) *scene {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Labels: labelled(labels)}}
	require.NoError(t, api.Create(t.Context(), namespace))
	s := &scene{t: t, namespace: namespace.Name}
	// Without it no pod can be created. It is there at once, but where the control plane was restarted a moment ago.
	require.Eventually(t, func() bool {
		return api.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "default"}, &corev1.ServiceAccount{}) == nil
	}, patience, tick, "namespace %s has no ServiceAccount", s.namespace)
	t.Cleanup(func() {
		s.reportFailure()
		for _, policy := range s.policies {
			assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), policy)))
		}
		for _, object := range s.library {
			assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), object)))
		}
		assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), namespace)))
	})
	return s
}

func labelled(labels map[string]string) map[string]string {
	all := maps.Clone(map[string]string(ours))
	maps.Copy(all, labels)
	return all
}

// app is the label by which testdata/policy.yaml selects pods.
var app = map[string]string{"app": "under-test"}

// addPolicy creates the policy of testdata/policy.yaml, with its hooks in a container.
func (s *scene) addPolicy(container string) *v1alpha1.HookPolicy {
	s.t.Helper()
	policy := readPolicy(s.t, "testdata/policy.yaml")
	for i := range policy.Spec.Hooks {
		policy.Spec.Hooks[i].Container = container
	}
	return s.createPolicy(policy)
}

func readPolicy(t *testing.T, file string) *v1alpha1.HookPolicy {
	t.Helper()
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	policy := &v1alpha1.HookPolicy{}
	require.NoError(t, yaml.UnmarshalStrict(source, policy))
	return policy
}

// createPolicy creates a policy for the scene's namespace, above any that may be there, and waits until it is in use.
func (s *scene) createPolicy(policy *v1alpha1.HookPolicy) *v1alpha1.HookPolicy {
	s.t.Helper()
	return s.createPolicyNamed(s.namespace, policy)
}

func (s *scene) createPolicyNamed(name string, policy *v1alpha1.HookPolicy) *v1alpha1.HookPolicy {
	s.t.Helper()
	policy.Name, policy.Labels = name, labelled(nil)
	policy.Spec.Priority = 1000
	policy.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(s.namespace)}
	require.NoError(s.t, api.Create(s.t.Context(), policy))
	s.policies = append(s.policies, policy)
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(s.t.Context(), client.ObjectKeyFromObject(policy), policy))
		assert.Equal(c, policy.Generation, policy.Status.ObservedGeneration)
		assert.True(c, meta.IsStatusConditionTrue(policy.Status.Conditions, v1alpha1.ConditionReady), "Ready")
	}, patience, tick)
	return policy
}

// pod is one that policies select. It is never scheduled, so that hundreds of them cost nothing.
func (s *scene) pod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, GenerateName: "pod-", Labels: app},
		Spec: corev1.PodSpec{
			SchedulingGates: []corev1.PodSchedulingGate{{Name: "quiesce.test/never"}},
			Containers:      []corev1.Container{{Name: "main", Image: "quiesce.test/busybox:1.35"}},
		},
	}
}

// createPod creates such a pod and returns it as the API server has it.
func (s *scene) createPod() *corev1.Pod {
	s.t.Helper()
	pod := s.pod()
	require.NoError(s.t, api.Create(s.t.Context(), pod))
	return pod
}

// stamped tells whether a pod carries Quiesce's annotations.
func stamped(pod *corev1.Pod) bool { return pod.Annotations[v1alpha1.StampAnnotation] != "" }

// requireStamp asserts that a pod carries these annotations, the record that names the policy, and nothing else.
func requireStamp(t *testing.T, pod *corev1.Pod, policy *v1alpha1.HookPolicy, want map[string]string) {
	t.Helper()
	record := pod.Annotations[v1alpha1.StampAnnotation]
	require.Contains(t, record, strconv.Quote("hookpolicy/"+policy.Name), "expected a stamp on pod %s, but its annotations are %v", pod.Name, pod.Annotations)
	annotations := map[string]string{v1alpha1.StampAnnotation: record}
	maps.Copy(annotations, want)
	require.Equal(t, annotations, pod.Annotations)
}

// waitStamp waits until a pod carries these annotations and the policy's record.
func (s *scene) waitStamp(pod *corev1.Pod, policy *v1alpha1.HookPolicy, want map[string]string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(s.t.Context(), client.ObjectKeyFromObject(pod), pod))
		assert.Contains(c, pod.Annotations[v1alpha1.StampAnnotation], strconv.Quote("hookpolicy/"+policy.Name))
		assert.Subset(c, pod.Annotations, want)
	}, patience, tick)
}

// waitCondition waits until a policy's status has a condition, whose message contains a text.
func (s *scene) waitCondition(policy *v1alpha1.HookPolicy, kind string, status metav1.ConditionStatus, reason, message string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(s.t.Context(), client.ObjectKeyFromObject(policy), policy))
		condition := meta.FindStatusCondition(policy.Status.Conditions, kind)
		require.NotNil(c, condition)
		assert.Equal(c, status, condition.Status)
		assert.Equal(c, reason, condition.Reason)
		assert.Contains(c, condition.Message, message)
	}, patience, tick)
}

// waitBare waits until a pod carries none of our annotations.
func (s *scene) waitBare(pod *corev1.Pod) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(s.t.Context(), client.ObjectKeyFromObject(pod), pod))
		assert.Empty(c, stamp.Unstamp(pod.Annotations))
	}, patience, tick)
}

// reportFailure prints, once, what helps to understand why the test has failed, if it has.
func (s *scene) reportFailure() {
	if !s.t.Failed() || s.reported {
		return
	}
	s.reported = true
	for _, args := range [][]string{
		{"get", "pods", "-n", s.namespace, "-o", "yaml"},
		{"get", "hookpolicies", "-o", "yaml"},
		{"get", "backup", "-n", "velero", s.namespace, "-o", "yaml", "--ignore-not-found"},
		{"get", "pods,endpointslices", "-n", walkthrough.Release, "-o", "wide"},
		{"logs", "-n", walkthrough.Release, "-l", "app.kubernetes.io/component=webhook", "--tail=30", "--prefix"},
		{"logs", "-n", walkthrough.Release, "-l", "app.kubernetes.io/component=controller", "--tail=30", "--prefix"},
	} {
		output, err := terminal.Run(context.Background(), "kubectl", args...)
		if err != nil {
			output = err.Error()
		}
		const most = 8000
		s.t.Logf("kubectl %v:\n%s", args, output[max(0, len(output)-most):])
	}
}
