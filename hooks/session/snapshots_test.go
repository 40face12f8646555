package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// 5,000 volumes, each of them snapshotted in two seconds and with three changes: that is how often the status is written for their sake.
func TestSnapshotsThatComeOneByOneAreNotWrittenDownOneByOne(t *testing.T) {
	const changes = 3 * 5000
	looks, last := 0, time.Duration(0)
	for i := range changes {
		now := time.Duration(i) * 2 * time.Second / 3
		if now-last >= lookPause(now) {
			looks, last = looks+1, now
		}
	}
	assert.Less(t, looks, 200)
	assert.Greater(t, looks, 50)
}

func TestTheEarlierOfTwoTimes(t *testing.T) {
	never, soon, late := time.Time{}, time.Unix(1, 0), time.Unix(2, 0)
	assert.Equal(t, soon, earliest(soon, late))
	assert.Equal(t, soon, earliest(late, soon))
	assert.Equal(t, soon, earliest(never, soon))
	assert.Equal(t, soon, earliest(soon, never))
	assert.Equal(t, never, earliest(never, never))
}

// Of three members of a database one is told to quiesce them all: Velero may not have its snapshots of the others yet when that of the one is ready.
func TestAHookOfOnePodSpeaksForAllThatItSelects(t *testing.T) {
	spec := &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "other", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}},
		{Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"true"}},
			LabelSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": "db"}}},
	}}
	spec.Hooks[1].RunOn = v1alpha1.OnePod
	index, refused := match.CompileAll([]match.Source{{Ref: match.Ref{Name: "p"}, Spec: spec}})
	require.Empty(t, refused)
	pod := func(name, app string) plan.Pod {
		return plan.Pod{Pod: match.Pod{Labels: map[string]string{"app": app}}, UID: types.UID(name), Name: name}
	}
	pods := []plan.Pod{pod("db-0", "db"), pod("db-1", "db"), pod("web", "web"), pod("job", "job")}
	pods[3].Annotations = map[string]string{v1alpha1.SkipAnnotation: "true"}
	run := &v1alpha1.HookRun{}
	run.Spec.Policy.Kind, run.Spec.Policy.Name, run.Spec.Hook.Place, run.Spec.Hook.RunOn = "HookPolicy", "p", 1, v1alpha1.OnePod
	session := plan.Session{Namespace: match.Namespace{Name: "shop"}, Kinds: plan.Kinds{Snapshot: true}}

	s := &sights{behalf: map[types.UID]string{}}
	s.noteBehalf([]*v1alpha1.HookRun{run}, index, session, pods)
	assert.Equal(t, map[types.UID]string{"db-0": "db-0", "db-1": "db-1"}, s.behalf)
	s.noteBehalf([]*v1alpha1.HookRun{run}, index, session, pods[:1])
	assert.Contains(t, s.behalf, types.UID("db-1"), "a pod that has gone still counts")

	s = &sights{behalf: map[types.UID]string{}}
	session.LabelSelector = labels.SelectorFromSet(labels.Set{"app": "web"})
	s.noteBehalf([]*v1alpha1.HookRun{run}, nil, session, pods)
	assert.Equal(t, map[types.UID]string{"web": "web"}, s.behalf, "who does not know the policies takes all that the session selects")
}
