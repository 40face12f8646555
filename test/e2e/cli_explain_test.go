//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestExplainSaysWhatBecomesOfAPodAndWhy(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	policy := readPolicy(t, "testdata/policy.yaml")
	policy.Spec.Hooks = append(policy.Spec.Hooks,
		v1alpha1.Hook{Name: "tell", Stages: []v1alpha1.Stage{v1alpha1.PostBackup}, HTTPPost: &v1alpha1.HTTPPostAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "https://example.com"}},
			HookConduct: v1alpha1.HookConduct{RunOn: v1alpha1.OncePerSession, ExecutionPolicy: v1alpha1.OnFailure}},
		v1alpha1.Hook{Name: "fix", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{
			Containers: []v1alpha1.InitContainer{{Name: "own", Command: []string{"true"}}}}})
	s.createPolicy(policy)
	other := readPolicy(t, "testdata/policy.yaml")
	other.Spec.Selector.LabelSelector = nil
	other.Spec.Selector.ContainerImages = []v1alpha1.ImagePattern{"(^|/)postgres:"}
	s.createPolicyNamed(s.namespace+"-other", other)
	pod := s.createPod()
	require.True(t, stamped(pod))
	owned := s.pod()
	owned.Annotations = map[string]string{v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand: `["mine"]`}
	require.NoError(t, api.Create(t.Context(), owned))

	told := quiesce(t, "explain", "pod/"+pod.Name, "-n", s.namespace)
	require.Zero(t, told.code, told.err)
	for _, line := range []string{
		"namespace " + s.namespace + " has opted in: quiesce.io/hooks=enabled",
		"HookPolicy " + s.namespace + " (priority 1000) selects the pod",
		"spec.selector.labelSelector: app=under-test, the pod has app=under-test",
		"HookPolicy " + s.namespace + "-other (priority 1000) does not select the pod\n" +
			`    spec.selector.containerImages: "(^|/)postgres:" matches none of main (quiesce.test/busybox:1.35)`,
		"up to date\n    before the backup: by HookPolicy " + s.namespace + ", in main, timeout 30s, onError Fail\n" + `      ["echo","freeze"]`,
		"for sessions only, since Velero's annotations cannot express it: tell (httpPost)",
		"httpPost, once and in no pod",
		"quiesce-" + s.namespace + "-fix-own, for hook fix of HookPolicy " + s.namespace + ", image quiesce.test/busybox:1.35",
	} {
		assert.Contains(t, told.out, line)
	}
	assert.NotContains(t, told.out, "NOT KNOWN")

	told = quiesce(t, "explain", owned.Name, "-n", s.namespace, "-o", "json")
	require.Zero(t, told.code, told.err)
	var report struct {
		Groups []struct {
			Stamp struct {
				State     string
				UserOwned []string
				Obstacles []struct{ Reason string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(told.out), &report))
	require.Len(t, report.Groups, 1)
	assert.Equal(t, []string{v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand}, report.Groups[0].Stamp.UserOwned)
	assert.Equal(t, "UpToDate", report.Groups[0].Stamp.State)
	require.NotEmpty(t, report.Groups[0].Stamp.Obstacles)
	assert.Equal(t, v1alpha1.ReasonUserOwned, report.Groups[0].Stamp.Obstacles[0].Reason)

	told = quiesce(t, "explain", "pod/"+pod.Name+"x", "-n", s.namespace)
	assert.Equal(t, 1, told.code)
	assert.Contains(t, told.err, "did you mean \""+pod.Name)
}

// A member of a team, who has edit in one namespace, sees no policy of the cluster.
func TestExplainSaysWhatItsUserMayNotRead(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	s.addPolicy("main")
	pod := s.createPod()
	require.True(t, stamped(pod))
	const user = "grace"
	require.NoError(t, api.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: user}, Subjects: []rbacv1.Subject{{Kind: "User", Name: user}},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"}}))
	_, err := plugin()
	require.NoError(t, err)
	var told said
	require.Eventually(t, func() bool { // the right is there
		told = quiesce(t, "explain", pod.Name, "-n", s.namespace, "--as", user)
		return told.code == 0
	}, patience, tick)
	for _, line := range []string{
		"namespace " + s.namespace + " has opted in",
		"whether it is up to date is not known",
		"before the backup: by HookPolicy " + s.namespace + ", in main",
		"HookPolicies, HookScripts and HookTemplates are not known, since you may not list them in the whole cluster",
		"which namespaces never take part or have their restored pods left alone, and how Quiesce is set up for Velero, is not known",
		"Velero's Schedules and Velero's Backups are not known",
	} {
		assert.Contains(t, told.out, line)
	}
}
