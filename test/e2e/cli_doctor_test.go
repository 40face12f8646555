//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

const controllerName = "quiesce-controller"

// finding is one of doctor's.
type finding struct {
	Check, Severity, Message string
	Do                       []string
}

func (f finding) String() string { return fmt.Sprintf("%s %s: %s", f.Severity, f.Check, f.Message) }

// wrong tells of findings by which something is to be done.
func (f finding) wrong() bool { return f.Severity == "error" || f.Severity == "warning" }

// said tells whether a finding is as expected, and has what to do.
func (f finding) said(is finding) bool {
	return is.Check == f.Check && is.Severity == f.Severity && strings.Contains(is.Message, f.Message) && len(is.Do) > 0
}

// doctor asks the doctor, as the administrator, about everything.
func doctor(t *testing.T) []finding {
	t.Helper()
	answer := quiesce(t, "doctor", "-A", "-o", "json")
	var report struct {
		Summary  struct{ Errors int }
		Findings []finding
	}
	require.NoError(t, json.Unmarshal([]byte(answer.out), &report), "%s%s", answer.out, answer.err)
	assert.Equal(t, report.Summary.Errors > 0, answer.code == 1, "exit code %d with %d errors", answer.code, report.Summary.Errors)
	return report.Findings
}

// fault is one that is planted, and what the doctor is to say of it.
type fault struct {
	name string
	// plant does the damage and returns what undoes it, which must work more than once.
	plant func(t *testing.T) (undo func(ctx context.Context) error)
	want  []finding
}

// The faults are real: each is planted in the installation, found, and undone before the next. Nothing else may go on meanwhile.
func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	waitRolledOut(t)
	s := newScene(t, optedIn)
	policy := s.addPolicy("main")
	pod := s.createPod()
	require.True(t, stamped(pod))
	s.wait(patience, func() bool {
		return api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy) == nil && policy.Status.MatchedPods == 1 && policy.Status.StampedPods == 1
	}, "the policy's status tells of its pod")
	d := &damage{t: t, scene: s, policy: policy, pod: pod}

	// Others may have left something behind that is no concern of this test's.
	before := map[string]bool{}
	for _, found := range doctor(t) {
		before[found.String()] = true
		switch found.Check {
		case "velero", "policies", "namespaces", "unstamped-pods", "overdue-thaws", "sessions-stuck", "deletions-stuck", "pods-restarting", "velero-held",
			"controller-secrets":
			assert.False(t, found.wrong() && strings.Contains(found.Message, s.namespace), "nothing is wrong yet: %s", found)
		default:
			assert.False(t, found.wrong() || found.Severity == "unknown", "nothing is wrong yet: %s", found)
		}
	}
	begun, planted := time.Now(), 0
	plant := func(t *testing.T, faults ...fault) {
		t.Helper()
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				undo := f.plant(t)
				undone := false
				defer func() {
					if !undone {
						assert.NoError(t, undo(context.Background()))
					}
				}()
				for deadline := time.Now().Add(patience); ; {
					found := doctor(t)
					missing := slices.DeleteFunc(slices.Clone(f.want), func(want finding) bool { return slices.ContainsFunc(found, want.said) })
					if len(missing) == 0 {
						break
					}
					require.True(t, time.Now().Before(deadline), "the doctor does not say\n%v\nbut\n%v", missing,
						slices.DeleteFunc(found, func(is finding) bool { return !is.wrong() || before[is.String()] }))
				}
				require.NoError(t, undo(t.Context()))
				undone = true
				planted += len(f.want)
			})
		}
	}
	plant(t, d.whileAllIsUp()...)
	t.Run("the controller away", func(t *testing.T) {
		restore := d.stopController(t)
		defer restore()
		plant(t, d.whileTheControllerIsAway()...)
	})
	t.Logf("%d faults found in %s", planted, time.Since(begun).Round(time.Second))
	assert.GreaterOrEqual(t, planted, 10)

	for deadline := time.Now().Add(patience); ; {
		left := slices.DeleteFunc(doctor(t), func(is finding) bool { return !is.wrong() || before[is.String()] })
		if len(left) == 0 {
			break
		}
		require.True(t, time.Now().Before(deadline), "something is wrong yet:\n%v", left)
	}
}

// damage is what the faults are planted in.
type damage struct {
	t      *testing.T
	scene  *scene
	policy *v1alpha1.HookPolicy
	pod    *corev1.Pod
}

// patched plants a fault by a merge patch, and undoes it by another.
func patched(object client.Object, fault, undo string) func(t *testing.T) func(context.Context) error {
	return func(t *testing.T) func(context.Context) error {
		t.Helper()
		patch := func(ctx context.Context, body string) error {
			return api.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(body)))
		}
		require.NoError(t, patch(t.Context(), fault))
		return func(ctx context.Context) error { return patch(ctx, undo) }
	}
}

// deleted plants a fault by deleting an object, and undoes it by creating it as it was.
func deleted(object client.Object) func(t *testing.T) func(context.Context) error {
	return func(t *testing.T) func(context.Context) error {
		t.Helper()
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		require.NoError(t, api.Delete(t.Context(), object))
		return func(ctx context.Context) error {
			object.SetResourceVersion("")
			object.SetUID("")
			return api.Create(ctx, object)
		}
	}
}

// changed plants a fault by changing an object, and undoes it by writing back what was changed.
func changed[T client.Object](object T, change func(T)) func(t *testing.T) func(context.Context) error {
	return func(t *testing.T) func(context.Context) error {
		t.Helper()
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		spoiled, ok := object.DeepCopyObject().(T)
		require.True(t, ok)
		change(spoiled)
		require.NoError(t, api.Update(t.Context(), spoiled))
		return func(ctx context.Context) error {
			if err := api.Get(ctx, client.ObjectKeyFromObject(spoiled), spoiled); err != nil {
				return err
			}
			object.SetResourceVersion(spoiled.GetResourceVersion())
			return api.Update(ctx, object)
		}
	}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func released(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: walkthrough.Release}
}

func webhookOf(configuration *admissionregistrationv1.MutatingWebhookConfiguration, name string) *admissionregistrationv1.MutatingWebhook {
	return &configuration.Webhooks[slices.IndexFunc(configuration.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == name })]
}

func (d *damage) whileAllIsUp() []fault {
	s := d.scene
	return []fault{
		{
			"an image that cannot be pulled",
			changed(&appsv1.Deployment{ObjectMeta: released(controllerName)}, func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Containers[0].Image = "quiesce.test/none:dev"
			}),
			[]finding{
				{Check: "versions", Severity: "warning", Message: "and the controller of quiesce.test/none:dev"},
				{Check: "controller-deployment", Severity: "warning", Message: "quiesce-controller is being rolled out"},
			},
		},
		{
			"a label that does not opt in",
			patched(&corev1.Namespace{ObjectMeta: named(s.namespace)}, `{"metadata":{"labels":{"quiesce.io/hooks":"true"}}}`,
				`{"metadata":{"labels":{"quiesce.io/hooks":"enabled"}}}`),
			[]finding{{Check: "namespaces", Severity: "warning", Message: "the label quiesce.io/hooks=true of namespace " + s.namespace + " does not opt it in"}},
		},
		{
			"a policy suspended",
			patched(&v1alpha1.HookPolicy{ObjectMeta: named(d.policy.Name)}, `{"spec":{"suspend":true}}`, `{"spec":{"suspend":false}}`),
			[]finding{{Check: "policies", Severity: "warning", Message: "HookPolicy " + d.policy.Name + " is suspended"}},
		},
		{
			"a policy that selects nothing",
			patched(&v1alpha1.HookPolicy{ObjectMeta: named(d.policy.Name)}, `{"spec":{"selector":{"labelSelector":{"matchLabels":{"app":"nothing"}}}}}`,
				`{"spec":{"selector":{"labelSelector":{"matchLabels":{"app":"under-test"}}}}}`),
			[]finding{{Check: "policies", Severity: "warning", Message: "HookPolicy " + d.policy.Name + " matches no pod"}},
		},
		{
			"a namespaceSelector changed",
			changed(&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: named(webhookName)}, func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
				webhookOf(c, "pods.quiesce.io").NamespaceSelector.MatchLabels = map[string]string{v1alpha1.HooksLabel: "yes"}
			}),
			[]finding{
				{Check: "webhook-settings", Severity: "warning", Message: "its namespaceSelector does not ask for quiesce.io/hooks=enabled"},
				{Check: "stamping", Severity: "error", Message: "new pods are not stamped: one like " + s.namespace + "/" + d.pod.Name},
			},
		},
		{
			"no gate for a policy that needs one",
			d.withoutGate,
			[]finding{{Check: "velero-gate", Severity: "error", Message: "the gate is off"}},
		},
		{
			"the guard of thaws unbound",
			deleted(&admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: named("quiesce-thaw")}),
			[]finding{{Check: "admission-policies", Severity: "error", Message: "the ValidatingAdmissionPolicyBinding quiesce-thaw is missing"}},
		},
		{
			"the controller's rights taken",
			deleted(&rbacv1.ClusterRoleBinding{ObjectMeta: named(controllerName)}),
			[]finding{{Check: "controller-rights", Severity: "error", Message: "the controller may not do what it must"}},
		},
		{
			"a Service that finds no pod",
			patched(&corev1.Service{ObjectMeta: released(webhookName)}, `{"spec":{"selector":{"app.kubernetes.io/component":"nothing"}}}`,
				`{"spec":{"selector":{"app.kubernetes.io/component":"webhook"}}}`),
			[]finding{
				{Check: "webhook-service", Severity: "error", Message: "has no endpoint, since its selector finds no pod"},
				{Check: "webhook-answers", Severity: "error", Message: "the API server cannot ask the webhook"},
			},
		},
	}
}

// withoutGate takes the gate's webhook away while there is a policy that needs it.
func (d *damage) withoutGate(t *testing.T) func(context.Context) error {
	waiting := readPolicy(t, "testdata/policy.yaml")
	waiting.Spec.Velero.Mode = v1alpha1.VeleroSession
	d.scene.createPolicyNamed(d.scene.namespace+"-session", waiting)
	restore := changed(&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: named(webhookName)},
		func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.Webhooks = slices.DeleteFunc(c.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == "backups.quiesce.io" })
		})(t)
	return func(ctx context.Context) error {
		return errors.Join(restore(ctx), client.IgnoreNotFound(api.Delete(ctx, waiting)))
	}
}

// stopController scales the controller down and returns what brings it back.
func (d *damage) stopController(t *testing.T) (restore func()) {
	t.Helper()
	deployment := &appsv1.Deployment{ObjectMeta: released(controllerName)}
	scale := func(ctx context.Context, replicas int) error {
		return api.Patch(ctx, deployment, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)))
	}
	require.NoError(t, scale(t.Context(), 0))
	restore = func() {
		assert.NoError(t, scale(context.Background(), 1))
		assert.Eventually(t, func() bool {
			return api.Get(context.Background(), client.ObjectKeyFromObject(deployment), deployment) == nil && deployment.Status.AvailableReplicas == 1
		}, patience, tick)
	}
	assert.Eventually(t, func() bool {
		var pods corev1.PodList
		err := api.List(t.Context(), &pods, client.InNamespace(walkthrough.Release), client.MatchingLabels{"app.kubernetes.io/component": "controller"})
		return err == nil && len(pods.Items) == 0
	}, patience, tick)
	return restore
}

// whileTheControllerIsAway are faults that it would undo at once.
func (d *damage) whileTheControllerIsAway() []fault {
	s := d.scene
	carried, err := json.Marshal(d.pod.Annotations)
	require.NoError(d.t, err)
	bare := map[string]any{}
	for key := range d.pod.Annotations {
		bare[key] = nil
	}
	without, err := json.Marshal(bare)
	require.NoError(d.t, err)
	annotations := func(is []byte) string { return fmt.Sprintf(`{"metadata":{"annotations":%s}}`, is) }
	return []fault{
		{
			"no controller",
			func(*testing.T) func(context.Context) error { return func(context.Context) error { return nil } },
			[]finding{
				{Check: "controller-deployment", Severity: "error", Message: "Deployment quiesce-controller is scaled to 0"},
				{Check: "controller-leads", Severity: "error", Message: "no controller leads"},
			},
		},
		{
			"a pod without its hooks",
			patched(d.pod, annotations(without), annotations(carried)),
			[]finding{{Check: "unstamped-pods", Severity: "warning", Message: s.namespace + "/" + d.pod.Name}},
		},
		{
			"a thaw that is overdue",
			d.session("overdue", func(status *v1alpha1.HookSessionStatus) {
				status.Phase, status.QuiescedPods = v1alpha1.PhaseQuiesced, 1
				status.Window = &v1alpha1.Window{Deadline: new(metav1.NewMicroTime(time.Now().Add(-10 * time.Minute)))}
			}),
			[]finding{{Check: "overdue-thaws", Severity: "error", Message: "session " + s.namespace + "/overdue: 1 pod should have been thawed since 10m, and is not"}},
		},
		{
			"a caBundle of another CA",
			withBundle(time.Now().Add(-time.Hour), time.Now().Add(100*24*time.Hour)),
			[]finding{
				{Check: "webhook-ca", Severity: "error", Message: "the caBundle is not of the CA in the Secret quiesce-webhook-ca"},
				{Check: "webhook-certificate", Severity: "error", Message: "its certificate is of another CA than the caBundle has"},
				{Check: "webhook-answers", Severity: "error", Message: "the API server cannot ask the webhook"},
			},
		},
		{
			"a CA that has expired",
			withBundle(time.Now().Add(-400*24*time.Hour), time.Now().Add(-3*24*time.Hour)),
			[]finding{{Check: "webhook-ca", Severity: "error", Message: "the webhook's CA has expired 3d"}},
		},
		{
			"no validation, and a policy whose template is missing",
			d.unvalidated,
			[]finding{
				{Check: "webhook-configurations", Severity: "error", Message: "there is no ValidatingWebhookConfiguration quiesce-webhook"},
				{Check: "policies", Severity: "error", Message: "HookPolicy " + s.namespace + "-mistake is not used"},
			},
		},
		{
			"a session at which nobody looks",
			d.session("stuck", nil),
			[]finding{{Check: "sessions-stuck", Severity: "error", Message: "session " + s.namespace + "/stuck makes no progress"}},
		},
	}
}

// session creates one, with a status where one is given, and undoes it.
func (d *damage) session(name string, write func(*v1alpha1.HookSessionStatus)) func(t *testing.T) func(context.Context) error {
	return func(t *testing.T) func(context.Context) error {
		t.Helper()
		session := &v1alpha1.HookSession{
			ObjectMeta: metav1.ObjectMeta{Namespace: d.scene.namespace, Name: name},
			Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup},
		}
		require.NoError(t, api.Create(t.Context(), session))
		if write != nil {
			write(&session.Status)
			require.NoError(t, api.Status().Update(t.Context(), session))
		}
		return func(ctx context.Context) error { return client.IgnoreNotFound(api.Delete(ctx, session)) }
	}
}

// withBundle has the API server trust another CA than the webhook's.
func withBundle(from, until time.Time) func(t *testing.T) func(context.Context) error {
	return func(t *testing.T) func(context.Context) error {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "quiesce-webhook-ca"}, NotBefore: from, NotAfter: until,
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		mutating := changed(&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: named(webhookName)},
			func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
				for i := range c.Webhooks {
					c.Webhooks[i].ClientConfig.CABundle = bundle
				}
			})(t)
		validating := changed(&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: named(webhookName)},
			func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
				for i := range c.Webhooks {
					c.Webhooks[i].ClientConfig.CABundle = bundle
				}
			})(t)
		return func(ctx context.Context) error { return errors.Join(mutating(ctx), validating(ctx)) }
	}
}

// unvalidated creates a policy with a mistake, which takes that nobody validates it.
func (d *damage) unvalidated(t *testing.T) func(context.Context) error {
	restore := deleted(&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: named(webhookName)})(t)
	mistaken := readPolicy(t, "testdata/policy.yaml")
	mistaken.Name, mistaken.Labels = d.scene.namespace+"-mistake", labelled(nil)
	mistaken.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(d.scene.namespace)}
	mistaken.Spec.Template = &v1alpha1.TemplateUse{Name: "postgress"}
	// The API server forgets a configuration some moments after it is gone, and may distrust the webhook yet.
	assert.Eventually(t, func() bool {
		return client.IgnoreAlreadyExists(api.Create(t.Context(), mistaken.DeepCopy())) == nil
	}, patience, tick)
	return func(ctx context.Context) error {
		return errors.Join(client.IgnoreNotFound(api.Delete(ctx, mistaken)), restore(ctx))
	}
}
