package stamp

import (
	"cmp"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionOnly is the field by which a hook is one that Velero's annotations cannot express; empty where they can.
func sessionOnly(hook *v1alpha1.Hook) string {
	switch {
	case v1alpha1.ForSessionsOnly(hook.Action()):
		return hook.Action()
	case cmp.Or(hook.RunOn, v1alpha1.EachPod) != v1alpha1.EachPod:
		return "runOn"
	case hook.OnlyIf != nil:
		return "onlyIf"
	case hook.MaxRetries > 0:
		return "maxRetries"
	case cmp.Or(hook.WaitFor, v1alpha1.PodRunning) != v1alpha1.PodRunning:
		return "waitFor"
	case hook.IfNotReady != "":
		return "ifNotReady"
	case bystander(hook):
		return "executionPolicy"
	}
	if _, can := command(hook); !can {
		return scriptField
	}
	return ""
}

// scriptField is the field of those scripts that are too much for an annotation.
const scriptField = "script"

// bystander tells of hooks that thaw nothing, and are for one outcome only.
func bystander(hook *v1alpha1.Hook) bool {
	return cmp.Or(hook.ExecutionPolicy, v1alpha1.Always) != v1alpha1.Always
}

// harmless tells of hooks that are no half of a freeze and its thaw: a hold ends by itself, a bystander undoes nothing, and who only
// opens a connection does nothing at all.
func harmless(hook *v1alpha1.Hook) bool {
	return hook.Hold != nil || hook.TCPSocket != nil || bystander(hook)
}

// forBackups tells whether a hook is for a stage that Velero's annotations know.
func forBackups(hook *v1alpha1.Hook) bool { return runsOn(pre, hook) || runsOn(post, hook) }

// apart decides about the hooks of a policy that only a session can run. Harmless ones are left out, and that is all. Any other may be
// one half of a freeze and its thaw, so that a policy of both sides is then left to sessions as a whole.
func apart(hooks []*v1alpha1.Hook) (left []Obstacle, whole *Obstacle) {
	var before, after bool
	for _, hook := range hooks {
		if !harmless(hook) {
			before, after = before || runsOn(pre, hook), after || runsOn(post, hook)
		}
	}
	for _, hook := range hooks {
		field := sessionOnly(hook)
		if field == "" {
			continue
		}
		obstacle := Obstacle{Reason: v1alpha1.ReasonSessionOnly, Hook: hook.Name, Field: field}
		if field == scriptField {
			obstacle.Why = whyNoCommand(hook.Script)
		}
		if before && after && !harmless(hook) {
			return nil, &obstacle
		}
		left = append(left, obstacle)
	}
	return left, nil
}

// SessionOnly are the hooks for backups, by their names, that are never stamped whichever pods the policy is for: Velero's backups do not run
// them unless they wait for a session that does (spec.velero.mode: Session), of which there are none here.
func SessionOnly(spec *v1alpha1.HookPolicySpec) (names []string) {
	if spec.Velero.Mode == v1alpha1.VeleroSession {
		return nil
	}
	var hooks []*v1alpha1.Hook
	for i := range spec.Hooks {
		if hook := &spec.Hooks[i]; hook.Init == nil && forBackups(hook) {
			hooks = append(hooks, hook)
		}
	}
	left, whole := apart(hooks)
	if whole != nil {
		for _, hook := range hooks {
			names = append(names, hook.Name)
		}
		return names
	}
	for _, obstacle := range left {
		names = append(names, obstacle.Hook)
	}
	return names
}
