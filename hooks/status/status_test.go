package status

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func policy(name string, priority int32, container string) v1alpha1.HookPolicy {
	return v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 7},
		Spec: v1alpha1.HookPolicySpec{Priority: priority, Hooks: []v1alpha1.Hook{{
			Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Container: container,
			Exec: &v1alpha1.ExecAction{Command: []string{"flush"}},
		}}},
	}
}

func podNamed(name string, annotations map[string]string, containers ...string) pod {
	return pod{match.Namespace{Name: "shop"}, name, stamp.Pod{Annotations: annotations, Containers: containers}}
}

func TestSurveyCountsAndWarns(t *testing.T) {
	policies, refused := stamp.Compile([]v1alpha1.HookPolicy{policy("top", 2, "db"), policy("low", 1, "")})
	require.Empty(t, refused)
	stamped := policies.Decide(match.Namespace{Name: "shop"}, stamp.Pod{Containers: []string{"db"}}).Set
	suspended, refused := stamp.Compile([]v1alpha1.HookPolicy{policy("suspended", 0, "")})
	require.Empty(t, refused)
	past := suspended.Decide(match.Namespace{Name: "shop"}, stamp.Pod{Containers: []string{"db"}}).Set

	findings := survey(policies, []pod{
		podNamed("e-old", nil, "db"),
		podNamed("d-owned", map[string]string{v1alpha1.VeleroPrePrefix + "command": "x"}, "db"),
		podNamed("c-lacks", nil, "app", "proxy"),
		podNamed("b-lacks", nil, "app"),
		podNamed("a-good", stamped, "db"),
		podNamed("f-of-the-past", past, "db"),
	})
	require.NotNil(t, findings["suspended"])
	assert.EqualValues(t, 0, findings["suspended"].matched)
	assert.EqualValues(t, 1, findings["suspended"].stamped)
	assert.Equal(t, 1, findings["suspended"].warnings[v1alpha1.ReasonOutdated].pods)

	top := findings["top"]
	require.NotNil(t, top)
	assert.EqualValues(t, 6, top.matched)
	assert.EqualValues(t, 1, top.current)
	assert.EqualValues(t, 1, top.stamped)
	require.Len(t, top.warnings, 3)
	assert.Equal(t, 2, top.warnings[v1alpha1.ReasonContainerNotFound].pods)
	assert.Equal(t, "shop/b-lacks", top.warnings[v1alpha1.ReasonContainerNotFound].first)
	assert.Equal(t, "shop/d-owned", top.warnings[v1alpha1.ReasonUserOwned].first)
	assert.Equal(t, "shop/e-old", top.warnings[v1alpha1.ReasonNotStamped].first)
	assert.Equal(t, 3, findings["low"].warnings[v1alpha1.ReasonOutranked].pods)
	assert.Equal(t, 2, findings["low"].warnings[v1alpha1.ReasonNotStamped].pods)

	warning, warn := warned(top)
	require.True(t, warn)
	assert.Equal(t, v1alpha1.ReasonContainerNotFound, warning.Reason, "the gravest one")
	assert.Contains(t, warning.Message, `pod shop/b-lacks has no container "db", which hook "flush" names`)
	assert.Contains(t, warning.Message, "(and so for 1 more); ")
	assert.Contains(t, warning.Message, "shop/d-owned")
}

func TestAPolicyThatWasOutrankedSinceIsSaidToBeStillOnThePod(t *testing.T) {
	shop := match.Namespace{Name: "shop"}
	first, refused := stamp.Compile([]v1alpha1.HookPolicy{policy("low", 1, "")})
	require.Empty(t, refused)
	annotations := first.Decide(shop, stamp.Pod{Containers: []string{"db"}}).Set
	both, refused := stamp.Compile([]v1alpha1.HookPolicy{policy("low", 1, ""), policy("top", 2, "")})
	require.Empty(t, refused)

	findings := survey(both, []pod{podNamed("web", annotations, "db")})
	assert.EqualValues(t, 1, findings["low"].stamped)
	assert.Contains(t, findings["low"].warnings, v1alpha1.ReasonOutdated)
	assert.NotContains(t, findings["low"].warnings, v1alpha1.ReasonOutranked, "the other is not on the pod yet")
	assert.Contains(t, findings["top"].warnings, v1alpha1.ReasonNotStamped)
	assert.Zero(t, findings["top"].stamped)
}

func TestReadySaysWhy(t *testing.T) {
	plain := policy("p", 0, "")
	suspended := policy("p", 0, "")
	suspended.Spec.Suspend = true
	tests := map[string]struct {
		policy  v1alpha1.HookPolicy
		refusal error
		found   *finding
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		"in use": {
			policy: plain, found: &finding{matched: 3, current: 2, stamped: 3},
			status: metav1.ConditionTrue, reason: v1alpha1.ReasonInUse, message: "In use; 2 of 3 matching pods stamped",
		},
		"in use, but no pod matches": {
			policy: plain,
			status: metav1.ConditionTrue, reason: v1alpha1.ReasonInUse, message: "no pod matches yet: pods count in namespaces labelled quiesce.io/hooks=enabled",
		},
		"suspended": {
			policy: suspended,
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonSuspended, message: "spec.suspend is true",
		},
		"suspended, and still on pods": {
			policy: suspended, found: &finding{stamped: 3},
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonSuspended, message: "; pods that carry them until they are created again: 3",
		},
		"refused with a very long reason": {
			policy: plain, refusal: errors.New(strings.Repeat("é", 60_000)),
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonInvalid, message: "é …",
		},
		"refused": {
			policy: plain, refusal: errors.New("spec.selector.labelSelector: what to write"),
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonInvalid, message: "spec.selector.labelSelector: what to write",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status := report(&test.policy, test.refusal, test.found)
			assert.EqualValues(t, 7, status.ObservedGeneration)
			condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			require.NotNil(t, condition)
			assert.Equal(t, test.status, condition.Status)
			assert.Equal(t, test.reason, condition.Reason)
			assert.Contains(t, condition.Message, test.message)
			assert.Less(t, len(condition.Message), 32<<10)
			assert.True(t, utf8.ValidString(condition.Message))
			assert.EqualValues(t, 7, condition.ObservedGeneration)
			assert.Nil(t, meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWarning))
		})
	}
}

func TestAWarningGoesWhenItsCauseHasGoneAndReadyKeepsItsTime(t *testing.T) {
	p := policy("p", 0, "")
	p.Status = report(&p, nil, &finding{matched: 1, warnings: map[string]*warning{
		v1alpha1.ReasonUserOwned: {pods: 1, first: "shop/a", outcome: stamp.Outcome{Reason: v1alpha1.ReasonUserOwned}}}})
	require.NotNil(t, meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionWarning))
	since := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady).LastTransitionTime = since

	p.Status = report(&p, nil, &finding{matched: 1, stamped: 1})
	assert.Nil(t, meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionWarning))
	assert.Equal(t, since, meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady).LastTransitionTime)
}

func TestPodsThatHaveEndedDoNotCount(t *testing.T) {
	now := metav1.Now()
	tests := map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"running":        {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}, false},
		"pending":        {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}}, false},
		"succeeded":      {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded}}, true},
		"failed":         {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed}}, true},
		"being deleted":  {corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}}, true},
		"not yet begun":  {corev1.Pod{}, false},
		"unknown (lost)": {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodUnknown}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, ended(&test.pod)) })
	}
}

func TestSlimPodKeepsWhatASurveyReads(t *testing.T) {
	now := metav1.Now()
	full := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web-0", Namespace: "shop", Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
			DeletionTimestamp: &now, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}},
		},
		Spec:   corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "app", Image: "i", Env: []corev1.EnvVar{{Name: "SECRET"}}}, {Name: "proxy"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
	before := describe(match.Namespace{Name: "shop"}, full)
	slim, err := SlimPod(full.DeepCopy())
	require.NoError(t, err)
	assert.Equal(t, before, describe(match.Namespace{Name: "shop"}, slim.(*corev1.Pod)))
	assert.Equal(t, ended(full), ended(slim.(*corev1.Pod)))
	assert.Empty(t, slim.(*corev1.Pod).Spec.Containers[0].Env)
	assert.Empty(t, slim.(*corev1.Pod).ManagedFields)
	_, err = SlimPod(&corev1.Secret{})
	assert.ErrorContains(t, err, "want a pod")
}
