package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const command = "pre.hook.backup.velero.io/command"

// optedIn creates a namespace that takes part. envtest has no controller that would remove it, so each has its own name.
func optedIn(t *testing.T, labels map[string]string) string {
	t.Helper()
	all := map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}
	for key, value := range labels {
		all[key] = value
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-", Labels: all}}
	require.NoError(t, api.Create(t.Context(), namespace))
	return namespace.Name
}

// flushPolicy selects pods labelled app=NAME.
func flushPolicy(name string) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.HookPolicySpec{
			Selector: v1alpha1.PolicySelector{LabelSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": v1alpha1.LabelValue(name)}}},
			Hooks: []v1alpha1.Hook{{
				Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot},
				Exec: &v1alpha1.ExecAction{Command: []string{"flush", name}},
			}},
		},
	}
}

func appPod(namespace, app string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: app + "-", Namespace: namespace, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "quiesce.test/none:1"}}},
	}
}

// tryPod creates a pod without keeping it, and returns it as it would be.
func tryPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod = pod.DeepCopy()
	return pod, api.Create(ctx, pod, client.DryRunAll)
}

func waitStamped(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	var created *corev1.Pod
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error
		created, err = tryPod(t.Context(), pod)
		require.NoError(c, err)
		require.NotEmpty(c, created.Annotations[command])
	}, patience, tick)
	return created
}

func waitCondition(t *testing.T, policy *v1alpha1.HookPolicy, kind string, status metav1.ConditionStatus, reason string) *metav1.Condition {
	t.Helper()
	var condition *metav1.Condition
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
		condition = meta.FindStatusCondition(policy.Status.Conditions, kind)
		require.NotNil(c, condition)
		require.Equal(c, status, condition.Status)
		require.Equal(c, reason, condition.Reason)
		require.Equal(c, policy.Generation, condition.ObservedGeneration)
	}, patience, tick)
	return condition
}

// One cluster, in which both programs run with their own rights, for all that follows.
func TestAdmission(t *testing.T) {
	// From before there was a webhook to refuse it.
	broken := unusable("broken")
	create(t, broken)
	startController(t)
	webhook := startWebhook(t)
	waitReady(t, webhook)
	waitAuthoring(t)
	namespace := optedIn(t, map[string]string{"team": "web"})
	policy := flushPolicy("nginx")
	create(t, policy)

	t.Run("a pod is stamped, and the policy says so", func(t *testing.T) {
		waitStamped(t, appPod(namespace, "nginx"))
		pod := appPod(namespace, "nginx")
		create(t, pod)
		assert.Equal(t, map[string]string{
			command:                               `["flush","nginx"]`,
			"pre.hook.backup.velero.io/container": "app",
			"pre.hook.backup.velero.io/on-error":  "Fail",
			"pre.hook.backup.velero.io/timeout":   "30s",
			v1alpha1.StampAnnotation:              pod.Annotations[v1alpha1.StampAnnotation],
		}, pod.Annotations)
		waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
			require.Equal(c, "PreSnapshot", policy.Status.Stages)
			require.EqualValues(c, 1, policy.Status.MatchedPods)
			require.EqualValues(c, 1, policy.Status.StampedPods)
			require.Equal(c, policy.Generation, policy.Status.ObservedGeneration)
		}, patience, tick)
	})

	t.Run("pods of all shapes are stamped and changed nowhere else", func(t *testing.T) {
		for name, change := range map[string]func(*corev1.Pod){
			"no annotations": func(*corev1.Pod) {},
			"a name":         func(p *corev1.Pod) { p.GenerateName, p.Name = "", "named" },
			"keys to escape": func(p *corev1.Pod) { p.Annotations = map[string]string{"a.io/b": "~1/~0 \"\n"} },
			"two containers": func(p *corev1.Pod) {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "second", Image: "x"})
			},
			"init containers": func(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "x"}} },
			"1 MiB": func(p *corev1.Pod) {
				for i := range 1000 {
					p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprintf("E%d", i), Value: strings.Repeat("x", 1000)})
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				pod := appPod(namespace, "nginx")
				change(pod)
				stamped, err := tryPod(t.Context(), pod)
				require.NoError(t, err)
				require.NotEmpty(t, stamped.Annotations[command])
				plain := pod.DeepCopy()
				plain.Labels["app"] = "of-no-policy"
				plain, err = tryPod(t.Context(), plain)
				require.NoError(t, err)
				require.Empty(t, plain.Annotations[command])
				for _, key := range []string{"command", "container", "on-error", "timeout"} {
					delete(stamped.Annotations, v1alpha1.VeleroPrePrefix+key)
				}
				delete(stamped.Annotations, v1alpha1.StampAnnotation)
				assert.Len(t, stamped.Annotations, len(plain.Annotations))
				assert.Subset(t, stamped.Annotations, plain.Annotations)
				assert.Equal(t, plain.Spec, stamped.Spec)
			})
		}
	})

	t.Run("a dry run shows the stamp and leaves nothing behind", func(t *testing.T) {
		pod := appPod(namespace, "nginx")
		pod.GenerateName, pod.Name = "", "dry"
		stamped, err := tryPod(t.Context(), pod)
		require.NoError(t, err)
		assert.NotEmpty(t, stamped.Annotations[command])
		assert.True(t, apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)))
	})

	t.Run("a namespace that has not opted in is left alone", func(t *testing.T) {
		other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "other-"}}
		require.NoError(t, api.Create(t.Context(), other))
		created, err := tryPod(t.Context(), appPod(other.Name, "nginx"))
		require.NoError(t, err)
		assert.Empty(t, created.Annotations)
	})

	t.Run("a namespace is selected by its labels", func(t *testing.T) {
		byLabel := flushPolicy("by-label")
		byLabel.Spec.Selector.NamespaceSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"team": "web"}}
		create(t, byLabel)
		waitStamped(t, appPod(namespace, "by-label"))
		created, err := tryPod(t.Context(), appPod(optedIn(t, map[string]string{"team": "data"}), "by-label"))
		require.NoError(t, err)
		assert.Empty(t, created.Annotations)
	})

	t.Run("a pod whose user owns an annotation is left alone, and the policy says so", func(t *testing.T) {
		owned := flushPolicy("owned")
		create(t, owned)
		waitStamped(t, appPod(namespace, "owned"))
		pod := appPod(namespace, "owned")
		pod.Annotations = map[string]string{"post.hook.backup.velero.io/command": "mine"}
		create(t, pod)
		assert.Equal(t, map[string]string{"post.hook.backup.velero.io/command": "mine"}, pod.Annotations)
		condition := waitCondition(t, owned, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonUserOwned)
		assert.Contains(t, condition.Message, namespace+"/"+pod.Name)
	})

	t.Run("a container that the pod lacks is told, and the pod is untouched", func(t *testing.T) {
		lacking := flushPolicy("lacking")
		lacking.Spec.Hooks[0].Container = "db"
		create(t, lacking)
		waitCondition(t, lacking, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
		pod := appPod(namespace, "lacking")
		create(t, pod)
		assert.Empty(t, pod.Annotations)
		condition := waitCondition(t, lacking, v1alpha1.ConditionStampable, metav1.ConditionFalse, v1alpha1.ReasonContainerNotFound)
		assert.Contains(t, condition.Message, fmt.Sprintf(`pod %s/%s has no container "db", which hook "flush" names`, namespace, pod.Name))

		require.NoError(t, api.Delete(t.Context(), pod, client.GracePeriodSeconds(0)))
		waitCondition(t, lacking, v1alpha1.ConditionStampable, metav1.ConditionTrue, v1alpha1.ReasonStampable)
	})

	t.Run("a policy that cannot be used says why, and is used once mended", func(t *testing.T) {
		condition := waitCondition(t, broken, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
		assert.Contains(t, condition.Message, "spec.selector.labelSelector: ")
		raw := &unstructured.Unstructured{}
		raw.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("HookPolicy"))
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(broken), raw))
		counts, _, err := unstructured.NestedMap(raw.Object, "status")
		require.NoError(t, err)
		assert.EqualValues(t, 0, counts["matchedPods"], "printed as 0 and not left blank")
		assert.EqualValues(t, 0, counts["stampedPods"], "printed as 0 and not left blank")

		broken.Spec.Selector.LabelSelector.MatchExpressions = nil
		require.NoError(t, api.Update(t.Context(), broken))
		waitCondition(t, broken, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
		waitStamped(t, appPod(namespace, "broken"))
	})

	t.Run("a suspended policy stamps nothing", func(t *testing.T) {
		suspended := flushPolicy("suspended")
		create(t, suspended)
		waitStamped(t, appPod(namespace, "suspended"))
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(suspended), suspended))
		suspended.Spec.Suspend = true
		require.NoError(t, api.Update(t.Context(), suspended))
		waitCondition(t, suspended, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			created, err := tryPod(t.Context(), appPod(namespace, "suspended"))
			require.NoError(c, err)
			require.Empty(c, created.Annotations)
		}, patience, tick)
	})

	t.Run("a pod of 2 MiB is left alone, with a warning and no denial", func(t *testing.T) {
		pod := appPod(namespace, "nginx")
		for i := range 2100 {
			pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprintf("E%d", i), Value: strings.Repeat("x", 1000)})
		}
		created, err := tryPod(t.Context(), pod) // a dry run, since etcd itself takes no pod of this size
		require.NoError(t, err)
		assert.Empty(t, created.Annotations)
	})

	t.Run("fields that no client library knows survive", func(t *testing.T) {
		pod := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Pod",
			"metadata": map[string]any{"generateName": "unknown-", "namespace": namespace, "labels": map[string]any{"app": "nginx"}},
			"spec": map[string]any{"futureField": map[string]any{"a": int64(1)},
				"containers": []any{map[string]any{"name": "app", "image": "x", "newThing": true}}},
		}}
		// The API server drops what it does not know before it calls us; that it takes our answer is what shows here.
		require.NoError(t, api.Create(t.Context(), pod, client.DryRunAll))
		assert.NotEmpty(t, pod.GetAnnotations()[command])
	})

	t.Run("told to stop, the webhook fails readiness, goes on serving for a while, and ends well", func(t *testing.T) {
		failures := atomic.Int32{}
		ctx, stop := context.WithCancel(t.Context())
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			for ctx.Err() == nil && webhook.ready() == nil {
				if created, err := tryPod(ctx, appPod(namespace, "nginx")); ctx.Err() == nil && (err != nil || created.Annotations[command] == "") {
					failures.Add(1)
				}
			}
		}()
		require.NoError(t, webhook.Process.Signal(syscall.SIGTERM))
		<-finished
		stop()
		require.Error(t, webhook.ready())
		created, err := tryPod(t.Context(), appPod(namespace, "nginx"))
		require.NoError(t, err)
		assert.NotEmpty(t, created.Annotations[command], "unready, but still serving")
		assert.Zero(t, failures.Load())
		select {
		case <-webhook.exited:
		case <-time.After(patience):
			t.Fatal("the webhook has not ended")
		}
		assert.Zero(t, webhook.ProcessState.ExitCode())
	})

	t.Run("without a webhook, pods are created all the same", func(t *testing.T) {
		created, err := tryPod(t.Context(), appPod(namespace, "nginx"))
		require.NoError(t, err)
		assert.Empty(t, created.Annotations)
	})
}

func TestTheWebhookIsNotReadyBeforeItHasACertificate(t *testing.T) {
	webhook := startWebhook(t)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.ErrorContains(c, webhook.ready(), "500") // it answers, and says no
	}, patience, tick)
	startController(t)
	waitReady(t, webhook)
}

func TestOnceBothAreReadyTheFirstPodIsStamped(t *testing.T) {
	namespace := optedIn(t, nil)
	create(t, flushPolicy("first"))
	controller, webhook := startController(t), startWebhook(t)
	waitReady(t, webhook)
	waitReady(t, controller)
	require.NotEmpty(t, caBundle(t))
	created, err := tryPod(t.Context(), appPod(namespace, "first"))
	require.NoError(t, err)
	assert.NotEmpty(t, created.Annotations[command])
}

func TestBothCAsAreTrustedDuringARotation(t *testing.T) {
	startController(t)
	webhook := startWebhook(t)
	waitReady(t, webhook)
	waitAuthoring(t)
	namespace := optedIn(t, nil)
	create(t, flushPolicy("rotated"))
	waitStamped(t, appPod(namespace, "rotated"))
	before := caBundle(t)

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook-ca", Namespace: release}}
	require.NoError(t, api.Delete(t.Context(), secret))
	rotated, signed := false, false
	for deadline := time.Now().Add(2 * patience); !signed; {
		require.True(t, time.Now().Before(deadline), "the webhook must serve a certificate of the new CA in the end")
		bundle := caBundle(t)
		if !rotated && bundle != before {
			require.True(t, strings.HasSuffix(bundle, before), "the old CA stays behind the new one")
			rotated = true
		}
		// A fresh connection each time: the API server keeps the one that it has.
		require.NoError(t, dial(webhook, bundle), "what the caBundle says must be trusted at every moment")
		signed = rotated && dial(webhook, strings.TrimSuffix(bundle, before)) == nil
		created, err := tryPod(t.Context(), appPod(namespace, "rotated"))
		require.NoError(t, err)
		require.NotEmpty(t, created.Annotations[command], "a pod must be stamped at every moment of the rotation")
	}
}

// dial connects to the webhook as the API server does, trusting a bundle and nothing else.
func dial(webhook *program, bundle string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(bundle))
	connection, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(webhook.port)),
		&tls.Config{RootCAs: roots, ServerName: "quiesce-webhook." + release + ".svc"})
	if err != nil {
		return err
	}
	return connection.Close()
}

func caBundle(t *testing.T) string {
	t.Helper()
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	require.NoError(t, api.Get(t.Context(), types.NamespacedName{Name: "quiesce-webhook"}, &configuration))
	return string(configuration.Webhooks[0].ClientConfig.CABundle)
}
