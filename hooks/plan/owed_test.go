package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func attempt(policy string, stage v1alpha1.Stage, pod string) Attempt {
	if pod != "" {
		pod = "uid-" + pod
	}
	return Attempt{match.Ref{Name: policy}, stage, types.UID(pod)}
}

// spares are what was spared, with the reason.
func spares(spared []Spared) []string {
	list := []string{}
	for _, s := range spared {
		list = append(list, string(s.Reason)+" "+lines([]Step{s.Step})[0])
	}
	return list
}

func TestWhichPostStepsAreOwed(t *testing.T) {
	three := []Pod{pod("a", "role", "primary"), pod("b"), pod("c")}
	preFailed := func(attempts ...Attempt) History { return History{Attempts: attempts, PreFailed: true} }
	cancelled := func(attempts ...Attempt) History { return History{Attempts: attempts, Cancelled: true} }
	freeze, thaw := hook("freeze", preSnapshot), hook("thaw", postSnapshot)
	for _, test := range []struct {
		name    string
		recipe  recipe
		history History
		stage   v1alpha1.Stage
		owed    []string
		spared  []string
	}{
		{"pods in which a pre hook was attempted", policy("p", 0, freeze, thaw), preFailed(attempt("p", preSnapshot, "a"), attempt("p", preSnapshot, "c")),
			postSnapshot, []string{"0 p/thaw(a c)"}, []string{"NotAttempted 0 p/thaw(b)"}},
		{"no pre hook was attempted", policy("p", 0, freeze, thaw), preFailed(),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/thaw(a b c)"}},
		{"one of another policy was", policy("p", 0, freeze, thaw), preFailed(attempt("q", preSnapshot, "a")),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/thaw(a b c)"}},
		{"one of a policy of the same name and another kind was", policy("p", 0, freeze, thaw).of("shop"), preFailed(attempt("p", preSnapshot, "a")),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/thaw(a b c)"}},
		{"a policy of post stages only", policy("p", 0, thaw), preFailed(),
			postSnapshot, []string{"0 p/thaw(a b c)"}, []string{}},
		{"a policy whose pre stages are not the session's", policy("p", 0, hook("before", preRestore), thaw), preFailed(),
			postSnapshot, []string{"0 p/thaw(a b c)"}, []string{}},
		{"a policy whose pre hook selects no pod", policy("p", 0, freeze.selecting("role", "none"), thaw), preFailed(),
			postSnapshot, []string{"0 p/thaw(a b c)"}, []string{}},
		{"pods for which the policy has no pre hook", policy("p", 0, freeze.selecting("role", "primary"), thaw), preFailed(attempt("p", preSnapshot, "a")),
			postSnapshot, []string{"0 p/thaw(a b c)"}, []string{}},
		{"the same, before the pre hook was attempted elsewhere", policy("p", 0, freeze.selecting("role", "primary"), thaw), preFailed(),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/thaw(a b c)"}},
		{"a pod that lacks the pre hook's container", policy("p", 0, freeze.in("gone"), thaw), preFailed(),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/thaw(a b c)"}},
		{"once, when a pre hook was attempted anywhere", policy("p", 0, freeze, thaw.on(v1alpha1.OncePerSession)), preFailed(attempt("p", preSnapshot, "c")),
			postSnapshot, []string{"0 p/thaw()"}, []string{}},
		{"in one pod, when a pre hook was attempted in another", policy("p", 0, freeze, thaw.on(v1alpha1.OnePod)), preFailed(attempt("p", preSnapshot, "c")),
			postSnapshot, []string{"0 p/thaw(a)"}, []string{}},
		{"once, when none was", policy("p", 0, freeze, thaw.on(v1alpha1.OncePerSession)), preFailed(),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/thaw()"}},
		{"every pod, when a pre hook ran once", policy("p", 0, freeze.on(v1alpha1.OncePerSession), thaw), preFailed(attempt("p", preSnapshot, "")),
			postSnapshot, []string{"0 p/thaw(a b c)"}, []string{}},
		{"a later post stage", policy("p", 0, freeze, hook("thaw", postBackup)), preFailed(attempt("p", preSnapshot, "b")),
			postBackup, []string{"0 p/thaw(b)"}, []string{"NotAttempted 0 p/thaw(a c)"}},

		{"cancelled early: PostBackup of post stages only", policy("p", 0, hook("tell", postBackup)), cancelled(),
			postBackup, []string{"0 p/tell(a b c)"}, []string{}},
		{"cancelled early: PostSnapshot of post stages only", policy("p", 0, thaw), cancelled(),
			postSnapshot, []string{}, []string{"NotBegun 0 p/thaw(a b c)"}},
		{"cancelled early: the snapshot's pair, of which the first was attempted in one pod", policy("p", 0, freeze, thaw), cancelled(attempt("p", preSnapshot, "b")),
			postSnapshot, []string{"0 p/thaw(b)"}, []string{"NotAttempted 0 p/thaw(a c)"}},
		{"cancelled early: nested pairs, of which only the outer was attempted", inEveryStage(), cancelled(attempt("p", preBackup, "a")),
			postSnapshot, []string{}, []string{"NotAttempted 0 p/h(b c)", "NotBegun 0 p/h(a)"}},
		{"cancelled early: what may undo PreBackup", policy("p", 0, hook("freeze", preBackup), hook("flush", preSnapshot), thaw), cancelled(attempt("p", preBackup, "a")),
			postSnapshot, []string{"0 p/thaw(a)"}, []string{"NotAttempted 0 p/thaw(b c)"}},
		{"cancelled early: two that may undo PreBackup", policy("p", 0, hook("freeze", preBackup), thaw, hook("after", postBackup)), cancelled(attempt("p", preBackup, "a")),
			postSnapshot, []string{"0 p/thaw(a)"}, []string{"NotAttempted 0 p/thaw(b c)"}},
		{"cancelled early: a failure before is undone in full", inEveryStage(), History{Attempts: []Attempt{attempt("p", preBackup, "a")}, PreFailed: true, Cancelled: true},
			postSnapshot, []string{"0 p/h(a)"}, []string{"NotAttempted 0 p/h(b c)"}},
		{"cancelled late", policy("p", 0, thaw), History{Cancelled: true, Started: true},
			postSnapshot, []string{"0 p/thaw(a b c)"}, []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			owed, spared := planned(t, Session{Kinds: backingUp}, three, test.recipe).Owed(test.stage, test.history)
			assert.Equal(t, test.owed, lines(owed))
			assert.Equal(t, test.spared, spares(spared))
		})
	}
}

func TestWhatIsMeantForRestoredDataMeetsNoOther(t *testing.T) {
	for _, test := range []struct {
		name    string
		history History
		owed    []string
	}{
		{"a failure before the restore", History{PreFailed: true}, []string{"1 p/tell(a)"}},
		{"a failure before it, after an attempt", History{PreFailed: true, Attempts: []Attempt{attempt("q", preRestore, "a")}}, []string{"0 q/start(a)", "1 p/tell(a)"}},
		{"a cancellation before it", History{Cancelled: true}, []string{}},
		{"a restore that has failed", History{Started: true, Outcomes: Outcomes{Operation: failed}}, []string{"1 p/tell(a)", "2 p/scrub(a)"}},
		{"a restore that was cancelled", History{Started: true, Cancelled: true}, []string{"1 p/tell(a)", "2 p/scrub(a)"}},
		{"a restore", History{Started: true, Outcomes: Outcomes{Operation: succeeded}}, []string{"2 p/scrub(a)"}},
		{"a restore by a tool that was not told to begin", History{Outcomes: Outcomes{Operation: succeeded}}, []string{"1 p/tell(a)", "2 p/scrub(a)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := planned(t, Session{Kinds: restoring}, []Pod{pod("a")},
				policy("p", 0, hook("scrub", postRestore), hook("tell", postRestore).when(v1alpha1.OnFailure)),
				policy("q", 0, hook("stop", preRestore), hook("start", postRestore)))
			owed, _ := plan.Owed(postRestore, test.history)
			assert.Equal(t, test.owed, lines(owed))
		})
	}
}

func TestPostHooksRunByTheOutcomeThatTheirPolicyIsFor(t *testing.T) {
	begun := func(outcomes Outcomes) History { return History{Started: true, Outcomes: outcomes} }
	for _, test := range []struct {
		name    string
		stage   v1alpha1.Stage
		history History
		want    v1alpha1.Outcome
	}{
		{"the snapshot has succeeded", postSnapshot, begun(Outcomes{Snapshot: succeeded}), succeeded},
		{"the snapshot has, the rest has not", postSnapshot, begun(Outcomes{succeeded, failed}), succeeded},
		{"the snapshot has, the rest has not, in the end", postBackup, begun(Outcomes{succeeded, failed}), failed},
		{"the snapshot has failed", postSnapshot, begun(Outcomes{Snapshot: failed}), failed},
		{"the operation says it for the snapshot", postSnapshot, begun(Outcomes{Operation: succeeded}), succeeded},
		{"the operation has succeeded", postBackup, begun(Outcomes{Operation: succeeded}), succeeded},
		{"nothing was said: a cancellation, or a deadline", postBackup, begun(Outcomes{Snapshot: succeeded}), failed},
		{"a pre hook has failed", postBackup, History{PreFailed: true}, failed},
		{"the tool speaks of success, and was never told to begin", postBackup, History{Outcomes: Outcomes{succeeded, succeeded}}, failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, test.history.Outcome(test.stage))
			plan := planned(t, Session{Kinds: backingUp}, []Pod{pod("a")}, policy("p", 0,
				hook("always", test.stage), hook("success", test.stage).when(v1alpha1.OnSuccess), hook("failure", test.stage).when(v1alpha1.OnFailure)))
			owed, spared := plan.Owed(test.stage, test.history)
			if test.want == succeeded {
				assert.Equal(t, []string{"1 p/success(a)", "2 p/always(a)"}, lines(owed))
				assert.Equal(t, []string{"OtherOutcome 0 p/failure(a)"}, spares(spared))
			} else {
				assert.Equal(t, []string{"0 p/failure(a)", "2 p/always(a)"}, lines(owed))
				assert.Equal(t, []string{"OtherOutcome 1 p/success(a)"}, spares(spared))
			}
		})
	}
}

func TestAThawIsOfWhatWasAttemptedAndNothingElse(t *testing.T) {
	plan := planned(t, Session{Kinds: backingUp}, []Pod{pod("a"), pod("b")},
		policy("tell", 9, hook("h", postSnapshot, postBackup)),
		policy("p", 1, hook("freeze", preBackup, preSnapshot), hook("thaw", postSnapshot), hook("after", postBackup).on(v1alpha1.OncePerSession)),
		policy("q", 0, hook("freeze", preSnapshot), hook("thaw", postSnapshot)))

	assert.Empty(t, plan.Thaw(History{}))
	assert.Equal(t, []string{"0 q/thaw(a)", "1 p/thaw(b)", "0 p/after()"},
		lines(plan.Thaw(History{Attempts: []Attempt{attempt("p", preBackup, "b"), attempt("q", preSnapshot, "a")}})))
}

func TestAfterARestoreItsPodsAreTheTargets(t *testing.T) {
	session := Session{Kinds: restoring}
	recipes := []recipe{
		policy("p", 0, hook("stop", preRestore), hook("check", postRestore)),
		policy("once", 0, hook("stop", preRestore).on(v1alpha1.OncePerSession), hook("check", postRestore)),
	}
	before, after := planned(t, session, []Pod{pod("old")}, recipes...), planned(t, session, []Pod{pod("new")}, recipes...)
	plan := before.AfterRestore(after)

	assert.Equal(t, []string{"0 once/stop()", "0 p/stop(old)"}, lines(plan.Of(preRestore)))
	assert.Equal(t, []string{"0 p/check(new)", "1 once/check(new)"}, lines(plan.Of(postRestore)))
	assert.Equal(t, []string{"0 p/check(old)", "1 once/check(old)"}, lines(before.Of(postRestore)), "the plan of before stays as it is")

	done := History{Started: true, Outcomes: Outcomes{Operation: succeeded}, Attempts: []Attempt{attempt("p", preRestore, "old"), attempt("once", preRestore, "")}}
	owed, _ := plan.Owed(postRestore, done)
	assert.Equal(t, []string{"0 p/check(new)", "1 once/check(new)"}, lines(owed))
}
