package command

import (
	"context"
	"errors"
	"net/url"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Absent tells whether an error is that there is no cluster, that it does not answer, or that it has no Quiesce: whether a command could do
// better without one.
func Absent(err error) bool {
	var (
		noMatch     *meta.NoKindMatchError
		unreachable *url.Error
	)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &noMatch):
		return noMatch.GroupKind.Group == v1alpha1.GroupVersion.Group
	}
	return clientcmd.IsEmptyConfig(err) || unserved(err) != "" || errors.As(err, &unreachable)
}
