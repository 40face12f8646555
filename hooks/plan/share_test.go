package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestASessionRunsAllInSomePodsAndWhatIsLeftInOthers(t *testing.T) {
	both := []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot}
	share := &Share{
		Whole: func(pod Pod) bool { return pod.Labels["wait"] == "yes" },
		Left: func(policy *match.Policy, place int, stage v1alpha1.Stage) bool {
			return IsPost(stage) && policy.Spec.Hooks[place].Name == "tell"
		},
	}
	pods := []Pod{pod("c", "wait", "yes"), pod("a"), pod("b", "wait", "yes")}
	policies := []recipe{
		policy("p", 0, hook("freeze", both...), hook("tell", both...), hook("word", v1alpha1.PostBackup).on(v1alpha1.OncePerSession)),
	}
	plan := planned(t, Session{Kinds: backingUp, Share: share}, pods, policies...)
	assert.Equal(t, []string{"0 p/freeze(b c)", "1 p/tell(b c)"}, lines(plan.Of(v1alpha1.PreSnapshot)))
	assert.Equal(t, []string{"0 p/tell(a b c)", "1 p/freeze(b c)"}, lines(plan.Of(v1alpha1.PostSnapshot)), "one step, in all of them by name")
	assert.Equal(t, []string{"0 p/word()"}, lines(plan.Of(v1alpha1.PostBackup)))

	nobody := planned(t, Session{Kinds: backingUp, Share: share}, pods[1:2], policies...)
	assert.Equal(t, []string{"0 p/tell(a)"}, lines(nobody.Steps))

	everybody := planned(t, Session{Kinds: backingUp, Share: &Share{Whole: func(Pod) bool { return true }, Left: share.Left}}, pods, policies...)
	assert.Equal(t, planned(t, Session{Kinds: backingUp}, pods, policies...), everybody, "as if nobody shared")
}

func TestWhatRunsOnceDoesSoInOneOfTheTwo(t *testing.T) {
	share := &Share{
		Whole: func(pod Pod) bool { return pod.Labels["wait"] == "yes" },
		Left:  func(*match.Policy, int, v1alpha1.Stage) bool { return true },
	}
	policies := []recipe{policy("p", 0, hook("one", v1alpha1.PostBackup).on(v1alpha1.OnePod), hook("none", v1alpha1.PostBackup).on(v1alpha1.OncePerSession))}
	mixed := planned(t, Session{Kinds: backingUp, Share: share}, []Pod{pod("a"), pod("b", "wait", "yes")}, policies...)
	assert.Equal(t, []string{"0 p/none()", "1 p/one(b)"}, lines(mixed.Steps))
	other := planned(t, Session{Kinds: backingUp, Share: share}, []Pod{pod("a")}, policies...)
	assert.Equal(t, []string{"0 p/none()", "1 p/one(a)"}, lines(other.Steps))
}

func TestBeforeARestoreNothingRunsForWhichNobodyWaits(t *testing.T) {
	restored := []recipe{policy("p", 0, hook("stop", v1alpha1.PreRestore).on(v1alpha1.OncePerSession), hook("check", v1alpha1.PostRestore))}
	share := &Share{
		Whole: func(Pod) bool { return false },
		Left:  func(_ *match.Policy, _ int, stage v1alpha1.Stage) bool { return stage != v1alpha1.PreRestore },
	}
	assert.Equal(t, []string{"0 p/check(a)"}, lines(planned(t, Session{Kinds: restoring, Share: share}, []Pod{pod("a")}, restored...).Steps))
}
