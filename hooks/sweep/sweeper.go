// Package sweep thaws what Velero has left quiesced by the stamps of pods: when a Backup has ended in whose pods the post hooks may not
// have run, it looks for watchdogs that still wait there, and has those pods thawed. It keeps nothing that matters: whoever
// tells it again of a Backup has it look again.
package sweep

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Pods are those that carry a stamp, as a cache has them: a keeper.Stamped.
type Pods interface {
	Pods(ctx context.Context) ([]keeper.StampedPod, error)
	// Pod is false where there is none any more of this name and UID.
	Pod(ctx context.Context, name types.NamespacedName, uid types.UID) (keeper.StampedPod, bool, error)
}

// Policies are the policies as they are now; nil, or provisional, until they are known.
type Policies interface {
	Current() *policies.Set
}

// Executor runs commands in containers.
type Executor interface {
	Exec(ctx context.Context, request action.Request) action.Result
}

// Options are what a Sweeper needs. None may be left out.
type Options struct {
	Pods       Pods
	Policies   Policies
	Containers Executor
	// Scope says which namespaces may take part. Whether one has opted in does not matter: it may have opted out since.
	Scope match.Scope
	// Others lists the Backups that are InProgress, as a cache has them. They are only read.
	Others func() []*velero.Backup
	// Claimed tells whether an open HookSession has claimed a pod.
	Claimed func(pod types.UID) bool
	// Recorder writes events on pods.
	Recorder events.EventRecorder
	// AtOnce is how many commands run at once, of all sweeps; at least one does.
	AtOnce int
}

// Sweeper sweeps the pods of Backups. It is safe for use from many goroutines.
type Sweeper struct {
	Options

	slots chan struct{}
	told  chan struct{}

	lock  sync.Mutex
	ended map[types.UID]*velero.Backup // whose pods are to be found yet
	tasks map[types.UID]*task          // by pod
}

var (
	_ manager.Runnable               = (*Sweeper)(nil)
	_ manager.LeaderElectionRunnable = (*Sweeper)(nil)
)

// New returns a Sweeper, to be added to a manager.
func New(options Options) *Sweeper {
	return &Sweeper{
		Options: options,
		slots:   make(chan struct{}, max(options.AtOnce, 1)),
		told:    make(chan struct{}, 1),
		ended:   map[types.UID]*velero.Backup{},
		tasks:   map[types.UID]*task{},
	}
}

// NeedLeaderElection is true: two sweepers would get in each other's way.
func (s *Sweeper) NeedLeaderElection() bool { return true }

// Ended says that a Backup runs no hooks any more: it has left InProgress, or was deleted, and is then as it was last seen. It
// may be told any number of times, and before Start; it returns at once. A Backup whose hooks have all run, or that never
// began, is passed over.
func (s *Sweeper) Ended(backup *velero.Backup) {
	if !due(backup) {
		return
	}
	seen := *backup
	s.lock.Lock()
	s.ended[seen.UID] = &seen
	s.lock.Unlock()
	select {
	case s.told <- struct{}{}:
	default:
	}
}

// notYet is how long to wait for the policies, or the cache, which are not there yet.
const notYet = time.Second

// Start implements manager.Runnable. What it has begun in containers goes on when it ends.
func (s *Sweeper) Start(ctx context.Context) error {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithName("sweep"))
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	for {
		var later <-chan time.Time
		if !s.begin(ctx, &sweeping) {
			later = time.After(notYet)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.told:
		case <-later:
		}
	}
}

// begin finds the pods of the Backups that have ended. It is false where that is to be tried again.
func (s *Sweeper) begin(ctx context.Context, sweeping *sync.WaitGroup) bool {
	s.lock.Lock()
	none := len(s.ended) == 0
	s.lock.Unlock()
	if none {
		return true
	}
	set := s.Policies.Current()
	if set == nil || set.Provisional {
		return false
	}
	pods, err := s.Pods.Pods(ctx)
	if err != nil {
		logf.FromContext(ctx).Error(err, "Stamped pods could not be looked for after a Backup")
		return false
	}
	s.lock.Lock()
	backups := s.ended
	s.ended = map[types.UID]*velero.Backup{}
	s.lock.Unlock()
	for _, backup := range backups {
		found := 0
		for i := range pods {
			// Not by the Backup's labelSelectors: Velero also runs the hooks of pods that share a volume with one that they select
			// (velero: pkg/backup/backup.go, executeItemBlockActions).
			if pod := &pods[i]; s.Scope.MayTakePart(pod.Namespace) && backup.Spec.CoversPods(pod.Namespace) {
				if thaw, guarded := set.Compiled.Thaw(pod.Namespace, pod.Pod); guarded {
					found++
					s.add(ctx, sweeping, pod, backup, time.Now().Add(thaw.MaxQuiesce))
				}
			}
		}
		logf.FromContext(ctx).Info("Looking for pods that were left quiesced", "backup", nameOf(backup), "why", endOf(backup), "pods", found)
	}
	return true
}

// add has a pod swept, or swept again when it is being swept already.
func (s *Sweeper) add(ctx context.Context, sweeping *sync.WaitGroup, pod *keeper.StampedPod, backup *velero.Backup, until time.Time) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if t := s.tasks[pod.UID]; t != nil {
		t.tell(backup, until)
		return
	}
	t := &task{Sweeper: s, pod: pod.NamespacedName, uid: pod.UID}
	t.tell(backup, until)
	s.tasks[pod.UID] = t
	sweeping.Go(func() { t.run(ctx) })
}
