package run

import (
	"errors"
	"net"
	"net/url"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhatPassesIsSaidAgain(t *testing.T) {
	sessions := schema.GroupResource{Group: "quiesce.io", Resource: "hooksessions"}
	refused := &url.Error{Op: "Patch", URL: "https://example.com", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"it was taken":                   {nil, false},
		"the API server is away":         {refused, true},
		"it is busy":                     {apierrors.NewTooManyRequests("busy", 1), true},
		"a webhook of somebody's failed": {apierrors.NewInternalError(errors.New("webhook")), true},
		"credentials have run out":       {apierrors.NewUnauthorized("expired"), true},
		"there is no such right":         {apierrors.NewForbidden(sessions, "x", errors.New("no")), false},
		"it was said otherwise before":   {apierrors.NewInvalid(schema.GroupKind{}, "x", nil), false},
		"the session is gone":            {apierrors.NewNotFound(sessions, "x"), false},
	} {
		assert.Equal(t, row.want, passing(row.err), name)
	}
}
