package usage

import (
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Stages of hooks, each once, in the order in which they come.
func Stages(hooks []v1alpha1.Hook) []v1alpha1.Stage {
	var named []v1alpha1.Stage
	for _, stage := range v1alpha1.Stages {
		if slices.ContainsFunc(hooks, func(hook v1alpha1.Hook) bool { return slices.Contains(hook.Stages, stage) }) {
			named = append(named, stage)
		}
	}
	return named
}

// Params names the params of a template in one line; those that are required with an asterisk.
func Params(params []v1alpha1.TemplateParam) string {
	names := make([]string, len(params))
	for i := range params {
		names[i] = params[i].Name
		if params[i].Required {
			names[i] += "*"
		}
	}
	return strings.Join(names, ",")
}
