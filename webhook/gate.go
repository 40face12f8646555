package webhook

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// GatePath is where the API server sends Backups and Restores of Velero that are being created.
const GatePath = "/gate-backups"

// +kubebuilder:webhook:path=/gate-backups,mutating=true,failurePolicy=ignore,sideEffects=None,groups=velero.io,resources=backups;restores,verbs=create,versions=v1,name=backups.quiesce.io,admissionReviewVersions=v1,reinvocationPolicy=Never,timeoutSeconds=3,matchPolicy=Equivalent

// policySets has the policies as they are now; nil before they are loaded.
type policySets interface {
	Current() *policies.Set
}

// optedInNamespaces lists namespaces that have opted in, without asking the API server.
type optedInNamespaces interface {
	OptedIn(ctx context.Context) ([]match.Namespace, error)
}

// gate marks Backups and Restores that are to wait until their pods are quiesced: before Velero can see them. It never denies one:
// whatever goes wrong, it passes without a mark, with a warning, and the controller says of it that the gate was missed.
type gate struct {
	policies   policySets
	namespaces optedInNamespaces
	scope      match.Scope
	now        func() time.Time

	known atomic.Pointer[gating]
}

var _ admission.Handler = (*gate)(nil)

// ours begins the keys of the annotations that are Quiesce's to write. What an object brings along of them means nothing: it may come from
// the annotations of a Schedule, which Velero copies, or from another object. Its author's is the one by which it names policies.
const ours = "quiesce.io/"

// Handle implements admission.Handler.
func (g *gate) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	result := resultPanic
	log := logf.FromContext(ctx).WithName("gate").WithValues(
		"resource", request.Resource.Resource, "namespace", request.Namespace, "name", request.Name, "requestID", request.UID)
	defer func() {
		if cause := recover(); cause != nil {
			log.Error(fmt.Errorf("panic: %v", cause), "It passes without having to wait", "stack", string(debug.Stack()))
			response = admission.Allowed("").WithWarnings("quiesce: it is not made to wait until its pods are quiesced: internal error, see the log of quiesce-webhook")
		}
		observeGate(request.Resource.Resource, result)
	}()
	object, err := readWaiting(request)
	if err != nil {
		result = resultError
		log.Error(err, "It passes without having to wait")
		return admission.Allowed("").WithWarnings("quiesce: it is not made to wait until its pods are quiesced: " + err.Error())
	}
	if object == nil {
		result = resultSkipped
		return admission.Allowed("")
	}
	waits, err := g.waits(ctx, object)
	var set map[string]string
	switch {
	case err != nil:
		result = resultError
		log.Error(err, "It passes without having to wait")
		response.Warnings = []string{"quiesce: it is not made to wait until its pods are quiesced: " + err.Error()}
	case waits:
		result = resultHeld
		log.Info("It waits until its pods are quiesced")
		set = map[string]string{
			v1alpha1.GateAnnotation:        v1alpha1.GateHeld,
			v1alpha1.GateSinceAnnotation:   g.now().UTC().Format(time.RFC3339Nano),
			v1alpha1.GateMessageAnnotation: object.waitsFor,
		}
	default:
		result = resultUnchanged
	}
	response.Allowed = true
	response.Patches = annotationPatch(object.annotations, set, object.brought(set))
	return response
}

// waiting is a Backup or Restore of which Velero has done nothing yet.
type waiting struct {
	annotations map[string]string
	// waitsFor says so in the annotation, until the controller has more to say.
	waitsFor string
	// gating chooses the policies for which it waits, and reaches tells whether it has to do with pods of a namespace.
	gating  func(*gating) *coverage
	reaches func(match.Namespace) bool
}

// brought are annotations of ours that an object brings along, but for those that are set; sorted.
func (w *waiting) brought(set map[string]string) []string {
	var brought []string
	for key := range w.annotations {
		if _, isSet := set[key]; strings.HasPrefix(key, ours) && key != v1alpha1.PoliciesAnnotation && !isSet {
			brought = append(brought, key)
		}
	}
	slices.Sort(brought)
	return brought
}

// readWaiting reads the object of a request; nil where there is nothing to decide. One that has got further than New was not made here:
// Velero synchronizes Backups from object storage, and other tools copy them.
func readWaiting(request admission.Request) (*waiting, error) {
	if request.Operation != admissionv1.Create || request.SubResource != "" {
		return nil, nil
	}
	switch request.Resource.Resource {
	case "backups":
		var backup velero.Backup
		if err := json.Unmarshal(request.Object.Raw, &backup, lenient); err != nil {
			return nil, fmt.Errorf("reading the Backup: %w", err)
		}
		if !velero.Untouched(backup.Status.Phase) {
			return nil, nil
		}
		return &waiting{
			annotations: backup.Annotations, waitsFor: "waits for quiesce-controller to quiesce its pods",
			gating: func(all *gating) *coverage { return &all.backups },
			// A namespace may be kept out of backups as a whole (velero: pkg/controller/backup_controller.go, prepareBackupRequest).
			reaches: func(namespace match.Namespace) bool {
				return namespace.Labels[v1alpha1.ExcludeFromBackupLabel] != "true" && backup.Spec.CoversPods(namespace.Name)
			},
		}, nil
	case "restores":
		var restore velero.Restore
		if err := json.Unmarshal(request.Object.Raw, &restore, lenient); err != nil {
			return nil, fmt.Errorf("reading the Restore: %w", err)
		}
		if !velero.Untouched(restore.Status.Phase) {
			return nil, nil
		}
		return &waiting{
			annotations: restore.Annotations, waitsFor: "waits for quiesce-controller to run the hooks of before a restore",
			gating: func(all *gating) *coverage { return &all.restores },
			// What the backup has in it is not known here. One that waits for nothing is let go by the controller at once.
			reaches: func(namespace match.Namespace) bool { return restore.Spec.GoesTo(namespace.Name, nil) },
		}, nil
	}
	return nil, nil
}

// waits tells whether an object has to. A namespace that does not exist yet is none to wait for: no session can run there.
func (g *gate) waits(ctx context.Context, object *waiting) (bool, error) {
	set := g.policies.Current()
	if set == nil {
		return false, errors.New("the policies are not loaded yet")
	}
	covers := object.gating(g.gatingOf(set.Index))
	if covers.nothing() {
		return false, nil
	}
	namespaces, err := g.namespaces.OptedIn(ctx)
	if err != nil {
		return false, fmt.Errorf("listing namespaces: %w", err)
	}
	for _, namespace := range namespaces {
		if g.scope.OptedIn(namespace) && object.reaches(namespace) && covers.namespace(namespace) {
			return true, nil
		}
	}
	return false, nil
}

// gatingOf finds out once for each set of policies which of them have objects wait.
func (g *gate) gatingOf(index *match.Index) *gating {
	if known := g.known.Load(); known != nil && known.index == index {
		return known
	}
	found := newGating(index)
	g.known.Store(found)
	return found
}
