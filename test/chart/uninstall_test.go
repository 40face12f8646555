package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// hooks are the objects that are there only while an uninstall runs.
func hooks(all []*unstructured.Unstructured) (found []*unstructured.Unstructured) {
	for _, object := range all {
		if object.GetAnnotations()["helm.sh/hook"] != "" {
			found = append(found, object)
		}
	}
	return found
}

func TestAnUninstallBeginsWithAJobAndItsRights(t *testing.T) {
	weights := map[string]string{}
	for _, object := range hooks(render(t, "defaults.yaml")) {
		assert.Equal(t, "quiesce-uninstall", object.GetName())
		assert.Equal(t, "pre-delete", object.GetAnnotations()["helm.sh/hook"])
		assert.Equal(t, "before-hook-creation,hook-succeeded", object.GetAnnotations()["helm.sh/hook-delete-policy"])
		weights[object.GetKind()] = object.GetAnnotations()["helm.sh/hook-weight"]
	}
	assert.Equal(t, map[string]string{
		"ServiceAccount": "-1", "ClusterRole": "-1", "ClusterRoleBinding": "-1", "Role": "-1", "RoleBinding": "-1", "Job": "0",
	}, weights, "the rights are there before the Job is")
}

func TestAnUninstallCanDoWithoutTheJob(t *testing.T) {
	assert.Empty(t, hooks(render(t, "one-replica.yaml")))
}

func TestTheUninstallJob(t *testing.T) {
	tests := map[string]struct {
		args     []string
		deadline int64
	}{
		"defaults.yaml":    {args: []string{"--namespace=$(POD_NAMESPACE)", "--timeout=5m"}, deadline: 360},
		"all-options.yaml": {args: []string{"--namespace=$(POD_NAMESPACE)", "--timeout=90s"}, deadline: 150},
	}
	for values, test := range tests {
		t.Run(values, func(t *testing.T) {
			all := render(t, values)
			job := find[batchv1.Job](t, all, "Job", "quiesce-uninstall")
			controller := templates(t, all)["quiesce-controller"].Spec
			pod := job.Spec.Template.Spec
			require.Len(t, pod.Containers, 1)
			assert.Equal(t, []string{"/quiesce-controller", "uninstall"}, pod.Containers[0].Command)
			assert.Equal(t, test.args, pod.Containers[0].Args)
			assert.Equal(t, test.deadline, *job.Spec.ActiveDeadlineSeconds, "the program is to say itself that its time has passed")
			assert.LessOrEqual(t, *job.Spec.BackoffLimit, int32(3))
			assert.Equal(t, "quiesce-uninstall", pod.ServiceAccountName)

			// Where the controller runs, the Job can.
			assert.Equal(t, controller.Containers[0].Image, pod.Containers[0].Image)
			assert.Equal(t, controller.ImagePullSecrets, pod.ImagePullSecrets)
			assert.Equal(t, controller.NodeSelector, pod.NodeSelector)
			assert.Equal(t, controller.Tolerations, pod.Tolerations)
			assert.Equal(t, controller.PriorityClassName, pod.PriorityClassName)
			assert.Empty(t, pod.TopologySpreadConstraints)
			if pod.Affinity != nil {
				assert.Nil(t, pod.Affinity.PodAntiAffinity)
			}
			service := find[corev1.Service](t, all, "Service", "quiesce-webhook")
			assert.NotSubset(t, job.Spec.Template.Labels, service.Spec.Selector, "the Service would send admission requests to the Job")
		})
	}
}

func TestTheUninstallJobMayDoWhatItMustAndNoMore(t *testing.T) {
	all := render(t, "defaults.yaml")
	assert.Equal(t, []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list", "patch"}},
		{APIGroups: []string{"quiesce.io"}, Resources: []string{"hooksessions", "hookruns", "hookscripts", "hooktemplates"}, Verbs: []string{"list", "patch"}},
		{APIGroups: []string{"quiesce.io"}, Resources: []string{"hooktemplates"}, Verbs: []string{"delete"}},
		{APIGroups: []string{"quiesce.io"}, Resources: []string{"hookpolicies", "namespacedhookpolicies"}, Verbs: []string{"list"}},
		{APIGroups: []string{"velero.io"}, Resources: []string{"backups", "restores"}, Verbs: []string{"get", "list", "patch"}},
		{APIGroups: []string{"velero.io"}, Resources: []string{"backupstoragelocations"}, Verbs: []string{"list"}},
		{
			APIGroups: []string{"admissionregistration.k8s.io"}, Verbs: []string{"delete"},
			Resources:     []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"},
			ResourceNames: names(all, "MutatingWebhookConfiguration"),
		},
	}, find[rbacv1.ClusterRole](t, all, "ClusterRole", "quiesce-uninstall").Rules)
	assert.Equal(t, []rbacv1.PolicyRule{{
		APIGroups: []string{"apps"}, Resources: []string{"deployments", "deployments/scale"},
		ResourceNames: []string{"quiesce-controller"}, Verbs: []string{"get", "patch"},
	}}, find[rbacv1.Role](t, all, "Role", "quiesce-uninstall").Rules)

	subject := []rbacv1.Subject{{Kind: "ServiceAccount", Name: "quiesce-uninstall", Namespace: namespace}}
	assert.Equal(t, subject, find[rbacv1.ClusterRoleBinding](t, all, "ClusterRoleBinding", "quiesce-uninstall").Subjects)
	assert.Equal(t, subject, find[rbacv1.RoleBinding](t, all, "RoleBinding", "quiesce-uninstall").Subjects)
}
