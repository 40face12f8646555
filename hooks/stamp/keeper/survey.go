package keeper

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Survey is what a look at all pods found.
type Survey struct {
	// Set by which the pods were judged.
	Set *policies.Set
	// Pods are those that have not ended and that a policy selects, has stamped or has prepared, sorted by namespace and name, so that
	// the first of them with some trouble stays the same from survey to survey.
	Pods []Finding
}

// Finding is what a survey found of a pod.
type Finding struct {
	types.NamespacedName
	// Carried are the policies whose hooks the pod carries as we wrote them.
	Carried []match.Ref
	// Outcomes are what policies come to on the pod; none where its namespace does not take part.
	Outcomes []stamp.Outcome
	// Stamped is true when the pod carries a stamp, Pending when its annotations are to be changed.
	Stamped, Pending bool
	// Obstacles are what would stand in the way if a restore created the pod.
	Obstacles []restore.Obstacle
	// Trace is how the pod was prepared when a restore created it.
	Trace restore.Trace
	// Rejection is what the API server said when it did not take the change, or empty.
	Rejection string

	uid      types.UID
	decision stamp.Decision
}

// String is the pod as namespace/name.
func (f *Finding) String() string { return f.Namespace + "/" + f.Name }

// stampedIndex is a field by which the cache finds pods with a stamp, wherever they are.
const stampedIndex = "quiesce.io/stamped"

func indexStamped(object client.Object) []string {
	if _, stamped := object.GetAnnotations()[v1alpha1.StampAnnotation]; stamped {
		return []string{"true"}
	}
	return nil
}

// survey looks at the pods of all namespaces that take part, and at those elsewhere that are stamped.
func (k *Keeper) survey(ctx context.Context, set *policies.Set) (*Survey, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	// The items are only read, and replaced rather than changed by the informer; likewise below.
	if err := k.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	survey := &Survey{Set: set}
	recalled, now := k.memory.recall(set), memory{set: set}
	look := func(namespace match.Namespace, pods *corev1.PodList) {
		before, seen := recalled.of(namespace), now.begin(namespace, len(pods.Items))
		for i := range pods.Items {
			pod := &pods.Items[i]
			if ended(pod) {
				continue
			}
			known, found := before[pod.Name]
			if !found || known.version != pod.ResourceVersion {
				known = judged{version: pod.ResourceVersion}
				known.finding, known.some = k.find(set, namespace, pod)
			}
			seen[pod.Name] = known
			if known.some {
				survey.Pods = append(survey.Pods, known.finding)
			}
		}
	}
	elsewhere := map[string]match.Namespace{}
	for i := range list.Items {
		namespace := match.Namespace{Name: list.Items[i].Name, Labels: list.Items[i].Labels}
		if !k.Scope.OptedIn(namespace) {
			elsewhere[namespace.Name] = namespace
			continue
		}
		var pods corev1.PodList
		if err := k.Client.List(ctx, &pods, client.InNamespace(namespace.Name), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing pods of namespace %s: %w", namespace.Name, err)
		}
		look(namespace, &pods)
	}
	for _, namespace := range elsewhere {
		var pods corev1.PodList
		if err := k.Client.List(ctx, &pods, client.InNamespace(namespace.Name),
			client.MatchingFields{stampedIndex: "true"}, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing stamped pods of namespace %s: %w", namespace.Name, err)
		}
		look(namespace, &pods)
	}
	k.memory = now
	slices.SortFunc(survey.Pods, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return survey, nil
}

// find judges a pod; false where there is nothing to say.
func (k *Keeper) find(set *policies.Set, namespace match.Namespace, pod *corev1.Pod) (Finding, bool) {
	decision := k.decide(set, namespace, pod)
	_, stamped := pod.Annotations[v1alpha1.StampAnnotation]
	finding := Finding{
		NamespacedName: client.ObjectKeyFromObject(pod),
		Carried:        stamp.Carried(pod.Namespace, pod.Annotations),
		Outcomes:       decision.Outcomes,
		Stamped:        stamped,
		Obstacles:      k.forecast(set, namespace, pod),
		Trace:          restore.TraceOf(pod),
		Pending:        changes(decision),
		uid:            pod.UID,
		decision:       decision,
	}
	return finding, stamped || finding.Pending || len(finding.Outcomes)+len(finding.Trace.Policies) > 0
}

// forecast says what would stand in the way if a restore created a pod.
func (k *Keeper) forecast(set *policies.Set, namespace match.Namespace, pod *corev1.Pod) []restore.Obstacle {
	if !k.Scope.OptedIn(namespace) {
		return nil
	}
	return set.Restores.Forecast(namespace, describe(pod).Pod, pod.Annotations, &pod.Spec)
}

// decide says what is to become of a pod's annotations.
func (k *Keeper) decide(set *policies.Set, namespace match.Namespace, pod *corev1.Pod) stamp.Decision {
	if !k.Scope.OptedIn(namespace) {
		return stamp.Decision{Remove: stamp.Unstamp(pod.Annotations)}
	}
	return set.Compiled.Decide(namespace, describe(pod))
}

func changes(decision stamp.Decision) bool { return len(decision.Set)+len(decision.Remove) > 0 }
