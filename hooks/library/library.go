// Package library resolves what a policy refers to, HookScripts and a HookTemplate, into hooks that stand for themselves. It is
// pure.
package library

import (
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxHooks is how many a policy may have, its template's included.
const maxHooks = 32

// Library is what policies may refer to, by name. It must not be changed while it is in use.
type Library struct {
	Scripts   map[string]*v1alpha1.HookScriptSpec
	Templates map[string]*v1alpha1.HookTemplateSpec
}

// MissingError is that something is not there. What refers to it can be used as soon as it comes.
type MissingError struct {
	// Kind is HookScript or HookTemplate.
	Kind, Name string
}

func (e MissingError) Error() string { return fmt.Sprintf("there is no %s %q", e.Kind, e.Name) }

// Kinds of what a Library has.
const (
	KindScript   = "HookScript"
	KindTemplate = "HookTemplate"
)

// Resolve is the spec with its template's hooks ahead of its own, their params replaced, and with the text of every script. It is the
// spec itself where there is nothing to resolve, and else shares with it, and with the library, what it does not change: none of
// them may be changed afterwards. Errors name the field, and are or wrap a MissingError where that is what is wrong.
func (l *Library) Resolve(spec *v1alpha1.HookPolicySpec) (*v1alpha1.HookPolicySpec, error) {
	if spec.Template == nil {
		hooks, err := l.withScripts(spec.Hooks, spec.Hooks)
		if err != nil {
			return nil, err
		}
		if sameHooks(hooks, spec.Hooks) {
			return spec, nil
		}
		resolved := *spec
		resolved.Hooks = hooks
		return &resolved, nil
	}
	use := spec.Template
	template := l.Templates[use.Name]
	if template == nil {
		return nil, fmt.Errorf("spec.template.name: %w", MissingError{KindTemplate, use.Name})
	}
	values, err := valuesOf(template.Params, use)
	if err != nil {
		return nil, fmt.Errorf("spec.template%w", err)
	}
	if all := len(template.Hooks) + len(spec.Hooks); all > maxHooks {
		return nil, fmt.Errorf("spec.hooks: with those of HookTemplate %q there are %d, and a policy may have %d: write two policies", use.Name, all, maxHooks)
	}
	hooks := make([]v1alpha1.Hook, 0, len(template.Hooks)+len(spec.Hooks))
	names := make(map[string]bool, len(template.Hooks))
	for i := range template.Hooks {
		hook, err := values.replace(&template.Hooks[i])
		if err != nil {
			return nil, fmt.Errorf("spec.template: HookTemplate %q: spec.hooks[%s]%w", use.Name, template.Hooks[i].Name, err)
		}
		hooks, names[hook.Name] = append(hooks, *hook), true
	}
	for i := range spec.Hooks {
		if name := spec.Hooks[i].Name; names[name] {
			return nil, fmt.Errorf("spec.hooks[%s].name: HookTemplate %q has a hook of that name: give the policy's own another one", name, use.Name)
		}
	}
	resolved := *spec
	resolved.Template = nil
	hooks = append(hooks, spec.Hooks...)
	resolved.Hooks, err = l.withScripts(hooks, spec.Hooks)
	if err != nil {
		return nil, err
	}
	return &resolved, nil
}

func sameHooks(a, b []v1alpha1.Hook) bool { return len(a) == 0 || len(b) > 0 && &a[0] == &b[0] }

// withScripts are hooks with the text of those scripts that they have by name: the same slice where there are none. Of the hooks, own
// are the last ones, and the others a template's.
func (l *Library) withScripts(hooks, own []v1alpha1.Hook) ([]v1alpha1.Hook, error) {
	result := hooks
	for i := range hooks {
		action := hooks[i].Script
		if action == nil || action.Name == "" {
			continue
		}
		if action.Inline != "" {
			return nil, fmt.Errorf("spec.hooks[%s].script: write the name of a HookScript, or the script itself in inline, not both", hooks[i].Name)
		}
		named := l.Scripts[action.Name]
		if named == nil {
			return nil, fmt.Errorf("spec.hooks[%s].script.name: %w", hooks[i].Name, MissingError{KindScript, action.Name})
		}
		if sameHooks(result, own) {
			result = append([]v1alpha1.Hook(nil), hooks...)
		}
		resolved := *action
		resolved.Inline = named.Script
		if resolved.Inline == "" { // stored by another schema: what is said of it is not that there is none
			return nil, fmt.Errorf("spec.hooks[%s].script.name: HookScript %q: %w", hooks[i].Name, action.Name, script.Check(""))
		}
		result[i].Script = &resolved
	}
	return result, nil
}
