package authoring

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// AuthorPath is where the API server sends policies to have their author recorded, and LibraryAuthorPath scripts and templates.
const (
	AuthorPath        = "/author-policies"
	LibraryAuthorPath = "/author-library"
)

// +kubebuilder:webhook:path=/author-policies,mutating=true,failurePolicy=fail,sideEffects=None,groups=quiesce.io,resources=hookpolicies;namespacedhookpolicies,verbs=create;update,versions=v1alpha1,name=policies.quiesce.io,admissionReviewVersions=v1,reinvocationPolicy=IfNeeded,timeoutSeconds=5,matchPolicy=Equivalent
// +kubebuilder:webhook:path=/author-library,mutating=true,failurePolicy=fail,sideEffects=None,groups=quiesce.io,resources=hookscripts;hooktemplates,verbs=create;update,versions=v1alpha1,name=library.quiesce.io,admissionReviewVersions=v1,reinvocationPolicy=IfNeeded,timeoutSeconds=5,matchPolicy=Equivalent

// Recorder writes who wrote the spec of an object, and when, into annotations of the object: whatever the request has
// there. What has been recorded stays while the spec does.
type Recorder struct {
	// Library has it record authors of scripts and templates, which get InUseFinalizer as well when they are created, so that they
	// are never without it. Else it records those of policies.
	Library bool
	// Now is the clock; nil for the real one.
	Now func() time.Time
}

var _ admission.Handler = (*Recorder)(nil)

// Handle implements admission.Handler. It comes ahead of the schema's validation, so that the spec may be of any shape.
func (r *Recorder) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	defer refusePanic(ctx, request, &response)
	family := &policyFamily
	if r.Library {
		family = &libraryFamily
	}
	change, err := family.readChange(request)
	if err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err)
	}
	record := map[string]string{}
	if change.authors() {
		record[v1alpha1.AuthorAnnotation] = request.UserInfo.Username
		record[v1alpha1.AuthoredAtAnnotation] = r.now().UTC().Format(time.RFC3339)
	} else {
		for _, key := range recorded {
			if value, found := change.old.Metadata.Annotations[key]; found {
				record[key] = value
			}
		}
	}
	patches := recordPatch(change.object.Metadata.Annotations, record)
	if r.Library && change.old == nil {
		patches = append(patches, finalizerPatch(change.object.Metadata.Finalizers)...)
	}
	return admission.Response{Patches: patches, AdmissionResponse: admissionv1.AdmissionResponse{Allowed: true}}
}

func (r *Recorder) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// recorded are the annotations of the record, in the order in which they are written.
var recorded = []string{v1alpha1.AuthorAnnotation, v1alpha1.AuthoredAtAnnotation}

// recordPatch makes the annotations say what the record says. The object itself is never written anew, so that fields
// that this build does not know survive.
func recordPatch(annotations, record map[string]string) []jsonpatch.Operation {
	const annotationsPath = "/metadata/annotations"
	if len(annotations) == 0 {
		if len(record) == 0 {
			return nil
		}
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", annotationsPath, record)}
	}
	var operations []jsonpatch.Operation
	for _, key := range recorded {
		path := annotationsPath + "/" + strings.ReplaceAll(key, "/", "~1") // RFC 6901, section 3
		got, found := annotations[key]
		want, wanted := record[key]
		switch {
		case wanted && (!found || got != want):
			operations = append(operations, jsonpatch.NewOperation("add", path, want))
		case found && !wanted:
			operations = append(operations, jsonpatch.NewOperation("remove", path, nil))
		}
	}
	return operations
}

// finalizerPatch adds our finalizer to those of an object.
func finalizerPatch(finalizers []string) []jsonpatch.Operation {
	const finalizersPath = "/metadata/finalizers"
	switch {
	case slices.Contains(finalizers, v1alpha1.InUseFinalizer):
		return nil
	case len(finalizers) == 0:
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", finalizersPath, []string{v1alpha1.InUseFinalizer})}
	}
	return []jsonpatch.Operation{jsonpatch.NewOperation("add", finalizersPath+"/-", v1alpha1.InUseFinalizer)}
}
