package status

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies/status,verbs=get;patch
// +kubebuilder:rbac:groups="",resources=pods;namespaces,verbs=get;list;watch

const (
	// settle is how long changes gather, from the first, before a survey looks at all of them at once: a roll-out of a
	// thousand pods is a few looks at the cluster, not a thousand.
	settle = 500 * time.Millisecond
	// resurvey is how often a survey is made without a change, in case one was missed.
	resurvey = 5 * time.Minute
	// writers is how many statuses are written at once.
	writers = 16
)

// everything is the one request that there is: each survey looks at all policies and all pods.
var everything = reconcile.Request{NamespacedName: types.NamespacedName{Name: "all"}}

// Reconciler keeps the status of every HookPolicy.
type Reconciler struct {
	Client client.Client
	// Scope says which namespaces may take part.
	Scope match.Scope
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// SetupWithManager makes the Reconciler run when a policy, a pod or a namespace changes in a way that could matter.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	relabelled := builder.WithPredicates(predicate.Or[client.Object](
		predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{}, endedPredicate{}))
	return ctrl.NewControllerManagedBy(mgr).
		Named("policy-status").
		Watches(&v1alpha1.HookPolicy{}, surveySoon{}, builder.WithPredicates(respecified{})).
		Watches(&corev1.Pod{}, surveySoon{}, relabelled).
		WatchesMetadata(&corev1.Namespace{}, surveySoon{}, relabelled).
		Complete(r)
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	var policies v1alpha1.HookPolicyList
	if err := r.Client.List(ctx, &policies); err != nil {
		return reconcile.Result{}, fmt.Errorf("listing HookPolicies: %w", err)
	}
	pods, err := r.pods(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	compiled, refused := stamp.Compile(policies.Items)
	refusals := make(map[string]error, len(refused))
	for _, refusal := range refused {
		refusals[refusal.Policy.Name] = refusal.Err
	}
	findings := survey(compiled, pods)
	failures := make([]error, len(policies.Items))
	var group errgroup.Group
	group.SetLimit(writers)
	for i := range policies.Items {
		group.Go(func() error {
			policy := &policies.Items[i]
			if err := r.write(ctx, policy, report(policy, refusals[policy.Name], findings[policy.Name])); err != nil {
				failures[i] = fmt.Errorf("writing the status of HookPolicy %s: %w", policy.Name, err)
			}
			return nil // one that cannot be written does not keep the others from it
		})
	}
	_ = group.Wait()
	if err := errors.Join(failures...); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: resurvey}, nil
}

func (r *Reconciler) write(ctx context.Context, policy *v1alpha1.HookPolicy, status v1alpha1.HookPolicyStatus) error {
	if equality.Semantic.DeepEqual(policy.Status, status) {
		return nil
	}
	before := policy.DeepCopy()
	policy.Status = status
	return client.IgnoreNotFound(r.Client.Status().Patch(ctx, policy, client.MergeFrom(before)))
}

// pods lists the pods of opted-in namespaces in which hooks could run.
func (r *Reconciler) pods(ctx context.Context) ([]pod, error) {
	var namespaces metav1.PartialObjectMetadataList
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := r.Client.List(ctx, &namespaces, client.MatchingLabels{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}); err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	var pods []pod
	for i := range namespaces.Items {
		namespace := match.Namespace{Name: namespaces.Items[i].Name, Labels: namespaces.Items[i].Labels}
		if !r.Scope.OptedIn(namespace) {
			continue
		}
		var list corev1.PodList
		// The items are only read, and replaced rather than changed by the informer.
		if err := r.Client.List(ctx, &list, client.InNamespace(namespace.Name), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing pods of namespace %s: %w", namespace.Name, err)
		}
		for j := range list.Items {
			if !ended(&list.Items[j]) {
				pods = append(pods, describe(namespace, &list.Items[j]))
			}
		}
	}
	return pods, nil
}

func describe(namespace match.Namespace, object *corev1.Pod) pod {
	containers := make([]string, len(object.Spec.Containers))
	for i := range object.Spec.Containers {
		containers[i] = object.Spec.Containers[i].Name
	}
	return pod{
		namespace: namespace,
		name:      object.Name,
		Pod:       stamp.Pod{Labels: object.Labels, Annotations: object.Annotations, Containers: containers},
	}
}

// ended tells of pods that Velero passes over as well (velero: internal/hook/item_hook_handler.go), and of those on
// their way out.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || !pod.DeletionTimestamp.IsZero()
}

// endedPredicate lets the update of a pod through that has just ended.
type endedPredicate struct{ predicate.Funcs }

func (endedPredicate) Update(e event.UpdateEvent) bool {
	before, isPod := e.ObjectOld.(*corev1.Pod)
	if !isPod {
		return false
	}
	after, isPod := e.ObjectNew.(*corev1.Pod)
	return isPod && ended(before) != ended(after)
}

// respecified lets the update of a policy through whose spec has changed, or that was deleted and made anew in a moment
// that the watch did not see: then its generation is 1 as before.
type respecified struct{ predicate.Funcs }

func (respecified) Update(e event.UpdateEvent) bool {
	return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || e.ObjectOld.GetUID() != e.ObjectNew.GetUID()
}

// surveySoon asks for a survey once things have settled.
type surveySoon struct{}

var _ handler.EventHandler = surveySoon{}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

func (surveySoon) Create(_ context.Context, _ event.CreateEvent, q queue) {
	q.AddAfter(everything, settle)
}
func (surveySoon) Update(_ context.Context, _ event.UpdateEvent, q queue) {
	q.AddAfter(everything, settle)
}
func (surveySoon) Delete(_ context.Context, _ event.DeleteEvent, q queue) {
	q.AddAfter(everything, settle)
}
func (surveySoon) Generic(_ context.Context, _ event.GenericEvent, q queue) {
	q.AddAfter(everything, settle)
}
