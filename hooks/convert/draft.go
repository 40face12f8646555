package convert

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// comments are sentences by the path of the field that they are about, such as spec.hooks[0].timeout. The empty path is the top of the document.
type comments map[string][]string

func (c comments) add(path, format string, args ...any) {
	c[path] = append(c[path], fmt.Sprintf(format, args...))
}

// The paths of a policy that comments are about.
const (
	pathTop       = ""
	pathSelector  = "spec.selector"
	pathIncluded  = "spec.selector.includedNamespaces"
	pathExcluded  = "spec.selector.excludedNamespaces"
	pathLabels    = "spec.selector.labelSelector"
	pathPriority  = "spec.priority"
	pathQuiesce   = "spec.maxQuiesce"
	pathShell     = "spec.shell"
	pathMode      = "spec.velero.mode"
	pathHooks     = "spec.hooks"
	fieldCommand  = ".exec.command"
	fieldTimeout  = ".timeout"
	fieldOnError  = ".onError"
	fieldWaitFor  = ".waitFor"
	fieldWait     = ".waitTimeout"
	fieldInit     = ".init"
	fieldStages   = ".stages"
	fieldWhole    = ""
	maxHooks      = 32 // of a policy, as the schema has it
	maxNamespaces = 256
)

// side is when Velero runs a hook.
type side int

const (
	before side = iota // a backup of the pod
	after
	restored
	prepared  // while a restore creates the pod
	restoring // before a restore
)

// sides in the order in which a policy lists their hooks.
var sides = []side{before, after, restoring, prepared, restored}

// sideOf is the side of a stage.
func sideOf(stage v1alpha1.Stage) side {
	switch stage {
	case v1alpha1.PreRestore:
		return restoring
	case v1alpha1.PostRestore:
		return restored
	case v1alpha1.PostSnapshot, v1alpha1.PostBackup:
		return after
	}
	return before
}

// stages of a side. Velero runs its hooks of before ahead of the pod's snapshots, and those of after when the snapshots are taken and the
// backups of its files have ended, without waiting for data that is moved later (velero: pkg/backup/backup.go). A session's PreSnapshot and
// PostSnapshot are these moments; PreBackup and PostBackup would keep the pod quiesced until the last byte is moved.
var stages = map[side]v1alpha1.Stage{
	before: v1alpha1.PreSnapshot, after: v1alpha1.PostSnapshot, restored: v1alpha1.PostRestore, prepared: v1alpha1.PostRestore, restoring: v1alpha1.PreRestore,
}

// tool is whose hooks are converted, as far as sentences depend on it.
type tool struct {
	name string
	// unordered: it runs the hooks of a stage in any order.
	unordered bool
	// stops: hooks after the data is captured do not run when one ahead of them has failed.
	stops bool
	// runs says how Quiesce runs them in its place.
	runs string
}

var (
	ofVelero  = &tool{name: "Velero", stops: true}
	ofTrident = &tool{name: "Trident protect", unordered: true, runs: ownTool}
	ofAstra   = &tool{name: "Astra Control", unordered: true, runs: ownTool}
	ofStash   = &tool{name: "KubeStash", runs: ownTool}
	ofStork   = &tool{name: "Stork", stops: true, runs: ownTool}
)

const ownTool = "Quiesce runs them around whatever takes the backup, such as a command: kubectl quiesce run -n NAMESPACE -- COMMAND."

// hookDraft is a hook, with comments by the field's path within it. Without stages it gets the one of its side.
type hookDraft struct {
	hook     v1alpha1.Hook
	side     side
	comments comments
}

// draft is a policy in the making. Its hooks are in the order in which Velero runs them, side by side.
type draft struct {
	// what it is, for sentences about hooks that cannot be converted.
	what     string
	tool     *tool
	name     string
	spec     v1alpha1.HookPolicySpec
	comments comments
	hooks    []hookDraft
	// remarks are those of the comments at the top that are about something that is left out.
	remarks []string
	// lost are those of the remarks that are told wherever hooks that became no policy are.
	lost []string
	// broken has sentences about hooks that were left out, by their side.
	broken map[side][]string
}

func newDraft(what string) *draft {
	return &draft{what: what, tool: ofVelero, comments: comments{}, broken: map[side][]string{}}
}

// remark says at the top that something is left out.
func (d *draft) remark(format string, args ...any) {
	d.remarks = append(d.remarks, fmt.Sprintf(format, args...))
}

// lose is a remark about something that may have been meant to do what no other part of the input does.
func (d *draft) lose(format string, args ...any) {
	d.remark(format, args...)
	d.lost = append(d.lost, fmt.Sprintf(format, args...))
}

// drop leaves a hook out, and says why.
func (d *draft) drop(s side, format string, args ...any) {
	d.broken[s] = append(d.broken[s], fmt.Sprintf(format, args...))
}

// add takes a hook that a policy may have, and drops any other with what a policy would be refused for.
func (d *draft) add(h hookDraft) {
	if len(h.hook.Stages) == 0 {
		h.hook.Stages = []v1alpha1.Stage{stages[h.side]}
	}
	if err := match.Check(match.Ref{Name: "convert"}, &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{h.hook}}); err != nil {
		d.drop(h.side, "Hook %s is left out: %s.", h.hook.Name, printable(err.Error()))
		return
	}
	d.hooks = append(d.hooks, h)
}

// of are the hooks of a side.
func (d *draft) of(s side) []hookDraft {
	var hooks []hookDraft
	for _, h := range d.hooks {
		if h.side == s {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// pair leaves out both sides of a backup when a hook of either was left out: what freezes must not stand without what thaws.
func (d *draft) pair() {
	if len(d.broken[before])+len(d.broken[after]) == 0 {
		return
	}
	d.hooks = slices.DeleteFunc(d.hooks, func(h hookDraft) bool {
		if h.side != before && h.side != after {
			return false
		}
		d.drop(h.side, "Hook %s is left out with it: what is quiesced before a backup and what is released after it belong together.", h.hook.Name)
		return true
	})
}

// arrange puts the hooks in the order of a policy's list, in which hooks of after a backup or restore run from the end (but for init
// containers).
func (d *draft) arrange() {
	last, post := d.of(after), d.of(restored)
	for _, reversed := range [][]hookDraft{last, post} {
		if d.tool.unordered {
			continue
		}
		slices.Reverse(reversed)
		if len(reversed) > 1 {
			reversed[0].comments.add(fieldWhole, "After a backup or restore, hooks run from the end of the list: the last of these is the first to run, as in %s.", d.tool.name)
		}
		// Reversed, the first is the one that runs last.
		for i := range reversed {
			if d.tool.stops && i > 0 && reversed[i].hook.OnError == v1alpha1.Fail {
				reversed[i].comments.add(fieldOnError, "In %s a failure here kept the later ones from running. Quiesce runs all of them.", d.tool.name)
			}
		}
	}
	d.hooks = slices.Concat(d.of(before), last, d.of(restoring), d.of(prepared), post)
	d.spec.Hooks = nil
	if d.spec.Template != nil {
		return
	}
	for i, h := range d.hooks {
		d.spec.Hooks = append(d.spec.Hooks, h.hook)
		for field, sentences := range h.comments {
			path := pathHooks + "[" + strconv.Itoa(i) + "]" + field
			d.comments[path] = append(d.comments[path], sentences...)
		}
	}
}

// names of policies are unique within their namespace.
type names map[string]bool

func (n *names) unique(namespace, name string) string {
	if *n == nil {
		*n = names{}
	}
	for i := 1; ; i++ {
		candidate := name
		if i > 1 {
			candidate = shorten(name, maxName-4) + "-" + strconv.Itoa(i)
		}
		if key := namespace + "/" + candidate; !(*n)[key] {
			(*n)[key] = true
			return candidate
		}
	}
}
