package webhook

import (
	"context"
	"fmt"
	"sync/atomic"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies,verbs=get;list;watch

// policyLoader compiles the policies whenever one changes, and swaps the result in for the handlers to use. Changes that
// come while it compiles are taken together in the next round.
type policyLoader struct {
	cache    cache.Cache
	compiled *atomic.Pointer[stamp.Policies]
}

var (
	_ manager.Runnable               = (*policyLoader)(nil)
	_ manager.LeaderElectionRunnable = (*policyLoader)(nil)
)

// NeedLeaderElection is false: every replica answers the API server.
func (l *policyLoader) NeedLeaderElection() bool { return false }

func (l *policyLoader) Start(ctx context.Context) error {
	informer, err := l.cache.GetInformer(ctx, &v1alpha1.HookPolicy{})
	if err != nil {
		return fmt.Errorf("watching HookPolicies: %w", err)
	}
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default: // a round is due already
		}
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { notify() },
		UpdateFunc: func(old, current any) {
			// The status, which the controller writes, does not matter here.
			if respecified(old, current) {
				notify()
			}
		},
		DeleteFunc: func(any) { notify() },
	})
	if err != nil {
		return fmt.Errorf("watching HookPolicies: %w", err)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return nil // told to stop
	}
	for {
		if err := l.compile(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (l *policyLoader) compile(ctx context.Context) error {
	var list v1alpha1.HookPolicyList
	// The items are only read, and replaced rather than changed by the informer.
	if err := l.cache.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing HookPolicies: %w", err)
	}
	policies, refused := stamp.Compile(list.Items)
	log := logf.FromContext(ctx)
	for _, refusal := range refused {
		log.Info("A HookPolicy cannot be used", "policy", refusal.Policy.Name, "reason", refusal.Err.Error())
	}
	log.V(1).Info("HookPolicies compiled", "policies", len(list.Items), "refused", len(refused))
	l.compiled.Store(policies)
	return nil
}

// respecified tells whether a policy has another spec, or was deleted and made anew in a moment that the watch did not
// see: then its generation is 1 as before.
func respecified(old, current any) bool {
	before, isPolicy := old.(*v1alpha1.HookPolicy)
	if !isPolicy {
		return true
	}
	after, isPolicy := current.(*v1alpha1.HookPolicy)
	return !isPolicy || before.Generation != after.Generation || before.UID != after.UID
}
