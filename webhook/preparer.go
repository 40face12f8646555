package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/restore"
)

// PreparePath is where the API server sends restored pods that are being created.
const PreparePath = "/prepare-pods"

// +kubebuilder:webhook:path=/prepare-pods,mutating=true,failurePolicy=fail,sideEffects=None,groups="",resources=pods,verbs=create,versions=v1,name=restored-pods.quiesce.io,admissionReviewVersions=v1,reinvocationPolicy=IfNeeded,timeoutSeconds=10,matchPolicy=Equivalent

// compiledRestores are the policies as they are now; nil before they are loaded.
type compiledRestores interface {
	Restores() *restore.Policies
}

// namespaceReader finds the labels of a namespace, asking the API server if need be.
type namespaceReader interface {
	Read(ctx context.Context, namespace string) (map[string]string, error)
}

// preparer adds init containers to restored pods that are being created. Unlike the stamper it has no second chance: a pod
// that has started cannot be prepared any more. So what goes wrong is an error of the webhook, and its failurePolicy
// decides whether the pod starts all the same.
type preparer struct {
	policies   compiledRestores
	namespaces namespaceReader
	scope      match.Scope
	markers    restore.Markers
}

var _ admission.Handler = (*preparer)(nil)

// maxWarnings bounds how many warnings a pod gets. The API server cuts them short once they have more than 4 KiB together
// (k8s.io/apiserver, pkg/endpoints/filters/warning.go).
const maxWarnings = 10

// Handle implements admission.Handler.
func (p *preparer) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	start := time.Now()
	result := resultPanic
	defer func() {
		if cause := recover(); cause != nil {
			describe(ctx, request).Error(fmt.Errorf("panic: %v", cause), "A restored pod could not be prepared", "stack", string(debug.Stack()))
			response = admission.Errored(http.StatusInternalServerError, errors.New("internal error, see the log of quiesce-webhook"))
		}
		observeRestore(result, time.Since(start))
	}()
	decision, initContainers, err := p.decide(ctx, request)
	if err != nil {
		result = resultError
		describe(ctx, request).Error(err, "A restored pod could not be prepared")
		return admission.Errored(http.StatusInternalServerError, err)
	}
	result = judgeRestore(decision)
	log := describe(ctx, request)
	for _, reason := range decision.LeftOut() {
		log.Info("A restored pod is prepared in part", "reason", reason)
	}
	if refusals := decision.Refusals(); len(refusals) > 0 {
		why := strings.Join(refusals, "; ")
		log.Info("A restored pod is refused", "reason", why)
		return admission.Denied("the restored pod cannot be prepared, and must not start without: " + why +
			"; to let it start without, write onError: Continue in the hook")
	}
	return admission.Response{
		Patches: initContainerPatch(initContainers, decision.Edits),
		AdmissionResponse: admissionv1.AdmissionResponse{
			Allowed: true, Warnings: prefixed(slices.Concat(decision.LeftOut(), decision.Notes)),
		},
	}
}

// decide also returns how many init containers the pod has.
func (p *preparer) decide(ctx context.Context, request admission.Request) (decision restore.Decision, initContainers int, err error) {
	if request.Operation != admissionv1.Create || request.Resource.Resource != "pods" || request.SubResource != "" ||
		!p.scope.MayTakePart(request.Namespace) {
		return restore.Decision{}, 0, nil
	}
	decoded, err := decodePod(request.Object.Raw)
	if err != nil {
		return restore.Decision{}, 0, fmt.Errorf("reading the pod: %w", err)
	}
	marker, restored := p.markers.Find(decoded.Labels, decoded.Annotations)
	if !restored {
		return restore.Decision{}, 0, nil
	}
	policies := p.policies.Restores()
	if policies == nil {
		return restore.Decision{}, 0, errors.New("the policies are not loaded yet")
	}
	var pod struct {
		Spec corev1.PodSpec `json:"spec"`
	}
	if err := json.Unmarshal(request.Object.Raw, &pod); err != nil {
		return restore.Decision{}, 0, fmt.Errorf("reading the pod: %w", err)
	}
	labels, err := p.namespaces.Read(ctx, request.Namespace)
	if err != nil {
		return restore.Decision{}, 0, fmt.Errorf("reading namespace %s: %w", request.Namespace, err)
	}
	return policies.Decide(match.Namespace{Name: request.Namespace, Labels: labels}, restore.Pod{
		Pod: decoded.Pod, Annotations: decoded.Annotations, Marker: marker, Spec: &pod.Spec,
		Room: maxPodBytes - len(request.Object.Raw),
	}), len(pod.Spec.InitContainers), nil
}

// prefixed are warnings as a pod's creator sees them, beside those of others.
func prefixed(warnings []string) []string {
	var all []string
	for i, warning := range warnings {
		if i == maxWarnings {
			return append(all, fmt.Sprintf("quiesce: %d more warnings are in the log of quiesce-webhook", len(warnings)-i))
		}
		all = append(all, "quiesce: "+warning)
	}
	return all
}
