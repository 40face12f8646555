//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// One hook may name all stages, whatever it does; those of before the snapshot come in the list's order, those of after it in reverse.
func TestEveryActionRunsInEveryStage(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	pod := s.web()
	command := job("job", "quiesce.test/busybox:1.35", "true", v1alpha1.PreBackup)
	request := getting("request", "/cgi-bin/keep?$(QUIESCE_STAGE)")
	actions := []v1alpha1.Hook{
		does("exec", `echo exec >>/tmp/log`),
		{Name: "script", Script: &v1alpha1.ScriptAction{Inline: "#!/bin/sh\necho $QUIESCE_STAGE >>/tmp/log\n"}},
		request, connecting("connection", "", 8080), command,
	}
	for i := range actions {
		actions[i].Stages, actions[i].OnError, actions[i].Timeout.Duration = slices.Clone(v1alpha1.Stages), v1alpha1.Fail, time.Minute
	}
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: actions}})
	backup := s.begin()
	s.waitReady(backup)
	s.report(backup, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	s.waitFinished(backup, v1alpha1.PhaseComplete)
	restore := s.begin(func(spec *v1alpha1.HookSessionSpec) {
		spec.Operation, spec.DataSource = v1alpha1.OperationRestore, v1alpha1.SourceBackup
	})
	s.waitSession(restore, "ready for the restore", isTrue(v1alpha1.ConditionReadyForRestore))
	s.report(restore, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	s.waitFinished(restore, v1alpha1.PhaseComplete)

	var runs v1alpha1.HookRunList
	require.NoError(t, api.List(t.Context(), &runs, client.InNamespace(s.namespace)))
	succeeded := map[string]bool{}
	for _, run := range runs.Items {
		assert.Equal(t, v1alpha1.RunSucceeded, run.Status.State, "%s in %s: %+v", run.Spec.Hook.Name, run.Spec.Stage, run.Status.Results)
		succeeded[fmt.Sprint(run.Spec.Stage, " ", run.Spec.Hook.Name)] = true
	}
	assert.Len(t, succeeded, len(actions)*len(v1alpha1.Stages))
	var want []string
	for _, stage := range v1alpha1.Stages {
		if strings.HasPrefix(string(stage), "Pre") {
			want = append(want, "exec", string(stage))
		} else {
			want = append(want, string(stage), "exec")
		}
	}
	assert.Equal(t, want, strings.Fields(s.in(pod, "cat /tmp/log")))
	sent := s.in(pod, "cat /tmp/sent")
	for _, stage := range v1alpha1.Stages {
		assert.Contains(t, sent, string(stage))
	}
}

// Before a restore the namespace may be empty: what is to run then runs in no pod.
func TestBeforeARestoreIntoAnEmptyNamespaceHooksRunInNoPod(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	before := job("before", "quiesce.test/busybox:1.35", `[ "$QUIESCE_STAGE" = PreRestore ]`, v1alpha1.PreRestore)
	before.RunOn, before.OnError = v1alpha1.OncePerSession, v1alpha1.Fail
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{before}}})
	session := s.begin(func(spec *v1alpha1.HookSessionSpec) {
		spec.Operation, spec.DataSource = v1alpha1.OperationRestore, v1alpha1.SourceBackup
	})
	s.waitSession(session, "ready for the restore", isTrue(v1alpha1.ConditionReadyForRestore))
	requireHooks(t, session, 1, 0, 0)
	s.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	s.waitFinished(session, v1alpha1.PhaseComplete)
}
