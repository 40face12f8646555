package command

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// The kinds with which the commands deal, by what they belong to.
var (
	clusterKinds = map[schema.GroupVersion][]string{
		v1alpha1.GroupVersion:                      {"HookPolicy", "HookScript", "HookTemplate"},
		corev1.SchemeGroupVersion:                  {"Namespace", "Node", "PersistentVolume"},
		admissionregistrationv1.SchemeGroupVersion: {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"},
		rbacv1.SchemeGroupVersion:                  {"ClusterRole", "ClusterRoleBinding"},
	}
	namespacedKinds = map[schema.GroupVersion][]string{
		v1alpha1.GroupVersion:             {"NamespacedHookPolicy", "HookSession", "HookRun"},
		corev1.SchemeGroupVersion:         {"Pod", "Secret", "ConfigMap", "Service", "ServiceAccount", "Event", "PersistentVolumeClaim"},
		appsv1.SchemeGroupVersion:         {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"},
		batchv1.SchemeGroupVersion:        {"Job", "CronJob"},
		coordinationv1.SchemeGroupVersion: {"Lease"},
		velero.GroupVersion:               {"Schedule", "Backup", "Restore"},
	}
)

// newMapper returns one that knows these kinds without asking the API server for all that it has, which takes longer than
// most commands do, and goes on to another for the rest.
func newMapper(rest meta.RESTMapper) meta.RESTMapper {
	known := meta.NewDefaultRESTMapper(nil)
	for version, kinds := range clusterKinds {
		for _, kind := range kinds {
			known.Add(version.WithKind(kind), meta.RESTScopeRoot)
		}
	}
	for version, kinds := range namespacedKinds {
		for _, kind := range kinds {
			known.Add(version.WithKind(kind), meta.RESTScopeNamespace)
		}
	}
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{known, rest}}
}
