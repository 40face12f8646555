package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/config"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// ago is a time of the API.
func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

// authority is a CA that signs certificates as the webhook's are.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, from, until time.Time) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: caSecretName}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func (a authority) sign(t *testing.T, name string, from, until time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: from, NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, a.key.Public(), a.key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

const day = 24 * time.Hour

// wellFacts are those of an installation in which nothing is wrong: each test spoils one.
func wellFacts(t *testing.T) *Facts {
	t.Helper()
	ca := newAuthority(t, now.Add(-30*day), now.Add(335*day))
	mutating, validating, err := config.Webhooks()
	require.NoError(t, err)
	prepare(mutating, validating, ca.pem())
	wanted, err := ourCRDs()
	require.NoError(t, err)
	crds := make([]apiextensionsv1.CustomResourceDefinition, len(wanted))
	for i := range crds {
		wanted[i].DeepCopyInto(&crds[i])
		crds[i].Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue}}
	}
	facts := &Facts{
		Now: now, Plugin: "v0.1.0", Release: defaultRelease,
		Server:     Fact[*version.Info]{Value: &version.Info{GitVersion: "v1.37.1"}},
		Kinds:      Fact[[]string]{Value: []string{"hookpolicies"}},
		CRDs:       Fact[[]apiextensionsv1.CustomResourceDefinition]{Value: crds},
		Webhook:    Fact[*appsv1.Deployment]{Value: wellDeployment(webhookName, "webhook", 2)},
		Controller: Fact[*appsv1.Deployment]{Value: wellDeployment(controllerName, "controller", 1)},
		Lease: Fact[*coordinationv1.Lease]{Value: &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new("quiesce-controller-1"), RenewTime: new(metav1.NewMicroTime(now.Add(-2 * time.Second))),
		}}},
		Mutating:   Fact[*admissionregistrationv1.MutatingWebhookConfiguration]{Value: mutating},
		Validating: Fact[*admissionregistrationv1.ValidatingWebhookConfiguration]{Value: validating},
		Service:    Fact[*corev1.Service]{Value: &corev1.Service{}},
		Endpoints: Fact[[]discoveryv1.EndpointSlice]{Value: []discoveryv1.EndpointSlice{{Endpoints: []discoveryv1.Endpoint{
			{Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}, {Conditions: discoveryv1.EndpointConditions{Ready: new(true)}},
		}}}},
		CA: Fact[[]byte]{Value: ca.pem()},
		Served: Fact[[]Served]{Value: []Served{{Pod: "quiesce-webhook-1", Certificates: []*x509.Certificate{
			ca.sign(t, "quiesce-webhook.quiesce-system.svc", now.Add(-day), now.Add(6*day)),
		}}}},
		PolicyTrial: Fact[PolicyTrial]{Value: PolicyTrial{Recorded: true}},
		StampTrial:  Fact[*StampTrial]{Value: &StampTrial{Like: "shop/db-0", Stamped: true}},
		Namespaces: Fact[[]corev1.Namespace]{Value: []corev1.Namespace{
			{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled, v1alpha1.NamespaceNameLabel: "shop"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-system"}},
		}},
		Velero: Fact[*Velero]{Value: &Velero{Deployment: &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "velero", Name: "velero"},
			Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Image: "velero/velero:v1.18.3"}},
			}}},
			Status: appsv1.DeploymentStatus{AvailableReplicas: 1},
		}}},
		Mine: Fact[map[Right]bool]{Value: map[Right]bool{}},
	}
	for _, guard := range guards {
		facts.AdmissionPolicies.Value = append(facts.AdmissionPolicies.Value, admissionregistrationv1.ValidatingAdmissionPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: guard.name},
		})
		facts.Bindings.Value = append(facts.Bindings.Value, admissionregistrationv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: guard.name},
			Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
				ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
			},
		})
	}
	for _, need := range needs {
		for _, right := range need.rights {
			facts.Mine.Value[right] = true
		}
	}
	setPolicies(facts, checkpoint("postgres"))
	facts.AppPods.Value = []corev1.Pod{stampedPod(facts, "db-0")}
	return facts
}

// prepare does to webhook configurations what the chart and the controller do.
func prepare(mutating *admissionregistrationv1.MutatingWebhookConfiguration, validating *admissionregistrationv1.ValidatingWebhookConfiguration, ca []byte) {
	client := func(path *string) admissionregistrationv1.WebhookClientConfig {
		return admissionregistrationv1.WebhookClientConfig{CABundle: ca, Service: &admissionregistrationv1.ServiceReference{
			Name: webhookName, Namespace: defaultRelease, Path: path,
		}}
	}
	authors := []admissionregistrationv1.MatchCondition{{Name: "authors"}}
	for i := range mutating.Webhooks {
		w := &mutating.Webhooks[i]
		w.ClientConfig = client(w.ClientConfig.Service.Path)
		switch w.Name {
		case restoredWebhook, podsWebhook:
			w.NamespaceSelector = &metav1.LabelSelector{
				MatchLabels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled},
				MatchExpressions: []metav1.LabelSelectorRequirement{{
					Key: v1alpha1.NamespaceNameLabel, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"kube-system", defaultRelease},
				}},
			}
			if w.Name == restoredWebhook {
				w.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "restored"}}
			}
		case policiesWebhook, libraryWebhook:
			w.MatchConditions = authors
		}
	}
	for i := range validating.Webhooks {
		w := &validating.Webhooks[i]
		w.ClientConfig = client(w.ClientConfig.Service.Path)
		if w.Name == policiesWebhook || w.Name == libraryWebhook {
			w.MatchConditions = authors
		}
	}
}

func wellDeployment(name, component string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: defaultRelease, Labels: map[string]string{
			versionLabel: "0.1.0", componentLabel: component, instanceLabel: "quiesce",
		}},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Image: "ghcr.io/quiesce-io/quiesce:0.1.0"}},
		}}},
		Status: appsv1.DeploymentStatus{Replicas: replicas, AvailableReplicas: replicas, UpdatedReplicas: replicas},
	}
}

// checkpoint is a policy in use, for pods labelled app=postgres.
func checkpoint(name string) v1alpha1.HookPolicy {
	return v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1, CreationTimestamp: ago(time.Hour)},
		Spec: v1alpha1.HookPolicySpec{
			Selector: v1alpha1.PolicySelector{LabelSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": "postgres"}}},
			Hooks: []v1alpha1.Hook{{
				Name: "checkpoint", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"psql", "-c", "CHECKPOINT"}},
			}},
		},
		Status: v1alpha1.HookPolicyStatus{ObservedGeneration: 1, MatchedPods: 1, StampedPods: 1, Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Message: "In use; 1 of 1 matching pods stamped"},
		}},
	}
}

// setPolicies has the facts know these policies and no others.
func setPolicies(facts *Facts, all ...v1alpha1.HookPolicy) {
	found := Policies{World: world.Of(policies.Objects{Cluster: all}, stamp.Options{}, match.Scope{Own: facts.Release})}
	for i := range all {
		found.Objects = append(found.Objects, Policy{match.Ref{Name: all[i].Name}, all[i].Generation, all[i].CreationTimestamp.Time, &all[i].Spec, &all[i].Status})
	}
	facts.Policies = Fact[Policies]{Value: found}
}

// stampedPod is one of namespace shop that carries what it should.
func stampedPod(facts *Facts, name string) corev1.Pod {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": "postgres"}, CreationTimestamp: ago(time.Hour)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "db", Image: "postgres:17"}}},
	}
	pod.Annotations = facts.Policies.Value.Compiled.Decide(facts.optedIn()["shop"], asStamp(&pod)).Set
	return pod
}
