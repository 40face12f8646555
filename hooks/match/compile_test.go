package match

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestMistakesAreAllOfAPolicyAndCheckTellsTheFirst(t *testing.T) {
	spec := &v1alpha1.HookPolicySpec{
		Selector: v1alpha1.PolicySelector{
			IncludedNamespaces: []v1alpha1.NamespaceGlob{"[", "a", "["}, ContainerImages: []v1alpha1.ImagePattern{"(", "a"}, ExcludedContainerImages: []v1alpha1.ImagePattern{"a", ")"},
		},
		Shell: "Bash",
	}
	for _, name := range []string{"a", "b"} {
		hook := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{v1alpha1.PreBackup}}
		hook.Exec = &v1alpha1.ExecAction{Command: []string{"-c"}}
		spec.Hooks = append(spec.Hooks, hook)
	}
	mistakes := Mistakes(Ref{Name: "a"}, spec)
	fields := []string{
		"spec.selector.includedNamespaces[0]: ", "spec.selector.includedNamespaces[2]: ", "spec.selector.containerImages[0]: ", "spec.selector.excludedContainerImages[1]: ",
		"spec.shell: ", "spec.hooks[a].exec.command[0]: ", "spec.hooks[b].exec.command[0]: ",
	}
	require.Len(t, mistakes, len(fields))
	for i, field := range fields {
		assert.ErrorContains(t, mistakes[i], field)
	}
	assert.EqualError(t, Check(Ref{Name: "a"}, spec), mistakes[0].Error())
}
