package preview

import (
	"encoding/json"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// workload is what pods belong to: a Deployment and the like, or the pod itself.
type workload struct{ kind, namespace, name string }

// candidate is a pod, or the pods that a template would make, for which policies are tried.
type candidate struct {
	workload
	pod *corev1.Pod
	// count of pods, and whether that is one a node.
	count    int
	eachNode bool
	// template is true where the pod is not there.
	template bool
}

// ofPod is a pod that is there, with what it belongs to.
func ofPod(pod *corev1.Pod) candidate {
	of := workload{"Pod", pod.Namespace, pod.Name}
	if owner := metav1.GetControllerOf(pod); owner != nil {
		of.kind, of.name = owner.Kind, owner.Name
		// A Deployment's ReplicaSets are called after it and this label's value.
		if name, found := strings.CutSuffix(owner.Name, "-"+pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]); found && owner.Kind == "ReplicaSet" {
			of.kind, of.name = "Deployment", name
		}
	}
	return candidate{workload: of, pod: pod, count: 1}
}

// podsOf are the pods of an object in a file: its own, or those of its template; false for an object that has none.
func podsOf(object *manifest.Object) (c candidate, has bool, err error) {
	decode := func(into any) bool {
		err = json.Unmarshal(object.JSON, into)
		return err == nil
	}
	replicas := func(count *int32) int {
		if count == nil {
			return 1
		}
		return int(*count)
	}
	of := func(template corev1.PodTemplateSpec, count int) {
		pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
		pod.Namespace, pod.Name, pod.GenerateName = object.Namespace, "", ""
		c = candidate{workload: workload{object.Kind, object.Namespace, object.Name}, pod: pod, count: count, template: true}
	}
	switch object.Group() + "/" + object.Kind {
	case "/Pod":
		pod := &corev1.Pod{}
		if decode(pod) {
			c = ofPod(pod)
		}
	case "apps/Deployment":
		var w appsv1.Deployment
		if decode(&w) {
			of(w.Spec.Template, replicas(w.Spec.Replicas))
		}
	case "apps/StatefulSet":
		var w appsv1.StatefulSet
		if decode(&w) {
			of(w.Spec.Template, replicas(w.Spec.Replicas))
			world.AddClaims(c.pod, w.Spec.VolumeClaimTemplates)
		}
	case "apps/ReplicaSet":
		var w appsv1.ReplicaSet
		if decode(&w) && metav1.GetControllerOf(&w) == nil {
			of(w.Spec.Template, replicas(w.Spec.Replicas))
		}
		return c, c.pod != nil, err
	case "apps/DaemonSet":
		var w appsv1.DaemonSet
		if decode(&w) {
			of(w.Spec.Template, 1)
			c.eachNode = true
		}
	case "batch/Job":
		var w batchv1.Job
		if decode(&w) {
			of(w.Spec.Template, replicas(w.Spec.Parallelism))
		}
	case "batch/CronJob":
		var w batchv1.CronJob
		if decode(&w) {
			of(w.Spec.JobTemplate.Spec.Template, replicas(w.Spec.JobTemplate.Spec.Parallelism))
		}
	default:
		return candidate{}, false, nil
	}
	return c, err == nil, err
}

// present leaves out the templates of workloads whose pods are there themselves, and pods that have ended.
func present(all []candidate) []candidate {
	there := map[workload]bool{}
	for i := range all {
		if !all[i].template {
			there[all[i].workload] = true
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return c.template && there[c.workload] || world.Ended(c.pod) })
}
