package convert

import (
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	veleros "github.com/quiesce-io/quiesce/hooks/velero"
)

// carries tells whether an object is a pod, or has a template of pods.
func carries(object *unstructured.Unstructured) bool { return templateOf(object) != nil }

// templateOf is where an object has the annotations of its pods; nil for what has no pods.
func templateOf(object *unstructured.Unstructured) []string {
	switch object.GroupVersionKind().Group + "/" + object.GetKind() {
	case "/Pod":
		return []string{"metadata", "annotations"}
	case "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "/ReplicationController", "batch/Job":
		return []string{"spec", "template", "metadata", "annotations"}
	case "batch/CronJob":
		return []string{"spec", "jobTemplate", "spec", "template", "metadata", "annotations"}
	}
	return nil
}

// podAnnotations are those of a pod, or of the pods of a workload.
func podAnnotations(object *unstructured.Unstructured) map[string]string {
	annotations, _, err := unstructured.NestedStringMap(object.Object, templateOf(object)...)
	if err != nil {
		return nil // the API server has none but strings
	}
	return annotations
}

// hookAnnotations are those with hooks of Velero's.
func hookAnnotations(object *unstructured.Unstructured) map[string]string {
	hooks := maps.Clone(podAnnotations(object))
	maps.DeleteFunc(hooks, func(key, _ string) bool {
		prefix, _, _ := strings.Cut(key, "/")
		return !strings.HasSuffix(prefix, "hook.backup.velero.io") && !strings.HasSuffix(prefix, "hook.restore.velero.io")
	})
	return hooks
}

func isStamped(object *unstructured.Unstructured) bool {
	_, stamped := podAnnotations(object)[v1alpha1.StampAnnotation]
	return stamped
}

// inherited tells whether an object's hooks are those of the workload that made it: nobody writes a ReplicaSet of a Deployment, or a Job of a
// CronJob, and pods have hooks of their own only where they differ from their template.
func inherited(object *unstructured.Unstructured, byUID map[types.UID]*unstructured.Unstructured) bool {
	owner := metav1.GetControllerOf(object)
	if owner == nil || byUID[owner.UID] == nil {
		return false
	}
	return object.GetKind() != "Pod" || maps.Equal(hookAnnotations(object), hookAnnotations(byUID[owner.UID]))
}

// ofSchedule is the key of the Schedule that a Backup comes of.
func ofSchedule(backup *unstructured.Unstructured) string {
	return backup.GetNamespace() + "/" + backup.GetLabels()[veleros.ScheduleLabel]
}

func scheduleKey(namespace, name string) string { return namespace + "/" + veleros.LabelValue(name) }
