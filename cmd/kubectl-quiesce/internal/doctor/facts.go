package doctor

import (
	"cmp"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// What the chart calls things. All but the namespace are fixed.
const (
	defaultRelease = "quiesce-system"
	webhookName    = "quiesce-webhook"
	controllerName = "quiesce-controller"
	caSecretName   = "quiesce-webhook-ca" //nolint:gosec // a name, no secret

	gateWebhook     = "backups.quiesce.io"
	podsWebhook     = "pods.quiesce.io"
	restoredWebhook = "restored-pods.quiesce.io"
	policiesWebhook = "policies.quiesce.io"
	libraryWebhook  = "library.quiesce.io"

	instanceLabel  = "app.kubernetes.io/instance"
	versionLabel   = "app.kubernetes.io/version"
	componentLabel = "app.kubernetes.io/component"
	nameLabel      = "app.kubernetes.io/name"
)

// Facts are all that the checks go by, of one moment. What does not exist is a nil pointer, and what could not be read is a Fact
// without a value.
type Facts struct {
	// Now by the clock of the API server, as far as it is known.
	Now time.Time
	// Plugin is the version of the program, such as v0.1.0.
	Plugin string
	// Namespace to which policies, pods and sessions are narrowed; empty for all.
	Namespace string
	// Release is the namespace in which Quiesce runs.
	Release string

	Server Fact[*version.Info]
	// Skew is how far the clock of this machine is ahead of the API server's.
	Skew Fact[time.Duration]

	// Kinds are the plural names that the API server serves of our group and version.
	Kinds Fact[[]string]
	CRDs  Fact[[]apiextensionsv1.CustomResourceDefinition]

	Webhook, Controller Fact[*appsv1.Deployment]
	// Pods of the release.
	Pods  Fact[[]corev1.Pod]
	Lease Fact[*coordinationv1.Lease]

	Mutating   Fact[*admissionregistrationv1.MutatingWebhookConfiguration]
	Validating Fact[*admissionregistrationv1.ValidatingWebhookConfiguration]
	Service    Fact[*corev1.Service]
	Endpoints  Fact[[]discoveryv1.EndpointSlice]
	// CA is the certificate in the CA's Secret, in PEM; nil where there is no Secret.
	CA Fact[[]byte]
	// Served are the certificates that replicas of the webhook present.
	Served Fact[[]Served]
	// AdmissionPolicies and Bindings are the ValidatingAdmissionPolicies of ours that there are.
	AdmissionPolicies Fact[[]admissionregistrationv1.ValidatingAdmissionPolicy]
	Bindings          Fact[[]admissionregistrationv1.ValidatingAdmissionPolicyBinding]
	// PolicyTrial is what came of creating a policy, and StampTrial of creating a pod, without anything being kept.
	PolicyTrial Fact[PolicyTrial]
	StampTrial  Fact[*StampTrial]

	Namespaces Fact[[]corev1.Namespace]
	Policies   Fact[Policies]
	// AppPods are the pods of opted-in namespaces, and those of others that carry a stamp.
	AppPods  Fact[[]corev1.Pod]
	Sessions Fact[[]v1alpha1.HookSession]

	Velero Fact[*Velero]

	// Mine are the rights of whoever asks; ControllerLacks those that the controller needs and has not.
	Mine            Fact[map[Right]bool]
	ControllerLacks Fact[[]Right]
	// NoSecrets are the namespaces in which the controller needs to read Secrets, for the hooks of the policies named, and may not.
	NoSecrets Fact[map[string][]string]
}

// Served is what a replica of the webhook presents.
type Served struct {
	Pod          string
	Certificates []*x509.Certificate
	Err          error
}

// Trial is what the API server says when something is created with dry-run. A nil Refusal is success.
type Trial struct{ Refusal error }

// PolicyTrial is a trial with a policy.
type PolicyTrial struct {
	Trial
	// Recorded tells whether it came back with its author, which the webhook writes.
	Recorded bool
}

// StampTrial is a trial with a pod that a policy selects.
type StampTrial struct {
	Trial
	// Like is the pod after which it was made, as namespace/name.
	Like string
	// Stamped tells whether it came back with a stamp.
	Stamped bool
}

// Policies are all there are, with what they refer to, compiled and as they were read.
type Policies struct {
	*world.World
	Objects []Policy
	// Scripts and Templates, for what becomes of them when they are deleted.
	Scripts   []v1alpha1.HookScript
	Templates []v1alpha1.HookTemplate
}

// Policy of either kind.
type Policy struct {
	match.Ref
	Generation int64
	// Written is when its spec or its metadata were last written.
	Written time.Time
	Spec    *v1alpha1.HookPolicySpec
	Status  *v1alpha1.HookPolicyStatus
}

// resource is the policy's kind and namespace as kubectl takes them.
func (p *Policy) resource() string {
	if p.Namespace != "" {
		return "nhp -n " + p.Namespace
	}
	return "hp"
}

func (p *Policy) title() string {
	if p.Namespace != "" {
		return "NamespacedHookPolicy " + p.Namespace + "/" + p.Name
	}
	return "HookPolicy " + p.Name
}

// Velero is what is known of it where its kinds are served.
type Velero struct {
	// Deployment that runs the server; nil where there is none to be seen.
	Deployment *appsv1.Deployment
	// Held are the Backups and Restores that wait at the gate.
	Held []Held
}

// Held is a Backup or Restore that waits.
type Held struct {
	Kind, Namespace, Name string
	Since                 time.Time
	Message               string
}

// optedIn are the namespaces that take part, by name.
func (f *Facts) optedIn() map[string]match.Namespace {
	found := map[string]match.Namespace{}
	scope := f.scope()
	for i := range f.Namespaces.Value {
		namespace := match.Namespace{Name: f.Namespaces.Value[i].Name, Labels: f.Namespaces.Value[i].Labels}
		if scope.OptedIn(namespace) {
			found[namespace.Name] = namespace
		}
	}
	return found
}

// scope is what the chart's values leave out, as the controller was told.
func (f *Facts) scope() match.Scope {
	scope := match.Scope{Own: f.Release}
	if names, found := f.flag("excluded-namespaces"); found {
		_ = scope.Exclude(names) // never fails
	}
	return scope
}

// restoreMarkers are the keys of labels by which the webhook knows restored pods.
func (f *Facts) restoreMarkers() []string {
	keys := []string{v1alpha1.VeleroRestoreLabel, v1alpha1.RestoredKey}
	own, _ := f.flag("restore-labels")
	for key := range strings.SplitSeq(own, ",") {
		keys = append(keys, strings.TrimSpace(key))
	}
	return keys
}

// flag is the value of a flag of the controller, or of the webhook where that is all there is.
func (f *Facts) flag(name string) (string, bool) {
	for _, deployment := range []*appsv1.Deployment{f.Controller.Value, f.Webhook.Value} {
		if deployment == nil {
			continue
		}
		for i := range deployment.Spec.Template.Spec.Containers {
			// The last one wins, as with the program.
			for _, argument := range slices.Backward(deployment.Spec.Template.Spec.Containers[i].Args) {
				if value, found := strings.CutPrefix(argument, "--"+name+"="); found {
					return value, true
				}
			}
		}
	}
	return "", false
}

// upgrade is the command that puts the release's objects right.
func (f *Facts) upgrade() string {
	name := "quiesce"
	if f.Controller.Value != nil {
		name = cmp.Or(f.Controller.Value.Labels[instanceLabel], name)
	} else if f.Mutating.Value != nil {
		name = cmp.Or(f.Mutating.Value.Labels[instanceLabel], name)
	}
	return "helm upgrade " + name + " charts/quiesce -n " + f.Release + " --reset-then-reuse-values"
}

// gated tells whether Velero's Backups are held.
func (f *Facts) gated() bool {
	return f.Mutating.Value != nil && slices.ContainsFunc(f.Mutating.Value.Webhooks,
		func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == gateWebhook })
}

// bundle is the caBundle by which the API server trusts the webhook for pods, or for whatever it is asked first.
func (f *Facts) bundle() []byte {
	if f.Mutating.Value == nil || len(f.Mutating.Value.Webhooks) == 0 {
		return nil
	}
	for i := range f.Mutating.Value.Webhooks {
		if w := &f.Mutating.Value.Webhooks[i]; w.Name == podsWebhook {
			return w.ClientConfig.CABundle
		}
	}
	return f.Mutating.Value.Webhooks[0].ClientConfig.CABundle
}

// asStamp is a pod as stamping knows it.
func asStamp(pod *corev1.Pod) stamp.Pod {
	var containers []match.Container
	for i := range pod.Spec.Containers {
		containers = append(containers, match.Container{Name: pod.Spec.Containers[i].Name, Image: pod.Spec.Containers[i].Image})
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, match.Container{Name: c.Name, Image: c.Image, Sidecar: true})
		}
	}
	return stamp.Pod{Pod: match.Pod{Labels: pod.Labels, Containers: containers}, Annotations: pod.Annotations}
}

// ended tells of pods for which nobody runs hooks any more.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || !pod.DeletionTimestamp.IsZero()
}
