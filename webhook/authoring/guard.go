package authoring

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/usage/librarian"
)

// GuardLibraryPath is where the API server asks whether a script or a template may be deleted.
const GuardLibraryPath = "/guard-library"

// +kubebuilder:webhook:path=/guard-library,mutating=false,failurePolicy=fail,sideEffects=None,groups=quiesce.io,resources=hookscripts;hooktemplates,verbs=delete,versions=v1alpha1,name=library-in-use.quiesce.io,admissionReviewVersions=v1,timeoutSeconds=10,matchPolicy=Equivalent

// Guard refuses to have a script or a template deleted that somebody uses, and names them. A deletion by force, or of many at once, is
// no other. Who begins to use it at the same moment is not seen here: that is what the finalizer is for.
type Guard struct {
	// Live reads from the API server: a cache may not have the newest user yet, or still the last.
	Live client.Reader
}

var _ admission.Handler = (*Guard)(nil)

// Handle implements admission.Handler. Where it cannot be told who uses it, nothing is deleted.
func (g *Guard) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	defer refusePanic(ctx, request, &response)
	target, err := deleted(request)
	if err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err)
	}
	uses, err := librarian.LiveUses(ctx, g.Live, target)
	switch {
	case err != nil:
		return refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError,
			fmt.Errorf("%s is not deleted, since it cannot be told who uses it: try again: %w", target, err))
	case len(uses) > 0:
		return refuse(http.StatusConflict, metav1.StatusReasonConflict, fmt.Errorf("%s: take it out of these first", usage.Sentence(target, uses)))
	}
	return admission.Allowed("")
}

// deleted is what a request would delete.
func deleted(request admission.Request) (usage.Target, error) {
	kind, err := libraryFamily.kindOf(request)
	if err != nil {
		return usage.Target{}, err
	}
	if request.Operation != admissionv1.Delete {
		return usage.Target{}, errors.New("a webhook configuration sends more than DELETE here: send these only")
	}
	if request.Name != "" {
		return usage.Target{Kind: kind, Name: request.Name}, nil
	}
	// Of many that are deleted at once, each comes by itself, and only the object says which it is.
	var old object
	if err := json.Unmarshal(request.OldObject.Raw, &old); err != nil {
		return usage.Target{}, fmt.Errorf("reading the %s that is to be deleted: %w", libraryFamily.noun, err)
	}
	if old.Metadata.Name == "" {
		return usage.Target{}, fmt.Errorf("the %s that is to be deleted has no name", libraryFamily.noun)
	}
	return usage.Target{Kind: kind, Name: old.Metadata.Name}, nil
}
