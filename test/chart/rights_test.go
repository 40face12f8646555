package chart_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// testRights asks the API server's own authorizer, which sees the installed roles and bindings together.
func testRights(t *testing.T) {
	const (
		ca     = "quiesce-webhook-ca"
		config = "quiesce-webhook"
	)
	type right struct {
		verbs     string
		group     string
		resource  string
		sub       string
		namespace string
		name      string
		allowed   bool
	}
	tests := map[string][]right{
		"quiesce-webhook": {
			{verbs: "get list watch", group: "quiesce.io", resource: "hookpolicies", allowed: true},
			{verbs: "get list watch", group: "quiesce.io", resource: "namespacedhookpolicies", namespace: "shop", allowed: true},
			{verbs: "get list watch", group: "quiesce.io", resource: "hookscripts", allowed: true},
			{verbs: "get list watch", group: "quiesce.io", resource: "hooktemplates", allowed: true},
			{verbs: "get list watch", group: "velero.io", resource: "schedules", namespace: "velero", allowed: true},
			{verbs: "get list watch patch", group: "velero.io", resource: "backups", namespace: "velero", allowed: true},
			// What waits is let go by the webhook where no controller is there to do it.
			{verbs: "get list patch", group: "velero.io", resource: "restores", namespace: "velero", allowed: true},
			{verbs: "list", group: "velero.io", resource: "backupstoragelocations", namespace: "velero", allowed: true},
			{verbs: "get", group: "coordination.k8s.io", resource: "leases", namespace: namespace, name: "quiesce-controller", allowed: true},
			{verbs: "get list watch", resource: "namespaces", allowed: true},
			{verbs: "get list watch", resource: "secrets", namespace: namespace, name: ca, allowed: true},

			{verbs: "create update patch delete", group: "velero.io", resource: "schedules", namespace: "velero"},
			{verbs: "create update delete", group: "velero.io", resource: "backups", namespace: "velero"},
			{verbs: "create update delete", group: "velero.io", resource: "restores", namespace: "velero"},
			{verbs: "create update patch delete", group: "velero.io", resource: "backupstoragelocations", namespace: "velero"},
			{verbs: "create update patch delete", group: "coordination.k8s.io", resource: "leases", namespace: namespace, name: "quiesce-controller"},
			{verbs: "get list watch", group: "coordination.k8s.io", resource: "leases", namespace: namespace, name: "another"},
			{verbs: "create update patch delete", resource: "secrets", namespace: namespace, name: ca},
			{verbs: "get list watch", resource: "secrets", namespace: namespace, name: "another"},
			{verbs: "list watch", resource: "secrets", namespace: namespace},
			{verbs: "get list watch", resource: "secrets", namespace: "shop", name: ca},
			{verbs: "get list watch create update patch delete", resource: "pods", namespace: "shop"},
			{verbs: "get list watch create update patch delete", resource: "pods", namespace: namespace},
			{verbs: "get create", resource: "pods", sub: "exec", namespace: "shop"},
			{verbs: "get create", resource: "pods", sub: "exec", namespace: namespace},
			{verbs: "create update patch delete", resource: "namespaces", name: "shop"},
			{verbs: "create update patch delete", group: "quiesce.io", resource: "hookpolicies"},
			{verbs: "create update patch delete", group: "quiesce.io", resource: "namespacedhookpolicies", namespace: "shop"},
			{verbs: "update patch", group: "quiesce.io", resource: "hookpolicies", sub: "status"},
			{verbs: "create update patch delete", group: "quiesce.io", resource: "hookscripts"},
			{verbs: "create update patch delete", group: "quiesce.io", resource: "hooktemplates"},
			{verbs: "get list watch create update patch delete", group: "quiesce.io", resource: "hooksessions", namespace: "shop"},
			{verbs: "get list watch create update patch delete", group: "quiesce.io", resource: "hookruns", namespace: "shop"},
			{verbs: "get update patch delete", group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations", name: config},
			{verbs: "get update patch delete", group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations", name: config},
			{verbs: "create", group: "rbac.authorization.k8s.io", resource: "clusterrolebindings"},
		},
		"quiesce-controller": {
			{verbs: "get list watch", group: "quiesce.io", resource: "hookpolicies", allowed: true},
			{verbs: "get list watch", group: "quiesce.io", resource: "namespacedhookpolicies", namespace: "shop", allowed: true},
			{verbs: "patch", group: "quiesce.io", resource: "hookpolicies", sub: "status", allowed: true},
			{verbs: "patch", group: "quiesce.io", resource: "namespacedhookpolicies", sub: "status", namespace: "shop", allowed: true},
			{verbs: "get list watch", group: "velero.io", resource: "schedules", namespace: "velero", allowed: true},
			{verbs: "get list watch patch", group: "velero.io", resource: "backups", namespace: "velero", allowed: true},
			{verbs: "get list watch patch", group: "velero.io", resource: "restores", namespace: "velero", allowed: true},
			{verbs: "get list", group: "velero.io", resource: "backupstoragelocations", namespace: "velero", allowed: true},
			{verbs: "get list watch patch", resource: "pods", namespace: "shop", allowed: true},
			{verbs: "get list watch", resource: "namespaces", allowed: true},
			{verbs: "get create", resource: "pods", sub: "exec", namespace: "shop", allowed: true},
			// Who may create Jobs may create pods. Those that it creates are dry runs, by which it knows what Pod Security would refuse.
			{verbs: "get list watch create patch", group: "batch", resource: "jobs", namespace: "shop", allowed: true},
			{verbs: "create", resource: "pods", namespace: "shop", allowed: true},
			{verbs: "get", resource: "pods", sub: "log", namespace: "shop", allowed: true},
			{verbs: "list", resource: "nodes", allowed: true},
			{verbs: "list", resource: "events", namespace: "shop", allowed: true},
			{verbs: "get", resource: "services", namespace: "default", name: "kubernetes", allowed: true},
			{verbs: "get", group: "discovery.k8s.io", resource: "endpointslices", namespace: "default", name: "kubernetes", allowed: true},
			{verbs: "get", resource: "services", namespace: "shop", name: "another"},
			{verbs: "delete update", group: "batch", resource: "jobs", namespace: "shop"},
			// Those of Velero's Backups and Restores it creates itself.
			{verbs: "get list watch create patch delete", group: "quiesce.io", resource: "hooksessions", namespace: "shop", allowed: true},
			{verbs: "patch", group: "quiesce.io", resource: "hooksessions", sub: "status", namespace: "shop", allowed: true},
			{verbs: "get list create patch delete", group: "quiesce.io", resource: "hookruns", namespace: "shop", allowed: true},
			{verbs: "update", group: "quiesce.io", resource: "hookruns", sub: "status", namespace: "shop", allowed: true},
			{verbs: "get list watch patch", group: "quiesce.io", resource: "hookscripts", allowed: true},
			{verbs: "get list watch patch", group: "quiesce.io", resource: "hooktemplates", allowed: true},
			{verbs: "patch", group: "quiesce.io", resource: "hookscripts", sub: "status", allowed: true},
			{verbs: "patch", group: "quiesce.io", resource: "hooktemplates", sub: "status", allowed: true},
			{verbs: "create update delete", group: "quiesce.io", resource: "hookscripts"},
			// The application library is the controller's to deliver.
			{verbs: "create update delete", group: "quiesce.io", resource: "hooktemplates", allowed: true},
			// Leader election still writes its events through the core API (kubernetes/kubernetes#82846).
			{verbs: "create patch", resource: "events", namespace: namespace, allowed: true},
			// Those about a pod lie in its namespace, and those about a HookPolicy in default.
			{verbs: "create patch", group: "events.k8s.io", resource: "events", namespace: "shop", allowed: true},
			{verbs: "create patch", group: "events.k8s.io", resource: "events", namespace: "default", allowed: true},
			{verbs: "get list watch patch", group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations", name: config, allowed: true},
			{verbs: "get list watch patch", group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations", name: config, allowed: true},
			{verbs: "create", resource: "secrets", namespace: namespace, allowed: true},
			{verbs: "get list watch update", resource: "secrets", namespace: namespace, name: ca, allowed: true},
			{verbs: "get create update", group: "coordination.k8s.io", resource: "leases", namespace: namespace, allowed: true},

			{verbs: "get list watch update", resource: "secrets", namespace: namespace, name: "another"},
			{verbs: "get list watch create update", resource: "secrets", namespace: "shop"},
			{verbs: "delete", resource: "pods", namespace: "shop"},
			{verbs: "patch update", resource: "pods", sub: "status", namespace: "shop"},
			{verbs: "create update patch delete", group: "quiesce.io", resource: "hookpolicies"},
			{verbs: "create update patch delete", group: "quiesce.io", resource: "namespacedhookpolicies", namespace: "shop"},
			{verbs: "create delete", group: "velero.io", resource: "backups", namespace: "velero"},
			{verbs: "create delete", group: "velero.io", resource: "restores", namespace: "velero"},
			{verbs: "create update patch delete", group: "velero.io", resource: "schedules", namespace: "velero"},
			{verbs: "get update patch delete", group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations", name: "another"},
			{verbs: "get update patch delete", group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations", name: "another"},
			{verbs: "update patch delete", group: "admissionregistration.k8s.io", resource: "validatingadmissionpolicies", name: "quiesce-authorship"},
			{verbs: "create", group: "rbac.authorization.k8s.io", resource: "clusterrolebindings"},
		},
	}
	for account, rights := range tests {
		for _, right := range rights {
			for verb := range strings.FieldsSeq(right.verbs) {
				review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
					User:   "system:serviceaccount:" + namespace + ":" + account,
					Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
					ResourceAttributes: &authorizationv1.ResourceAttributes{
						Verb: verb, Group: right.group, Version: "*", Resource: right.resource, Subresource: right.sub,
						Namespace: right.namespace, Name: right.name,
					},
				}}
				require.NoError(t, server.Create(t.Context(), review))
				assert.Equal(t, right.allowed, review.Status.Allowed, "%s: %s %+v: %s", account, verb, right, review.Status.Reason)
			}
		}
	}
}

// What the authorizer cannot show: a rule that nobody thought of asking about.
func TestTheWebhooksRulesNameNothingElse(t *testing.T) {
	all := render(t, "defaults.yaml")
	resources := map[string]bool{}
	for _, rules := range [][]rbacv1.PolicyRule{
		find[rbacv1.ClusterRole](t, all, "ClusterRole", "quiesce-webhook").Rules,
		find[rbacv1.Role](t, all, "Role", "quiesce-webhook").Rules,
	} {
		require.NotEmpty(t, rules)
		for _, rule := range rules {
			verbs := []string{"get", "list", "watch"}
			if rule.APIGroups[0] == "velero.io" { // whose Backups and Restores it marks where no controller does
				verbs = append(verbs, "patch")
			}
			assert.Subset(t, verbs, rule.Verbs)
			assert.Empty(t, rule.NonResourceURLs)
			for _, resource := range rule.Resources {
				resources[resource] = true
			}
		}
	}
	assert.Equal(t, map[string]bool{
		"hookpolicies": true, "namespacedhookpolicies": true, "hookscripts": true, "hooktemplates": true, "namespaces": true, "secrets": true, "schedules": true, "backups": true,
		"restores": true, "backupstoragelocations": true, "leases": true,
	}, resources)
}
