package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	preBackup    = v1alpha1.PreBackup
	preSnapshot  = v1alpha1.PreSnapshot
	preRestore   = v1alpha1.PreRestore
	postSnapshot = v1alpha1.PostSnapshot
	postBackup   = v1alpha1.PostBackup
	postRestore  = v1alpha1.PostRestore

	succeeded = v1alpha1.Succeeded
	failed    = v1alpha1.Failed
)

// inStages are attempts of a policy p in pod a.
func inStages(stages ...v1alpha1.Stage) []Attempt {
	var attempts []Attempt
	for _, stage := range stages {
		attempts = append(attempts, Attempt{match.Ref{Name: "p"}, stage, "uid-a"})
	}
	return attempts
}

// inEveryStage is a policy p with a hook in each stage.
func inEveryStage() recipe {
	return policy("p", 0, hook("h", preBackup, preSnapshot, postSnapshot, postBackup, preRestore, postRestore))
}

func stages(s ...v1alpha1.Stage) []v1alpha1.Stage { return s }

func TestWhatRemainsAfterWhatHasHappened(t *testing.T) {
	all := inStages(preBackup, preSnapshot)
	quiesced := stages(preBackup, preSnapshot)
	for _, test := range []struct {
		name    string
		kinds   Kinds
		history History
		want    []Remaining
	}{
		{"nothing yet", backingUp, History{}, []Remaining{
			{preBackup, ForNothing}, {preSnapshot, ForNothing}, {postSnapshot, ForSnapshot}, {postBackup, ForOperation}}},
		{"PreBackup is over", backingUp, History{Done: stages(preBackup)}, []Remaining{
			{preSnapshot, ForNothing}, {postSnapshot, ForSnapshot}, {postBackup, ForOperation}}},
		{"quiesced", backingUp, History{Done: quiesced, Attempts: all, Started: true}, []Remaining{
			{postSnapshot, ForSnapshot}, {postBackup, ForOperation}}},
		{"told to begin, and a stage was not noted down", backingUp, History{Done: stages(preBackup), Attempts: all, Started: true}, []Remaining{
			{postSnapshot, ForSnapshot}, {postBackup, ForOperation}}},
		{"the snapshot is taken", backingUp, History{Done: quiesced, Attempts: all, Started: true, Outcomes: Outcomes{Snapshot: succeeded}}, []Remaining{
			{postSnapshot, ForNothing}, {postBackup, ForOperation}}},
		{"the snapshot has failed", backingUp, History{Done: quiesced, Attempts: all, Started: true, Outcomes: Outcomes{Snapshot: failed}}, []Remaining{
			{postSnapshot, ForNothing}, {postBackup, ForOperation}}},
		{"thawed, while data moves", backingUp, History{Done: stages(preBackup, preSnapshot, postSnapshot), Attempts: all, Started: true,
			Outcomes: Outcomes{Snapshot: succeeded}}, []Remaining{{postBackup, ForOperation}}},
		{"the operation is over, and nothing was said of the snapshot", backingUp, History{Done: quiesced, Attempts: all, Started: true,
			Outcomes: Outcomes{Operation: succeeded}}, []Remaining{{postSnapshot, ForNothing}, {postBackup, ForNothing}}},
		{"all is over", backingUp, History{Done: stages(preBackup, preSnapshot, postSnapshot, postBackup), Attempts: all, Started: true,
			Outcomes: Outcomes{succeeded, succeeded}}, nil},
		{"PreBackup has failed", backingUp, History{Attempts: inStages(preBackup), PreFailed: true}, []Remaining{
			{postSnapshot, ForNothing}, {postBackup, ForNothing}}},
		{"PreSnapshot has failed", backingUp, History{Done: stages(preBackup), Attempts: all, PreFailed: true}, []Remaining{
			{postSnapshot, ForNothing}, {postBackup, ForNothing}}},
		{"the tool has failed before it was told to begin", backingUp, History{Done: stages(preBackup), Attempts: inStages(preBackup),
			Outcomes: Outcomes{Operation: failed}}, []Remaining{{postSnapshot, ForNothing}, {postBackup, ForNothing}}},
		{"its snapshot is over before it was told to begin", backingUp, History{Outcomes: Outcomes{Snapshot: succeeded}}, []Remaining{
			{postSnapshot, ForNothing}, {postBackup, ForOperation}}},
		{"a backup of a snapshot that there is", Kinds{Backup: true}, History{}, []Remaining{{preBackup, ForNothing}, {postBackup, ForOperation}}},
		{"of which the tool speaks as if it were new", Kinds{Backup: true}, History{Outcomes: Outcomes{Snapshot: succeeded}}, []Remaining{
			{preBackup, ForNothing}, {postBackup, ForOperation}}},
		{"a snapshot only", Kinds{Snapshot: true}, History{}, []Remaining{{preSnapshot, ForNothing}, {postSnapshot, ForSnapshot}}},
		{"a restore", restoring, History{}, []Remaining{{preRestore, ForNothing}, {postRestore, ForOperation}}},
		{"a restore that may begin", restoring, History{Done: stages(preRestore), Started: true}, []Remaining{{postRestore, ForOperation}}},
		{"a restore that is done", restoring, History{Done: stages(preRestore), Started: true, Outcomes: Outcomes{Operation: succeeded}}, []Remaining{
			{postRestore, ForNothing}}},
		{"a restore whose PreRestore has failed", restoring, History{Attempts: inStages(preRestore), PreFailed: true}, []Remaining{{postRestore, ForNothing}}},
		{"no hooks at all", Kinds{}, History{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := planned(t, Session{Kinds: test.kinds}, []Pod{pod("a")}, inEveryStage())
			assert.Equal(t, test.want, plan.Remaining(test.history))
		})
	}
}

func TestWhatRemainsOfACancelledSession(t *testing.T) {
	for _, test := range []struct {
		name    string
		kinds   Kinds
		history History
		want    []v1alpha1.Stage
	}{
		{"before anything has run: PreBackup and PostBackup always run", backingUp, History{}, stages(preBackup, postBackup)},
		{"in PreBackup", backingUp, History{Attempts: inStages(preBackup)}, stages(preBackup, postBackup)},
		{"after PreBackup", backingUp, History{Done: stages(preBackup), Attempts: inStages(preBackup)}, stages(postBackup)},
		{"in PreSnapshot: what it has frozen is thawed, the rest of it does not run", backingUp,
			History{Done: stages(preBackup), Attempts: inStages(preBackup, preSnapshot)}, stages(postSnapshot, postBackup)},
		{"when PreSnapshot is over, and the tool not yet told", backingUp,
			History{Done: stages(preBackup, preSnapshot), Attempts: inStages(preBackup, preSnapshot)}, stages(postSnapshot, postBackup)},
		{"when the snapshot may have started", backingUp,
			History{Done: stages(preBackup, preSnapshot), Attempts: inStages(preBackup, preSnapshot), Started: true}, stages(postSnapshot, postBackup)},
		{"when the snapshot has started, and no pod had a pre hook", backingUp,
			History{Done: stages(preBackup, preSnapshot), Started: true}, stages(postSnapshot, postBackup)},
		{"when the snapshot is taken and thawed", backingUp, History{Done: stages(preBackup, preSnapshot, postSnapshot),
			Attempts: inStages(preBackup, preSnapshot), Started: true, Outcomes: Outcomes{Snapshot: succeeded}}, stages(postBackup)},
		{"after a failure in PreBackup: what has failed is undone", backingUp, History{Attempts: inStages(preBackup), PreFailed: true}, stages(postSnapshot, postBackup)},
		{"a backup of a snapshot that there is, before it", Kinds{Backup: true}, History{}, stages(preBackup, postBackup)},
		{"a backup of a snapshot that there is, started", Kinds{Backup: true}, History{Done: stages(preBackup), Started: true}, stages(postBackup)},
		{"a snapshot, before it", Kinds{Snapshot: true}, History{}, nil},
		{"a snapshot, in PreSnapshot", Kinds{Snapshot: true}, History{Attempts: inStages(preSnapshot)}, stages(postSnapshot)},
		{"a snapshot, started", Kinds{Snapshot: true}, History{Done: stages(preSnapshot), Started: true}, stages(postSnapshot)},
		{"a restore, before it", restoring, History{}, nil},
		{"a restore, in PreRestore", restoring, History{Attempts: inStages(preRestore)}, stages(postRestore)},
		{"a restore, started", restoring, History{Done: stages(preRestore), Started: true}, stages(postRestore)},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := planned(t, Session{Kinds: test.kinds}, []Pod{pod("a")}, inEveryStage())
			test.history.Cancelled = true
			var want []Remaining
			for _, stage := range test.want {
				want = append(want, Remaining{stage, ForNothing})
			}
			assert.Equal(t, want, plan.Remaining(test.history), "nothing waits for a tool that is not asked any longer")
		})
	}
}
