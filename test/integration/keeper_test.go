package integration

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// bothSides selects pods labelled app=NAME, and has a hook on each side. Without a shell, so that the commands are plain.
func bothSides(name string) *v1alpha1.HookPolicy {
	policy := flushPolicy(name)
	policy.Spec.Shell = v1alpha1.NoShell
	policy.Spec.Hooks = append(policy.Spec.Hooks, v1alpha1.Hook{
		Name: "thaw", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"thaw", name}},
	})
	return policy
}

// waitAnnotations waits until a pod has what a test wants.
func waitAnnotations(t *testing.T, pod *corev1.Pod, want func(c *assert.CollectT, annotations map[string]string)) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var now corev1.Pod
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(pod), &now))
		want(c, now.Annotations)
	}, patience, tick)
}

func waitCommand(t *testing.T, pod *corev1.Pod, want string) {
	t.Helper()
	waitAnnotations(t, pod, func(c *assert.CollectT, annotations map[string]string) { require.Equal(c, want, annotations[command]) })
}

// waitExactly waits until a pod has these annotations and no other.
func waitExactly(t *testing.T, pod *corev1.Pod, want map[string]string) {
	t.Helper()
	waitAnnotations(t, pod, func(c *assert.CollectT, annotations map[string]string) {
		require.Equal(c, len(want), len(annotations), "%v", annotations) //nolint:testifylint // what is too many is shown
		require.Subset(c, annotations, want)
	})
}

// change changes an object, whatever others do to it in the meantime.
func change(t *testing.T, object client.Object, what string) {
	t.Helper()
	require.NoError(t, api.Patch(t.Context(), object, merged(what)))
}

// parallel does something for each of some numbers, many at once.
func parallel(t *testing.T, count int, do func(i int) error) {
	t.Helper()
	errs := make(chan error, count)
	var group sync.WaitGroup
	numbers := make(chan int)
	for range 16 {
		group.Go(func() {
			for i := range numbers {
				errs <- do(i)
			}
		})
	}
	for i := range count {
		numbers <- i
	}
	close(numbers)
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

// somePods creates pods of an app, and deletes them when the test ends.
func somePods(t *testing.T, namespace, app string, count int) []*corev1.Pod {
	t.Helper()
	pods := make([]*corev1.Pod, count)
	parallel(t, count, func(i int) error {
		pods[i] = appPod(namespace, app)
		return api.Create(t.Context(), pods[i])
	})
	t.Cleanup(func() {
		assert.NoError(t, api.DeleteAllOf(context.Background(), &corev1.Pod{}, client.InNamespace(namespace),
			client.MatchingLabels{"app": app}, client.GracePeriodSeconds(0)))
	})
	return pods
}

// commands counts the pods of an app by their pre command.
func commands(ctx context.Context, namespace, app string) (map[string]int, error) {
	var list corev1.PodList
	if err := api.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{"app": app}); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for i := range list.Items {
		counts[list.Items[i].Annotations[command]]++
	}
	return counts, nil
}

func waitCommands(t *testing.T, namespace, app string, want map[string]int) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		got, err := commands(t.Context(), namespace, app)
		require.NoError(c, err)
		require.Equal(c, want, got)
	}, patience, tick)
}

// The controller alone, as where the webhook is down.
func TestRunningPodsAreKeptRight(t *testing.T) {
	controller := startController(t)
	waitHealthy(t, controller)

	t.Run("a pod that the webhook did not see is stamped, and carries what its user wrote", func(t *testing.T) {
		namespace := optedIn(t, nil)
		create(t, bothSides("unseen"))
		pod := appPod(namespace, "unseen")
		pod.Annotations = map[string]string{"example.com/note": "kept\n~/"}
		create(t, pod)
		waitAnnotations(t, pod, func(c *assert.CollectT, annotations map[string]string) {
			require.Len(c, annotations, 10)
			require.Equal(c, "kept\n~/", annotations["example.com/note"])
			require.Equal(c, `["flush","unseen"]`, annotations[command])
			require.Equal(c, `["thaw","unseen"]`, annotations["post.hook.backup.velero.io/command"])
		})
	})

	t.Run("pods follow their policy: an edit, a suspension, a deletion", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := bothSides("follow")
		create(t, policy)
		pods := somePods(t, namespace, "follow", 50)
		waitCommands(t, namespace, "follow", map[string]int{`["flush","follow"]`: 50})
		waitCondition(t, policy, v1alpha1.ConditionStampable, metav1.ConditionTrue, v1alpha1.ReasonUnguarded)

		edit := func(spec string) { change(t, policy, `{"spec":`+spec+`}`) }
		edit(`{"hooks":[{"name":"flush","stages":["PreSnapshot"],"exec":{"command":["flush","anew"]}}]}`)
		waitCommands(t, namespace, "follow", map[string]int{`["flush","anew"]`: 50})
		waitAnnotations(t, pods[0], func(c *assert.CollectT, annotations map[string]string) {
			require.Len(c, annotations, 5, "the side that is no more has gone")
		})
		edit(`{"suspend":true}`)
		waitExactly(t, pods[49], nil)
		waitCommands(t, namespace, "follow", map[string]int{"": 50})
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
			require.Zero(c, policy.Status.StampedPods)
		}, patience, tick)
		waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
		edit(`{"suspend":false}`)
		waitCommands(t, namespace, "follow", map[string]int{`["flush","anew"]`: 50})
		condition := waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			condition = waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
			require.Equal(c, "In use; 50 of 50 matching pods stamped", condition.Message)
		}, patience, tick)
		require.NoError(t, api.Delete(t.Context(), policy))
		waitCommands(t, namespace, "follow", map[string]int{"": 50})
	})

	t.Run("a pod follows its labels and its opt-outs", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := bothSides("labels")
		create(t, policy)
		pod := appPod(namespace, "labels")
		create(t, pod)
		waitCommand(t, pod, `["flush","labels"]`)
		change(t, pod, `{"metadata":{"labels":{"app":"other"}}}`)
		waitExactly(t, pod, nil)
		change(t, pod, `{"metadata":{"labels":{"app":"labels"}}}`)
		waitCommand(t, pod, `["flush","labels"]`)
		change(t, pod, `{"metadata":{"annotations":{"quiesce.io/skip":"true"}}}`)
		waitExactly(t, pod, map[string]string{v1alpha1.SkipAnnotation: "true"})
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			condition := waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
			require.Equal(c, "In use; 0 of 1 matching pods stamped; opted out by annotation: 1", condition.Message)
		}, patience, tick)
		change(t, pod, `{"metadata":{"annotations":{"quiesce.io/skip":null,"quiesce.io/skip-policies":"a, other"}}}`)
		waitCommand(t, pod, `["flush","labels"]`)
		change(t, pod, `{"metadata":{"annotations":{"quiesce.io/skip-policies":"labels"}}}`)
		waitExactly(t, pod, map[string]string{v1alpha1.SkipPoliciesAnnotation: "labels"})
	})

	t.Run("pods follow the label of their namespace", func(t *testing.T) {
		namespace := optedIn(t, map[string]string{"team": "web"})
		policy := bothSides("namespace")
		policy.Spec.Selector.NamespaceSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"team": "web"}}
		create(t, policy)
		pod := appPod(namespace, "namespace")
		create(t, pod)
		object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		for _, label := range []string{v1alpha1.HooksLabel, "team"} {
			waitCommand(t, pod, `["flush","namespace"]`)
			require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
			before := object.Labels[label]
			change(t, object, fmt.Sprintf(`{"metadata":{"labels":{%q:null}}}`, label))
			waitExactly(t, pod, nil)
			change(t, object, fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, label, before))
		}
		waitCommand(t, pod, `["flush","namespace"]`)
	})

	t.Run("a policy of the namespace stamps its pods, and no others", func(t *testing.T) {
		namespace, other := optedIn(t, nil), optedIn(t, nil)
		policy := namespaced(bothSides("own"), namespace)
		create(t, policy)
		pod, strange := appPod(namespace, "own"), appPod(other, "own")
		create(t, strange)
		create(t, pod)
		waitCommand(t, pod, `["flush","own"]`)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
			require.EqualValues(c, 1, policy.Status.MatchedPods)
			require.EqualValues(c, 1, policy.Status.StampedPods)
			require.Equal(c, "PreSnapshot,PostSnapshot", policy.Status.Stages)
		}, patience, tick)
		waitExactly(t, strange, nil)
		require.NoError(t, api.Delete(t.Context(), policy))
		waitExactly(t, pod, nil)
	})

	t.Run("a value that somebody edits is his from then on, and the other side goes", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := bothSides("edited")
		create(t, policy)
		pod := appPod(namespace, "edited")
		create(t, pod)
		waitCommand(t, pod, `["flush","edited"]`)
		change(t, pod, `{"metadata":{"annotations":{"pre.hook.backup.velero.io/timeout":"77s"}}}`)
		mine := map[string]string{
			command:                               `["flush","edited"]`,
			"pre.hook.backup.velero.io/container": "app",
			"pre.hook.backup.velero.io/on-error":  "Fail",
			"pre.hook.backup.velero.io/timeout":   "77s",
		}
		waitExactly(t, pod, mine)
		condition := waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonUserOwned)
		assert.Contains(t, condition.Message, namespace+"/"+pod.Name)
		change(t, policy, `{"spec":{"priority":7}}`)
		waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonUserOwned)
		waitExactly(t, pod, mine)

		var events eventsv1.EventList
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.List(t.Context(), &events, client.InNamespace(metav1.NamespaceDefault)))
			found := 0
			for i := range events.Items {
				if event := &events.Items[i]; event.Regarding.Name == "edited" && event.Reason == v1alpha1.ReasonUserOwned {
					found++
					require.Equal(c, corev1.EventTypeWarning, event.Type)
					require.Contains(c, event.Note, namespace+"/"+pod.Name)
				}
			}
			require.Equal(c, 1, found, "told once")
		}, patience, tick)
	})

	t.Run("a stamp that a backup brings back from the past is brought up to date", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := bothSides("restored")
		create(t, policy)
		first := appPod(namespace, "restored")
		create(t, first)
		waitCommand(t, first, `["flush","restored"]`)
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(first), first))
		past := maps.Clone(first.Annotations)
		change(t, policy, `{"spec":{"hooks":[{"name":"flush","stages":["PreSnapshot"],"exec":{"command":["later"]}}]}}`)
		waitCommand(t, first, `["later"]`)
		restored := appPod(namespace, "restored")
		restored.Annotations = past
		create(t, restored)
		waitCommand(t, restored, `["later"]`)
		foreign := appPod(namespace, "of-no-policy")
		foreign.Annotations = past
		create(t, foreign)
		waitExactly(t, foreign, nil)
	})

	t.Run("pods that go, and a namespace that opts out, in the middle of a change", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := bothSides("middle")
		create(t, policy)
		pods := somePods(t, namespace, "middle", 150)
		waitCommands(t, namespace, "middle", map[string]int{`["flush","middle"]`: 150})
		change(t, policy, `{"spec":{"hooks":[{"name":"flush","stages":["PreSnapshot"],"exec":{"command":["later"]}}]}}`)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			counts, err := commands(t.Context(), namespace, "middle")
			require.NoError(c, err)
			require.NotZero(c, counts[`["later"]`])
		}, patience, tick)
		parallel(t, 50, func(i int) error { return api.Delete(t.Context(), pods[i*3], client.GracePeriodSeconds(0)) })
		object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		change(t, object, `{"metadata":{"labels":{"quiesce.io/hooks":null}}}`)
		waitCommands(t, namespace, "middle", map[string]int{"": 100})
	})

	t.Run("what the API server does not take is told in its words, and tried again", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := bothSides("rejected")
		pod := appPod(namespace, "rejected")
		create(t, pod)
		guard := forbidUpdates(t, namespace)
		create(t, policy)
		condition := waitCondition(t, policy, v1alpha1.ConditionStampable, metav1.ConditionFalse, v1alpha1.ReasonRejected)
		assert.Contains(t, condition.Message, "the annotations of pod "+namespace+"/"+pod.Name+" cannot be changed: ")
		assert.Contains(t, condition.Message, "nobody touches pods here")
		require.NoError(t, api.Delete(t.Context(), guard))
		waitCommand(t, pod, `["flush","rejected"]`)
		waitCondition(t, policy, v1alpha1.ConditionStampable, metav1.ConditionTrue, v1alpha1.ReasonUnguarded)
	})
	assert.NotContains(t, controller.told(), "panic")
}

// forbidUpdates keeps everybody from changing pods of a namespace, and returns what to delete to allow it again.
func forbidUpdates(t *testing.T, namespace string) client.Object {
	t.Helper()
	name := metav1.ObjectMeta{Name: "untouched-" + namespace}
	create(t, &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: name, Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionregistrationv1.RuleWithOperations{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			},
		}}},
		Validations: []admissionregistrationv1.Validation{{Expression: "false", Message: "nobody touches pods here"}},
	}})
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName:        name.Name,
		ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		MatchResources: &admissionregistrationv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
			MatchLabels: map[string]string{v1alpha1.NamespaceNameLabel: namespace}}},
	}}
	create(t, binding)
	probe := appPod(namespace, "probe")
	create(t, probe)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.ErrorContains(c, api.Patch(t.Context(), probe, merged(`{"metadata":{"labels":{"x":"y"}}}`), client.DryRunAll), "nobody touches")
	}, patience, tick)
	return binding
}

func TestAControllerKilledInTheMiddleOfARestampFinishesOnceStartedAgain(t *testing.T) {
	namespace := optedIn(t, nil)
	policy := bothSides("killed")
	create(t, policy)
	somePods(t, namespace, "killed", 300)
	controller := startController(t, "--stamps-per-second=100")
	waitCommands(t, namespace, "killed", map[string]int{`["flush","killed"]`: 300})

	change(t, policy, `{"spec":{"hooks":[{"name":"flush","stages":["PreSnapshot"],"exec":{"command":["later"]}}]}}`)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		counts, err := commands(t.Context(), namespace, "killed")
		require.NoError(c, err)
		require.NotZero(c, counts[`["later"]`])
	}, patience, tick)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	counts, err := commands(t.Context(), namespace, "killed")
	require.NoError(t, err)
	require.NotZero(t, counts[`["flush","killed"]`], "killed too late for this test to say anything")
	controller.again(t)
	waitCommands(t, namespace, "killed", map[string]int{`["later"]`: 300})
}

func TestAThousandPoliciesInASecond(t *testing.T) {
	const count = 1000
	namespace := optedIn(t, nil)
	metrics := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	controller := startController(t, "--metrics-bind-address="+metrics)
	waitHealthy(t, controller)
	first, last := appPod(namespace, "burst-0"), appPod(namespace, fmt.Sprintf("burst-%d", count-1))
	create(t, first)
	create(t, last)
	before := metric(t, metrics, "quiesce_policies_compile_duration_seconds_count")
	t.Cleanup(func() {
		assert.NoError(t, api.DeleteAllOf(context.Background(), &v1alpha1.HookPolicy{}, client.MatchingLabels{"burst": "1"}))
	})
	parallel(t, count, func(i int) error {
		policy := bothSides(fmt.Sprintf("burst-%d", i))
		policy.Labels = map[string]string{"burst": "1"}
		return api.Create(t.Context(), policy)
	})
	waitCommand(t, first, `["flush","burst-0"]`)
	waitCommand(t, last, fmt.Sprintf(`["flush","burst-%d"]`, count-1))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var list v1alpha1.HookPolicyList
		require.NoError(c, api.List(t.Context(), &list, client.MatchingLabels{"burst": "1"}))
		without := 0
		for i := range list.Items {
			if list.Items[i].Status.ObservedGeneration == 0 {
				without++
			}
		}
		require.Zero(c, without, "each has a status")
	}, patience, tick)
	compiled := metric(t, metrics, "quiesce_policies_compile_duration_seconds_count") - before
	t.Logf("%d policies, %v compilations", count, compiled)
	assert.Less(t, compiled, float64(count/5))
	assert.InDelta(t, count, metric(t, metrics, `quiesce_policies{state="ready"}`), 0)
	assert.InDelta(t, 2, metric(t, metrics, `quiesce_pods{state="stamped"}`), 0)
}

// metric reads one from a program's endpoint.
func metric(t *testing.T, address, name string) float64 {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for line := range strings.Lines(string(body)) {
		var value float64
		if rest, found := strings.CutPrefix(line, name+" "); found {
			_, err := fmt.Sscan(rest, &value)
			require.NoError(t, err)
			return value
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
