package doctor

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestATrialPodHasNoMarkerOfRestoredOnes(t *testing.T) {
	facts := wellFacts(t)
	facts.Webhook.Value.Spec.Template.Spec.Containers[0].Args = []string{"--restore-labels=tool.io/restore, tool.io/from"}
	labels := map[string]string{"app": "postgres", v1alpha1.VeleroRestoreLabel: "x", v1alpha1.RestoredKey: "y", "tool.io/restore": "z", "tool.io/from": "z"}
	facts.AppPods.Value[0].Labels = labels
	like, fresh := facts.stampedLike()
	require.NotNil(t, like)
	assert.Equal(t, map[string]string{"app": "postgres"}, fresh.Labels)
	assert.Len(t, labels, 5, "those of the pod are as they were")
}

func TestARefusalIsALackOfARightOnlyWhereTheAPIServerSaysSo(t *testing.T) {
	policies := schema.GroupResource{Group: "quiesce.io", Resource: "namespacedhookpolicies"}
	for name, tt := range map[string]struct {
		refusal error
		lacks   bool
	}{
		"a right that is lacking": {apierrors.NewForbidden(policies, "x", errors.New(
			`User "bob" cannot create resource "namespacedhookpolicies" in API group "quiesce.io" in the namespace "shop"`)), true},
		"a webhook of somebody else": {apierrors.NewForbidden(policies, "x", errors.New(`admission webhook "validation.gatekeeper.sh" denied the request: no`)), false},
		"a namespace on its way out": {apierrors.NewForbidden(policies, "x", errors.New("unable to create new content in namespace shop because it is being terminated")), false},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			require.NoError(t, v1alpha1.AddToScheme(scheme))
			g := &gatherer{facts: &Facts{Namespace: "shop"}, client: interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).Build(), interceptor.Funcs{
				Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
					return tt.refusal
				},
			})}
			g.tryPolicy(t.Context())
			assert.Equal(t, tt.lacks, g.facts.PolicyTrial.Lacks != "")
			if !tt.lacks {
				assert.Equal(t, tt.refusal, g.facts.PolicyTrial.Value.Refusal)
			}
		})
	}
}
