package doctor

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestNothingIsWrongWithAHealthyInstallation(t *testing.T) {
	facts := wellFacts(t)
	ran := map[string]bool{}
	for _, finding := range examine(facts) {
		assert.Equal(t, OK, finding.Severity, finding.Message)
		assert.Empty(t, finding.Do, "there is nothing to be done about: %s", finding.Message)
		ran[finding.Check] = true
	}
	for _, c := range checks {
		assert.True(t, ran[c.id] || c.id == "controller-secrets", "check %s says nothing", c.id)
	}
}

func TestEachFaultIsFound(t *testing.T) {
	podsEntry := func(f *Facts) *admissionregistrationv1.MutatingWebhook {
		at := slices.IndexFunc(f.Mutating.Value.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == podsWebhook })
		return &f.Mutating.Value.Webhooks[at]
	}
	setBundle := func(f *Facts, bundle []byte) {
		for i := range f.Mutating.Value.Webhooks {
			f.Mutating.Value.Webhooks[i].ClientConfig.CABundle = bundle
		}
		for i := range f.Validating.Value.Webhooks {
			f.Validating.Value.Webhooks[i].ClientConfig.CABundle = bundle
		}
	}
	withCA := func(from, until time.Duration) func(*testing.T, *Facts) {
		return func(t *testing.T, f *Facts) {
			ca := newAuthority(t, now.Add(from), now.Add(until))
			setBundle(f, ca.pem())
			f.CA.Value = ca.pem()
			f.Served = Fact[[]Served]{}
		}
	}
	served := func(name string, from, until time.Duration) func(*testing.T, *Facts) {
		return func(t *testing.T, f *Facts) {
			ca := newAuthority(t, now.Add(-60*day), now.Add(300*day))
			setBundle(f, ca.pem())
			f.CA.Value = ca.pem()
			f.Served.Value[0].Certificates = []*x509.Certificate{ca.sign(t, name, now.Add(from), now.Add(until))}
		}
	}
	const host = "quiesce-webhook.quiesce-system.svc"
	session := func(change func(*v1alpha1.HookSession)) func(*testing.T, *Facts) {
		return func(_ *testing.T, f *Facts) {
			s := v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly", CreationTimestamp: ago(2 * time.Hour)}}
			s.Status.Phase = v1alpha1.PhaseQuiesced
			change(&s)
			f.Sessions.Value = []v1alpha1.HookSession{s}
		}
	}
	policy := func(change func(*v1alpha1.HookPolicy)) func(*testing.T, *Facts) {
		return func(_ *testing.T, f *Facts) {
			p := checkpoint("postgres")
			change(&p)
			setPolicies(f, p)
		}
	}
	label := func(key, value string) func(*testing.T, *Facts) {
		return func(_ *testing.T, f *Facts) {
			f.Namespaces.Value = append(f.Namespaces.Value, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "bank", Labels: map[string]string{key: value}}})
		}
	}
	for name, tt := range map[string]struct {
		spoil    func(t *testing.T, f *Facts)
		check    string
		severity Severity
		message  string
		do       string
	}{
		"Kubernetes too old": {
			func(_ *testing.T, f *Facts) { f.Server.Value.GitVersion = "v1.29.4" },
			"kubernetes-version", Error, "Kubernetes is v1.29.4: Quiesce needs 1.30.0 or later", "upgrade the cluster",
		},
		"a clock that is wrong": {
			func(_ *testing.T, f *Facts) { f.Skew.Value = -3 * time.Minute },
			"clock", Warning, "3m behind the API server's", "timedatectl",
		},
		"no CRDs": {
			func(_ *testing.T, f *Facts) { f.CRDs.Value = nil },
			"crds", Error, "none of its CRDs is there", "helm install",
		},
		"a CRD missing": {
			func(_ *testing.T, f *Facts) { f.CRDs.Value = f.CRDs.Value[1:] },
			"crds", Error, "CRDs are missing: hookpolicies.quiesce.io", "helm upgrade",
		},
		"a CRD that is not established": {
			func(_ *testing.T, f *Facts) { f.CRDs.Value[0].Status.Conditions = nil },
			"crds", Error, "is not established", "kubectl describe crd hookpolicies.quiesce.io",
		},
		"a CRD of an older release": {
			func(_ *testing.T, f *Facts) {
				schema := f.CRDs.Value[0].Spec.Versions[0].Schema.OpenAPIV3Schema
				spec := schema.Properties["spec"]
				delete(spec.Properties, "priority")
			},
			"crds", Error, "is older than this plugin: it lacks spec.priority", "helm upgrade",
		},
		"a CRD of a newer release": {
			func(_ *testing.T, f *Facts) {
				schema := f.CRDs.Value[0].Spec.Versions[0].Schema.OpenAPIV3Schema
				schema.Properties["spec"].Properties["colour"] = apiextensionsv1.JSONSchemaProps{Type: "string"}
			},
			"crds", Note, "does not know spec.colour", "",
		},
		"no webhook": {
			func(_ *testing.T, f *Facts) { f.Webhook.Value = nil },
			"webhook-deployment", Error, "there is no Deployment quiesce-webhook in namespace quiesce-system", "helm upgrade",
		},
		"a webhook whose image cannot be pulled": {
			func(_ *testing.T, f *Facts) {
				f.Webhook.Value.Status.AvailableReplicas = 0
				f.Pods.Value = []corev1.Pod{{
					ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook-1", Labels: map[string]string{componentLabel: "webhook"}},
					Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
						Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"},
					}}}},
				}}
			},
			"webhook-deployment", Error, "(pod quiesce-webhook-1: ImagePullBackOff: no such image)", "kubectl -n quiesce-system describe pods",
		},
		"a roll-out that does not end": {
			func(_ *testing.T, f *Facts) { f.Controller.Value.Status.Replicas = 2 },
			"controller-deployment", Warning, "quiesce-controller is being rolled out", "rollout status deployment quiesce-controller",
		},
		"a controller scaled down": {
			func(_ *testing.T, f *Facts) { f.Controller.Value.Spec.Replicas = new(int32(0)) },
			"controller-deployment", Error, "is scaled to 0: sessions stand still", "scale deployment quiesce-controller --replicas=1",
		},
		"a controller that crashes": {
			func(_ *testing.T, f *Facts) {
				f.Pods.Value = []corev1.Pod{{
					ObjectMeta: metav1.ObjectMeta{Name: "quiesce-controller-1"},
					Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{RestartCount: 3, LastTerminationState: corev1.ContainerState{
						Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: ago(5 * time.Minute)},
					}}}},
				}}
			},
			"pods-restarting", Warning, "was restarted 3 times, the last time 5m ago, after exit code 137 (OOMKilled)", "logs quiesce-controller-1 --previous",
		},
		"two versions": {
			func(_ *testing.T, f *Facts) {
				f.Webhook.Value.Spec.Template.Spec.Containers[0].Image = "ghcr.io/quiesce-io/quiesce:0.0.9"
			},
			"versions", Warning, "the webhook is of image ghcr.io/quiesce-io/quiesce:0.0.9", "helm upgrade",
		},
		"a plugin of another version": {
			func(_ *testing.T, f *Facts) { f.Plugin = "v0.3.0" },
			"versions", Warning, "this plugin is of version v0.3.0, and Quiesce of 0.1.0", "krew",
		},
		"nobody who leads": {
			func(_ *testing.T, f *Facts) {
				f.Lease.Value.Spec.RenewTime = new(metav1.NewMicroTime(now.Add(-2 * time.Minute)))
			},
			"controller-leads", Error, "was renewed 2m ago", "logs deployment/quiesce-controller",
		},
		"no mutating configuration": {
			func(_ *testing.T, f *Facts) { f.Mutating.Value = nil },
			"webhook-configurations", Error, "there is no MutatingWebhookConfiguration quiesce-webhook", "helm upgrade",
		},
		"a webhook taken out of its configuration": {
			func(_ *testing.T, f *Facts) { f.Validating.Value.Webhooks = f.Validating.Value.Webhooks[1:] },
			"webhook-configurations", Error, "the validating webhook library-in-use.quiesce.io is missing", "helm upgrade",
		},
		"a namespaceSelector that somebody has changed": {
			func(_ *testing.T, f *Facts) {
				podsEntry(f).NamespaceSelector.MatchExpressions[0].Values = []string{"kube-system"}
			},
			"webhook-settings", Warning, "does not leave out quiesce-system", "helm upgrade",
		},
		"a reinvocationPolicy that somebody has changed": {
			func(_ *testing.T, f *Facts) {
				podsEntry(f).ReinvocationPolicy = new(admissionregistrationv1.NeverReinvocationPolicy)
			},
			"webhook-settings", Warning, "reinvocationPolicy is Never, not IfNeeded", "helm upgrade",
		},
		"a failurePolicy that somebody has changed": {
			func(_ *testing.T, f *Facts) {
				f.Validating.Value.Webhooks[0].FailurePolicy = new(admissionregistrationv1.Ignore)
			},
			"webhook-settings", Warning, "failurePolicy is Ignore, not Fail", "helm upgrade",
		},
		"matchConditions that somebody has taken away": {
			func(_ *testing.T, f *Facts) { f.Validating.Value.Webhooks[1].MatchConditions = nil },
			"webhook-settings", Warning, `its matchConditions are [], not ["authors"]`, "helm upgrade",
		},
		"rules that somebody has changed": {
			func(_ *testing.T, f *Facts) { podsEntry(f).Rules[0].Resources = []string{"pods/status"} },
			"webhook-settings", Warning, "it is asked of CREATE of pods/status", "helm upgrade",
		},
		"a Service without endpoints": {
			func(_ *testing.T, f *Facts) { f.Endpoints.Value = nil },
			"webhook-service", Error, "has no endpoint, since its selector finds no pod", "helm upgrade",
		},
		"no caBundle": {
			func(_ *testing.T, f *Facts) { setBundle(f, nil) },
			"webhook-ca", Error, "has no caBundle", "logs deployment/quiesce-controller",
		},
		"a caBundle of another CA": {
			func(t *testing.T, f *Facts) { setBundle(f, newAuthority(t, now.Add(-day), now.Add(day*90)).pem()) },
			"webhook-ca", Error, "the caBundle is not of the CA in the Secret", "logs deployment/quiesce-controller",
		},
		"an expired CA":           {withCA(-400*day, -35*day), "webhook-ca", Error, "has expired 35d ago", "delete secret quiesce-webhook-ca"},
		"a CA that expires soon":  {withCA(-355*day, 10*day), "webhook-ca", Warning, "is valid for 10d yet", "delete secret quiesce-webhook-ca"},
		"a CA of the future":      {withCA(day, 100*day), "webhook-ca", Error, "is not valid before 2026-11-27", "delete secret quiesce-webhook-ca"},
		"an expired leaf":         {served(host, -9*day, -2*day), "webhook-certificate", Error, "its certificate has expired 2d ago", "delete pod quiesce-webhook-1"},
		"a leaf of the future":    {served(host, day, 8*day), "webhook-certificate", Error, "is not valid before 2026-11-27", "delete pod quiesce-webhook-1"},
		"a leaf for another name": {served("a.b.svc", -day, day), "webhook-certificate", Error, "is for [a.b.svc], not for " + host, "delete pod quiesce-webhook-1"},
		"a leaf that was not renewed": {
			served(host, -6*day-12*time.Hour, 12*time.Hour), "webhook-certificate", Warning, "is valid for 12h yet, and was not renewed", "delete pod",
		},
		"a leaf of another CA": {
			func(t *testing.T, f *Facts) { setBundle(f, newAuthority(t, now.Add(-day), now.Add(day*90)).pem()) },
			"webhook-certificate", Error, "of another CA than the caBundle has", "delete pod",
		},
		"a webhook that does not answer": {
			func(_ *testing.T, f *Facts) {
				f.PolicyTrial.Value = PolicyTrial{Trial: Trial{errors.New(`Internal error occurred: failed calling webhook "policies.quiesce.io": connection refused`)}}
			},
			"webhook-answers", Error, "the API server cannot ask the webhook", "logs deployment/quiesce-webhook",
		},
		"a webhook that is not asked": {
			func(_ *testing.T, f *Facts) { f.PolicyTrial.Value = PolicyTrial{} },
			"webhook-answers", Error, "the API server does not ask the webhook: a policy was tried (dry run) and taken, and nobody recorded its author", "helm upgrade",
		},
		"the webhook of somebody else, which does not answer": {
			func(_ *testing.T, f *Facts) {
				f.PolicyTrial.Value = PolicyTrial{Trial: Trial{errors.New(`Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": no quiesce.io here`)}}
			},
			"webhook-answers", Unknown, "whether the webhook answers is not known: a policy was tried (dry run) and refused: Internal", "",
		},
		"an admission policy, where nobody can tell whether the webhook was asked": {
			func(_ *testing.T, f *Facts) {
				f.PolicyTrial.Value = PolicyTrial{Trial: Trial{errors.New(`ValidatingAdmissionPolicy 'quiesce-authorship' denied request: bob lacks the right`)}}
				f.Mutating = Fact[*admissionregistrationv1.MutatingWebhookConfiguration]{Lacks: "get mutatingwebhookconfigurations"}
			},
			"webhook-answers", Unknown, "whether the webhook answers is not known", "",
		},
		"pods that are not stamped": {
			func(_ *testing.T, f *Facts) { f.StampTrial.Value.Stamped = false },
			"stamping", Error, "new pods are not stamped: one like shop/db-0 was tried", "logs deployment/quiesce-webhook",
		},
		"pods that something else refuses": {
			func(_ *testing.T, f *Facts) {
				f.StampTrial.Value.Refusal = errors.New("exceeded quota of images of registry.quiesce.io: pods")
			},
			"stamping", Unknown, "exceeded quota", "",
		},
		"pods that the webhook refuses": {
			func(_ *testing.T, f *Facts) {
				f.StampTrial.Value.Refusal = errors.New(`admission webhook "restored-pods.quiesce.io" denied the request: no`)
			},
			"stamping", Error, "new pods are refused: one like shop/db-0 was tried", "logs deployment/quiesce-webhook",
		},
		"a binding deleted": {
			func(_ *testing.T, f *Facts) { f.Bindings.Value = f.Bindings.Value[1:] },
			"admission-policies", Error, "the ValidatingAdmissionPolicyBinding quiesce-thaw is missing: sessions can be deleted", "helm upgrade",
		},
		"authors that are not checked": {
			func(_ *testing.T, f *Facts) {
				f.AdmissionPolicies.Value, f.Bindings.Value = f.AdmissionPolicies.Value[:2], f.Bindings.Value[:2]
			},
			"admission-policies", Warning, "authors are not checked", "authorship.enabled=true",
		},
		"no namespace opted in": {
			func(_ *testing.T, f *Facts) { f.Namespaces.Value = f.Namespaces.Value[1:] },
			"namespaces", Warning, "no namespace has opted in", "kubectl label namespace shop quiesce.io/hooks=enabled",
		},
		"a label with another value": {
			label(v1alpha1.HooksLabel, "true"), "namespaces", Warning, "the label quiesce.io/hooks=true of namespace bank does not opt it in", "label namespace bank",
		},
		"a label that is misspelt": {
			label("quiesce.io/hook", "enabled"), "namespaces", Warning, "the label quiesce.io/hook of namespace bank does not opt it in", "label namespace bank",
		},
		"a namespace labelled in vain": {
			func(_ *testing.T, f *Facts) {
				f.Namespaces.Value[1].Labels = map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}
			},
			"namespaces", Warning, "namespace quiesce-system is labelled in vain", "quiesce.io/hooks-",
		},
		"a policy with a mistake": {
			policy(func(p *v1alpha1.HookPolicy) { p.Spec.Selector.ContainerImages = []v1alpha1.ImagePattern{"("} }),
			"policies", Error, "HookPolicy postgres is not used", "kubectl edit hp postgres",
		},
		"a policy whose template is missing": {
			policy(func(p *v1alpha1.HookPolicy) { p.Spec.Template = &v1alpha1.TemplateUse{Name: "postgress"} }),
			"policies", Error, "postgress", "kubectl quiesce templates list",
		},
		"a policy suspended": {
			policy(func(p *v1alpha1.HookPolicy) { p.Spec.Suspend = true }),
			"policies", Warning, "HookPolicy postgres is suspended", "kubectl quiesce policies resume postgres",
		},
		"a policy of which Velero runs no hook": {
			policy(func(p *v1alpha1.HookPolicy) {
				p.Spec.Hooks[0].Exec, p.Spec.Hooks[0].Hold = nil, &v1alpha1.HoldAction{Command: []string{"x"}, ReadyPattern: "held"}
			}),
			"policies", Note, `HookPolicy "postgres": Velero's backups do not run checkpoint, which only sessions do`, "",
		},
		"a policy that matches nothing": {
			policy(func(p *v1alpha1.HookPolicy) { p.Status.MatchedPods = 0 }),
			"policies", Warning, "HookPolicy postgres matches no pod", "kubectl quiesce explain",
		},
		"a policy at which nobody has looked": {
			policy(func(p *v1alpha1.HookPolicy) { p.Generation = 2 }),
			"policies", Warning, "the status of HookPolicy postgres is of an earlier spec", "logs deployment/quiesce-controller",
		},
		"a pod without its hooks": {
			func(_ *testing.T, f *Facts) { f.AppPods.Value[0].Annotations = nil },
			"unstamped-pods", Warning, "1 pod should carry hooks and does not: shop/db-0", "logs deployment/quiesce-controller",
		},
		"a pod with hooks of a policy that is suspended": {
			policy(func(p *v1alpha1.HookPolicy) { p.Spec.Suspend = true }),
			"unstamped-pods", Warning, "1 pod carries hooks that no policy stamps any more, and that Velero runs all the same: shop/db-0", "logs deployment/quiesce-controller",
		},
		"a pod with hooks in a namespace that has opted out": {
			func(_ *testing.T, f *Facts) { f.Namespaces.Value[0].Labels = nil },
			"unstamped-pods", Warning, "1 pod carries hooks that no policy stamps any more, and that Velero runs all the same: shop/db-0", "logs deployment/quiesce-controller",
		},
		"a policy whose template may not be read, at which the controller has not looked": {
			func(_ *testing.T, f *Facts) {
				p := checkpoint("postgres")
				p.Spec.Template, p.Status.Conditions = &v1alpha1.TemplateUse{Name: "postgresql"}, nil
				setPolicies(f, p)
				f.Policies.Value.NotRead("HookTemplate")
			},
			"policies", Unknown, `whether HookPolicy postgres is used is not known: it refers to HookTemplate "postgresql", which you may not read`, "",
		},
		"a policy whose script may not be read, and which the controller does not use": {
			func(_ *testing.T, f *Facts) {
				p := checkpoint("postgres")
				p.Spec.Hooks[0].Exec, p.Spec.Hooks[0].Script = nil, &v1alpha1.ScriptAction{Name: "verify"}
				p.Status.Conditions[0].Status, p.Status.Conditions[0].Message = metav1.ConditionFalse, `there is no HookScript "verify"`
				setPolicies(f, p)
				f.Policies.Value.NotRead("HookScript")
			},
			"policies", Error, `HookPolicy postgres is not used: there is no HookScript "verify"`, "kubectl edit hp postgres",
		},
		"a thaw that is overdue": {
			session(func(s *v1alpha1.HookSession) {
				s.Status.QuiescedPods = 2
				s.Status.Window = &v1alpha1.Window{Deadline: new(metav1.NewMicroTime(now.Add(-10 * time.Minute)))}
				s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionThawed, Status: metav1.ConditionFalse, Reason: "Unreachable", Message: "db-0 cannot be reached"}}
			}),
			"overdue-thaws", Error, "session shop/nightly: 2 pods should have been thawed since 10m, and are not: Unreachable, db-0 cannot be reached",
			"kubectl quiesce thaw -n shop",
		},
		"a session at which nobody has looked": {
			session(func(s *v1alpha1.HookSession) { s.Status.Phase = "" }),
			"sessions-stuck", Error, "session shop/nightly makes no progress: in 120m no controller has looked at it", "lease/quiesce-controller",
		},
		"a session that takes too long": {
			session(func(s *v1alpha1.HookSession) {
				s.Status.Phase, s.Status.Message = v1alpha1.PhaseThawing, "waits for db-0"
			}),
			"sessions-stuck", Warning, "session shop/nightly has been Thawing for 120m: waits for db-0", "kubectl quiesce describe session nightly -n shop",
		},
		"a deletion that is held up": {
			session(func(s *v1alpha1.HookSession) {
				s.DeletionTimestamp, s.Finalizers = new(ago(5*time.Minute)), []string{v1alpha1.ThawFinalizer}
			}),
			"deletions-stuck", Warning, "session shop/nightly was deleted 5m ago, and is kept", "see https://",
		},
		"Velero down": {
			func(_ *testing.T, f *Facts) { f.Velero.Value.Deployment.Status = appsv1.DeploymentStatus{} },
			"velero", Warning, "Velero is not running", "kubectl -n velero get pods",
		},
		"no gate though a policy needs it": {
			func(_ *testing.T, f *Facts) {
				p := checkpoint("postgres")
				p.Spec.Velero.Mode = v1alpha1.VeleroSession
				setPolicies(f, p)
				f.Mutating.Value.Webhooks = f.Mutating.Value.Webhooks[1:]
			},
			"velero-gate", Error, "the gate is off", "velero.gate.enabled=true",
		},
		"a Backup that waits for too long": {
			func(_ *testing.T, f *Facts) {
				f.Velero.Value.Held = []Held{{"Backup", "velero", "nightly", now.Add(-2 * time.Hour), "waits for a free slot of Velero's"}}
			},
			"velero-held", Warning, "Backup velero/nightly has been waiting for 120m: waits for a free slot", "annotate backups.velero.io nightly",
		},
		"a controller without rights": {
			func(_ *testing.T, f *Facts) { f.ControllerLacks.Value = all([]string{"create"}, "", "pods/exec") },
			"controller-rights", Error, "the controller may not do what it must: create pods/exec", "helm upgrade",
		},
		"Secrets that the controller may not read": {
			func(_ *testing.T, f *Facts) { f.NoSecrets.Value = map[string][]string{"shop": {"hookpolicy/postgres"}} },
			"controller-secrets", Warning, "may not read Secrets of namespace shop, and hooks of hookpolicy/postgres need them", "create rolebinding quiesce-secrets-reader",
		},
		"a caller who may not write policies": {
			func(_ *testing.T, f *Facts) {
				delete(f.Mine.Value, newRight("create", "quiesce.io", "hookpolicies", ""))
			},
			"your-rights", Note, "you may not wholly use templates use|clone: it needs the right to create hookpolicies.quiesce.io", "",
		},
		"a caller with fewer rights": {
			func(_ *testing.T, f *Facts) {
				delete(f.Mine.Value, newRight("create", "quiesce.io", "hooksessions", ""))
			},
			"your-rights", Note, "you may not wholly use run: it needs the right to create hooksessions.quiesce.io in all namespaces", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := wellFacts(t)
			tt.spoil(t, facts)
			found := examine(facts)
			at := slices.IndexFunc(found, func(f Finding) bool {
				return f.Check == tt.check && f.Severity == tt.severity && strings.Contains(f.Message, tt.message)
			})
			require.GreaterOrEqual(t, at, 0, "no finding %s of %s with %q in\n%+v", tt.severity, tt.check, tt.message, found)
			if tt.do == "" {
				assert.Empty(t, found[at].Do)
			} else {
				assert.Contains(t, strings.Join(found[at].Do, "\n"), tt.do)
			}
		})
	}
}

func TestWhatMayNotBeSeenIsUnknownAndNotWrong(t *testing.T) {
	facts := &Facts{Now: now, Release: defaultRelease, Namespace: "shop", Kinds: Fact[[]string]{Value: []string{"hookpolicies"}}}
	facts.Server.Lacks, facts.Skew.Lacks, facts.CRDs.Lacks = "get /version", "get /version", "get customresourcedefinitions"
	facts.Webhook.Lacks, facts.Controller.Lacks, facts.Pods.Lacks, facts.Lease.Lacks = "a", "b", "c", "d"
	facts.Mutating.Lacks, facts.Validating.Lacks, facts.Service.Lacks, facts.Endpoints.Lacks = "a", "b", "c", "d"
	facts.CA.Lacks, facts.Served.Lacks, facts.AdmissionPolicies.Lacks, facts.Bindings.Lacks = "a", "b", "c", "d"
	facts.PolicyTrial.Lacks, facts.StampTrial.Lacks, facts.Namespaces.Lacks, facts.Policies.Lacks = "a", "b", "c", "d"
	facts.AppPods.Lacks, facts.Sessions.Lacks, facts.Velero.Lacks, facts.Mine.Lacks = "a", "b", "c", "d"
	facts.ControllerLacks.Lacks, facts.NoSecrets.Lacks = "a", "b"
	facts.Kinds.Value = []string{"hookpolicies", "hookruns", "hookscripts", "hooksessions", "hooktemplates", "namespacedhookpolicies"}
	found := examine(facts)
	require.NotEmpty(t, found)
	for _, finding := range found {
		assert.Contains(t, []Severity{Unknown, OK}, finding.Severity, "%s: %s", finding.Check, finding.Message)
		assert.Contains(t, finding.Message, "needs the right to")
	}
}

func TestWithoutQuiesceOneFindingSaysSo(t *testing.T) {
	facts := wellFacts(t)
	*facts = Facts{Now: now, Server: facts.Server}
	var wrong []string
	for _, finding := range examine(facts) {
		if finding.Severity != OK {
			wrong = append(wrong, finding.Message)
		}
	}
	assert.Equal(t, []string{"Quiesce is not installed: none of its CRDs is there"}, wrong)
}

func TestAPolicyWhoseTemplateMayNotBeReadIsInUseWhereTheControllerSaysSo(t *testing.T) {
	facts := wellFacts(t)
	policy := checkpoint("postgres")
	policy.Spec.Template = &v1alpha1.TemplateUse{Name: "postgresql"}
	setPolicies(facts, policy)
	facts.Policies.Value.NotRead("HookTemplate")
	for _, finding := range examine(facts) {
		assert.NotContains(t, []Severity{Error, Unknown}, finding.Severity, finding.Message)
	}
}

func TestHooksAreNotTooManyWhereItIsNotKnownHowQuiesceIsSetUp(t *testing.T) {
	facts := wellFacts(t)
	facts.Controller, facts.Webhook = Fact[*appsv1.Deployment]{Lacks: "get deployments"}, Fact[*appsv1.Deployment]{Lacks: "get deployments"}
	setPolicies(facts)
	assert.Equal(t, stamps{}, facts.stamps())
}
