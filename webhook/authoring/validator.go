package authoring

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ValidatePath is where the API server sends policies to be judged.
const ValidatePath = "/validate-policies"

// +kubebuilder:webhook:path=/validate-policies,mutating=false,failurePolicy=fail,sideEffects=None,groups=quiesce.io,resources=hookpolicies;namespacedhookpolicies,verbs=create;update,versions=v1alpha1,name=policies.quiesce.io,admissionReviewVersions=v1,timeoutSeconds=5,matchPolicy=Equivalent

// Validator refuses policies that could not be used, which the schema lets through, and says which field is wrong and
// what to write. For recipes that are known to be broken it warns.
type Validator struct {
	// Check compiles the policy. Its error names the field and says what to write.
	Check func(ref match.Ref, spec *v1alpha1.HookPolicySpec) error
	// Resolve is the policy with what it refers to put in its place; nil leaves it as it is. One that refers to something missing is
	// judged by what it has itself.
	Resolve func(spec *v1alpha1.HookPolicySpec) (*v1alpha1.HookPolicySpec, error)
	// Library looks up what a policy names there.
	Library Lookup
}

var _ admission.Handler = (*Validator)(nil)

// Handle implements admission.Handler. What cannot be judged is refused.
func (v *Validator) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	defer refusePanic(ctx, request, &response)
	change, err := policyFamily.readChange(request)
	if err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err)
	}
	if !change.authors() {
		return admission.Allowed("")
	}
	ref := match.Ref{Namespace: request.Namespace, Name: change.name()}
	spec := &v1alpha1.HookPolicySpec{}
	resolved, err := v.judge(ref, change.object.Spec, spec)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, sentence(ref, err))
	}
	user, _ := usage.Of(&v1alpha1.HookPolicy{Spec: *spec})
	return admission.Allowed("").WithWarnings(append(v.Library.missing(ctx, user.Targets()), advice.For(resolved)...)...)
}

// judge decodes a spec, and says why it could not be used, or what it comes to.
func (v *Validator) judge(ref match.Ref, raw []byte, spec *v1alpha1.HookPolicySpec) (resolved *v1alpha1.HookPolicySpec, err error) {
	if err := decodeSpec(raw, spec); err != nil {
		return nil, err
	}
	resolved = spec
	if v.Resolve != nil {
		found, err := v.Resolve(spec)
		if _, missing := errors.AsType[library.MissingError](err); err != nil && !missing {
			return nil, err
		} else if err == nil {
			resolved = found
		}
	}
	return resolved, v.Check(ref, resolved)
}

// decodeSpec refuses fields that this build does not know. The API server has dropped what the CRD does not know, so that
// such a field is one of a newer CRD: a policy is not taken before it can be judged as a whole.
func decodeSpec(raw []byte, spec any) error {
	if len(raw) > v1alpha1.MaxSpecBytes {
		return fmt.Errorf("spec: it has %d bytes and may have %d: a pod's annotations take less in all; "+
			"write shorter commands, or call a script that the container has", len(raw), v1alpha1.MaxSpecBytes)
	}
	err := json.Unmarshal(raw, spec, json.RejectUnknownMembers(true))
	if mistake, isSemantic := errors.AsType[*json.SemanticError](err); isSemantic && errors.Is(err, json.ErrUnknownName) {
		return fmt.Errorf("%s: this version of quiesce-webhook does not know the field: wait until its roll-out has "+
			"ended, or upgrade it to the version of the CRDs", fieldPath(string(mistake.JSONPointer)))
	}
	if err != nil {
		return fmt.Errorf("reading the spec: %w", err)
	}
	return nil
}

// fieldPath writes a JSON pointer into the spec as Kubernetes writes the paths of fields.
func fieldPath(pointer string) string {
	path := []byte("spec")
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if _, err := strconv.Atoi(token); err == nil {
			path = fmt.Appendf(path, "[%s]", token)
		} else {
			path = fmt.Appendf(path, ".%s", token)
		}
	}
	return string(path)
}

// sentence is one line that says what is wrong with which object.
func sentence(ref fmt.Stringer, err error) error {
	return fmt.Errorf("%s cannot be used: %s", ref, strings.ReplaceAll(err.Error(), "\n", "; "))
}

func refuse(code int32, reason metav1.StatusReason, err error) admission.Response {
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{
		Result: &metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: err.Error()},
	}}
}

// refusePanic turns a panic into a refusal. It is deferred.
func refusePanic(ctx context.Context, request admission.Request, response *admission.Response) {
	cause := recover()
	if cause == nil {
		return
	}
	logf.FromContext(ctx).WithName("authoring").Error(fmt.Errorf("panic: %v", cause), "A request was refused",
		"resource", request.Resource.Resource, "namespace", request.Namespace, "name", request.Name,
		"requestID", request.UID, "stack", string(debug.Stack()))
	*response = refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError,
		errors.New("the request is refused for an internal error of Quiesce: see the log of quiesce-webhook, and report it"))
}
