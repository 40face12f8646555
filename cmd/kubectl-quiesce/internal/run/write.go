package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// again is how long to wait before something is said anew to an API server that did not take it.
const again = time.Second

// writer tells the session what has become of COMMAND, over whatever outages.
type writer struct {
	cluster client.Client
	session *v1alpha1.HookSession
	// pending are those still to be said, done their results.
	pending int
	done    chan error
}

func newWriter(cluster client.Client, session *v1alpha1.HookSession) *writer {
	return &writer{cluster: cluster, session: session, done: make(chan error, 4)}
}

// cancel asks for the session's end.
func (w *writer) cancel(ctx context.Context) { w.write(ctx, `{"spec": {"cancel": true}}`) }

// report says what became of the operation. The session thaws by it.
func (w *writer) report(ctx context.Context, outcome v1alpha1.Outcome) {
	w.write(ctx, fmt.Sprintf(`{"spec": {"outcomes": {"operation": %q}}}`, outcome))
}

func (w *writer) write(ctx context.Context, patch string) {
	w.pending++
	go func() {
		for {
			err := w.cluster.Patch(ctx, w.session.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
			if !passing(err) {
				w.done <- client.IgnoreNotFound(err)
				return
			}
			select {
			case <-ctx.Done():
				w.done <- err
				return
			case <-time.After(again):
			}
		}
	}()
}

// passing tells that an error may be gone at the next try: the API server is away, or busy.
func passing(err error) bool {
	var network net.Error
	// Credentials that have run out are fetched anew for the next request.
	return err != nil && (apierrors.IsUnauthorized(err) || errors.As(err, &network) || utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsTimeout(err) || apierrors.IsConflict(err))
}
