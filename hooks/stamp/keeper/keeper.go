// Package keeper keeps the stamps of running pods right: they follow policies, labels and opt-outs as those change, and
// pods that the webhook has not seen get theirs. It has no state of its own that matters: whatever dies, a new look at all
// pods tells what is left to do.
package keeper

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

const (
	// settle is how long changes gather, from the first, before a survey looks at all of them at once: a roll-out of a
	// thousand pods is a few looks at the cluster, not a thousand.
	settle = 500 * time.Millisecond
	// share bounds the part of a processor that surveys take while things change all the time: one in this many.
	share = 10
	// resurvey is how often a survey is made without a change, in case one was missed.
	resurvey = 5 * time.Minute
	// workers patch pods at the same time. They are many enough for a slow API server: the limit is in stamps per second.
	workers = 16
	// fieldOwner owns the annotations that are written here.
	fieldOwner = client.FieldOwner("quiesce-controller")
)

// compiledPolicies are the policies as they are now.
type compiledPolicies interface {
	Current() *policies.Set
	Subscribe() <-chan struct{}
}

// Keeper patches the annotations of running pods.
type Keeper struct {
	Client   client.Client
	Policies compiledPolicies
	// Scope says which namespaces may take part.
	Scope match.Scope
	// StampsPerSecond limits patches.
	StampsPerSecond int
	// Audience is told of each survey. It must not take long, nor change anything.
	Audience func(*Survey)

	informers cache.Informers
	changed   chan struct{}
	queue     workqueue.TypedRateLimitingInterface[types.NamespacedName]
	limit     flowcontrol.RateLimiter
	ledger    ledger
	memory    memory // of surveys, which come one after another
}

var (
	_ manager.Runnable               = (*Keeper)(nil)
	_ manager.LeaderElectionRunnable = (*Keeper)(nil)
)

// NeedLeaderElection is true: two keepers would get in each other's way.
func (k *Keeper) NeedLeaderElection() bool { return true }

// SetupWithManager has the manager run the Keeper. Its cache is to have the Slimmer's transform for pods.
func (k *Keeper) SetupWithManager(mgr ctrl.Manager) error {
	k.informers = mgr.GetCache()
	k.changed = make(chan struct{}, 1)
	k.limit = flowcontrol.NewTokenBucketRateLimiter(float32(k.StampsPerSecond), k.StampsPerSecond)
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &corev1.Pod{}, stampedIndex, indexStamped); err != nil {
		return fmt.Errorf("indexing pods: %w", err)
	}
	return mgr.Add(k)
}

// Start implements manager.Runnable.
func (k *Keeper) Start(ctx context.Context) error {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithName("keeper"))
	sets := k.Policies.Subscribe()
	if err := k.watch(ctx); err != nil {
		return err
	}
	k.queue = workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](100*time.Millisecond, time.Minute),
		workqueue.TypedRateLimitingQueueConfig[types.NamespacedName]{Name: "stamps"})
	var working sync.WaitGroup
	for range workers {
		working.Go(func() { k.work(ctx) })
	}
	defer working.Wait()
	defer k.queue.ShutDown()
	for {
		start := time.Now()
		if err := k.round(ctx); err != nil {
			logf.FromContext(ctx).Error(err, "The pods could not be looked at")
		}
		rest := time.Now().Add(share * time.Since(start))
		select {
		case <-ctx.Done():
			return nil
		case <-sets:
		case <-k.changed:
		case <-time.After(resurvey):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(settle, time.Until(rest))):
		}
		drain(sets)
		drain(k.changed)
	}
}

// watch has a survey made when a pod or a namespace changes in a way that could matter.
func (k *Keeper) watch(ctx context.Context) error {
	for object, same := range map[client.Object]func(a, b any) bool{
		&corev1.Pod{}:       samePod,
		namespaceMetadata(): sameNamespace,
	} {
		informer, err := k.informers.GetInformer(ctx, object)
		if err != nil {
			return fmt.Errorf("watching pods and namespaces: %w", err)
		}
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { ring(k.changed) },
			UpdateFunc: func(old, current any) {
				if !same(old, current) {
					ring(k.changed)
				}
			},
			DeleteFunc: func(any) { ring(k.changed) },
		})
		if err != nil {
			return fmt.Errorf("watching pods and namespaces: %w", err)
		}
		toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced)
	}
	return nil
}

// round surveys the pods, has those changed that need it, and tells the audience.
func (k *Keeper) round(ctx context.Context) error {
	set := k.Policies.Current()
	if set == nil || set.Provisional {
		return nil // the next set is announced
	}
	start := time.Now()
	survey, err := k.survey(ctx, set)
	if err != nil {
		return err
	}
	pending := map[types.NamespacedName]bool{}
	for i := range survey.Pods {
		if pod := &survey.Pods[i]; pod.Pending {
			pending[pod.NamespacedName] = true
			k.queue.Add(pod.NamespacedName)
			// Of a change that has not been tried yet, such as after an edit of the policy, there is nothing to tell.
			if change, known := k.ledger.change(pod.NamespacedName); known && change == digest(pod.decision, pod.uid) {
				pod.Rejection = k.ledger.words(pod.NamespacedName)
			}
		}
	}
	k.ledger.prune(func(pod types.NamespacedName) bool { return pending[pod] }, time.Now())
	count(survey)
	surveys.Observe(time.Since(start).Seconds())
	logf.FromContext(ctx).V(1).Info("Pods looked at", "pods", len(survey.Pods), "pending", len(pending), "elapsed", time.Since(start).String())
	if k.Audience != nil {
		k.Audience(survey)
	}
	return nil
}

// work changes pods from the queue until it is shut down.
func (k *Keeper) work(ctx context.Context) {
	for {
		pod, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		if ctx.Err() == nil {
			k.keep(ctx, pod)
		}
		k.queue.Done(pod)
	}
}

// keep makes a pod carry what it should, as things are now.
func (k *Keeper) keep(ctx context.Context, name types.NamespacedName) {
	if _, _, needed := k.wanted(ctx, name); !needed {
		k.queue.Forget(name)
		return
	}
	if k.limit.Wait(ctx) != nil {
		return // told to stop
	}
	pod, decision, needed := k.wanted(ctx, name)
	if !needed { // things have changed while we waited
		k.queue.Forget(name)
		return
	}
	patched, change := podMetadata(name), digest(decision, pod.UID)
	patch, err := mergePatch(decision, pod.ResourceVersion)
	if err == nil {
		err = k.Client.Patch(ctx, patched, client.RawPatch(types.MergePatchType, patch), fieldOwner)
	}
	log := logf.FromContext(ctx).WithValues("namespace", name.Namespace, "pod", name.Name)
	switch {
	case err == nil && patched.ResourceVersion == pod.ResourceVersion:
		// Another webhook has taken the change out again.
		patches.WithLabelValues(resultRejected).Inc()
		k.queue.Forget(name)
		k.queue.AddAfter(name, k.ledger.refuse(name, change, undone, time.Now()))
		ring(k.changed)
	case err == nil:
		patches.WithLabelValues(resultPatched).Inc()
		k.queue.Forget(name)
		if wait := k.ledger.done(name, pod.ResourceVersion, change, time.Now()); wait > 0 {
			k.queue.AddAfter(name, wait)
		}
		log.V(1).Info("The pod carries its hooks", "set", len(decision.Set), "removed", len(decision.Remove))
	case apierrors.IsNotFound(err):
		patches.WithLabelValues(resultGone).Inc()
		k.ledger.forget(name)
		k.queue.Forget(name)
	case apierrors.IsConflict(err):
		patches.WithLabelValues(resultConflict).Inc()
		k.queue.AddRateLimited(name) // by then the cache has the pod as it is
	case ctx.Err() != nil:
	case refused(err):
		patches.WithLabelValues(resultRejected).Inc()
		k.queue.Forget(name)
		wait := k.ledger.refuse(name, change, err.Error(), time.Now())
		k.queue.AddAfter(name, wait)
		ring(k.changed) // to have it told
		log.Error(err, "The API server does not take the pod's hooks", "retryAfter", wait.String())
	default:
		patches.WithLabelValues(resultError).Inc()
		k.queue.AddRateLimited(name)
		log.Error(err, "The pod's hooks could not be changed")
	}
}

// wanted is a pod as the cache has it and what is to become of it; false where there is nothing to do now.
func (k *Keeper) wanted(ctx context.Context, name types.NamespacedName) (*corev1.Pod, stamp.Decision, bool) {
	var pod corev1.Pod
	namespace := namespaceMetadata()
	set := k.Policies.Current()
	// From the cache, so that the one possible error is that it has none of this name: the pod is gone, or its namespace
	// not seen yet, which brings another survey.
	if k.Client.Get(ctx, name, &pod) != nil || k.Client.Get(ctx, types.NamespacedName{Name: name.Namespace}, namespace) != nil ||
		ended(&pod) || set.Provisional {
		return nil, stamp.Decision{}, false
	}
	wanted := k.decide(set, match.Namespace{Name: name.Namespace, Labels: namespace.Labels}, &pod)
	return &pod, wanted, changes(wanted) && !k.ledger.behind(name, pod.ResourceVersion) &&
		!k.ledger.waiting(name, digest(wanted, pod.UID), time.Now())
}

// samePod tells whether an update of a pod does not matter to stamping.
func samePod(old, current any) bool {
	before, isPod := old.(*corev1.Pod)
	after, alsoPod := current.(*corev1.Pod)
	return isPod && alsoPod && alike(before, after)
}

// sameNamespace tells whether an update of a namespace does not matter to stamping.
func sameNamespace(old, current any) bool {
	before, isObject := old.(metav1.Object)
	after, alsoObject := current.(metav1.Object)
	return isObject && alsoObject && before.GetUID() == after.GetUID() && maps.Equal(before.GetLabels(), after.GetLabels())
}

// ring leaves word in a channel with room for one, unless there is some already.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// drain takes the word out of a channel, if there is any.
func drain(bell <-chan struct{}) {
	select {
	case <-bell:
	default:
	}
}

func podMetadata(name types.NamespacedName) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
	}
}

// namespaceMetadata is the type by which the informer knows namespaces.
func namespaceMetadata() *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
}
