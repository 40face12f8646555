package doctor

import (
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The API server answers Forbidden where a right is lacking and where admission refuses. Only the sentences differ
// (k8s.io/apiserver: pkg/endpoints/handlers/responsewriters/errors.go).

// cannot tells whether a right is lacking.
func cannot(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), " cannot ") && strings.Contains(err.Error(), " in API group ")
}

// admitted tells whether an object was refused by an admission policy, which is asked after the webhooks that change objects.
func admitted(err error) bool {
	return err != nil && strings.Contains(err.Error(), "ValidatingAdmissionPolicy")
}

// by tells whether a webhook refused an object, or could not be asked about it
// (k8s.io/apiserver: pkg/admission/plugin/webhook/errors/statuserror.go and pkg/admission/plugin/webhook/mutating/dispatcher.go).
func by(err error, webhooks ...string) bool {
	return err != nil && slices.ContainsFunc(webhooks, func(name string) bool { return strings.Contains(err.Error(), fmt.Sprintf("webhook %q", name)) })
}

// unasked tells whether a webhook could not be asked.
func unasked(err error, webhooks ...string) bool {
	return by(err, webhooks...) && strings.Contains(err.Error(), "failed calling webhook")
}
