package advice

import (
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ForTemplate returns what to tell the author of a template, as For does.
func ForTemplate(spec *v1alpha1.HookTemplateSpec) []string { return For(asPolicy(spec)) }

// asPolicy is a policy that is made of a template, as far as advice looks at one: each param has its own name for a value.
func asPolicy(spec *v1alpha1.HookTemplateSpec) *v1alpha1.HookPolicySpec {
	var pairs []string
	for i := range spec.Params {
		pairs = append(pairs, "$("+spec.Params[i].Name+")", spec.Params[i].Name)
	}
	values := strings.NewReplacer(pairs...)
	policy := &v1alpha1.HookPolicySpec{}
	for i := range spec.Hooks {
		hook := spec.Hooks[i].DeepCopy()
		if hook.Exec != nil {
			for j := range hook.Exec.Command {
				hook.Exec.Command[j] = values.Replace(hook.Exec.Command[j])
			}
		}
		policy.Hooks = append(policy.Hooks, *hook)
	}
	return policy
}
