package convert

import (
	"cmp"
	"slices"
	"time"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// fileBackup is how long Velero lets a backup of a pod's files take (velero: --fs-backup-timeout). It runs the hooks of after it then.
const fileBackup = 4 * time.Hour

// span is how long pods have to stay quiesced at least, and why.
type span struct {
	limit time.Duration
	why   string
}

// veleroSpan is that of Velero's backups. Files says that one copies the pod's files while it is quiesced.
func veleroSpan(files bool) span {
	if files {
		return span{fileBackup, "New: Velero knows no limit. Files of these pods are copied while they are quiesced, for which Velero gives itself 4 hours unless told otherwise."}
	}
	return snapshotSpan(ofVelero)
}

// snapshotSpan is that of snapshots.
func snapshotSpan(of *tool) span {
	return span{v1alpha1.DefaultMaxQuiesce, "New: " + of.name +
		" knows no limit. When this has passed since the first hook, the pods are released, whatever has died: make it longer than the hooks and the snapshots take."}
}

// conduct says how the policy comes to Velero's backups, and how long it may quiesce.
func (d *draft) conduct(mode v1alpha1.VeleroMode, quiesced span) {
	pre, post := d.of(before), d.of(after)
	if len(pre)+len(post) == 0 {
		return
	}
	d.spec.Velero.Mode = v1alpha1.VeleroStamp
	if mode == v1alpha1.VeleroSession {
		d.spec.Velero.Mode = mode
	}
	d.inexpressible(slices.Concat(pre, post))
	d.containers(pre, post)
	holds := slices.ContainsFunc(pre, func(h hookDraft) bool { return h.hook.Hold != nil })
	if len(pre) > 0 && (len(post) > 0 || holds) {
		d.maxQuiesce(pre, quiesced)
	}
	commands := func(h hookDraft) bool { return h.hook.Exec != nil || h.hook.Script != nil }
	if d.spec.Shell == "" && slices.ContainsFunc(slices.Concat(pre, post), commands) && (len(pre) > 0 && len(post) > 0 || len(pre) > 1 || len(post) > 1) {
		d.spec.Shell = v1alpha1.Posix
		d.comments.add(pathShell, "New: the containers need /bin/sh and /proc, for the watchdog that releases what Velero leaves quiesced, and for more than one hook on a side. "+
			"Where they have none, write None, with one hook on each side.")
	}
}

// inexpressible sees to hooks that Velero's annotations cannot express.
func (d *draft) inexpressible(all []hookDraft) {
	if d.spec.Velero.Mode == v1alpha1.VeleroSession {
		return
	}
	for _, h := range all {
		if field := sessionOnly(&h.hook); field != "" {
			d.spec.Velero.Mode = v1alpha1.VeleroSession
			d.comments.add(pathMode, "Session, since Velero's annotations cannot express the %s of hook %s: backups of Velero wait until Quiesce has run the hooks.", field, h.hook.Name)
			return
		}
	}
}

// sessionOnly is the field for which a hook is left to sessions; empty for none.
func sessionOnly(hook *v1alpha1.Hook) string {
	switch {
	case v1alpha1.ForSessionsOnly(hook.Action()):
		return hook.Action()
	case cmp.Or(hook.RunOn, v1alpha1.EachPod) != v1alpha1.EachPod:
		return "runOn"
	case hook.MaxRetries > 0:
		return "maxRetries"
	case cmp.Or(hook.ExecutionPolicy, v1alpha1.Always) != v1alpha1.Always:
		return "executionPolicy"
	case hook.Script != nil && hook.Script.Inline != "":
		if _, can := script.Inline(hook.Script.Inline, hook.Script.Args, nil); !can {
			return "script"
		}
	}
	return ""
}

// containers sees to hooks in several of them: an annotation names one a side, and a watchdog runs in one for both.
func (d *draft) containers(pre, post []hookDraft) {
	all := slices.Concat(pre, post)
	if !slices.ContainsFunc(all, func(h hookDraft) bool { return h.hook.Container != all[0].hook.Container }) {
		return
	}
	if d.spec.Velero.Mode == v1alpha1.VeleroSession {
		return
	}
	scripts := slices.ContainsFunc(all, func(h hookDraft) bool { return h.hook.Script != nil })
	if len(pre) == 1 && len(post) == 1 && !scripts {
		d.spec.Shell = v1alpha1.NoShell
		d.comments.add(pathShell, "None, since the two sides are in different containers, where no watchdog can release what Velero leaves quiesced. "+
			"With one container for both, write Posix. With velero.mode Session, Quiesce itself sees to it.")
		return
	}
	d.spec.Velero.Mode = v1alpha1.VeleroSession
	d.comments.add(pathMode, "Session, since the hooks are in different containers and annotations name one on each side: backups wait until Quiesce has run them. "+
		"With one container for all, write Stamp.")
}

func (d *draft) maxQuiesce(pre []hookDraft, quiesced span) {
	limit := quiesced.limit
	var hooks time.Duration
	for _, h := range pre {
		if h.hook.Timeout.Duration == 0 {
			hooks += v1alpha1.DefaultTimeout
		}
		hooks += h.hook.Timeout.Duration
	}
	if hooks > limit/2 {
		limit += hooks
	}
	d.spec.MaxQuiesce.Duration = min(limit, v1alpha1.MostMaxQuiesce)
	d.comments.add(pathQuiesce, "%s", quiesced.why)
}
