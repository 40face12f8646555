package match

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// held is a good hold, changed.
func held(change func(*v1alpha1.Hook)) v1alpha1.Hook {
	hook := v1alpha1.Hook{
		Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot},
		Hold: &v1alpha1.HoldAction{Command: []string{"mariadb", "-n"}, ReadyPattern: "^held$"},
	}
	change(&hook)
	return hook
}

// conducted is a good command of a stage, changed.
func conducted(stage v1alpha1.Stage, change func(*v1alpha1.Hook)) v1alpha1.Hook {
	hook := hook(stage, "x")
	change(&hook)
	return hook
}

func TestWhatASessionCannotDoIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		hook v1alpha1.Hook
		want string // after spec.hooks[a]
	}{
		"a hold and a command":           {held(func(h *v1alpha1.Hook) { h.Exec = &v1alpha1.ExecAction{Command: []string{"x"}} }), ": write exactly one action"},
		"a hold after the backup":        {held(func(h *v1alpha1.Hook) { h.Stages = []v1alpha1.Stage{v1alpha1.PostBackup} }), `.stages: ["PostBackup"]: a hold begins in one stage and ends in its counterpart after it: write [PreBackup] or [PreSnapshot]`},
		"a hold of two stages":           {held(func(h *v1alpha1.Hook) { h.Stages = v1alpha1.BackupStages[:2] }), ".stages: "},
		"a hold before a restore":        {held(func(h *v1alpha1.Hook) { h.Stages = []v1alpha1.Stage{v1alpha1.PreRestore} }), ".stages: "},
		"a hold of nothing":              {held(func(h *v1alpha1.Hook) { h.Hold.Command = nil }), ".hold.command: write the program and its arguments as a list"},
		"a hold that is never ready":     {held(func(h *v1alpha1.Hook) { h.Hold.ReadyPattern = "" }), ".hold.readyPattern: write a regular expression for the line"},
		"a pattern that is none":         {held(func(h *v1alpha1.Hook) { h.Hold.ReadyPattern = "(" }), ".hold.readyPattern: this is no regular expression"},
		"no pod":                         {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.RunOn = v1alpha1.OncePerSession }), `.runOn: "Session": exec, script and hold run in a pod: write EachPod or OnePod`},
		"a number of pods that is none":  {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.RunOn = "TwoPods" }), `.runOn: "TwoPods": write EachPod, OnePod or Session`},
		"an outcome that is none":        {conducted(v1alpha1.PostBackup, func(h *v1alpha1.Hook) { h.ExecutionPolicy = "Never" }), `.executionPolicy: "Never" is none`},
		"an outcome before the backup":   {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.ExecutionPolicy = v1alpha1.OnFailure }), `.executionPolicy: "OnFailure": before the backup there is no outcome yet`},
		"too many retries":               {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.MaxRetries = 11 }), ".maxRetries: 11: write 0 to 10"},
		"fewer than none":                {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.MaxRetries = -1 }), ".maxRetries: -1: write 0 to 10"},
		"a state that is none":           {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.WaitFor = "Started" }), `.waitFor: "Started" is none: write Running or Ready`},
		"something else than waiting":    {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.IfNotReady = "Ignore" }), `.ifNotReady: "Ignore" is none: write Fail, Skip or Wait`},
		"a long wait":                    {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.WaitTimeout.Duration = 2 * time.Hour }), ".waitTimeout: 2h0m0s is out of bounds"},
		"a condition without a command":  {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.OnlyIf = &v1alpha1.ExecAction{} }), ".onlyIf.command: write the program and its arguments as a list"},
		"a condition with a NUL in it":   {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.OnlyIf = &v1alpha1.ExecAction{Command: []string{"a\x00"}} }), ".onlyIf.command[0]: it has a NUL character"},
		"an unreadable wait":             {conducted(v1alpha1.PreBackup, func(h *v1alpha1.Hook) { h.WaitTimeout.Unreadable = `"soon"` }), `.waitTimeout: "soon" is not a duration`},
		"a command of a stage like none": {conducted("PreNothing", func(*v1alpha1.Hook) {}), ".stages: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(test.hook)
			err := Check(policy.Ref, policy.Spec)
			require.Error(t, err)
			assert.ErrorContains(t, err, "spec.hooks[a]"+test.want)
		})
	}
	for name, good := range map[string]v1alpha1.Hook{
		"a hold":                  held(func(*v1alpha1.Hook) {}),
		"a command after restore": conducted(v1alpha1.PostRestore, func(h *v1alpha1.Hook) { h.WaitFor, h.IfNotReady = v1alpha1.PodReady, v1alpha1.WaitNotReady }),
		"a command before one":    conducted(v1alpha1.PreRestore, func(h *v1alpha1.Hook) { h.RunOn, h.MaxRetries = v1alpha1.OnePod, 10 }),
		"for one outcome":         conducted(v1alpha1.PostBackup, func(h *v1alpha1.Hook) { h.ExecutionPolicy = v1alpha1.OnSuccess }),
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(good)
			assert.NoError(t, Check(policy.Ref, policy.Spec))
		})
	}
}
