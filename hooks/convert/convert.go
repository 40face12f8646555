// Package convert turns hooks that have been written for other tools into policies: of Velero, in the specs of Backups, Restores and
// Schedules and in the annotations of pods; ExecHooks of Trident protect and Astra Control; HookTemplates of KubeStash, with what refers to
// them; and Rules of Stork. It is pure. What a policy cannot say stands as a comment ahead of the field that it is about, and nothing is
// left out without one.
package convert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Options of a conversion. The zero value makes HookPolicies of mode Stamp.
type Options struct {
	// Namespaced makes NamespacedHookPolicies, one in each namespace that the input names; HookPolicies where it names none, or globs.
	Namespaced bool
	// Mode is how the hooks come to Velero's backups: VeleroStamp by default. Hooks that annotations cannot express get VeleroSession anyhow.
	Mode v1alpha1.VeleroMode
	// Stage of hooks to which nothing in the input refers that would say it. By default it is guessed by their names.
	Stage v1alpha1.Stage
	// Sparse says nothing of objects that have no hooks, as where the input is all that there is of a kind.
	Sparse bool
}

// Source is a part of the input, such as a file. Parts may refer to each other.
type Source struct {
	// Name for errors; empty where there is but one.
	Name    string
	Content []byte
}

// Result is what became of an input.
type Result struct {
	// Policies in the order of the input, by the tool that they come from.
	Policies []Policy
	// Scripts and Templates that the policies use, and Templates that nothing in the input used.
	Scripts   []Script
	Templates []Template
	// Left are sentences about hooks that became no policy, each with what to do instead.
	Left []string
	// Warnings are sentences about objects in which no hooks can be, or are.
	Warnings []string
}

// Policy is a HookPolicy, or a NamespacedHookPolicy where it has a namespace.
type Policy struct {
	Kind      string
	Name      string
	Namespace string
	Spec      v1alpha1.HookPolicySpec

	comments comments
}

// The kinds of what comes out.
const (
	kindCluster    = "HookPolicy"
	kindNamespaced = "NamespacedHookPolicy"
	kindScript     = "HookScript"
	kindTemplate   = "HookTemplate"
)

// Script is a HookScript.
type Script struct {
	Name string
	Spec v1alpha1.HookScriptSpec

	comments comments
}

// Template is a HookTemplate.
type Template struct {
	Name string
	Spec v1alpha1.HookTemplateSpec

	comments comments
}

// Convert reads one or many documents of YAML or JSON. An UnreadableError says what cannot be read, and where; then there is no result, so
// that no hook is missed. The same input gives the same output.
func Convert(input []byte, options Options) (Result, error) {
	return Sources([]Source{{Content: input}}, options)
}

// Sources converts what is in several places, which may refer to each other.
func Sources(sources []Source, options Options) (Result, error) {
	var (
		objects  []object
		mistakes []manifest.Mistake
	)
	for _, source := range sources {
		some, wrong := read(source)
		objects, mistakes = append(objects, some...), append(mistakes, wrong...)
	}
	if len(objects)+len(mistakes) == 0 {
		return Result{}, errors.New("the input has no objects: give objects with hooks of Velero, Trident protect, KubeStash or Stork, or pods or workloads, as YAML or JSON")
	}
	c := converter{options: options, schedules: scheduled(objects)}
	for i := range objects {
		if err := c.convert(&objects[i]); err != nil {
			mistakes = append(mistakes, mistaken(&objects[i], err))
		}
	}
	if len(mistakes) > 0 {
		return Result{}, &UnreadableError{mistakes}
	}
	c.twice(objects)
	c.carriers()
	c.execHooks()
	c.stashed()
	c.rules()
	return c.result, nil
}

// converter gathers the result.
type converter struct {
	options Options
	result  Result
	names   names
	carried []carrier
	// schedules of Velero in the input.
	schedules map[string]bool
	netapp    netapp
	kubestash kubestash
	stork     stork
}

func (c *converter) convert(o *object) error {
	switch o.kind() {
	case "velero.io/Backup", "velero.io/Schedule":
		return c.backup(o)
	case "velero.io/Restore":
		return c.restore(o)
	case "/Pod", "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "/ReplicationController", "batch/Job", "batch/CronJob":
		return c.workload(o)
	}
	for _, tool := range []func(*object) (mine bool, err error){c.netapp.take, c.kubestash.take, c.stork.take} {
		if mine, err := tool(o); mine || err != nil {
			return err
		}
	}
	if strings.HasPrefix(o.kind(), "stash.appscode.com/") {
		c.leave("%s: hooks of Stash, as it was before KubeStash, are not converted: write the commands of its spec.hooks as exec hooks of a policy, with stages [PreBackup] and [PostBackup]", o)
		return nil
	}
	c.result.Warnings = append(c.result.Warnings, fmt.Sprintf(
		"%s: no hooks are looked for in a %s: give Backups, Restores and Schedules of Velero, Pods, workloads of apps/v1 and batch/v1, ExecHooks, HookTemplates or Rules", o, printable(o.Kind)))
	return nil
}

// none says that an object of a kind that may have hooks has none.
func (c *converter) none(o *object, where string) {
	if c.options.Sparse {
		return
	}
	c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s: it has no hooks in %s", o, where))
}

func (c *converter) leave(format string, args ...any) {
	c.result.Left = append(c.result.Left, strings.TrimSuffix(fmt.Sprintf(format, args...), "."))
}
