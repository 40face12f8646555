// Package usage knows who uses what of the library: which hooks run a HookScript, and which policies are made of a HookTemplate. It
// is pure; hooks/usage/librarian keeps what it finds in statuses, and keeps what is used from being deleted.
package usage

import (
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The kinds that a library is made of.
const (
	Script   = "HookScript"
	Template = "HookTemplate"
)

// Target is a HookScript or a HookTemplate, by its name.
type Target struct {
	Kind, Name string
}

// String is the target in a sentence, such as HookScript "flush".
func (t Target) String() string { return fmt.Sprintf("%s %q", t.Kind, t.Name) }

// User is what may use something of the library: a policy of either kind, or a template. It is suspended or not, which makes no
// difference: it is to work as before once it is resumed.
type User struct {
	// Kind, Namespace of a NamespacedHookPolicy, and Name of it.
	Kind, Namespace, Name string

	template string
	hooks    []v1alpha1.Hook
}

// Of reads an object of ours. It is false where the object's kind uses nothing of the library.
func Of(object any) (User, bool) {
	switch object := object.(type) {
	case *v1alpha1.HookPolicy:
		return ofPolicy("HookPolicy", "", object.Name, &object.Spec), true
	case *v1alpha1.NamespacedHookPolicy:
		return ofPolicy("NamespacedHookPolicy", object.Namespace, object.Name, &object.Spec), true
	case *v1alpha1.HookTemplate:
		return User{Kind: Template, Name: object.Name, hooks: object.Spec.Hooks}, true
	}
	return User{}, false
}

func ofPolicy(kind, namespace, name string, spec *v1alpha1.HookPolicySpec) User {
	user := User{Kind: kind, Namespace: namespace, Name: name, hooks: spec.Hooks}
	if spec.Template != nil {
		user.template = spec.Template.Name
	}
	return user
}

// Targets are what it uses, each once.
func (u *User) Targets() []Target {
	var targets []Target
	if u.template != "" {
		targets = append(targets, Target{Template, u.template})
	}
	for i := range u.hooks {
		script := u.hooks[i].Script
		if script == nil || script.Name == "" {
			continue
		}
		if target := (Target{Script, script.Name}); !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	return targets
}

// Uses are those that it makes of a script or a template: one for each hook that runs the script, one of the template.
func (u *User) Uses(target Target) []v1alpha1.Use {
	if target.Kind == Template {
		if u.template != target.Name {
			return nil
		}
		return []v1alpha1.Use{{Kind: u.Kind, Namespace: u.Namespace, Name: u.Name}}
	}
	var uses []v1alpha1.Use
	for i := range u.hooks {
		if hook := &u.hooks[i]; hook.Script != nil && hook.Script.Name == target.Name {
			uses = append(uses, v1alpha1.Use{
				Kind: u.Kind, Namespace: u.Namespace, Name: u.Name, Hook: hook.Name, Stages: slices.Clone(hook.Stages),
			})
		}
	}
	return uses
}
