package plan

import (
	"cmp"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Hook is what planning needs to know of a hook.
type Hook struct {
	Name string
	// Place in the policy's list, from 0.
	Place           int
	Stages          []v1alpha1.Stage
	Container       string // empty: the policy's default for the pod
	OnError         v1alpha1.OnError
	RunOn           v1alpha1.RunOn
	ExecutionPolicy v1alpha1.ExecutionPolicy
}

// HookOf is a hook of a policy, by its place; false for one that no session runs: init containers are added by the webhook.
func HookOf(spec *v1alpha1.HookPolicySpec, place int) (Hook, bool) {
	hook := &spec.Hooks[place]
	return Hook{
		Name:            hook.Name,
		Place:           place,
		Stages:          hook.Stages,
		Container:       hook.Container,
		OnError:         cmp.Or(hook.OnError, v1alpha1.Fail),
		RunOn:           v1alpha1.EachPod,
		ExecutionPolicy: v1alpha1.Always,
	}, hook.Init == nil
}
