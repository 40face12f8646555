package library

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestMistakesAreAllOfATemplateAndCheckTellsTheFirst(t *testing.T) {
	hook := func(name string, command ...string) v1alpha1.Hook {
		h := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{v1alpha1.PreBackup}}
		h.Exec = &v1alpha1.ExecAction{Command: command}
		return h
	}
	spec := &v1alpha1.HookTemplateSpec{Params: []v1alpha1.TemplateParam{{Name: "one"}, {Name: "two"}}, Hooks: []v1alpha1.Hook{hook("a", "-a"), hook("b", "b"), hook("c", "-c")}}
	mistakes := TemplateMistakes(spec)
	require.Len(t, mistakes, 2, "which params are used is not known")
	require.ErrorContains(t, mistakes[0], "spec.hooks[a].exec.command[0]: ")
	require.ErrorContains(t, mistakes[1], "spec.hooks[c].exec.command[0]: ")
	require.EqualError(t, CheckTemplate(spec), mistakes[0].Error())

	spec.Hooks = []v1alpha1.Hook{hook("b", "b")}
	mistakes = TemplateMistakes(spec)
	require.Len(t, mistakes, 2)
	assert.ErrorContains(t, mistakes[0], "spec.params[one]: ")
	assert.ErrorContains(t, mistakes[1], "spec.params[two]: ")
}
