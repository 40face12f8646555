package doctor

import (
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func veleroThere(f *Facts) []Finding {
	if found, missing := notKnown("whether Velero is there", f.Velero); missing {
		return found
	}
	is := f.Velero.Value
	switch {
	case is == nil:
		return []Finding{note("Velero is not installed: hooks run in sessions, as by kubectl quiesce run")}
	case is.Deployment == nil:
		return []Finding{note("Velero's kinds are there, and its server is not to be seen")}
	}
	name := is.Deployment.Namespace + "/" + is.Deployment.Name
	if is.Deployment.Status.AvailableReplicas == 0 {
		return []Finding{warning("Velero is not running: no replica of Deployment %s is available, so no Backup goes on", name).
			do("kubectl -n %s get pods,deployment/%s", is.Deployment.Namespace, is.Deployment.Name)}
	}
	version := image(is.Deployment)
	if at := strings.LastIndex(version, ":"); at > strings.LastIndex(version, "/") {
		version = version[at+1:]
	}
	return []Finding{fine("Velero is running in namespace %s, of version %s", is.Deployment.Namespace, version)}
}

// veleroGate tells whether Backups wait where policies ask for it.
func veleroGate(f *Facts) []Finding {
	if f.Velero.known() && f.Velero.Value == nil {
		return nil // said already
	}
	if found, missing := notKnown("whether Backups wait until their pods are quiesced", f.Velero, f.Mutating, f.Policies); missing {
		return found
	}
	var waiting []string
	for i := range f.Policies.Value.Objects {
		if policy := &f.Policies.Value.Objects[i]; policy.Spec.Velero.Mode == v1alpha1.VeleroSession && !policy.Spec.Suspend {
			waiting = append(waiting, policy.title())
		}
	}
	switch {
	case f.Mutating.Value == nil:
		return nil // said already
	case f.gated():
		return []Finding{fine("the gate is on: Backups wait until the pods of policies of mode Session are quiesced, of which there are %d", len(waiting))}
	case len(waiting) > 0:
		return []Finding{fault("the gate is off, so that nothing is quiesced before Velero's backups for %s of mode Session: %s",
			counted(len(waiting), "policy"), named(waiting)).do("%s --set velero.gate.enabled=true", f.upgrade())}
	}
	return []Finding{note("the gate is off, and no policy needs it")}
}

// longestWait is how long a Backup may wait before somebody should look, as the alert QuiesceBackupHeld has it.
const longestWait = time.Hour

func veleroHeld(f *Facts) []Finding {
	if !f.Velero.known() || f.Velero.Value == nil {
		return nil // said already
	}
	var found []Finding
	for _, held := range f.Velero.Value.Held {
		if waited := f.Now.Sub(held.Since); !held.Since.IsZero() && waited > longestWait {
			found = append(found, warning("%s %s/%s has been waiting for %s: %s", held.Kind, held.Namespace, held.Name, span(waited),
				orElse(held.Message, "it does not say for what")).
				do("see https://github.com/quiesce-io/quiesce/blob/main/docs/reliability.md#quiescebackupheld").
				do("kubectl -n %s annotate %ss.velero.io %s %s=%s --overwrite --as=admin --as-group=quiesce:break-glass   # lets it go, unquiesced",
					held.Namespace, strings.ToLower(held.Kind), held.Name, v1alpha1.GateAnnotation, v1alpha1.GateOpen))
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("no Backup or Restore has been waiting for long; %d wait", len(f.Velero.Value.Held))}
	}
	return found
}
