package plan

import (
	"cmp"
	"slices"

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
	// Bystander is true where nobody can count on the hook to undo anything: see Bystander.
	Bystander bool
}

// Bystander tells of hooks that cannot be counted on to undo anything, whenever they run: those that ask in each pod whether they are
// to run, connections that are only opened, and requests and Jobs whose failure is to be borne, such as those that tell somebody.
func Bystander(conditional, connects, outside bool, onError v1alpha1.OnError) bool {
	return conditional || connects || outside && onError == v1alpha1.Continue
}

// HookOf is a hook of a policy, by its place; false for one that no session runs: init containers are added by the webhook.
// A hold is there in two stages: in its own, and in the counterpart, where it is released.
func HookOf(spec *v1alpha1.HookPolicySpec, place int) (Hook, bool) {
	hook := &spec.Hooks[place]
	stages := hook.Stages
	if hook.Hold != nil {
		for stage, before := range counterpart {
			if slices.Contains(hook.Stages, before) {
				stages = append(slices.Clip(stages), stage)
			}
		}
	}
	return Hook{
		Name:            hook.Name,
		Place:           place,
		Stages:          stages,
		Container:       hook.Container,
		OnError:         cmp.Or(hook.OnError, v1alpha1.Fail),
		RunOn:           cmp.Or(hook.RunOn, v1alpha1.EachPod),
		ExecutionPolicy: cmp.Or(hook.ExecutionPolicy, v1alpha1.Always),
		Bystander: Bystander(hook.OnlyIf != nil && hook.Hold == nil, hook.TCPSocket != nil,
			hook.HTTPGet != nil || hook.HTTPPost != nil || hook.Job != nil, hook.OnError),
	}, hook.Init == nil
}
