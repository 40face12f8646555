package status

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies/status;namespacedhookpolicies/status,verbs=get;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

const (
	// writers is how many statuses are written at once.
	writers = 16
	// retry is when statuses are written again of which some could not be, unless there is a new survey before.
	retry = 5 * time.Second
)

// Reporter keeps the status of every policy.
type Reporter struct {
	// Client reads from a cache.
	Client client.Client
	// Recorder of events about policies.
	Recorder events.EventRecorder

	surveys chan *keeper.Survey
	lock    sync.Mutex
	written map[match.Ref]written
}

// written is a status that the cache may not have yet.
type written struct {
	// basedOn is the version of the policy from which the status was written: the cache is behind while it has that one.
	basedOn string
	status  v1alpha1.HookPolicyStatus
}

var (
	_ manager.Runnable               = (*Reporter)(nil)
	_ manager.LeaderElectionRunnable = (*Reporter)(nil)
)

// NewReporter returns a Reporter of the surveys that it is given.
func NewReporter(reader client.Client, recorder events.EventRecorder) *Reporter {
	return &Reporter{Client: reader, Recorder: recorder, surveys: make(chan *keeper.Survey, 1), written: map[match.Ref]written{}}
}

// NeedLeaderElection is true: surveys are the leader's.
func (r *Reporter) NeedLeaderElection() bool { return true }

// Take takes a survey to report. One that was not reported yet is left out for it.
func (r *Reporter) Take(survey *keeper.Survey) {
	select {
	case <-r.surveys:
	default:
	}
	r.surveys <- survey // there is one giver, so there is room
}

// Start implements manager.Runnable.
func (r *Reporter) Start(ctx context.Context) error {
	log := logf.FromContext(ctx).WithName("status")
	var (
		survey *keeper.Survey
		again  <-chan time.Time
	)
	for {
		select {
		case <-ctx.Done():
			return nil
		case survey = <-r.surveys:
		case <-again:
		}
		again = nil
		start := time.Now()
		changed, err := r.write(ctx, survey)
		if err != nil && ctx.Err() == nil {
			log.Error(err, "The status of some policies could not be written")
			again = time.After(retry)
		}
		log.V(1).Info("Status written", "changed", changed, "policies", len(survey.Set.Policies), "elapsed", time.Since(start).String())
	}
}

// write writes the status of all policies of which it has changed, and counts them.
func (r *Reporter) write(ctx context.Context, survey *keeper.Survey) (changed int, err error) {
	objects, err := r.objects(ctx)
	if err != nil {
		return 0, err
	}
	all := add(survey)
	r.forget(objects)
	var (
		group    errgroup.Group
		failures = make([]error, len(survey.Set.Policies))
	)
	group.SetLimit(writers)
	for i := range survey.Set.Policies {
		policy := &survey.Set.Policies[i]
		object, found := objects[policy.Ref]
		// Where the object is another, or has another spec already, a survey of that one is to come.
		if !found || object.GetUID() != policy.UID || object.GetGeneration() != policy.Generation {
			continue
		}
		before := r.before(policy.Ref, object)
		tally := all[policy.Ref]
		if tally == nil {
			tally = none
		}
		status := report(policy, before, tally)
		if equality.Semantic.DeepEqual(*before, status) {
			continue
		}
		changed++
		group.Go(func() error {
			if err := r.patch(ctx, policy, object, before, status); err != nil {
				failures[i] = fmt.Errorf("%s: %w", policy, err)
			}
			return nil // one that cannot be written does not keep the others from it
		})
	}
	_ = group.Wait()
	return changed, errors.Join(failures...)
}

// objects are all policies, by name. They are the cache's own, and must not be changed.
func (r *Reporter) objects(ctx context.Context) (map[match.Ref]client.Object, error) {
	var (
		cluster    v1alpha1.HookPolicyList
		namespaced v1alpha1.NamespacedHookPolicyList
	)
	for _, list := range []client.ObjectList{&cluster, &namespaced} {
		if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing policies: %w", err)
		}
	}
	objects := make(map[match.Ref]client.Object, len(cluster.Items)+len(namespaced.Items))
	for i := range cluster.Items {
		objects[match.Ref{Name: cluster.Items[i].Name}] = &cluster.Items[i]
	}
	for i := range namespaced.Items {
		policy := &namespaced.Items[i]
		objects[match.Ref{Namespace: policy.Namespace, Name: policy.Name}] = policy
	}
	return objects, nil
}

func statusOf(policy client.Object) *v1alpha1.HookPolicyStatus {
	if namespaced, ok := policy.(*v1alpha1.NamespacedHookPolicy); ok {
		return &namespaced.Status
	}
	return &policy.(*v1alpha1.HookPolicy).Status //nolint:forcetypeassert // there are two kinds
}

// before is the status that a policy has.
func (r *Reporter) before(policy match.Ref, object client.Object) *v1alpha1.HookPolicyStatus {
	r.lock.Lock()
	defer r.lock.Unlock()
	if written, found := r.written[policy]; found {
		return &written.status
	}
	return statusOf(object)
}

// forget drops statuses that the cache has by now.
func (r *Reporter) forget(objects map[match.Ref]client.Object) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for policy, written := range r.written {
		if object, found := objects[policy]; !found || object.GetResourceVersion() != written.basedOn {
			delete(r.written, policy)
		}
	}
}

func (r *Reporter) patch(ctx context.Context, policy *policies.Policy, object client.Object, before *v1alpha1.HookPolicyStatus, status v1alpha1.HookPolicyStatus) error {
	from, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("a copy is a %T", from)
	}
	*statusOf(from) = *before
	to, ok := from.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("a copy is a %T", to)
	}
	*statusOf(to) = status
	if err := r.Client.Status().Patch(ctx, to, client.MergeFrom(from)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.lock.Lock()
	r.written[policy.Ref] = written{object.GetResourceVersion(), status}
	r.lock.Unlock()
	r.announce(object, before, &status)
	return nil
}
