package authoring

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ValidateLibraryPath is where the API server sends scripts and templates to be judged.
const ValidateLibraryPath = "/validate-library"

// +kubebuilder:webhook:path=/validate-library,mutating=false,failurePolicy=fail,sideEffects=None,groups=quiesce.io,resources=hookscripts;hooktemplates,verbs=create;update,versions=v1alpha1,name=library.quiesce.io,admissionReviewVersions=v1,timeoutSeconds=5,matchPolicy=Equivalent

// LibraryValidator refuses scripts and templates that could not be used, which the schema lets through, and says which field is
// wrong and what to write. It warns of recipes in templates that are known to be broken, and says whom a change reaches.
type LibraryValidator struct {
	// CheckScript and CheckTemplate say why one could not be used. The error names the field and says what to write.
	CheckScript   func(*v1alpha1.HookScriptSpec) error
	CheckTemplate func(*v1alpha1.HookTemplateSpec) error
	// Library looks up what a template names there.
	Library Lookup
}

var _ admission.Handler = (*LibraryValidator)(nil)

// Handle implements admission.Handler. What cannot be judged is refused.
func (v *LibraryValidator) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	defer refusePanic(ctx, request, &response)
	change, err := libraryFamily.readChange(request)
	if err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err)
	}
	if !change.authors() {
		return admission.Allowed("")
	}
	target := usage.Target{Kind: libraryFamily.kinds[request.Resource.Resource], Name: change.name()}
	warnings, err := v.judge(ctx, target, change.object.Spec)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, sentence(target, err))
	}
	return admission.Allowed("").WithWarnings(append(reaches(target, request.OldObject.Raw), warnings...)...)
}

// judge says why a spec could not be used, or of what to warn.
func (v *LibraryValidator) judge(ctx context.Context, target usage.Target, raw []byte) (warnings []string, err error) {
	if target.Kind == usage.Script {
		spec := &v1alpha1.HookScriptSpec{}
		if err := decodeSpec(raw, spec); err != nil {
			return nil, err
		}
		return nil, v.CheckScript(spec)
	}
	spec := &v1alpha1.HookTemplateSpec{}
	if err := decodeSpec(raw, spec); err != nil {
		return nil, err
	}
	if err := v.CheckTemplate(spec); err != nil {
		return nil, err
	}
	user, _ := usage.Of(&v1alpha1.HookTemplate{Spec: *spec})
	return append(v.Library.missing(ctx, user.Targets()), advice.ForTemplate(spec)...), nil
}

// reaches says whom a change of what is there already reaches, as the status has it; nothing where nobody uses it.
func reaches(target usage.Target, old []byte) []string {
	var before struct {
		Status struct {
			Users string `json:"users"`
		} `json:"status"`
	}
	if len(old) == 0 || json.Unmarshal(old, &before) != nil || before.Status.Users == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s is used by %s: the change reaches all of them", target, before.Status.Users)}
}
