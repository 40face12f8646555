//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// The webhook sees every pod that is created. It may do next to nothing beside.
func TestTheWebhookMayReadPoliciesNamespacesAndItsOwnCA(t *testing.T) {
	const ca = "quiesce-webhook-ca"
	tests := map[string]struct {
		attributes authorizationv1.ResourceAttributes
		want       bool
	}{
		"list policies":             {authorizationv1.ResourceAttributes{Verb: "list", Group: "quiesce.io", Resource: "hookpolicies"}, true},
		"list namespaces":           {authorizationv1.ResourceAttributes{Verb: "list", Resource: "namespaces"}, true},
		"read its CA":               {authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Name: ca, Namespace: walkthrough.Release}, true},
		"read another Secret":       {authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Name: "other", Namespace: walkthrough.Release}, false},
		"list Secrets":              {authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets", Namespace: walkthrough.Release}, false},
		"read its CA's namesake":    {authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Name: ca, Namespace: "default"}, false},
		"write its CA":              {authorizationv1.ResourceAttributes{Verb: "update", Resource: "secrets", Name: ca, Namespace: walkthrough.Release}, false},
		"list pods":                 {authorizationv1.ResourceAttributes{Verb: "list", Resource: "pods"}, false},
		"list its own neighbours":   {authorizationv1.ResourceAttributes{Verb: "list", Resource: "pods", Namespace: walkthrough.Release}, false},
		"exec":                      {authorizationv1.ResourceAttributes{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "default"}, false},
		"change pods":               {authorizationv1.ResourceAttributes{Verb: "patch", Resource: "pods", Namespace: "default"}, false},
		"change policies":           {authorizationv1.ResourceAttributes{Verb: "update", Group: "quiesce.io", Resource: "hookpolicies"}, false},
		"change its own reach":      {authorizationv1.ResourceAttributes{Verb: "patch", Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations", Name: webhookName}, false},
		"grant itself more":         {authorizationv1.ResourceAttributes{Verb: "escalate", Group: "rbac.authorization.k8s.io", Resource: "clusterroles"}, false},
		"impersonate somebody else": {authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "users"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               "system:serviceaccount:" + walkthrough.Release + ":" + webhookName,
				Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + walkthrough.Release, "system:authenticated"},
				ResourceAttributes: &test.attributes,
			}}
			require.NoError(t, api.Create(t.Context(), review))
			assert.Equal(t, test.want, review.Status.Allowed, review.Status.Reason)
		})
	}
}
