package perform

import (
	"context"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// script runs the hook's script.
func (a *attempt) script(ctx context.Context) *v1alpha1.PodResult {
	var variables []script.Variable
	for _, v := range a.variables() {
		variables = append(variables, script.Variable{Name: v.name, Value: v.value})
	}
	for _, v := range a.hook.Script.Env {
		value := v.Value
		if v.ValueFrom != nil {
			var err error
			if value, err = a.secret(ctx, v.ValueFrom); err != nil {
				return a.withoutSecret(err)
			}
		}
		variables = append(variables, script.Variable{Name: v.Name, Value: value})
	}
	argv, stdin, err := script.Stream(a.hook.Script.Inline, a.hook.Script.Args, variables)
	if err != nil {
		return a.say(action.Result{Reason: action.NotStarted, Process: action.NeverRan, Message: err.Error()})
	}
	return a.command(ctx, argv, stdin)
}
