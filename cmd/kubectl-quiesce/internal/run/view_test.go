package run

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/live"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// theRuns are of a lock in three pods, of which one is done and one is entered, and of a request that is still to come.
func theRuns() []v1alpha1.HookRun {
	run := func(order int32, stage v1alpha1.Stage, policy, hook string, pods ...string) v1alpha1.HookRun {
		r := v1alpha1.HookRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: v1alpha1.HookRunSpec{
			Stage: stage, Order: order, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: policy}, Hook: v1alpha1.ResolvedHook{Name: hook},
		}}
		for _, pod := range pods {
			r.Spec.Pods = append(r.Spec.Pods, v1alpha1.RunPod{Name: pod})
		}
		return r
	}
	lock := run(0, v1alpha1.PreSnapshot, "db", "lock", "db-0", "db-1", "db-2")
	lock.Status = v1alpha1.HookRunStatus{State: v1alpha1.RunRunning, Attempted: 2, Results: []v1alpha1.PodResult{
		{Pod: "db-0", Outcome: v1alpha1.ResultFailed, Reason: "ExitCode", Duration: "1.25s", Message: "ended with\x1b[2J exit code 1", Output: "no such\x07 table\r\n"},
	}}
	tell := run(1, v1alpha1.PostSnapshot, "tell", "notify", "")
	tell.Spec.Policy.Kind = "NamespacedHookPolicy"
	return []v1alpha1.HookRun{tell, lock}
}

func TestEachPodOfAHookHasItsState(t *testing.T) {
	all := rows(theRuns())
	require.Len(t, all, 4)
	var states []string
	for _, r := range all {
		states = append(states, r.Pod+" "+r.State)
	}
	assert.Equal(t, []string{"db-0 Failed", "db-1 Running", "db-2 Pending", " Pending"}, states)
	assert.Equal(t, "shop/tell", all[3].Policy)
	assert.Len(t, side(all, false), 3)
	assert.Equal(t, "PreSnapshot db/lock in db-0: Failed in 1.2s (ExitCode): ended with\\x1b[2J exit code 1", all[0].sentence())
}

// Results come in the order of the list, without gaps for those that are still to come.
func TestAResultIsThatOfThePodItNames(t *testing.T) {
	run := theRuns()[1]
	run.Status.Results[0].Pod = "db-1"
	var states []string
	for _, r := range rowsOf(&run) {
		states = append(states, r.Pod+" "+r.State)
	}
	assert.Equal(t, []string{"db-0 Running", "db-1 Failed", "db-2 Pending"}, states)
}

func TestTheTableShowsWhatIsUrgentFirst(t *testing.T) {
	all := urgent([]row{{Pod: "a", State: "Succeeded"}, {Pod: "b", State: "Pending"}, {Pod: "c", State: "Running"}, {Pod: "d", State: "Failed"}})
	lines := table(all, false)
	assert.Equal(t, "POD   STAGE   POLICY   HOOK   TIME   STATE", lines[0])
	for i, pod := range []string{"d", "c", "b", "a"} {
		assert.True(t, strings.HasPrefix(lines[i+1], pod+" "), lines[i+1])
	}
}

func TestARunningHookHasItsTimeOnTheTable(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	teller := &tableTeller{
		lineTeller: lineTeller{out: &out}, region: live.New(&out, func() (int, int) { return 120, 40 }), now: func() time.Time { return now }, since: map[string]time.Time{},
	}
	teller.show(side(rows(theRuns()), false), "Quiescing")
	now = now.Add(3 * time.Second)
	out.Reset()
	teller.show(side(rows(theRuns()), false), "Quiescing")
	assert.Contains(t, out.String(), "db-1   PreSnapshot   db       lock   3s     Running")
	assert.NotContains(t, out.String(), "\x1b[2J", "a container's message must not reach the terminal as it is")
}

func TestTheSummaryForPeopleAndForMachines(t *testing.T) {
	session := sessionThat(v1alpha1.PhaseFailed, v1alpha1.ConditionFailed, v1alpha1.ConditionThawed)
	session.Status.Hooks = v1alpha1.HookCounts{Total: 4, Succeeded: 1, Failed: 1, Skipped: 2}
	session.Status.Window = &v1alpha1.Window{Duration: "2.5s"}
	session.Status.Conditions = append(session.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionConsistent, Status: metav1.ConditionFalse, Reason: "HookFailed"})
	s := summarise(&options{namespace: "shop"}, session.Name, ending{session: session}, rows(theRuns()))
	assert.Equal(t, `session run-tar-x: COMMAND was not run: said of Failed
  PreSnapshot db/lock in db-0: Failed in 1.2s (ExitCode): ended with\x1b[2J exit code 1
    no such\a table
hooks: 1 succeeded, 1 failed, 2 skipped; quiesced for 2.5s; consistent: False (HookFailed)
`, s.text(""))

	var out bytes.Buffer
	teller := newTeller(&options{output: "json"}, &out)
	teller.ended(rows(theRuns())[0])
	teller.end(s)
	var events []map[string]any
	for line := range strings.Lines(out.String()) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		assert.NotEmpty(t, one["time"])
		events = append(events, one)
	}
	require.Len(t, events, 2)
	assert.Equal(t, "Failed", events[0]["hook"].(map[string]any)["state"])
	last := events[1]["summary"].(map[string]any)
	assert.Equal(t, "HooksBeforeFailed", last["reason"])
	assert.EqualValues(t, 121, last["exitCode"])
	assert.NotContains(t, last, "commandExitCode", "it was not run")
}

func TestASelectorIsTakenAsKubectlTakesIt(t *testing.T) {
	selector, err := selectorOf("app=db,tier in (b,a),env!=test,new,!old")
	require.NoError(t, err)
	compiled, err := selector.Compile()
	require.NoError(t, err)
	assert.Equal(t, "app in (db),env notin (test),new,!old,tier in (a,b)", compiled.String())
	none, err := selectorOf("")
	require.NoError(t, err)
	assert.Nil(t, none)
	_, err = selectorOf("size>3")
	assert.ErrorContains(t, err, "write =, !=, in, notin")
	_, err = selectorOf("app in db")
	assert.Error(t, err)
}
