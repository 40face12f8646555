package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"

	"github.com/quiesce-io/quiesce/hooks/velero"
)

// entry is an element of spec.hooks.resources, as far as it selects pods.
type entry struct {
	Name               string                `json:"name"`
	IncludedNamespaces []string              `json:"includedNamespaces"`
	ExcludedNamespaces []string              `json:"excludedNamespaces"`
	IncludedResources  []string              `json:"includedResources"`
	ExcludedResources  []string              `json:"excludedResources"`
	LabelSelector      *metav1.LabelSelector `json:"labelSelector"`
}

// backupEntry is one of a Backup (velero: pkg/apis/velero/v1/backup_types.go).
type backupEntry struct {
	entry
	Pre  []backupHook `json:"pre"`
	Post []backupHook `json:"post"`
}

type backupHook struct {
	Exec *execHook `json:"exec"`
}

// rawHooks are read twice: by what is known of them, and for what is not.
type rawHooks struct {
	Resources []json.RawMessage `json:"resources"`
}

// decodeEntry reads an entry, and says which fields are not known; empty when all are.
func decodeEntry(raw json.RawMessage, into any) (unknown string, err error) {
	if err := json.Unmarshal(raw, into); err != nil {
		return "", err
	}
	strict, err := kjson.UnmarshalStrict(raw, into)
	if err != nil {
		return "", err
	}
	var names []string
	for _, mistake := range strict {
		if of, is := errors.AsType[kjson.FieldError](mistake); is {
			names = append(names, of.FieldPath())
		}
	}
	return printable(strings.Join(names, ", ")), nil
}

// backup converts the hooks in the spec of a Backup or Schedule, each entry into a policy.
func (c *converter) backup(o *object) error {
	type hooked struct {
		velero.BackupSpec
		Hooks rawHooks `json:"hooks"`
	}
	var spec hooked
	where, removal, schedule := "spec.hooks", "", ""
	if o.Kind == "Schedule" {
		var schedule struct {
			Spec struct {
				Template hooked `json:"template"`
			} `json:"spec"`
		}
		if err := o.decode(&schedule); err != nil {
			return err
		}
		spec, where = schedule.Spec.Template, "spec.template.hooks"
		removal = fmt.Sprintf("kubectl%s patch schedules.velero.io %s --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/template/hooks\"}]'", namespaceFlag(o.Namespace), shell(o.Name))
	} else {
		var backup struct {
			Metadata struct {
				Labels map[string]string `json:"labels"`
			} `json:"metadata"`
			Spec hooked `json:"spec"`
		}
		if err := o.decode(&backup); err != nil {
			return err
		}
		spec, schedule = backup.Spec, backup.Metadata.Labels[velero.ScheduleLabel]
	}
	if len(spec.Hooks.Resources) == 0 {
		c.none(o, where)
		return nil
	}
	if o.Kind == "Backup" && c.schedules[o.Namespace+"/"+schedule] {
		c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s: it comes of Schedule %s, whose hooks are converted already", o, printable(schedule)))
		return nil
	}
	owner := backupOwner{
		object: o, where: where, own: filter{spec.IncludedNamespaces, spec.ExcludedNamespaces},
		selector: spec.LabelSelector, or: spec.OrLabelSelectors,
		pods: hasPods(append(spec.IncludedResources, spec.IncludedNamespaceScopedResources...), append(spec.ExcludedResources, spec.ExcludedNamespaceScopedResources...)),
	}
	owner.head = append(owner.head, fmt.Sprintf("In Velero these hooks ran in this %s alone. A policy's run in every backup that has the pods in it.", o.Kind))
	if removal != "" {
		owner.head = append(owner.head, "When the policies are there, take the Schedule's own hooks off: until then those of mode Stamp are not stamped (Conflicted, reason BackupHooks), and with those of mode Session both run.\n"+removal)
	}
	files := spec.DefaultVolumesToFsBackup != nil && *spec.DefaultVolumesToFsBackup
	var drafts []*draft
	for i, raw := range spec.Hooks.Resources {
		d, err := c.backupEntry(&owner, i, raw, files)
		if err != nil {
			return fmt.Errorf("%s.resources[%d]: %w", where, i, err)
		}
		if d != nil {
			drafts = append(drafts, d)
		}
	}
	c.rank(drafts, o.Kind+"'s entries")
	for _, d := range drafts {
		c.finish(d)
	}
	return nil
}

// scheduled are the Schedules among objects, by namespace and by their names as labels have them.
func scheduled(objects []object) map[string]bool {
	schedules := map[string]bool{}
	for i := range objects {
		if objects[i].kind() == "velero.io/Schedule" {
			schedules[objects[i].Namespace+"/"+velero.LabelValue(objects[i].Name)] = true
		}
	}
	return schedules
}

// backupOwner is the Backup, Schedule or Restore of entries, and what narrows all of them.
type backupOwner struct {
	object   *object
	where    string
	head     []string
	own      filter
	selector *metav1.LabelSelector
	or       []*metav1.LabelSelector
	pods     bool
}

// begin makes the draft of an entry, with the pods that it selects; nil, when it selects none, which is then said.
func (c *converter) begin(owner *backupOwner, place int, e *entry, unknown string) *draft {
	called := fmt.Sprintf("%s, %s.resources[%d] %s", owner.object, owner.where, place, quoted(e.Name))
	d := newDraft(called)
	d.comments.add(pathTop, "From %s.", called)
	d.comments[pathTop] = append(d.comments[pathTop], owner.head...)
	if unknown != "" {
		d.lose("It has a field that is not known here, and that is left out: %s.", unknown)
	}
	switch {
	case !hasPods(e.IncludedResources, e.ExcludedResources):
		c.leave("%s: it is for resources without pods among them (%s), and Velero runs hooks in pods only: it never ran", called,
			quoted(strings.Join(append(e.IncludedResources, e.ExcludedResources...), ", ")))
		return nil
	case !owner.pods:
		c.leave("%s: the %s has no pods in it, and so it never ran a hook", called, owner.object.Kind)
		return nil
	}
	if why, some := d.namespaces(filter{e.IncludedNamespaces, e.ExcludedNamespaces}, owner.own, owner.object.Kind); !some {
		c.leave("%s: %s", called, why)
		return nil
	}
	if err := d.labels(e.LabelSelector, owner.selector, owner.or, owner.object.Kind); err != nil {
		c.leave("%s: %s", called, printable(err.Error()))
		return nil
	}
	name := e.Name
	if name == "" {
		name = strconv.Itoa(place + 1)
	}
	d.name = dnsName(owner.object.Name, name)
	return d
}

func (c *converter) backupEntry(owner *backupOwner, place int, raw json.RawMessage, files bool) (*draft, error) {
	var e backupEntry
	unknown, err := decodeEntry(raw, &e)
	if err != nil {
		return nil, err
	}
	d := c.begin(owner, place, &e.entry, unknown)
	if d == nil {
		return nil, nil //nolint:nilnil // it is said why there is none
	}
	for i, hook := range e.Pre {
		d.backupHook(before, title("pre", i, len(e.Pre)), hook)
	}
	for i, hook := range e.Post {
		d.backupHook(after, title("post", i, len(e.Post)), hook)
	}
	d.pair()
	d.conduct(c.options.Mode, veleroSpan(files))
	return d, nil
}

func (d *draft) backupHook(s side, name string, hook backupHook) {
	if hook.Exec == nil {
		d.drop(s, "Hook %s is left out: it has no exec, and Velero passes over it.", name)
		return
	}
	d.exec(s, name, hook.Exec, comments{})
}

// rank keeps the order of what the drafts were made of by priorities, where there are several.
func (c *converter) rank(drafts []*draft, entries string) {
	if len(drafts) < 2 {
		return
	}
	// What runs after is run in the reverse of the priorities, so that entries that have nothing else rank the other way round.
	var first, last bool
	for _, d := range drafts {
		first = first || len(d.of(before))+len(d.of(prepared)) > 0
		last = last || len(d.of(after))+len(d.of(restored)) > 0
	}
	containers := map[string]bool{}
	for i, d := range drafts {
		rank := len(drafts) - i
		if !first {
			rank = i + 1
		}
		d.spec.Priority = int32(rank * 10)
		for _, h := range d.hooks {
			if h.side == before || h.side == after {
				containers[h.hook.Container] = true
			}
		}
	}
	for _, d := range drafts {
		if first && last {
			d.comments.add(pathPriority, "The order of the %s, for pods that have hooks of several. After a backup or restore, Quiesce runs commands in the reverse of it; %s did not.", entries, d.tool.name)
		} else {
			d.comments.add(pathPriority, "The order of the %s.", entries)
		}
		if len(containers) > 1 && d.spec.Velero.Mode == "Stamp" {
			d.comments.add(pathMode, "The %s have hooks in different containers, of which an annotation names one: if a pod has hooks of several, write Session.", entries)
		}
	}
}
