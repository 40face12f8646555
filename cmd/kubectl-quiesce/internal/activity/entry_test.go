package activity

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// noon is when everything begins in these tests, in a zone of its own, whatever that of the machine.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(seconds float64) *metav1.MicroTime {
	return &metav1.MicroTime{Time: noon.Add(time.Duration(seconds * float64(time.Second)))}
}

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// golden compares a text with that of a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// ran is a HookRun with results; a pod with an empty name is none.
func ran(name string, order int32, stage v1alpha1.Stage, hook string, results ...v1alpha1.PodResult) *v1alpha1.HookRun {
	run := &v1alpha1.HookRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(noon)},
		Spec: v1alpha1.HookRunSpec{
			Session: v1alpha1.ObjectRef{Name: "nightly-42"}, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "postgres"}, Stage: stage, Order: order,
			Hook: v1alpha1.ResolvedHook{Name: hook, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}},
		},
		Status: v1alpha1.HookRunStatus{Results: results},
	}
	for _, result := range results {
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: result.Pod, UID: types.UID(result.Pod), Container: "db"})
		switch result.Outcome {
		case v1alpha1.ResultFailed:
			run.Status.Failed++
		case v1alpha1.ResultSkipped:
			run.Status.Skipped++
		default:
			run.Status.Succeeded++
		}
	}
	run.Spec.PodCount = int32(len(results))
	return run
}

func aNight() []*v1alpha1.HookRun {
	return []*v1alpha1.HookRun{
		ran("3", 2, v1alpha1.PostSnapshot, "thaw",
			v1alpha1.PodResult{Pod: "db-0", Outcome: v1alpha1.ResultSucceeded, StartedAt: at(4), Duration: "120ms", ExitCode: "0"},
			v1alpha1.PodResult{Pod: "db-1", Outcome: v1alpha1.ResultSucceeded, StartedAt: at(4.001), Duration: "90ms", ExitCode: "0"}),
		ran("1", 0, v1alpha1.PreSnapshot, "freeze",
			v1alpha1.PodResult{Pod: "db-0", Outcome: v1alpha1.ResultSucceeded, StartedAt: at(1), Duration: "1.25s", ExitCode: "0"},
			v1alpha1.PodResult{
				Pod: "db-1", Outcome: v1alpha1.ResultFailed, Reason: "ExitCode", StartedAt: at(1), Duration: "30ms", ExitCode: "9",
				Message: "the command ended with code 9", Output: "cannot freeze:\n  device is busy\n",
			}),
		ran("2", 1, v1alpha1.PreSnapshot, "check",
			v1alpha1.PodResult{Pod: "db-0", Outcome: v1alpha1.ResultSkipped, Reason: "NotReached", NotRun: true, Message: `hook "freeze" failed in pod "db-1"`}),
	}
}

func entriesOf(runs []*v1alpha1.HookRun, wanted filter) []Entry {
	var all []Entry
	for _, run := range runs {
		all = append(all, wanted.of(run)...)
	}
	return all
}

func TestTheActivityIsALineForEachHookAndPodInTheOrderOfTheirTimes(t *testing.T) {
	all := last(entriesOf(aNight(), filter{}), -1)
	for file, with := range map[string]func(*bytes.Buffer) writer{
		"logs.txt":        func(out *bytes.Buffer) writer { return newTable(out, false, true, false) },
		"logs-output.txt": func(out *bytes.Buffer) writer { return newTable(out, true, false, true) },
		"logs.json":       func(out *bytes.Buffer) writer { return jsonLines{out} },
	} {
		t.Run(file, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, with(&out).write(all))
			golden(t, file, out.String())
		})
	}
}

func TestLinesAreChosen(t *testing.T) {
	for name, test := range map[string]struct {
		wanted filter
		tail   int
		want   []string
	}{
		"all of them":             {filter{}, -1, []string{"check db-0", "freeze db-0", "freeze db-1", "thaw db-0", "thaw db-1"}},
		"by pod":                  {filter{pod: "db-1"}, -1, []string{"freeze db-1", "thaw db-1"}},
		"by result":               {filter{results: []v1alpha1.ResultOutcome{v1alpha1.ResultFailed}}, -1, []string{"freeze db-1"}},
		"by one of two results":   {filter{results: []v1alpha1.ResultOutcome{v1alpha1.ResultFailed, v1alpha1.ResultSkipped}}, -1, []string{"check db-0", "freeze db-1"}},
		"since a time, inclusive": {filter{since: at(4).Time}, -1, []string{"thaw db-0", "thaw db-1"}},
		"until a time, inclusive": {filter{until: at(1).Time}, -1, []string{"check db-0", "freeze db-0", "freeze db-1"}},
		"between two times":       {filter{since: at(2).Time, until: at(4).Time}, -1, []string{"thaw db-0"}},
		"the last two":            {filter{}, 2, []string{"thaw db-0", "thaw db-1"}},
		"the last of a pod":       {filter{pod: "db-0"}, 1, []string{"thaw db-0"}},
		"more than there are":     {filter{pod: "db-1"}, 10, []string{"freeze db-1", "thaw db-1"}},
		"none":                    {filter{pod: "db-9"}, -1, nil},
		"the last none":           {filter{}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, entry := range last(entriesOf(aNight(), test.wanted), test.tail) {
				got = append(got, entry.Hook+" "+entry.Pod)
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestTheAPIServerIsAskedForNoMoreThanNeeded(t *testing.T) {
	failed := []v1alpha1.ResultOutcome{v1alpha1.ResultFailed}
	assert.Empty(t, fields("", "", "", nil))
	assert.Equal(t, "spec.session.name=a,spec.policy.name=b,spec.stage=PreBackup", fields("a", "b", "PreBackup", nil))
	assert.Equal(t, "status.state!=Pending,status.state!=Skipped,status.state!=Succeeded", fields("", "", "", failed), "a run that still runs may have failed somewhere")
	assert.Equal(t, "status.state!=Pending", fields("", "", "", append(failed, v1alpha1.ResultSkipped)))
}

func TestAFollowedResultIsShownOnce(t *testing.T) {
	var out bytes.Buffer
	f := &feed{out: newTable(&out, false, false, false), tail: 1}
	night := aNight()
	for _, run := range night[1:] {
		f.take(run)
	}
	require.NoError(t, f.flush())
	assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")), "no more of what was before than the tail")
	for range 2 { // as when the list is read again after a lost connection
		for _, run := range night {
			f.take(run)
		}
		require.NoError(t, f.flush())
	}
	assert.Equal(t, 3, bytes.Count(out.Bytes(), []byte("\n")))
	again := night[0].DeepCopy()
	again.Status.Results[0].StartedAt = at(9)
	f.take(again)
	require.NoError(t, f.flush())
	assert.Equal(t, 4, bytes.Count(out.Bytes(), []byte("\n")), "a thaw that is repeated is another")
}

func TestAMomentIsATimeOrHowLongAgo(t *testing.T) {
	for text, want := range map[string]time.Time{
		"":                            {},
		"90s":                         noon.Add(-90 * time.Second),
		"24h":                         noon.Add(-24 * time.Hour),
		"2026-01-31T11:00:00Z":        noon.Add(-time.Hour),
		"2026-01-31T13:00:00.5+02:00": noon.Add(-time.Hour + 500*time.Millisecond),
	} {
		got, err := when("since", text, noon)
		require.NoError(t, err, text)
		assert.True(t, want.Equal(got), text)
	}
	for _, text := range []string{"yesterday", "-1h", "1d", "12"} {
		_, err := when("until", text, noon)
		assert.ErrorContains(t, err, "--until: ", text)
		assert.ErrorContains(t, err, "write how long ago it was, such as 90s, 15m or 24h, or a time such as 2026-01-31T12:00:00Z")
	}
}
