package match

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func policyOf(hooks ...v1alpha1.Hook) Source {
	return Source{Ref{Name: "p"}, &v1alpha1.HookPolicySpec{Hooks: hooks}}
}

func hook(stage v1alpha1.Stage, command ...string) v1alpha1.Hook {
	return v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{stage}, Exec: &v1alpha1.ExecAction{Command: command}}
}

// with is a good policy, changed.
func with(change func(*v1alpha1.HookPolicySpec)) Source {
	changed := policyOf(hook(v1alpha1.PreBackup, "x"))
	change(changed.Spec)
	return changed
}

func TestWhatCannotBeUsedIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	good := Source{Ref{Name: "good"}, policyOf(hook(v1alpha1.PreBackup, "x")).Spec}
	tests := map[string]struct {
		policy Source
		want   string
	}{
		"no hook":             {policyOf(), "spec.hooks: write at least one hook"},
		"no action":           {policyOf(v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}}), "spec.hooks[a]: write exactly one action: exec, script, hold, httpGet"},
		"no command":          {policyOf(hook(v1alpha1.PreBackup)), "spec.hooks[a].exec.command: write the program and its arguments as a list"},
		"a NUL character":     {policyOf(hook(v1alpha1.PreBackup, "x", "y\x00")), "spec.hooks[a].exec.command[1]: it has a NUL character"},
		"an option":           {policyOf(hook(v1alpha1.PreBackup, "-c", "y")), `spec.hooks[a].exec.command[0]: "-c" is an option and not a program: write the program ahead of it, such as [sh, -c]`},
		"no stage that is":    {policyOf(hook("Never", "x")), `spec.hooks[a].stages: ["Never"]: write none but PreBackup`},
		"no stage":            {policyOf(v1alpha1.Hook{Name: "a", Exec: &v1alpha1.ExecAction{Command: []string{"x"}}}), "spec.hooks[a].stages: write at least one stage"},
		"no duration":         {with(func(s *v1alpha1.HookPolicySpec) { s.Hooks[0].Timeout = v1alpha1.Duration{Unreadable: `"5 min"`} }), `spec.hooks[a].timeout: "5 min" is not a duration: write a number with its unit`},
		"a long timeout":      {with(func(s *v1alpha1.HookPolicySpec) { s.Hooks[0].Timeout.Duration = time.Hour }), "spec.hooks[a].timeout: 1h0m0s is out of bounds: write a duration of 1ns to 25m0s"},
		"a negative limit":    {with(func(s *v1alpha1.HookPolicySpec) { s.MaxQuiesce.Duration = -1 }), "spec.maxQuiesce: -1ns is out of bounds"},
		"no shell that is":    {with(func(s *v1alpha1.HookPolicySpec) { s.Shell = "Fish" }), `spec.shell: "Fish" is none: write Posix or None`},
		"no such mercy":       {with(func(s *v1alpha1.HookPolicySpec) { s.Hooks[0].OnError = "Ignore" }), `spec.hooks[a].onError: "Ignore" is none: write Fail or Continue`},
		"a selector with one": {with(func(s *v1alpha1.HookPolicySpec) { s.Selector.ContainerImages = []v1alpha1.ImagePattern{"("} }), "spec.selector.containerImages[0]: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			index, refused := CompileAll([]Source{test.policy, good})
			require.Len(t, refused, 1)
			assert.Equal(t, Ref{Name: "p"}, refused[0].Ref)
			assert.ErrorContains(t, refused[0].Err, test.want)
			assert.ErrorContains(t, Check(test.policy.Ref, test.policy.Spec), test.want)
			assert.Len(t, index.Match(Namespace{Name: "shop"}, Pod{}), 1, "the others are used all the same")
		})
	}
	assert.NoError(t, Check(good.Ref, good.Spec))
}
