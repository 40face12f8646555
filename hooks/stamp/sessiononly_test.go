package stamp

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestWhatOnlyASessionCanDoIsNotStampedAndNeverHalfOfAFreeze(t *testing.T) {
	command := func(stage v1alpha1.Stage, change func(*v1alpha1.Hook)) *v1alpha1.Hook {
		hook := &v1alpha1.Hook{Name: string(stage), Stages: []v1alpha1.Stage{stage}, Exec: &v1alpha1.ExecAction{Command: []string{"x"}}}
		change(hook)
		return hook
	}
	plain := func(*v1alpha1.Hook) {}
	hold := &v1alpha1.Hook{Name: "hold", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Hold: &v1alpha1.HoldAction{}}
	onFailure := func(h *v1alpha1.Hook) { h.ExecutionPolicy = v1alpha1.OnFailure }
	tests := map[string]struct {
		hooks []*v1alpha1.Hook
		left  []string // fields of the hooks that are left out
		whole string   // the field for which all are
	}{
		"nothing of the kind": {hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, plain), command(v1alpha1.PostSnapshot, plain)}},
		"a hold beside a freeze": {
			hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, plain), hold, command(v1alpha1.PostSnapshot, plain)}, left: []string{"hold"},
		},
		"a word on failure": {
			hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, plain), command(v1alpha1.PostSnapshot, plain), command(v1alpha1.PostBackup, onFailure)},
			left:  []string{"executionPolicy"},
		},
		"a freeze on standbys": {
			hooks: []*v1alpha1.Hook{
				command(v1alpha1.PreSnapshot, func(h *v1alpha1.Hook) { h.OnlyIf = &v1alpha1.ExecAction{} }), command(v1alpha1.PostSnapshot, plain),
			}, whole: "onlyIf",
		},
		"a thaw that is tried again": {
			hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, plain), command(v1alpha1.PostSnapshot, func(h *v1alpha1.Hook) { h.MaxRetries = 1 })},
			whole: "maxRetries",
		},
		"a flush in one pod, with nothing to undo": {
			hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, func(h *v1alpha1.Hook) { h.RunOn = v1alpha1.OnePod }), command(v1alpha1.PreBackup, plain)},
			left:  []string{"runOn"},
		},
		"a freeze that waits": {
			hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, func(h *v1alpha1.Hook) { h.WaitFor = v1alpha1.PodReady }), command(v1alpha1.PostSnapshot, plain)},
			whole: "waitFor",
		},
		"a freeze that may be left out": {
			hooks: []*v1alpha1.Hook{command(v1alpha1.PreSnapshot, func(h *v1alpha1.Hook) { h.IfNotReady = v1alpha1.SkipNotReady }), command(v1alpha1.PostSnapshot, plain)},
			whole: "ifNotReady",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			left, whole := apart(test.hooks)
			var fields []string
			for _, obstacle := range left {
				assert.Equal(t, v1alpha1.ReasonSessionOnly, obstacle.Reason)
				assert.Contains(t, obstacle.Explain("shop/db-0"), "has "+obstacle.Field+", which Velero's annotations cannot express")
				fields = append(fields, obstacle.Field)
			}
			assert.Equal(t, test.left, fields)
			if test.whole == "" {
				assert.Nil(t, whole)
			} else if assert.NotNil(t, whole) {
				assert.Equal(t, test.whole, whole.Field)
			}
		})
	}
}

func TestHooksForSessionsOnlyAreToldOfAPolicy(t *testing.T) {
	run := func(name string, stages ...v1alpha1.Stage) v1alpha1.Hook {
		return v1alpha1.Hook{Name: name, Stages: stages, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}}
	}
	lock := v1alpha1.Hook{Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Hold: &v1alpha1.HoldAction{}}
	call := v1alpha1.Hook{Name: "call", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, HTTPPost: &v1alpha1.HTTPPostAction{}}
	for name, tt := range map[string]struct {
		hooks []v1alpha1.Hook
		mode  v1alpha1.VeleroMode
		want  []string
	}{
		"none":                         {hooks: []v1alpha1.Hook{run("a", v1alpha1.PreSnapshot), run("b", v1alpha1.PostSnapshot)}},
		"one that is harmless":         {hooks: []v1alpha1.Hook{lock, run("a", v1alpha1.PreSnapshot)}, want: []string{"lock"}},
		"one half of both sides":       {hooks: []v1alpha1.Hook{call, run("b", v1alpha1.PostSnapshot)}, want: []string{"call", "b"}},
		"for a restore":                {hooks: []v1alpha1.Hook{{Name: "x", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, HTTPPost: &v1alpha1.HTTPPostAction{}}}},
		"where backups wait for these": {hooks: []v1alpha1.Hook{lock}, mode: v1alpha1.VeleroSession},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, SessionOnly(&v1alpha1.HookPolicySpec{Hooks: tt.hooks, Velero: v1alpha1.PolicyVelero{Mode: tt.mode}}))
		})
	}
}
