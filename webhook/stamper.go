package webhook

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// StampPath is where the API server sends pods that are being created.
const StampPath = "/mutate-pods"

// +kubebuilder:webhook:path=/mutate-pods,mutating=true,failurePolicy=ignore,sideEffects=None,groups="",resources=pods,verbs=create,versions=v1,name=pods.quiesce.io,admissionReviewVersions=v1,reinvocationPolicy=IfNeeded,timeoutSeconds=3,matchPolicy=Equivalent

// namespaceLabels looks up the labels of a namespace without asking the API server. It is false for a namespace that is
// not known yet.
type namespaceLabels interface {
	Labels(ctx context.Context, namespace string) (map[string]string, bool)
}

// stamper writes backup hook annotations on pods that are being created. It never denies a pod: whatever goes wrong, the
// pod passes as it came, with a warning.
type stamper struct {
	policies   *atomic.Pointer[stamp.Policies]
	namespaces namespaceLabels
	// release is the namespace in which Quiesce runs.
	release string
}

var _ admission.Handler = (*stamper)(nil)

// Handle implements admission.Handler.
//
// controller-runtime answers errors and panics with a denial, even where the webhook's failurePolicy is Ignore, so both
// end here.
func (s *stamper) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	start := time.Now()
	result := resultUnchanged
	defer func() {
		if cause := recover(); cause != nil {
			result = resultPanic
			logf.FromContext(ctx).Error(fmt.Errorf("panic: %v", cause), "The pod passes without backup hooks", "stack", string(debug.Stack()))
			response = admission.Allowed("").WithWarnings("quiesce: the pod passes without backup hooks: internal error, see the log of quiesce-webhook")
		}
		observe(result, time.Since(start))
	}()
	decision, annotations, err := s.decide(ctx, request)
	if err != nil {
		result = resultError
		logf.FromContext(ctx).Error(err, "The pod passes without backup hooks")
		return admission.Allowed("").WithWarnings("quiesce: the pod passes without backup hooks: " + err.Error())
	}
	operations := annotationPatch(annotations, decision)
	if len(operations) == 0 {
		return admission.Allowed("")
	}
	result = resultStamped
	return admission.Response{
		Patches:           operations,
		AdmissionResponse: admissionv1.AdmissionResponse{Allowed: true},
	}
}

func (s *stamper) decide(ctx context.Context, request admission.Request) (stamp.Decision, map[string]string, error) {
	if request.Operation != admissionv1.Create || request.Resource.Resource != "pods" || request.SubResource != "" {
		return stamp.Decision{}, nil, nil
	}
	namespace := s.namespace(ctx, request.Namespace)
	if !namespace.MayTakePart(s.release) {
		return stamp.Decision{}, nil, nil
	}
	policies := s.policies.Load()
	if policies == nil {
		return stamp.Decision{}, nil, errors.New("the policies are not loaded yet")
	}
	decoded, err := decodePod(request.Object.Raw)
	if err != nil {
		return stamp.Decision{}, nil, fmt.Errorf("reading the pod: %w", err)
	}
	return policies.Decide(namespace, decoded), decoded.Annotations, nil
}

// namespace describes the namespace of a request. Of one that the informer has not seen yet, created moments before, two
// labels are known all the same: its name, and that it has opted in, or we would not have been asked.
func (s *stamper) namespace(ctx context.Context, name string) match.Namespace {
	labels, known := s.namespaces.Labels(ctx, name)
	if !known {
		labels = map[string]string{
			v1alpha1.NamespaceNameLabel: name,
			v1alpha1.HooksLabel:         v1alpha1.HooksEnabled,
		}
	}
	return match.Namespace{Name: name, Labels: labels}
}
