//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// A script, a policy that uses a delivered template, and a clone of it: written, listed, switched off and on, all by the plugin.
func TestTheLibraryIsAtHandInTheTerminal(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	does := func(args ...string) string {
		t.Helper()
		told := quiesce(t, args...)
		require.Zero(t, told.code, "%v: %+v", args, told)
		return told.out
	}
	script := &v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	use, clone := &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: s.namespace + "-clone"}}
	s.library, s.policies = append(s.library, script), append(s.policies, use, clone)

	const source = "#!/bin/sh\nexec true 'é'\n\n"
	add := command(t, "scripts", "add", s.namespace, "-f", "-")
	add.Stdin = strings.NewReader(source)
	output, err := add.CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Equal(t, source, does("scripts", "show", s.namespace))
	assert.Contains(t, does("scripts", "list"), s.namespace)

	pod := s.createPod()
	selection := []string{"--param", "user=backup", "--image", "busybox:", "--include-namespace", s.namespace}
	does(append([]string{"templates", "use", "postgresql", "--as", use.Name}, selection...)...)
	s.waitStamp(pod, use, nil)
	does(append([]string{"templates", "clone", "postgresql", "--as", clone.Name}, selection...)...)
	s.waitStamp(pod, clone, nil)
	s.waitStamp(pod, use, nil)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		listed := quiesce(t, "policies", "list").out
		assert.Regexp(c, `(?m)^`+use.Name+` +HookPolicy +postgresql +1 +1 +false +True +`, listed)
		assert.Regexp(c, `(?m)^`+clone.Name+` +HookPolicy +<none> +1 +1 +false +True +`, listed)
	}, patience, tick)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Regexp(c, `(?m)^postgresql .*HookPolicy/`, quiesce(t, "templates", "list").out)
	}, patience, tick)

	assert.Equal(t, 2, strings.Count(does("policies", "suspend", use.Name, clone.Name), " suspended: its hooks are taken off 1 pod, of 1 that it matches\n"))
	s.waitBare(pod)
	assert.Contains(t, does("policies", "resume", use.Name), " resumed: ")
	s.waitStamp(pod, use, nil)
	assert.NotContains(t, pod.Annotations[v1alpha1.StampAnnotation], clone.Name)

	// Who may write scripts, and not run commands in pods.
	user := "ada-" + s.namespace
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: user, Labels: labelled(nil)}, Subjects: []rbacv1.Subject{{Kind: "User", Name: user}},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "quiesce-admin"}}
	require.NoError(t, api.Create(t.Context(), binding))
	t.Cleanup(func() { assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), binding))) })
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		refused := quiesce(t, append([]string{"--as", user, "templates", "use", "postgresql", "--as", s.namespace + "-refused"}, selection...)...)
		assert.Equal(c, 1, refused.code)
		assert.Contains(c, refused.err, user+" lacks the right to create pods/exec in namespace "+s.namespace+", which whoever writes this policy needs")
		assert.NotContains(c, refused.err, "quiesce-admin")
	}, patience, tick)
}
