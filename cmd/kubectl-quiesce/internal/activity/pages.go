package activity

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pageSize is how many objects are asked for at once.
const pageSize = 500

// list is a typed list of the API.
type list[Items any] interface {
	*Items
	client.ObjectList
}

// eachPage visits a list page by page, so that a long one is never in memory as a whole, and returns the version from which to watch.
func eachPage[Items any, List list[Items]](ctx context.Context, reader client.Reader, visit func(List), options ...client.ListOption) (version string, err error) {
	next := ""
	for {
		page := List(new(Items))
		err := reader.List(ctx, page, append([]client.ListOption{client.Limit(pageSize), client.Continue(next)}, options...)...)
		if token := afresh(err); token != "" && next != "" {
			next = token
			continue
		}
		if err != nil {
			return "", err
		}
		visit(page)
		if version == "" {
			version = page.GetResourceVersion()
		}
		if next = page.GetContinue(); next == "" {
			return version, nil
		}
	}
}

// afresh is the token with which a list goes on whose version the API server has dropped meanwhile: the rest of it is newer than what
// has come (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).
func afresh(err error) string {
	var status apierrors.APIStatus
	if apierrors.IsResourceExpired(err) && errors.As(err, &status) {
		return status.Status().Continue
	}
	return ""
}
