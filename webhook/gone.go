package webhook

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/release"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=quiesce-system,resources=leases,resourceNames=quiesce-controller,verbs=get
// +kubebuilder:rbac:groups=velero.io,resources=backups;restores,verbs=get;list;patch
// +kubebuilder:rbac:groups=velero.io,resources=backupstoragelocations,verbs=list

const (
	// controllerLease is the Lease that the controller which leads renews every two seconds, and gives up at its end.
	controllerLease = "quiesce-controller"
	// longestGlance is the longest time between two looks at it.
	longestGlance = 10 * time.Second
)

// gone watches whether a controller leads, and when none has for too long lets go what Velero has waiting. Every replica does; what one
// of them does first, the others find done.
type gone struct {
	client   client.Client
	lease    types.NamespacedName
	releaser *release.Releaser
	options  GateOptions

	// The Lease as it was last seen, when that was, and for how long it was seen unchanged.
	seen      tenure
	looked    time.Time
	unchanged time.Duration
}

var (
	_ manager.Runnable               = (*gone)(nil)
	_ manager.LeaderElectionRunnable = (*gone)(nil)
)

// tenure is what changes in a Lease whenever somebody leads. That of a Lease which is not there is empty.
type tenure struct {
	holder  string
	renewed metav1.MicroTime
}

// NeedLeaderElection is false: the webhook has no leader.
func (g *gone) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (g *gone) Start(ctx context.Context) error {
	log := logf.FromContext(ctx).WithName("gate")
	ticker := time.NewTicker(g.glance())
	defer ticker.Stop()
	for {
		is, err := g.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Error(err, "Whether a controller leads could not be told")
		case is:
			g.act(logf.IntoContext(ctx, log))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// glance is the time between two looks.
func (g *gone) glance() time.Duration { return min(longestGlance, g.options.GoneAfter/10) }

// look tells whether no controller has led for too long, as far as was seen here. The clock of the Lease is another's, so that it only
// matters whether its time changes; and time in which the API server did not answer, or this process stood still, does not count: nobody
// could have renewed it, or have been seen to.
func (g *gone) look(ctx context.Context) (bool, error) {
	asking, stop := context.WithTimeout(ctx, g.glance())
	defer stop()
	var lease coordinationv1.Lease
	err := g.client.Get(asking, g.lease, &lease)
	if err != nil && !apierrors.IsNotFound(err) {
		g.looked = time.Time{}
		return false, fmt.Errorf("reading Lease %s: %w", g.lease, err)
	}
	var now tenure
	if lease.Spec.HolderIdentity != nil {
		now.holder = *lease.Spec.HolderIdentity
	}
	if lease.Spec.RenewTime != nil {
		now.renewed = *lease.Spec.RenewTime
	}
	last := g.looked
	g.looked = time.Now()
	switch {
	case now.holder != g.seen.holder || !now.renewed.Equal(&g.seen.renewed):
		g.seen, g.unchanged = now, 0
	case !last.IsZero():
		g.unchanged += min(g.looked.Sub(last), 2*g.glance())
	}
	return g.unchanged >= g.options.GoneAfter, nil
}

// act lets go what waits.
func (g *gone) act(ctx context.Context) {
	do, why := g.releaser.Open, fmt.Sprintf("no controller of Quiesce has led for %s", g.options.GoneAfter)
	if g.options.GoneAs == v1alpha1.GateRefused {
		do = g.releaser.Refuse
	}
	outcome, err := do(ctx, why)
	log := logf.FromContext(ctx)
	if len(outcome.Opened)+len(outcome.Failed) > 0 {
		log.Info("What Velero had waiting was let go, since no controller leads", "opened", outcome.Opened, "failed", outcome.Failed)
	}
	released.WithLabelValues("opened").Add(float64(len(outcome.Opened)))
	released.WithLabelValues("failed").Add(float64(len(outcome.Failed)))
	if err != nil {
		log.Error(err, "What Velero has waiting could not be let go, though no controller leads")
	}
}
