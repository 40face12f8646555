package webhook

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// StampPath is where the API server sends pods that are being created.
const StampPath = "/mutate-pods"

// +kubebuilder:webhook:path=/mutate-pods,mutating=true,failurePolicy=ignore,sideEffects=None,groups="",resources=pods,verbs=create,versions=v1,name=pods.quiesce.io,admissionReviewVersions=v1,reinvocationPolicy=IfNeeded,timeoutSeconds=3,matchPolicy=Equivalent

// namespaceLabels looks up the labels of a namespace without asking the API server. It is false for a namespace that is
// not known yet.
type namespaceLabels interface {
	Labels(ctx context.Context, namespace string) (map[string]string, bool)
}

// compiledPolicies are the policies as they are now; nil before they are loaded.
type compiledPolicies interface {
	Compiled() *stamp.Policies
}

// stamper writes backup hook annotations on pods that are being created. It never denies a pod: whatever goes wrong, the
// pod passes as it came, with a warning.
type stamper struct {
	policies   compiledPolicies
	namespaces namespaceLabels
	scope      match.Scope
}

// maxPodBytes is how large a pod may be, as JSON, to be stamped, and may become with init containers. etcd takes 1.5 MiB (--max-request-bytes), and the
// annotations, 256 KiB at the most, must not be what takes a pod past it.
const maxPodBytes = 1<<20 + 1<<18

var _ admission.Handler = (*stamper)(nil)

// Handle implements admission.Handler.
//
// controller-runtime answers errors and panics with a denial, even where the webhook's failurePolicy is Ignore, so both
// end here.
func (s *stamper) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	start := time.Now()
	came := verdict{resultSkipped, reasonNoPolicy}
	defer func() {
		if cause := recover(); cause != nil {
			came = verdict{result: resultPanic}
			describe(ctx, request).Error(fmt.Errorf("panic: %v", cause), "The pod passes without backup hooks", "stack", string(debug.Stack()))
			response = admission.Allowed("").WithWarnings("quiesce: the pod passes without backup hooks: internal error, see the log of quiesce-webhook")
		}
		came.observe(time.Since(start))
	}()
	decision, annotations, err := s.decide(ctx, request)
	if err != nil {
		came = verdict{result: resultError}
		describe(ctx, request).Error(err, "The pod passes without backup hooks")
		return admission.Allowed("").WithWarnings("quiesce: the pod passes without backup hooks: " + err.Error())
	}
	came = judge(decision, annotations)
	operations := annotationPatch(annotations, decision.Set, decision.Remove)
	if len(operations) == 0 {
		return admission.Allowed("")
	}
	return admission.Response{
		Patches:           operations,
		AdmissionResponse: admissionv1.AdmissionResponse{Allowed: true},
	}
}

func (s *stamper) decide(ctx context.Context, request admission.Request) (stamp.Decision, map[string]string, error) {
	if request.Operation != admissionv1.Create || request.Resource.Resource != "pods" || request.SubResource != "" {
		return stamp.Decision{}, nil, nil
	}
	if !s.scope.MayTakePart(request.Namespace) {
		return stamp.Decision{}, nil, nil
	}
	policies := s.policies.Compiled()
	if policies == nil {
		return stamp.Decision{}, nil, errors.New("the policies are not loaded yet")
	}
	if size := len(request.Object.Raw); size > maxPodBytes {
		return stamp.Decision{}, nil, fmt.Errorf("it has %d bytes, and with their annotations it could be more than the cluster stores", size)
	}
	decoded, err := decodePod(request.Object.Raw)
	if err != nil {
		return stamp.Decision{}, nil, fmt.Errorf("reading the pod: %w", err)
	}
	return policies.Decide(s.namespace(ctx, request.Namespace), decoded), decoded.Annotations, nil
}

// namespace describes the namespace of a request. The informer may not have seen it yet when it was created moments
// before; that it has opted in is known all the same, or we would not have been asked.
func (s *stamper) namespace(ctx context.Context, name string) match.Namespace {
	if labels, known := s.namespaces.Labels(ctx, name); known {
		return match.Namespace{Name: name, Labels: labels}
	}
	return match.UnknownNamespace(name)
}

// describe is a logger that says which pod it is about. The pod itself never goes into a log: its env has secrets.
func describe(ctx context.Context, request admission.Request) logr.Logger {
	name := request.Name
	if name == "" {
		name = "(generated)"
	}
	return logf.FromContext(ctx).WithName("admission").WithValues("namespace", request.Namespace, "pod", name, "requestID", request.UID)
}
