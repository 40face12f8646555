package library

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// CommandLine is the argv of a script whose text is known, for where nothing can be streamed. It is false where there is none: its
// interpreter takes no script as an argument, or it has a Secret, which is not to stand there.
func CommandLine(action *v1alpha1.ScriptAction) (argv []string, can bool) {
	if HasSecret(action) {
		return nil, false
	}
	env := make([]script.Variable, len(action.Env))
	for i := range action.Env {
		env[i] = script.Variable{Name: action.Env[i].Name, Value: action.Env[i].Value}
	}
	return script.Inline(action.Inline, action.Args, env)
}

// HasSecret tells whether a variable of a script comes from a Secret.
func HasSecret(action *v1alpha1.ScriptAction) bool {
	return slices.ContainsFunc(action.Env, func(variable v1alpha1.ScriptVariable) bool { return variable.ValueFrom != nil })
}
