package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ranIn is a run of a hook of the policy postgres, in pods by their names.
func ranIn(order int32, stage v1alpha1.Stage, hook v1alpha1.ResolvedHook, pods ...string) v1alpha1.HookRun {
	hook.ExecutionPolicy = v1alpha1.Always
	run := v1alpha1.HookRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop"},
		Spec: v1alpha1.HookRunSpec{
			Order: order, Stage: stage, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "postgres"}, Hook: hook,
		},
	}
	for _, pod := range pods {
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: pod, UID: types.UID(pod), Container: "db"})
	}
	return run
}

// succeeded adds results of pods.
func succeeded(run v1alpha1.HookRun, pods ...string) v1alpha1.HookRun {
	for _, pod := range pods {
		run.Status.Results = append(run.Status.Results, v1alpha1.PodResult{Pod: pod, Outcome: v1alpha1.ResultSucceeded})
	}
	return run
}

func execHook(name string, command ...string) v1alpha1.ResolvedHook {
	return v1alpha1.ResolvedHook{Name: name, Exec: &v1alpha1.ExecAction{Command: command}}
}

func TestWhatASessionLeavesIsWhatItHasQuiescedAndNotThawed(t *testing.T) {
	freeze, thaw := execHook("freeze", "fsfreeze", "--freeze", "/data"), execHook("thaw", "fsfreeze", "--unfreeze", "/my data")
	hold := v1alpha1.ResolvedHook{Name: "lock", Hold: &v1alpha1.HoldAction{Command: []string{"mariadb"}}}
	script := v1alpha1.ResolvedHook{Name: "unlock", Script: &v1alpha1.ScriptAction{Inline: "#!/bin/sh\n"}}
	tests := map[string]struct {
		runs           []v1alpha1.HookRun
		pods, commands []string
	}{
		"nothing has run": {runs: []v1alpha1.HookRun{ranIn(2, v1alpha1.PostSnapshot, thaw, "db-0"), ranIn(1, v1alpha1.PreSnapshot, freeze, "db-0")}},
		"all has been thawed": {runs: []v1alpha1.HookRun{
			succeeded(ranIn(1, v1alpha1.PreSnapshot, freeze, "db-0"), "db-0"), succeeded(ranIn(2, v1alpha1.PostSnapshot, thaw, "db-0"), "db-0"),
		}},
		"one of two has been thawed": {
			runs: []v1alpha1.HookRun{
				succeeded(ranIn(2, v1alpha1.PostSnapshot, thaw, "db-0", "db-1"), "db-0"),
				succeeded(ranIn(1, v1alpha1.PreSnapshot, freeze, "db-0", "db-1"), "db-0", "db-1"),
			},
			pods: []string{"db-1"}, commands: []string{"kubectl -n shop exec db-1 -c db -- fsfreeze --unfreeze '/my data'"},
		},
		"hooks that are no commands, in their order": {
			runs: []v1alpha1.HookRun{
				ranIn(3, v1alpha1.PostSnapshot, thaw, "db-0"), ranIn(2, v1alpha1.PostSnapshot, script, "db-0"),
				succeeded(ranIn(1, v1alpha1.PreSnapshot, freeze, "db-0"), "db-0"),
			},
			pods: []string{"db-0"}, commands: []string{
				`hook unlock of HookPolicy "postgres" for pod db-0`, "kubectl -n shop exec db-0 -c db -- fsfreeze --unfreeze '/my data'",
			},
		},
		"a hold, which ends with the controller": {
			runs: []v1alpha1.HookRun{
				succeeded(ranIn(1, v1alpha1.PreSnapshot, hold, "db-0"), "db-0"), ranIn(2, v1alpha1.PostSnapshot, hold, "db-0"),
			},
			pods: []string{"db-0"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pods, commands := left(&v1alpha1.HookSession{}, test.runs)
			assert.Equal(t, test.pods, pods)
			assert.Equal(t, test.commands, commands)
		})
	}
}

func TestACommandIsQuotedForAShell(t *testing.T) {
	assert.Equal(t, `sh -c 'echo '\''a'\'' > "$X"' '' '~' a=1`, quoted([]string{"sh", "-c", `echo 'a' > "$X"`, "", "~", "a=1"}))
}
