package policies

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/optional"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies;namespacedhookpolicies;hookscripts;hooktemplates,verbs=get;list;watch

const (
	// settle is the least time between two compilations. A change after a quiet time is compiled at once, and those that
	// come in a burst are taken together.
	settle = 250 * time.Millisecond
	// share bounds the part of a processor that compiling takes while policies change all the time: one in this many.
	share = 5
)

// Loader compiles the policies whenever something changes on which they depend, and swaps the result in for others to
// use. It serves every replica, leading or not.
type Loader struct {
	cache   cache.Cache
	options Options
	backups *backupWatch // nil where they are not looked at

	current atomic.Pointer[Set]
	changed chan struct{}

	lock        sync.Mutex
	subscribers []chan struct{}
}

var (
	_ manager.Runnable               = (*Loader)(nil)
	_ manager.LeaderElectionRunnable = (*Loader)(nil)
)

// NewLoader returns a Loader that reads policies from a cache, and Velero's objects from the API server.
func NewLoader(config *rest.Config, httpClient *http.Client, policies cache.Cache, options Options) (*Loader, error) {
	l := &Loader{cache: policies, options: options, changed: make(chan struct{}, 1)}
	if options.Override {
		return l, nil
	}
	served, objects, err := optional.Clients(config, httpClient)
	if err != nil {
		return nil, err
	}
	l.backups = new(newBackupWatch(served, objects, l.notify))
	return l, nil
}

// NeedLeaderElection is false: the webhook has no leader, and a controller that is about to lead is to know the policies.
func (l *Loader) NeedLeaderElection() bool { return false }

// Current is the set as it is now; nil before the first.
func (l *Loader) Current() *Set { return l.current.Load() }

// Compiled are the policies as they are now, for stamping; nil before they are loaded.
func (l *Loader) Compiled() *stamp.Policies {
	if set := l.current.Load(); set != nil {
		return set.Compiled
	}
	return nil
}

// Restores are the policies as they are now, for restored pods; nil before they are loaded.
func (l *Loader) Restores() *restore.Policies {
	if set := l.current.Load(); set != nil {
		return set.Restores
	}
	return nil
}

// Subscribe returns a channel that has something whenever there has been a new set since it was last read.
func (l *Loader) Subscribe() <-chan struct{} {
	l.lock.Lock()
	defer l.lock.Unlock()
	subscriber := make(chan struct{}, 1)
	l.subscribers = append(l.subscribers, subscriber)
	return subscriber
}

// Start implements manager.Runnable.
func (l *Loader) Start(ctx context.Context) error {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithName("policies"))
	for kind, object := range map[string]client.Object{
		"HookPolicies": &v1alpha1.HookPolicy{}, "NamespacedHookPolicies": &v1alpha1.NamespacedHookPolicy{},
		"HookScripts": &v1alpha1.HookScript{}, "HookTemplates": &v1alpha1.HookTemplate{}} {
		synced, err := l.watch(ctx, object)
		if err != nil {
			return fmt.Errorf("watching %s: %w", kind, err)
		}
		if !toolscache.WaitForCacheSync(ctx.Done(), synced) {
			return nil // told to stop
		}
	}
	if l.backups != nil {
		go l.backups.Run(ctx)
	}
	for {
		start := time.Now()
		if err := l.compile(ctx); err != nil {
			return err
		}
		pause := time.NewTimer(max(settle, share*time.Since(start)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.changed:
		}
	}
}

func (l *Loader) watch(ctx context.Context, object client.Object) (synced toolscache.InformerSynced, err error) {
	informer, err := l.cache.GetInformer(ctx, object)
	if err != nil {
		return nil, err
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { l.notify() },
		UpdateFunc: func(old, current any) {
			// The status, which the controller writes, does not matter here.
			if respecified(old, current) {
				l.notify()
			}
		},
		DeleteFunc: func(any) { l.notify() },
	})
	if err != nil {
		return nil, err
	}
	return registration.HasSynced, nil
}

func (l *Loader) notify() { ring(l.changed) }

// ring leaves word in a channel with room for one, unless there is some already.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

func (l *Loader) compile(ctx context.Context) error {
	start := time.Now()
	var (
		cluster    v1alpha1.HookPolicyList
		namespaced v1alpha1.NamespacedHookPolicyList
		scripts    v1alpha1.HookScriptList
		templates  v1alpha1.HookTemplateList
	)
	for _, list := range []client.ObjectList{&cluster, &namespaced, &scripts, &templates} {
		// The items are only read, and replaced rather than changed by the informer.
		if err := l.cache.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing policies, scripts and Templates: %w", err)
		}
	}
	options := stamp.Options{NativeSidecars: l.options.NativeSidecars}
	provisional := false
	if l.backups != nil {
		provisional = !l.backups.Known()
		options.BackupHooks = l.backups.hooks()
	}
	set := NewSet(Objects{cluster.Items, namespaced.Items, scripts.Items, templates.Items}, options)
	set.Provisional = provisional
	l.tell(ctx, l.current.Swap(set), set)
	elapsed := time.Since(start)
	observe(set, elapsed)
	logf.FromContext(ctx).V(1).Info("Policies compiled",
		"policies", len(set.Policies), "backupsWithHooks", len(options.BackupHooks), "provisional", provisional, "elapsed", elapsed.String())
	return nil
}

// tell logs what can no longer be used, or for another reason than before, and wakes those who wait for a set.
func (l *Loader) tell(ctx context.Context, before, set *Set) {
	told := map[match.Ref]string{}
	if before != nil {
		for i := range before.Policies {
			if policy := &before.Policies[i]; policy.Refusal != nil {
				told[policy.Ref] = policy.Refusal.Error()
			}
		}
	}
	for i := range set.Policies {
		if policy := &set.Policies[i]; policy.Refusal != nil && told[policy.Ref] != policy.Refusal.Error() {
			logf.FromContext(ctx).Info("A policy cannot be used", "policy", policy.String(), "reason", policy.Refusal.Error())
		}
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, subscriber := range l.subscribers {
		ring(subscriber)
	}
}

// respecified tells whether an object has another spec, or was deleted and made anew in a moment that the watch did not
// see: then its generation is 1 as before.
func respecified(old, current any) bool {
	before, isObject := old.(metav1.Object)
	if !isObject {
		return true
	}
	after, isObject := current.(metav1.Object)
	return !isObject || before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID()
}
