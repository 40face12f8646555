package activity

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func aSession(name string, phase v1alpha1.Phase, change ...func(*v1alpha1.HookSession)) v1alpha1.HookSession {
	session := v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.NewTime(noon)},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup},
		Status:     v1alpha1.HookSessionStatus{Phase: phase},
	}
	for _, change := range change {
		change(&session)
	}
	return session
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(noon.Add(4 * time.Second))}
}

func someSessions() []v1alpha1.HookSession {
	return []v1alpha1.HookSession{
		aSession("nightly-42", v1alpha1.PhaseFailed, func(s *v1alpha1.HookSession) {
			s.CreationTimestamp = metav1.NewTime(noon.Add(time.Second))
			s.Status.Hooks = v1alpha1.HookCounts{Total: 5, Succeeded: 3, Failed: 1, Skipped: 1}
			s.Status.Window = &v1alpha1.Window{OpenedAt: at(1), ThawingAt: at(4), ThawedAt: at(4.1), Duration: "3.1s"}
			s.Status.Message = "hook \"freeze\" failed\nin pod \"db-1\""
			s.Status.Conditions = []metav1.Condition{
				condition(v1alpha1.ConditionThawed, metav1.ConditionTrue, "Thawed", "everything was thawed after 3.1s"),
				condition(v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonHookFailed, "a hook failed"),
			}
			s.Spec.Velero = &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Namespace: "velero", Name: "nightly", Held: true}
		}),
		aSession("adhoc", "", func(s *v1alpha1.HookSession) { s.CreationTimestamp = metav1.NewTime(noon.Add(time.Minute)) }),
		aSession("open", v1alpha1.PhaseQuiesced, func(s *v1alpha1.HookSession) {
			s.Spec.Operation = v1alpha1.OperationSnapshot
			s.Status.QuiescedPods = 2
			s.Status.Window = &v1alpha1.Window{OpenedAt: at(30), QuiescedAt: at(31), Deadline: at(630)}
		}),
	}
}

func TestSessionsAreListedTheLatestLast(t *testing.T) {
	for file, columns := range map[string]layout{"sessions.txt": {}, "sessions-wide.txt": {namespaces: true, wide: true}} {
		t.Run(file, func(t *testing.T) {
			var out bytes.Buffer
			table := printers.GetNewTabWriter(&out)
			printRow(table, columns.header())
			sessions := someSessions()
			sortSessions(sessions)
			for i := range sessions {
				printRow(table, columns.row(&sessions[i], noon.Add(90*time.Second)))
			}
			require.NoError(t, table.Flush())
			golden(t, file, out.String())
		})
	}
}

func TestSessionsAreChosen(t *testing.T) {
	for name, test := range map[string]struct {
		wanted sessionFilter
		want   string
	}{
		"all":                                 {sessionFilter{}, "nightly-42 adhoc open"},
		"by phase":                            {sessionFilter{phases: []v1alpha1.Phase{v1alpha1.PhaseFailed, v1alpha1.PhaseQuiesced}}, "nightly-42 open"},
		"one that nobody has seen is pending": {sessionFilter{phases: []v1alpha1.Phase{v1alpha1.PhasePending}}, "adhoc"},
		"since a time":                        {sessionFilter{since: noon.Add(time.Second + 500*time.Millisecond)}, "nightly-42 adhoc"},
		"by name":                             {sessionFilter{names: []string{"adhoc", "open", "none"}}, "adhoc open"},
		"by what has run in them":             {sessionFilter{policy: &policySessions{policy: "postgres", known: map[client.ObjectKey]bool{{Namespace: "shop", Name: "open"}: true, {Namespace: "other", Name: "adhoc"}: true}}}, "open"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, session := range someSessions() {
				if test.wanted.wants(&session) {
					got = append(got, session.Name)
				}
			}
			assert.Equal(t, test.want, strings.Join(got, " "))
		})
	}
	named := aSession("named", v1alpha1.PhaseFailed, func(s *v1alpha1.HookSession) { s.Spec.PolicyNames = []string{"postgres"} })
	assert.True(t, (&policySessions{policy: "postgres"}).has(&named), "it has asked for a policy of which nothing has run")
}

func TestASessionIsDescribedFailuresFirst(t *testing.T) {
	failed := someSessions()[0]
	failed.Labels = map[string]string{"b": "2", "a": "1"}
	failed.Spec.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": "postgres"}}
	failed.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: true, BackupHooks: true}
	failed.Status.Hooks.Delegated = 2
	failed.Status.Delegated = []v1alpha1.DelegatedHook{{Policy: "redis", Hook: "save", Pods: 2}}
	failed.Status.SnapshotCounts = v1alpha1.SnapshotCounts{Total: 1, Cut: 1, Inside: 0, Claims: 2, UnseenClaims: 1}
	failed.Status.Snapshots = []v1alpha1.SeenSnapshot{{Name: "data", Claim: "data-db-0", CreatedAt: at(5), CutAt: at(6)}}
	runs := aNight()
	d := &description{session: &failed, now: noon.Add(90 * time.Second)}
	for _, run := range runs {
		run.Status.State = v1alpha1.RunFailed
		d.runs = append(d.runs, *run)
	}
	d.events = []corev1.Event{
		{Type: "Warning", Reason: "Failed", Message: "the session is Failed", EventTime: metav1.NewMicroTime(noon.Add(10 * time.Second))},
		{Type: "Warning", Reason: "HookFailed", Message: `hook "freeze" failed`, LastTimestamp: metav1.NewTime(noon.Add(2 * time.Second))},
	}
	var out bytes.Buffer
	require.NoError(t, d.write(&out))
	golden(t, "describe.txt", out.String())
}

func TestASessionThatNobodyHasLookedAtIsDescribed(t *testing.T) {
	session := someSessions()[1]
	d := &description{session: &session, now: noon.Add(90 * time.Second), gaps: []string{"Its events are not known: no right to list them"}}
	var out bytes.Buffer
	require.NoError(t, d.write(&out))
	golden(t, "describe-new.txt", out.String())
}

func TestOfManyPodsFailuresAndSomeOthersAreDescribed(t *testing.T) {
	var results []v1alpha1.PodResult
	for i := range 300 {
		results = append(results, v1alpha1.PodResult{Pod: "db-" + string(rune('a'+i%26)), Outcome: v1alpha1.ResultSucceeded, StartedAt: at(1)})
	}
	results[290] = v1alpha1.PodResult{Pod: "broken", Outcome: v1alpha1.ResultFailed, Reason: "TimedOut", StartedAt: at(1), Message: "too slow"}
	session := aSession("many", v1alpha1.PhaseFailed)
	d := &description{session: &session, runs: []v1alpha1.HookRun{*ran("1", 0, v1alpha1.PreSnapshot, "freeze", results...)}, now: noon}
	var out bytes.Buffer
	require.NoError(t, d.write(&out))
	assert.Contains(t, out.String(), "and 289 more, none of which failed: kubectl quiesce logs -n shop --session nightly-42, or --all-pods")
	assert.Contains(t, out.String(), "broken")
	d.all = true
	out.Reset()
	require.NoError(t, d.write(&out))
	assert.Equal(t, 299, strings.Count(out.String(), "Succeeded  "))
}
