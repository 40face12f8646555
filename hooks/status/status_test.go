package status

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

func hook(name, container string, stages ...v1alpha1.Stage) v1alpha1.Hook {
	return v1alpha1.Hook{
		Name: name, Stages: stages, Container: container, OnError: v1alpha1.Fail,
		Timeout: v1alpha1.Duration{Duration: time.Second}, Exec: &v1alpha1.ExecAction{Command: []string{name}},
	}
}

func policyOf(name string, priority int32, hooks ...v1alpha1.Hook) policies.Policy {
	return policies.Policy{
		Ref: match.Ref{Name: name}, UID: types.UID(name), Generation: 7,
		Spec: &v1alpha1.HookPolicySpec{Priority: priority, Hooks: hooks},
	}
}

func setOf(t *testing.T, options stamp.Options, list ...policies.Policy) *policies.Set {
	t.Helper()
	var sources []match.Source
	for _, policy := range list {
		sources = append(sources, match.Source{Ref: policy.Ref, Spec: policy.Spec})
	}
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	return &policies.Set{Compiled: stamp.New(index, options), Policies: list}
}

// found is what a survey finds of a pod in the namespace shop.
func found(set *policies.Set, name string, annotations map[string]string, containers ...string) keeper.Finding {
	pod := stamp.Pod{Annotations: annotations}
	for _, container := range containers {
		pod.Containers = append(pod.Containers, match.Container{Name: container})
	}
	decision := set.Compiled.Decide(match.Namespace{Name: "shop"}, pod)
	return keeper.Finding{
		NamespacedName: types.NamespacedName{Namespace: "shop", Name: name},
		Carried:        stamp.Carried("shop", annotations),
		Outcomes:       decision.Outcomes,
		Pending:        len(decision.Set)+len(decision.Remove) > 0,
	}
}

func carrying(set *policies.Set, containers ...string) map[string]string {
	pod := stamp.Pod{}
	for _, container := range containers {
		pod.Containers = append(pod.Containers, match.Container{Name: container})
	}
	return set.Compiled.Decide(match.Namespace{Name: "shop"}, pod).Set
}

// reported is the status of a policy after a survey.
func reported(set *policies.Set, name string, pods ...keeper.Finding) v1alpha1.HookPolicyStatus {
	tallies := add(&keeper.Survey{Set: set, Pods: pods})
	for i := range set.Policies {
		if policy := &set.Policies[i]; policy.Name == name {
			tally := tallies[policy.Ref]
			if tally == nil {
				tally = none
			}
			return report(policy, &v1alpha1.HookPolicyStatus{}, tally)
		}
	}
	return v1alpha1.HookPolicyStatus{}
}

func condition(t *testing.T, status v1alpha1.HookPolicyStatus, kind string) *metav1.Condition {
	t.Helper()
	condition := meta.FindStatusCondition(status.Conditions, kind)
	require.NotNil(t, condition, kind)
	assert.Less(t, len(condition.Message), 32<<10)
	assert.True(t, utf8.ValidString(condition.Message))
	return condition
}

func TestReadySaysHowManyPodsCarryThePolicy(t *testing.T) {
	set := setOf(t, stamp.Options{}, policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot)))
	now := carrying(set, "db")
	skipped := map[string]string{v1alpha1.SkipAnnotation: "true"}
	status := reported(set, "p",
		found(set, "a", now, "db"), found(set, "b", now, "db"), found(set, "new", nil, "db"), found(set, "out", skipped, "db"))
	assert.EqualValues(t, 4, status.MatchedPods)
	assert.EqualValues(t, 2, status.StampedPods)
	assert.EqualValues(t, 7, status.ObservedGeneration)
	assert.Equal(t, "PreSnapshot", status.Stages)
	ready := condition(t, status, v1alpha1.ConditionReady)
	assert.Equal(t, metav1.ConditionTrue, ready.Status)
	assert.Equal(t, v1alpha1.ReasonInUse, ready.Reason)
	assert.EqualValues(t, 7, ready.ObservedGeneration)
	assert.Equal(t, "In use; 2 of 4 matching pods stamped; opted out by annotation: 1; about to be changed: 1", ready.Message)
	assert.Equal(t, v1alpha1.ReasonStampable, condition(t, status, v1alpha1.ConditionStampable).Reason)
	assert.Equal(t, v1alpha1.ReasonNoConflict, condition(t, status, v1alpha1.ConditionConflicted).Reason)
	assert.Equal(t, []v1alpha1.NotStamped{{Reason: v1alpha1.ReasonSkipped, Pod: "shop/out", Pods: 1, Message: "pod shop/out opted out by annotation"}}, status.NotStamped)
}

func TestAPolicyThatIsNotInUseSaysWhy(t *testing.T) {
	suspended := policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot))
	suspended.Spec.Suspend = true
	invalid := policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot))
	invalid.Refusal = errors.New("spec.selector.labelSelector: what to write " + strings.Repeat("é", 60_000))
	tests := map[string]struct {
		policy  policies.Policy
		found   *tally
		reason  string
		message string
	}{
		"suspended":                    {suspended, none, v1alpha1.ReasonSuspended, "spec.suspend is true: pods carry no hooks of this policy"},
		"suspended, and still on pods": {suspended, &tally{stamped: 3, pending: 3}, v1alpha1.ReasonSuspended, "; about to be changed: 3"},
		"invalid":                      {invalid, none, v1alpha1.ReasonInvalid, "spec.selector.labelSelector: what to write"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := v1alpha1.HookPolicyStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionStampable}, {Type: v1alpha1.ConditionConflicted}}}
			status := report(&test.policy, &before, test.found)
			ready := condition(t, status, v1alpha1.ConditionReady)
			assert.Equal(t, metav1.ConditionFalse, ready.Status)
			assert.Equal(t, test.reason, ready.Reason)
			assert.Contains(t, ready.Message, test.message)
			assert.Len(t, status.Conditions, 1, "there is nothing to say of the others")
			assert.Len(t, before.Conditions, 2)
		})
	}
	unmatched := policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot))
	assert.Equal(t, "In use; no pod matches yet: pods count in namespaces labelled quiesce.io/hooks=enabled",
		condition(t, report(&unmatched, &v1alpha1.HookPolicyStatus{}, none), v1alpha1.ConditionReady).Message)
}

func TestStampableAndConflictedNameWhatStandsInTheWay(t *testing.T) {
	pre, post := v1alpha1.PreSnapshot, v1alpha1.PostSnapshot
	alone := policyOf("alone", 0, hook("flush", "", pre), hook("thaw", "", post))
	alone.Spec.Shell = v1alpha1.NoShell
	first := policyOf("first", 1, hook("own", "", pre))
	nightly, some := velero.ParseBackupHooks("Schedule velero/nightly", &velero.BackupSpec{Hooks: struct {
		Resources []velero.HookSpec `json:"resources"`
	}{[]velero.HookSpec{{PreHooks: []any{1}}}}})
	require.True(t, some)
	tests := map[string]struct {
		options     stamp.Options
		policies    []policies.Policy
		annotations map[string]string
		policy      string
		condition   string
		status      metav1.ConditionStatus
		reason      string
		message     string
	}{
		"a container that pods lack": {
			policies: []policies.Policy{policyOf("p", 0, hook("flush", "db", pre))}, policy: "p",
			condition: v1alpha1.ConditionStampable, status: metav1.ConditionFalse, reason: v1alpha1.ReasonContainerNotFound,
			message: `pod shop/a has no container "db", which hook "flush" names`,
		},
		"two containers": {
			policies: []policies.Policy{policyOf("p", 0, hook("flush", "app", pre), hook("more", "side", pre))}, policy: "p",
			condition: v1alpha1.ConditionStampable, status: metav1.ConditionFalse, reason: v1alpha1.ReasonOtherContainer,
			message: `hook "more" is for container "side" of pod shop/a`,
		},
		"no watchdog": {
			policies: []policies.Policy{alone}, policy: "alone",
			condition: v1alpha1.ConditionStampable, status: metav1.ConditionTrue, reason: v1alpha1.ReasonUnguarded,
			message: "spec.shell is None, so that nothing thaws a pod when Velero ends between the two sides",
		},
		"the user's own": {
			policies: []policies.Policy{policyOf("p", 0, hook("flush", "", pre))}, policy: "p",
			annotations: map[string]string{v1alpha1.VeleroPostPrefix + "command": "x"},
			condition:   v1alpha1.ConditionConflicted, status: metav1.ConditionTrue, reason: v1alpha1.ReasonUserOwned,
			message: "pod shop/a has Velero hook annotations that its user wrote or edited",
		},
		"a Schedule's own": {
			options:  stamp.Options{BackupHooks: []velero.BackupHooks{nightly}},
			policies: []policies.Policy{policyOf("p", 0, hook("flush", "", pre))}, policy: "p",
			condition: v1alpha1.ConditionConflicted, status: metav1.ConditionTrue, reason: v1alpha1.ReasonBackupHooks,
			message: "Schedule velero/nightly has hooks of its own for pod shop/a",
		},
		"another policy": {
			policies: []policies.Policy{first, alone}, policy: "alone",
			condition: v1alpha1.ConditionConflicted, status: metav1.ConditionTrue, reason: v1alpha1.ReasonOutranked,
			message: `pod shop/a already has a hook of HookPolicy "first"`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := setOf(t, test.options, test.policies...)
			got := condition(t, reported(set, test.policy,
				found(set, "a", test.annotations, "app", "side"), found(set, "b", test.annotations, "app", "side")), test.condition)
			assert.Equal(t, test.status, got.Status)
			assert.Equal(t, test.reason, got.Reason)
			assert.Contains(t, got.Message, test.message)
			assert.Equal(t, test.reason != v1alpha1.ReasonUnguarded, strings.Contains(got.Message, "(and so for 1 more)"))
		})
	}
}

func TestAPolicyForWhichVeleroWaitsStampsNothingAndSaysSo(t *testing.T) {
	waits := policyOf("db", 0, hook("flush", "", v1alpha1.PreSnapshot))
	waits.Spec.Velero.Mode = v1alpha1.VeleroSession
	set := setOf(t, stamp.Options{}, waits, policyOf("files", 0, hook("sync", "", v1alpha1.PreSnapshot)))
	pod := found(set, "a", nil, "db")
	status := reported(set, "db", pod)
	assert.Equal(t, v1alpha1.ReasonBySession, condition(t, status, v1alpha1.ConditionStampable).Reason)
	assert.Equal(t, "In use; 1 matching pods, for which Velero's Backups wait until a HookSession has run their hooks", condition(t, status, v1alpha1.ConditionReady).Message)
	assert.Empty(t, status.NotStamped)

	beside := reported(set, "files", pod)
	assert.Equal(t, metav1.ConditionTrue, condition(t, beside, v1alpha1.ConditionStampable).Status)
	require.Len(t, beside.NotStamped, 1)
	assert.Equal(t, v1alpha1.ReasonBySession, beside.NotStamped[0].Reason)
}

func TestNotStampedHasTheGravestFirstAndEachOnce(t *testing.T) {
	pre := v1alpha1.PreSnapshot
	set := setOf(t, stamp.Options{}, policyOf("p", 0, hook("b", "db", pre, v1alpha1.PreBackup), hook("a", "", pre)))
	foreign := map[string]string{v1alpha1.VeleroPrePrefix + "command": "x"}
	status := reported(set, "p",
		found(set, "foreign", foreign, "db"), found(set, "lacking-1", nil, "app"), found(set, "lacking-2", nil, "app"),
		found(set, "two", nil, "app", "db"))
	var got []string
	for _, entry := range status.NotStamped {
		got = append(got, fmt.Sprintf("%s %s %s %d", entry.Reason, entry.Hook, entry.Pod, entry.Pods))
	}
	assert.Equal(t, []string{"ContainerNotFound b shop/lacking-1 2", "OtherContainer a shop/two 1", "UserOwned  shop/foreign 1"}, got)
}

func TestNotStampedIsBoundedWhateverThePodsAreLike(t *testing.T) {
	pre := v1alpha1.PreSnapshot
	set := setOf(t, stamp.Options{}, policyOf("p", 0, hook("first", "app", pre), hook(strings.Repeat("x", 63), "", pre)))
	var pods []keeper.Finding
	for i := range 300 {
		pods = append(pods, found(set, fmt.Sprintf("%03d", i), nil, fmt.Sprintf("c-%d", i), "app"))
	}
	status := reported(set, "p", pods...)
	assert.Len(t, status.NotStamped, v1alpha1.MaxNotStamped)
	assert.Equal(t, "shop/000", status.NotStamped[0].Pod)
	for _, entry := range status.NotStamped {
		assert.LessOrEqual(t, len(entry.Message), maxSentence)
	}
	tally := add(&keeper.Survey{Set: set, Pods: pods})[match.Ref{Name: "p"}]
	assert.LessOrEqual(t, len(tally.troubles), maxTroubles+1)
	total := int32(0)
	for _, trouble := range tally.troubles {
		total += trouble.pods
	}
	assert.EqualValues(t, 300, total)
}

func TestWhatTheAPIServerDoesNotTakeIsTold(t *testing.T) {
	set := setOf(t, stamp.Options{}, policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot)))
	rejected := found(set, "a", nil, "app")
	rejected.Rejection = `admission webhook "guard" denied the request: ` + strings.Repeat("é", 2000)
	past := found(setOf(t, stamp.Options{}), "b", carrying(set, "app"), "app")
	past.Rejection = "no"
	status := reported(set, "p", rejected, past)
	assert.Equal(t, v1alpha1.ReasonRejected, condition(t, status, v1alpha1.ConditionStampable).Reason)
	require.Len(t, status.NotStamped, 1)
	assert.EqualValues(t, 2, status.NotStamped[0].Pods, "the one that is to lose its stamp, too")
	assert.Contains(t, status.NotStamped[0].Message, `the annotations of pod shop/a cannot be changed: admission webhook "guard" denied`)
	assert.LessOrEqual(t, len(status.NotStamped[0].Message), maxSentence)
	assert.NotContains(t, condition(t, status, v1alpha1.ConditionReady).Message, "about to")
}

func TestPodsThatCarryAPolicyThatDoesNotSelectThemCount(t *testing.T) {
	old := setOf(t, stamp.Options{}, policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot)))
	narrowed := policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot))
	narrowed.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{"other"}
	set := setOf(t, stamp.Options{}, narrowed)
	status := reported(set, "p", found(set, "a", carrying(old, "app"), "app"))
	assert.EqualValues(t, 0, status.MatchedPods)
	assert.EqualValues(t, 1, status.StampedPods)
	assert.Contains(t, condition(t, status, v1alpha1.ConditionReady).Message, "; about to be changed: 1")
}

// world is an API server with policies of both kinds.
func world(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) (*Reporter, *events.FakeRecorder) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	recorder := events.NewFakeRecorder(100)
	return NewReporter(fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(objects...).
		WithInterceptorFuncs(funcs).Build(), recorder), recorder
}

func object(policy policies.Policy) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: policy.Name, UID: policy.UID, Generation: policy.Generation}, Spec: *policy.Spec}
}

func TestAStatusIsWrittenWhenItHasChangedAndForTheSpecThatWasSurveyed(t *testing.T) {
	current, edited, replaced := policyOf("current", 0, hook("flush", "", v1alpha1.PreSnapshot)),
		policyOf("edited", 0, hook("flush", "", v1alpha1.PreSnapshot)), policyOf("replaced", 0, hook("flush", "", v1alpha1.PreSnapshot))
	team := policies.Policy{Ref: match.Ref{Namespace: "shop", Name: "current"}, Generation: 7, Spec: current.Spec}
	newer, other := object(edited), object(replaced)
	newer.Generation++
	other.UID = "another"
	var writes atomic.Int32
	reporter, _ := world(t, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			writes.Add(1)
			return c.SubResource(sub).Patch(ctx, o, patch, options...)
		},
	}, object(current), newer, other,
		&v1alpha1.NamespacedHookPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "current", Generation: 7}, Spec: *team.Spec})
	gone := policyOf("gone", 0, hook("flush", "", v1alpha1.PreSnapshot))
	set := setOf(t, stamp.Options{}, current, edited, replaced, gone, team)
	survey := &keeper.Survey{Set: set, Pods: []keeper.Finding{found(set, "a", nil, "app")}}
	for range 3 {
		_, err := reporter.write(t.Context(), survey)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 2, writes.Load())
	var written v1alpha1.NamespacedHookPolicy
	require.NoError(t, reporter.Client.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: "current"}, &written))
	assert.EqualValues(t, 1, written.Status.MatchedPods)
}

func TestAnEventTellsOfEachReasonOnceAndWhenItHasGone(t *testing.T) {
	policy := policyOf("p", 0, hook("flush", "db", v1alpha1.PreSnapshot))
	reporter, recorder := world(t, interceptor.Funcs{}, object(policy))
	set := setOf(t, stamp.Options{}, policy)
	surveyOf := func(containers ...string) *keeper.Survey {
		return &keeper.Survey{Set: set, Pods: []keeper.Finding{found(set, "a", nil, containers...), found(set, "b", nil, containers...)}}
	}
	write := func(survey *keeper.Survey) {
		_, err := reporter.write(t.Context(), survey)
		require.NoError(t, err)
	}
	write(surveyOf("app"))
	write(surveyOf("app"))
	more := surveyOf("app")
	more.Pods = append(more.Pods, found(set, "c", nil, "app"))
	write(more)
	require.Len(t, recorder.Events, 1)
	assert.Equal(t, `Warning ContainerNotFound pod shop/a has no container "db", which hook "flush" names: write one of its containers in container, or narrow the selector`, <-recorder.Events)
	write(surveyOf("db"))
	require.Len(t, recorder.Events, 1)
	assert.Equal(t, "Normal Cleared No pod is kept from carrying hook flush any more by: ContainerNotFound", <-recorder.Events)

	skipped := surveyOf("db")
	skipped.Pods = append(skipped.Pods, found(set, "out", map[string]string{v1alpha1.SkipAnnotation: "true"}, "db"))
	write(skipped)
	assert.Empty(t, recorder.Events, "who opted out knows it")
}

func TestACacheThatIsBehindBringsNoEventTwice(t *testing.T) {
	policy := policyOf("p", 0, hook("flush", "db", v1alpha1.PreSnapshot))
	stale := object(policy)
	stale.ResourceVersion = "999"
	reporter, recorder := world(t, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if policies, ok := list.(*v1alpha1.HookPolicyList); ok {
				policies.Items = []v1alpha1.HookPolicy{*stale}
				return nil
			}
			return c.List(ctx, list, options...)
		},
	}, object(policy))
	set := setOf(t, stamp.Options{}, policy)
	for range 3 {
		_, err := reporter.write(t.Context(), &keeper.Survey{Set: set, Pods: []keeper.Finding{found(set, "a", nil, "app")}})
		require.NoError(t, err)
	}
	assert.Len(t, recorder.Events, 1)
}

func TestOneStatusThatCannotBeWrittenKeepsNoOtherFromIt(t *testing.T) {
	bad, good := policyOf("bad", 0, hook("flush", "", v1alpha1.PreSnapshot)), policyOf("good", 0, hook("flush", "", v1alpha1.PreSnapshot))
	reporter, _ := world(t, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			if o.GetName() == "bad" {
				return errors.New("out of order")
			}
			return c.SubResource(sub).Patch(ctx, o, patch, options...)
		},
	}, object(bad), object(good))
	_, err := reporter.write(t.Context(), &keeper.Survey{Set: setOf(t, stamp.Options{}, bad, good)})
	require.ErrorContains(t, err, `HookPolicy "bad": out of order`)
	var written v1alpha1.HookPolicy
	require.NoError(t, reporter.Client.Get(t.Context(), types.NamespacedName{Name: "good"}, &written))
	assert.EqualValues(t, 7, written.Status.ObservedGeneration)
}

func TestOnlyTheLatestSurveyIsReported(t *testing.T) {
	reporter, _ := world(t, interceptor.Funcs{})
	first, last := &keeper.Survey{}, &keeper.Survey{}
	reporter.Take(first)
	reporter.Take(last)
	assert.Same(t, last, <-reporter.surveys)
	assert.Empty(t, reporter.surveys)
}

func TestConditionsKeepTheirTimes(t *testing.T) {
	policy := policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot))
	before := report(&policy, &v1alpha1.HookPolicyStatus{}, none)
	since := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for i := range before.Conditions {
		before.Conditions[i].LastTransitionTime = since
	}
	after := report(&policy, &before, &tally{matched: 3, current: 3, stamped: 3})
	for _, condition := range after.Conditions {
		assert.Equal(t, since, condition.LastTransitionTime, condition.Type)
	}
	assert.NotEqual(t, before.Conditions[0].Message, after.Conditions[0].Message)
}

func TestPreparableSaysWhatARestoreWouldMeet(t *testing.T) {
	init := v1alpha1.Hook{Name: "seed", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{
		Containers: []v1alpha1.InitContainer{{Command: []string{"x"}}}}}
	set := setOf(t, stamp.Options{}, policyOf("p", 0, init), policyOf("exec", 0, hook("flush", "", v1alpha1.PreSnapshot)))
	good, bad := found(set, "a", nil, "db"), found(set, "b", nil, "db")
	status := reported(set, "p", good)
	assert.Equal(t, v1alpha1.ReasonPreparable, condition(t, status, v1alpha1.ConditionPreparable).Reason)
	assert.Equal(t, "In use; 1 matching pods, whose copies are prepared when a restore creates them", condition(t, status, v1alpha1.ConditionReady).Message)

	bad.Obstacles = []restore.Obstacle{{Policy: match.Ref{Name: "p"}, Hook: "seed", Message: "the pod has no such volume"}}
	status = reported(set, "p", good, bad, bad)
	preparable := condition(t, status, v1alpha1.ConditionPreparable)
	assert.Equal(t, metav1.ConditionFalse, preparable.Status)
	assert.Equal(t, v1alpha1.ReasonNotPreparable, preparable.Reason)
	assert.Contains(t, preparable.Message, `if a restore created pod shop/b, hook "seed" could not prepare it: the pod has no such volume`)
	assert.Equal(t, v1alpha1.ReasonNothingToStamp, condition(t, status, v1alpha1.ConditionStampable).Reason)
	require.Len(t, status.NotStamped, 1)
	assert.Equal(t, "shop/b", status.NotStamped[0].Pod)
	assert.Nil(t, meta.FindStatusCondition(reported(set, "exec", good).Conditions, v1alpha1.ConditionPreparable))
}

func TestTheLastRestoreStaysWhenItsPodsHaveGone(t *testing.T) {
	init := v1alpha1.Hook{Name: "seed", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{
		Containers: []v1alpha1.InitContainer{{Command: []string{"x"}}}}}
	set := setOf(t, stamp.Options{}, policyOf("p", 0, init))
	at := func(second int) metav1.Time {
		return metav1.NewTime(time.Date(2026, 11, 26, 1, 2, second, 0, time.UTC))
	}
	pod := func(name, restoredBy string, second int) keeper.Finding {
		finding := found(set, name, nil, "db")
		finding.Trace = restore.Trace{Policies: []match.Ref{{Name: "p"}}, Restore: restoredBy, At: at(second)}
		return finding
	}
	next := func(before v1alpha1.HookPolicyStatus, pods ...keeper.Finding) v1alpha1.HookPolicyStatus {
		counted := add(&keeper.Survey{Set: set, Pods: pods})[match.Ref{Name: "p"}]
		if counted == nil {
			counted = none
		}
		return report(&set.Policies[0], &before, counted)
	}
	status := next(v1alpha1.HookPolicyStatus{}, pod("a", "first", 1), pod("b", "second", 2), pod("c", "second", 3))
	assert.EqualValues(t, 3, status.PreparedPods)
	second := &v1alpha1.LastRestore{Name: "second", Time: at(3), Pods: 2}
	assert.Equal(t, second, status.LastRestore)

	status = next(status, pod("a", "first", 1), pod("c", "second", 3))
	assert.Equal(t, second, status.LastRestore, "fewer are left of it, and it was as large all the same")
	status = next(status)
	assert.Zero(t, status.PreparedPods)
	assert.Equal(t, second, status.LastRestore)
	status = next(status, pod("a", "first", 1))
	assert.Equal(t, second, status.LastRestore, "an earlier one is not the last")
	status = next(status, pod("d", "third", 4))
	assert.Equal(t, &v1alpha1.LastRestore{Name: "third", Time: at(4), Pods: 1}, status.LastRestore)
}
