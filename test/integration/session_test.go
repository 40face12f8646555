package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionWith is a session with a spec.
func sessionWith(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(spec), &fields))
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "quiesce.io/v1alpha1", "kind": "HookSession",
		"metadata": map[string]any{"generateName": "session-", "namespace": "default"}, "spec": fields,
	}}
}

// The schema takes what planning has a row for, and nothing else. That a copy's namespace is the session's own the schema cannot see:
// the session then fails, and says so.
func TestASessionsOperationIsOneThatThereIs(t *testing.T) {
	for _, operation := range []v1alpha1.Operation{v1alpha1.OperationSnapshot, v1alpha1.OperationBackup, v1alpha1.OperationRestore, v1alpha1.OperationClone, v1alpha1.OperationReplicate} {
		for _, source := range []v1alpha1.DataSource{"", v1alpha1.SourceLive, v1alpha1.SourceSnapshot, v1alpha1.SourceBackup} {
			for _, cluster := range []v1alpha1.DestinationCluster{"", v1alpha1.ClusterLocal, v1alpha1.ClusterRemote} {
				for _, destination := range []string{"", "other"} {
					spec := fmt.Sprintf("operation: %s\n", operation)
					if source != "" {
						spec += fmt.Sprintf("dataSource: %s\n", source)
					}
					var fields []string
					if cluster != "" {
						fields = append(fields, "cluster: "+string(cluster))
					}
					if destination != "" {
						fields = append(fields, "namespace: "+destination)
					}
					if len(fields) > 0 {
						spec += "destination: {" + strings.Join(fields, ", ") + "}\n"
					}
					_, planned := plan.Request{Namespace: "default", Operation: operation, DataSource: source, Cluster: cluster, Destination: destination}.Kinds()
					taken := api.Create(t.Context(), sessionWith(t, spec), client.DryRunAll)
					// A destination that says nothing is refused, though it would mean something.
					empty := len(fields) > 0 && destination == "" && cluster != v1alpha1.ClusterRemote
					if planned == nil && !empty {
						assert.NoError(t, taken, spec)
					} else {
						assert.True(t, apierrors.IsInvalid(taken), "%s: %v", spec, taken)
					}
				}
			}
		}
	}
}

func TestASessionWithAMistakeIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		spec string
		want []string
	}{
		"no operation":                  {`{}`, []string{"spec.operation: Required value"}},
		"an operation that is none":     {`{operation: Copy}`, []string{`spec.operation: Unsupported value: "Copy"`, `"Backup"`}},
		"a restore of what runs":        {`{operation: Restore}`, []string{"spec.dataSource", "write Snapshot or Backup, or operation Clone"}},
		"a clone to nowhere":            {`{operation: Clone}`, []string{"spec.destination", "write its namespace, or cluster Remote"}},
		"a place that is none":          {`{operation: Clone, destination: {cluster: Local}}`, []string{"spec.destination", "write namespace, or cluster Remote"}},
		"a backup to a namespace":       {`{operation: Backup, destination: {namespace: other}}`, []string{"spec.destination", "leave it out, or write operation Clone or Replicate"}},
		"a time without a unit":         {`{operation: Backup, maxQuiesce: "5"}`, []string{"spec.maxQuiesce", "such as 90s, 10m or 1h"}},
		"a long time":                   {`{operation: Backup, maxQuiesce: 25h}`, []string{"spec.maxQuiesce", "write a duration of 1s to 24h"}},
		"too long an operation":         {`{operation: Backup, outcomeTimeout: 721h}`, []string{"spec.outcomeTimeout", "write a duration of 1s to 720h"}},
		"an outcome that is none":       {`{operation: Backup, outcomes: {operation: Done}}`, []string{`spec.outcomes.operation: Unsupported value: "Done"`}},
		"a snapshot beside a snapshot":  {`{operation: Snapshot, outcomes: {snapshot: Succeeded}}`, []string{"spec.outcomes.snapshot", "write outcomes.operation"}},
		"the same policy twice":         {`{operation: Backup, policyNames: [a, a]}`, []string{"spec.policyNames[1]: Duplicate value"}},
		"a selector with a wrong label": {`{operation: Backup, labelSelector: {matchLabels: {"a b": c}}}`, []string{"spec.labelSelector.matchLabels", "write label keys"}},
		"a time to live in words":       {`{operation: Backup, ttlSecondsAfterFinished: week}`, []string{"spec.ttlSecondsAfterFinished", "must be of type integer"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := api.Create(t.Context(), sessionWith(t, test.spec), client.DryRunAll)
			require.True(t, apierrors.IsInvalid(err), "%v", err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestOnlyOutcomesAndCancelOfASessionChangeAndEachOnce(t *testing.T) {
	const whole = `{operation: Clone, dataSource: Live, destination: {namespace: other}, trigger: Scheduled, policyNames: [a],
		labelSelector: {matchLabels: {a: b}}, maxQuiesce: 5m, outcomeTimeout: 1h}`
	patch := func(t *testing.T, session *unstructured.Unstructured, spec string) error {
		t.Helper()
		written, err := yaml.YAMLToJSON([]byte("spec: " + spec))
		require.NoError(t, err)
		return api.Patch(t.Context(), session.DeepCopy(), client.RawPatch(types.MergePatchType, written))
	}
	session, bare := sessionWith(t, whole), sessionWith(t, `{operation: Backup}`)
	create(t, session)
	create(t, bare)
	for _, change := range []string{
		`{operation: Replicate}`, `{dataSource: Snapshot}`, `{destination: {namespace: another}}`, `{destination: {cluster: Remote}}`, `{trigger: AdHoc}`,
		`{policyNames: [b]}`, `{policyNames: null}`, `{labelSelector: {matchLabels: {a: c}}}`, `{labelSelector: null}`, `{maxQuiesce: 6m}`, `{maxQuiesce: null}`,
		`{outcomeTimeout: 2h}`,
	} {
		assert.ErrorContains(t, patch(t, session, change), "it cannot change: create another session", change)
	}
	for _, change := range []string{`{policyNames: [a]}`, `{labelSelector: {matchLabels: {a: b}}}`, `{maxQuiesce: 5m}`, `{trigger: Scheduled}`, `{dataSource: Snapshot}`} {
		assert.ErrorContains(t, patch(t, bare, change), "it cannot change: create another session", change)
	}

	require.NoError(t, patch(t, bare, `{outcomes: {snapshot: Succeeded}}`))
	assert.ErrorContains(t, patch(t, bare, `{outcomes: {snapshot: Failed}}`), "it was said already and cannot change")
	assert.ErrorContains(t, patch(t, bare, `{outcomes: null}`), "what has been said cannot be taken back")
	assert.Error(t, patch(t, bare, `{outcomes: {snapshot: null}}`), "nor in part")
	require.NoError(t, patch(t, bare, `{outcomes: {operation: Failed}}`))
	assert.ErrorContains(t, patch(t, bare, `{outcomes: {operation: Succeeded}}`), "it was said already and cannot change")
	require.NoError(t, patch(t, bare, `{cancel: true}`))
	assert.ErrorContains(t, patch(t, bare, `{cancel: false}`), "a cancelled session cannot go on: create another")
	assert.Error(t, patch(t, bare, `{cancel: null}`))
	require.NoError(t, patch(t, bare, `{ttlSecondsAfterFinished: 60}`), "how long it is kept can change")
}

// A run as large as one can be is stored, and what was resolved does not change.
func TestARunOfFiveHundredPodsIsStoredAndDoesNotChange(t *testing.T) {
	run := &v1alpha1.HookRun{ObjectMeta: metav1.ObjectMeta{GenerateName: "run-", Namespace: "default"}}
	run.Spec = v1alpha1.HookRunSpec{
		Session: v1alpha1.ObjectRef{Name: "s", UID: "0d9c4a43-7d1f-4b6c-8d2a-1f1f6d0e9a11"}, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "p"},
		Stage: v1alpha1.PreSnapshot, PodCount: plan.MaxTargets,
		Hook: v1alpha1.ResolvedHook{Name: "h", Exec: &v1alpha1.ExecAction{Command: []string{"x"}}},
	}
	var results []v1alpha1.PodResult
	for i := range plan.MaxTargets {
		name := fmt.Sprintf("a-name-of-a-pod-that-is-of-some-length-%03d", i)
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: name, UID: types.UID(fmt.Sprintf("0d9c4a43-7d1f-4b6c-8d2a-1f1f6d0e9%03d", i)), Container: "main"})
		result := v1alpha1.PodResult{
			Pod: name, Outcome: v1alpha1.ResultFailed, Reason: "ExitCode", ExitCode: "1", StartedAt: new(metav1.NowMicro()), Duration: "1.25s",
			Message: "the command ended with code 1",
		}
		if i < 32 {
			result.Output = strings.Repeat("x", 2048)
		}
		results = append(results, result)
	}
	create(t, run)
	run.Status = v1alpha1.HookRunStatus{State: v1alpha1.RunFailed, Attempted: plan.MaxTargets, Failed: plan.MaxTargets, Results: results}
	require.NoError(t, api.Status().Update(t.Context(), run))
	var stored unstructured.Unstructured
	stored.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("HookRun"))
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(run), &stored))
	written, err := stored.MarshalJSON()
	require.NoError(t, err)
	assert.Less(t, len(written), 300<<10)

	run.Spec.Note = "another"
	assert.ErrorContains(t, api.Update(t.Context(), run), "what a session has resolved does not change")
}

func TestAHookOfASessionWithAMistakeIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	const hold = `{command: [mariadb, -n], readyPattern: ^held$}`
	tests := map[string]struct {
		hook string
		want []string
	}{
		"exec and hold":                {`hold: ` + hold, []string{"write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init"}},
		"a hold after the backup":      {`{exec: null, stages: [PostBackup], hold: ` + hold + `}`, []string{"spec.hooks[0].stages", "write [PreBackup] or [PreSnapshot]"}},
		"a hold without a pattern":     {`{exec: null, hold: {command: [x]}}`, []string{"spec.hooks[0].hold.readyPattern: Required value"}},
		"a hold without a command":     {`{exec: null, hold: {command: [], readyPattern: x}}`, []string{"spec.hooks[0].hold.command", "such as [mariadb, -n]"}},
		"an outcome before the backup": {`executionPolicy: OnFailure`, []string{"spec.hooks[0].executionPolicy", "before the backup there is no outcome yet"}},
		"an action without a pod":      {`runOn: Session`, []string{"spec.hooks[0].runOn", "write EachPod or OnePod"}},
		"too many retries":             {`maxRetries: 11`, []string{"spec.hooks[0].maxRetries", "less than or equal to 10"}},
		"a state that is none":         {`waitFor: Started`, []string{`spec.hooks[0].waitFor: Unsupported value: "Started"`}},
		"a long wait":                  {`waitTimeout: 2h`, []string{"spec.hooks[0].waitTimeout", "at most 1h"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := api.Create(t.Context(), policyWith(t, `{}`, test.hook), client.DryRunAll)
			require.True(t, apierrors.IsInvalid(err), "%v", err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
	for _, good := range []string{`{exec: null, hold: ` + hold + `}`, `{stages: [PreRestore, PostRestore], waitFor: Ready, ifNotReady: Skip}`, `{onlyIf: {command: [x]}, maxRetries: 10, runOn: OnePod}`} {
		assert.NoError(t, api.Create(t.Context(), policyWith(t, `{}`, good), client.DryRunAll), good)
	}
}

// Without a kubelet nothing runs; what a session says before anything could is the same.
func TestASessionThatCannotBeginSaysWhy(t *testing.T) {
	startController(t)
	namespace := optedIn(t, nil)
	create(t, bothSides("begun"))
	suspended := bothSides("suspended")
	suspended.Spec.Suspend = true
	create(t, suspended)
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "not-opted-in-"}}
	create(t, other)
	tests := map[string]struct {
		namespace, spec, reason, message string
	}{
		"not opted in":             {other.Name, `{operation: Backup}`, v1alpha1.ReasonNotOptedIn, "has not opted in: kubectl label namespace " + other.Name + " quiesce.io/hooks=enabled"},
		"never":                    {release, `{operation: Backup}`, v1alpha1.ReasonNotOptedIn, "never takes part"},
		"a policy that is none":    {namespace, `{operation: Backup, policyNames: [begin]}`, v1alpha1.ReasonPolicyNotFound, `spec.policyNames: there is no policy "begin"; for namespace "` + namespace + `" there are: begun`},
		"one that is suspended":    {namespace, `{operation: Backup, policyNames: [suspended]}`, v1alpha1.ReasonPolicyNotFound, `HookPolicy "suspended" is suspended`},
		"a clone to where it is":   {namespace, `{operation: Clone, destination: {namespace: ` + namespace + `}}`, v1alpha1.ReasonInvalid, "the copy needs a namespace of its own"},
		"a label that can be none": {namespace, `{operation: Backup, labelSelector: {matchLabels: {` + strings.Repeat("a", 64) + `: b}}}`, v1alpha1.ReasonInvalid, "spec.labelSelector"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			session := sessionWith(t, test.spec)
			session.SetNamespace(test.namespace)
			create(t, session)
			failed := waitSession(t, session, v1alpha1.PhaseFailed)
			require.NotNil(t, failed.Status.Broken)
			assert.Equal(t, test.reason, failed.Status.Broken.Reason)
			assert.Contains(t, failed.Status.Message, test.message)
			assert.True(t, meta.IsStatusConditionTrue(failed.Status.Conditions, v1alpha1.ConditionFailed))
		})
	}

	t.Run("nothing to quiesce", func(t *testing.T) {
		session := sessionWith(t, `{operation: Backup, ttlSecondsAfterFinished: 1}`)
		session.SetNamespace(namespace)
		create(t, session)
		quiesced := waitSession(t, session, v1alpha1.PhaseQuiesced)
		assert.True(t, meta.IsStatusConditionTrue(quiesced.Status.Conditions, v1alpha1.ConditionReadyForSnapshot))
		patch := client.MergeFrom(quiesced.DeepCopy())
		quiesced.Spec.Outcomes = &v1alpha1.Outcomes{Operation: v1alpha1.Succeeded}
		require.NoError(t, api.Patch(t.Context(), quiesced, patch))
		require.Eventually(t, func() bool {
			return apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(quiesced), quiesced))
		}, patience, tick, "a finished session is deleted when its time has passed")
	})
}

func waitSession(t *testing.T, object client.Object, phase v1alpha1.Phase) *v1alpha1.HookSession {
	t.Helper()
	session := &v1alpha1.HookSession{}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(context.Background(), client.ObjectKeyFromObject(object), session))
		assert.Equal(c, phase, session.Status.Phase, session.Status.Message)
	}, patience, tick)
	return session
}
