package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestWhatIsConvertedIsTakenByAStrictAPIServer(t *testing.T) {
	outputs, err := filepath.Glob(filepath.Join(repository, "hooks/convert/testdata/*.out.yaml"))
	require.NoError(t, err)
	strict := client.WithFieldValidation(api, metav1.FieldValidationStrict)
	applied := map[string]int{}
	for _, path := range outputs {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			policy := &unstructured.Unstructured{}
			require.NoError(t, yaml.UnmarshalStrict(document, &policy.Object), path)
			if policy.Object == nil {
				continue // comments alone
			}
			if namespace := policy.GetNamespace(); namespace != "" {
				err := api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
				require.NoError(t, client.IgnoreAlreadyExists(err))
			}
			err := strict.Create(t.Context(), policy, client.DryRunAll)
			if apierrors.IsAlreadyExists(err) {
				continue
			}
			assert.NoError(t, err, "%s: %s", path, document)
			applied[policy.GetKind()]++
		}
	}
	assert.GreaterOrEqual(t, applied["HookPolicy"], 30)
	assert.GreaterOrEqual(t, applied["NamespacedHookPolicy"], 3)
	assert.GreaterOrEqual(t, applied["HookScript"], 2)
	assert.GreaterOrEqual(t, applied["HookTemplate"], 2)
}

func TestTheObjectsOfVeleroInTenMinutesAreTakenByAStrictAPIServer(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs/velero.md"))
	require.NoError(t, err)
	require.NoError(t, client.IgnoreAlreadyExists(api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})))
	strict := client.WithFieldValidation(api, metav1.FieldValidationStrict)
	var kinds []string
	for i, block := range bytes.Split(page, []byte("```yaml\n")) {
		if i == 0 {
			continue
		}
		document, _, _ := bytes.Cut(block, []byte("```\n"))
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.UnmarshalStrict(document, &object.Object))
		assert.NoError(t, strict.Create(t.Context(), object, client.DryRunAll), "%s", document)
		kinds = append(kinds, object.GetKind())
	}
	assert.Equal(t, []string{"Deployment", "HookPolicy"}, kinds)
}

// TestHooksInAClusterAreConvertedAsFarAsTheirUserMayRead has a team's account, which may read some kinds in its namespace.
func TestHooksInAClusterAreConvertedAsFarAsTheirUserMayRead(t *testing.T) {
	namespace := optedIn(t, nil)
	own := map[string]string{"pre.hook.backup.velero.io/command": `["sync"]`}
	labels := map[string]string{"app": "web"}
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "busybox"}}}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: own}, Spec: spec}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: namespace},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}
	create(t, deployment)
	replicas := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: namespace, OwnerReferences: controlledBy(deployment, "Deployment")},
		Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}
	create(t, replicas)
	pod := func(name string, labels, annotations map[string]string, owners []metav1.OwnerReference) {
		create(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: labels, Annotations: annotations, OwnerReferences: owners}, Spec: spec})
	}
	pod("web-1-a", labels, own, controlledBy(replicas, "ReplicaSet"))
	pod("debug", map[string]string{"app": "debug"}, map[string]string{"post.hook.restore.velero.io/command": `["check"]`}, nil)
	pod("stamped", map[string]string{"app": "other"}, map[string]string{"pre.hook.backup.velero.io/command": "x", v1alpha1.StampAnnotation: "{}"}, nil)
	pod("plain", map[string]string{"app": "other"}, nil, nil)

	account := kubeconfig(t, namespace, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "read", Namespace: namespace}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "deployments", "replicasets"}, Verbs: []string{"list"}},
	}})
	run := func(arguments ...string) (out, said string) {
		var stdout, stderr bytes.Buffer
		command := exec.CommandContext(t.Context(), filepath.Join(binaries, "kubectl-quiesce"), append([]string{"convert", "--cluster", "--cache-dir", t.TempDir(), "-n", namespace}, arguments...)...)
		command.Env = append(os.Environ(), "KUBECONFIG="+account)
		command.Stdout, command.Stderr = &stdout, &stderr
		require.NoError(t, command.Run(), stderr.String())
		return stdout.String(), stderr.String()
	}
	out, said := run("--namespaced")
	assert.Contains(t, out, "# From the annotations of Deployment "+namespace+"/web.\n")
	assert.Contains(t, out, "# From the annotations of Pod "+namespace+"/debug.\n")
	assert.NotContains(t, out, "web-1")
	assert.Contains(t, said, "Passed over: 1 pods with Quiesce's own annotations.")
	assert.Regexp(t, "Not known: hooks of .*statefulsets.*, since you may not list these in namespace "+namespace, said)
	for document := range strings.SplitSeq(out, "\n---\n") {
		policy := &unstructured.Unstructured{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), &policy.Object))
		assert.Equal(t, "NamespacedHookPolicy", policy.GetKind())
		require.NoError(t, client.WithFieldValidation(api, metav1.FieldValidationStrict).Create(t.Context(), policy, client.DryRunAll))
	}

	out, said = run("deploy")
	assert.NotContains(t, out, "debug", "kinds are named as in kubectl")
	assert.Empty(t, said)
}

func controlledBy(owner client.Object, kind string) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind(kind))}
}
