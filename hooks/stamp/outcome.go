package stamp

import (
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Outcome is what one policy comes to on one pod.
type Outcome struct {
	Policy match.Ref
	// Obstacles are why hooks of the policy are not stamped; empty when all are.
	Obstacles []Obstacle

	// sides that the policy is stamped on.
	sides [len(sides)]bool
	// pending is true when the pod does not carry the policy's hooks as it should.
	pending bool
}

// Stamped tells whether the pod is to carry hooks of the policy.
func (o Outcome) Stamped() bool { return o.sides[pre] || o.sides[post] }

// Current tells whether the pod carries what it should of the policy, which may be nothing.
func (o Outcome) Current() bool { return !o.pending }

// Obstacle is why a hook is not stamped, or a whole policy.
type Obstacle struct {
	// Reason is one of the v1alpha1.Reason constants.
	Reason string
	// Hook that stands in the way.
	Hook string
	// Field of the hook by which it is for sessions only.
	Field string
	// Why it is, where that hangs on more than the field being there.
	Why string
	// Container of the hook, where that is the reason.
	Container string
	// Taken is the container that is stamped instead.
	Taken string
	// Winner is the policy that is stamped instead.
	Winner match.Ref
	// Backup is the Schedule or Backup whose hooks would be silenced.
	Backup string
}

// Explain says, in words for the policy's author, what stands in the way on a pod, and what to do.
func (o Obstacle) Explain(pod string) string {
	switch o.Reason {
	case v1alpha1.ReasonContainerNotFound:
		return fmt.Sprintf("pod %s has no container %q, which hook %q names: write one of its containers in container, or narrow the selector", pod, o.Container, o.Hook)
	case v1alpha1.ReasonSessionOnly:
		if o.Why != "" {
			return fmt.Sprintf("hook %q of pod %s has a %s %s: HookSessions run it", o.Hook, pod, o.Field, o.Why)
		}
		return fmt.Sprintf("hook %q of pod %s has %s, which Velero's annotations cannot express: HookSessions run it; "+
			"write spec.velero.mode: Session to have Velero's Backups wait for them, or leave that out where Velero is to run the hook", o.Hook, pod, o.Field)
	case v1alpha1.ReasonBySession:
		return fmt.Sprintf("pod %s has hooks of %s, for which Velero's Backups wait (spec.velero.mode: Session): all hooks of the pod run in that session", pod, o.Winner)
	case v1alpha1.ReasonNativeSidecar:
		return fmt.Sprintf("hook %q is for container %q of pod %s, a native sidecar, in which Velero up to 1.18 runs no hooks: "+
			"name another container, or set velero.nativeSidecars where the Velero in use does", o.Hook, o.Container, pod)
	case v1alpha1.ReasonOtherContainer:
		by := "the policy's own first hook"
		if o.Winner.Name != "" {
			by = o.Winner.String()
		}
		return fmt.Sprintf("hook %q is for container %q of pod %s, and Velero's annotations have room for one container a side, which is %q by %s: "+
			"run all of them in one container, or raise spec.priority", o.Hook, o.Container, pod, o.Taken, by)
	case v1alpha1.ReasonSidesApart:
		return fmt.Sprintf("hook %q of pod %s is for container %q, and the hooks of the other side of the backup are for %q, so that no watchdog could thaw: "+
			"run both sides in one container, or, with one hook a side, write shell: None and do without the watchdog", o.Hook, pod, o.Container, o.Taken)
	case v1alpha1.ReasonOneSided:
		return fmt.Sprintf("hook %q is for pod %s, and by their own labelSelectors none of the policy's hooks of after the backup is, so that nothing would thaw: "+
			"write the same labelSelector on both sides, or two policies", o.Hook, pod)
	case v1alpha1.ReasonNoShell:
		return fmt.Sprintf("pod %s would get hook %q beside another on the same side, and by shell: None there is no shell to run both: "+
			"join them into one command, or write shell: Posix", pod, o.Hook)
	case v1alpha1.ReasonTooLarge:
		return fmt.Sprintf("pod %s would have more than %d KiB of annotations, or a script of more than 96 KiB: HookSessions run its hooks all the same; "+
			"for Velero write a shorter command, such as a script in the image", pod, maxAnnotationBytes/1024)
	case v1alpha1.ReasonUserOwned:
		return fmt.Sprintf("pod %s has Velero hook annotations that its user wrote or edited, which Quiesce leaves alone: remove them from its template to let the policy decide", pod)
	case v1alpha1.ReasonBackupHooks:
		return fmt.Sprintf("%s has hooks of its own for pod %s, which annotations would silence: remove its spec.hooks, or set velero.backupHooks to Override", o.Backup, pod)
	case v1alpha1.ReasonOutranked:
		return fmt.Sprintf("pod %s already has a hook of %s where hook %q would run, and by shell: None the two cannot be chained: "+
			"raise spec.priority above it, write shell: Posix, or narrow a selector", pod, o.Winner, o.Hook)
	case v1alpha1.ReasonSkipped:
		return fmt.Sprintf("pod %s opted out by annotation", pod)
	}
	return fmt.Sprintf("pod %s is not stamped: %s", pod, o.Reason)
}
