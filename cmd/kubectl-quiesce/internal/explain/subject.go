package explain

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
)

const kindPod = "Pod"

// kind is one that can be explained.
type kind struct {
	name string
	// words by which people call it.
	words []string
	// object is an empty one.
	object func() client.Object
	list   func() client.ObjectList
	// workload is what a workload makes its pods by; nil for pods.
	workload func(client.Object) (*metav1.LabelSelector, *corev1.PodTemplateSpec)
}

var kinds = []kind{
	{name: kindPod, words: []string{"pod", "pods", "po"},
		object: func() client.Object { return &corev1.Pod{} }, list: func() client.ObjectList { return &corev1.PodList{} }},
	{name: "Deployment", words: []string{"deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"},
		object: func() client.Object { return &appsv1.Deployment{} }, list: func() client.ObjectList { return &appsv1.DeploymentList{} },
		workload: func(object client.Object) (*metav1.LabelSelector, *corev1.PodTemplateSpec) {
			w := object.(*appsv1.Deployment) //nolint:forcetypeassert // made above
			return w.Spec.Selector, &w.Spec.Template
		}},
	{name: "StatefulSet", words: []string{"statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"},
		object: func() client.Object { return &appsv1.StatefulSet{} }, list: func() client.ObjectList { return &appsv1.StatefulSetList{} },
		workload: func(object client.Object) (*metav1.LabelSelector, *corev1.PodTemplateSpec) {
			w := object.(*appsv1.StatefulSet) //nolint:forcetypeassert // made above
			return w.Spec.Selector, &w.Spec.Template
		}},
	{name: "DaemonSet", words: []string{"daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"},
		object: func() client.Object { return &appsv1.DaemonSet{} }, list: func() client.ObjectList { return &appsv1.DaemonSetList{} },
		workload: func(object client.Object) (*metav1.LabelSelector, *corev1.PodTemplateSpec) {
			w := object.(*appsv1.DaemonSet) //nolint:forcetypeassert // made above
			return w.Spec.Selector, &w.Spec.Template
		}},
	{name: "ReplicaSet", words: []string{"replicaset", "replicasets", "rs", "replicaset.apps", "replicasets.apps"},
		object: func() client.Object { return &appsv1.ReplicaSet{} }, list: func() client.ObjectList { return &appsv1.ReplicaSetList{} },
		workload: func(object client.Object) (*metav1.LabelSelector, *corev1.PodTemplateSpec) {
			w := object.(*appsv1.ReplicaSet) //nolint:forcetypeassert // made above
			return w.Spec.Selector, &w.Spec.Template
		}},
}

// subject is what is to be explained.
type subject struct {
	kind
	// named is the object's name.
	named string
}

// parse reads TYPE/NAME, TYPE NAME, or the NAME of a pod.
func parse(c *cobra.Command, args []string) (subject, error) {
	var word, name string
	switch first, rest, slash := cutFirst(args); {
	case len(args) == 1 && slash:
		word, name = first, rest
	case len(args) == 1:
		word, name = "pod", args[0]
	case len(args) == 2 && !slash && !strings.Contains(args[1], "/"):
		word, name = args[0], args[1]
	default:
		return subject{}, command.UsageErrorf(c, "write what is to be explained as TYPE/NAME, TYPE NAME, or NAME for a pod")
	}
	at := slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.words, strings.ToLower(word)) })
	if at < 0 {
		return subject{}, command.UsageErrorf(c, "%q is not a type that can be explained: write pod, deployment, statefulset, daemonset or replicaset", word)
	}
	if name == "" {
		return subject{}, command.UsageErrorf(c, "write the name of the %s, such as %s/NAME", strings.ToLower(kinds[at].name), word)
	}
	return subject{kinds[at], name}, nil
}

func cutFirst(args []string) (before, after string, found bool) {
	if len(args) == 0 {
		return "", "", false
	}
	return strings.Cut(args[0], "/")
}

// owns tells whether a pod is one of a workload's. A Deployment's are its ReplicaSets', by a hash that the pod has as a label.
func owns(workload client.Object, kind string, pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return false
	}
	if kind == "Deployment" {
		return owner.Kind == "ReplicaSet" && owner.Name == workload.GetName()+"-"+pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	}
	return owner.UID == workload.GetUID()
}

// templated is a pod as a workload would make it. It has no name yet.
func templated(workload client.Object, template *corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Namespace, pod.UID = workload.GetNamespace(), workload.GetUID()
	pod.Name = workload.GetName() + "-…"
	if set, is := workload.(*appsv1.StatefulSet); is {
		world.AddClaims(pod, set.Spec.VolumeClaimTemplates)
	}
	return pod
}
