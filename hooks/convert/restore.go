package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// restoreEntry is one of a Restore (velero: pkg/apis/velero/v1/restore_types.go).
type restoreEntry struct {
	entry
	PostHooks []restoreHook `json:"postHooks"`
}

type restoreHook struct {
	Exec *restoreExec `json:"exec"`
	Init *restoreInit `json:"init"`
}

type restoreExec struct {
	Container    string          `json:"container"`
	Command      []string        `json:"command"`
	OnError      string          `json:"onError"`
	ExecTimeout  metav1.Duration `json:"execTimeout"`
	WaitTimeout  metav1.Duration `json:"waitTimeout"`
	WaitForReady *bool           `json:"waitForReady"`
}

type restoreInit struct {
	InitContainers []json.RawMessage `json:"initContainers"`
	Timeout        metav1.Duration   `json:"timeout"`
}

// restore converts the hooks in the spec of a Restore.
func (c *converter) restore(o *object) error {
	var restore struct {
		Spec struct {
			velero.RestoreSpec
			Hooks rawHooks `json:"hooks"`
		} `json:"spec"`
	}
	if err := o.decode(&restore); err != nil {
		return err
	}
	spec := &restore.Spec
	if len(spec.Hooks.Resources) == 0 {
		c.none(o, "spec.hooks")
		return nil
	}
	owner := backupOwner{
		object: o, where: "spec.hooks", selector: spec.LabelSelector, or: spec.OrLabelSelectors,
		pods: hasPods(spec.IncludedResources, spec.ExcludedResources),
		head: []string{
			"In Velero these hooks ran in this Restore alone. A policy's run in every restore that brings the pods: leave hooks out of the next Restore's spec, or they run twice.",
		},
	}
	var unmapped []string
	owner.own, unmapped = mapped(filter{spec.IncludedNamespaces, spec.ExcludedNamespaces}, spec.NamespaceMapping)
	if len(unmapped) > 0 {
		owner.head = append(owner.head, fmt.Sprintf("The Restore's own %s are not taken over into the selector, since they are names of before its namespaceMapping.", list(unmapped)))
	}
	var drafts []*draft
	for i, raw := range spec.Hooks.Resources {
		var e restoreEntry
		unknown, err := decodeEntry(raw, &e)
		if err != nil {
			return fmt.Errorf("spec.hooks.resources[%d]: %w", i, err)
		}
		d := c.begin(&owner, i, &e.entry, unknown)
		if d == nil {
			continue
		}
		if err := d.restoreHooks(e.PostHooks); err != nil {
			return fmt.Errorf("spec.hooks.resources[%d]%w", i, err)
		}
		drafts = append(drafts, d)
	}
	c.rank(drafts, o.Kind+"'s entries")
	for _, d := range drafts {
		c.finish(d)
	}
	return nil
}

// mapped are the namespaces that a Restore brings, by the names that they have then: those by which Velero selects the pods of its hooks
// (velero: internal/hook/item_hook_handler.go). What cannot be mapped, such as a glob, is left out and returned.
func mapped(own filter, mapping map[string]string) (result filter, left []string) {
	if len(mapping) == 0 {
		return own, nil
	}
	one := func(field string, names []string) (all []string) {
		for _, name := range names {
			if name == "*" {
				return names
			}
			if isGlob(name) {
				left = append(left, field)
				return nil
			}
			all = append(all, cmp.Or(mapping[name], name))
		}
		return all
	}
	result = filter{included: one("includedNamespaces", own.included), excluded: one("excludedNamespaces", own.excluded)}
	// A namespace that is excluded may have the name that another is mapped to.
	if slices.ContainsFunc(result.excluded, func(name string) bool { return slices.Contains(slices.Collect(maps.Values(mapping)), name) }) {
		left = append(left, "excludedNamespaces")
		result.excluded = nil
	}
	return result, left
}

func (d *draft) restoreHooks(hooks []restoreHook) error {
	execs, inits := 0, 0
	for _, hook := range hooks {
		if hook.Exec != nil {
			execs++
		}
		if hook.Init != nil {
			inits++
		}
	}
	ready := map[string]bool{} // containers, of which all hooks wait when one does
	for _, hook := range hooks {
		if hook.Exec != nil && hook.Exec.WaitForReady != nil && *hook.Exec.WaitForReady {
			ready[hook.Exec.Container] = true
		}
	}
	exec, init := 0, 0
	for i, hook := range hooks {
		if hook.Exec == nil && hook.Init == nil {
			d.drop(restored, "postHooks[%d] is left out: it has neither exec nor init, and Velero passes over it.", i)
		}
		if hook.Exec != nil {
			notes := comments{}
			if ready[hook.Exec.Container] && (hook.Exec.WaitForReady == nil || !*hook.Exec.WaitForReady) {
				notes.add(fieldWaitFor, "Velero waits so for all hooks of a container when one of them has waitForReady.")
			}
			d.restoreExec(title("restore", exec, execs), hook.Exec, ready[hook.Exec.Container], notes)
			exec++
		}
		if hook.Init != nil {
			if err := d.restoreInit(title("init", init, inits), hook.Init); err != nil {
				return fmt.Errorf(".postHooks[%d].init%w", i, err)
			}
			init++
		}
	}
	return nil
}

// restoreExec converts a command that runs in a restored pod (velero: internal/hook/wait_exec_hook_handler.go).
func (d *draft) restoreExec(name string, e *restoreExec, ready bool, notes comments) {
	dropped := len(d.broken[restored])
	had := len(d.hooks)
	d.exec(restored, name, &execHook{Container: e.Container, Command: e.Command, OnError: e.OnError, Timeout: e.ExecTimeout}, notes)
	if len(d.broken[restored]) > dropped || len(d.hooks) == had {
		return
	}
	h := &d.hooks[len(d.hooks)-1]
	if ready {
		h.hook.WaitFor = v1alpha1.PodReady
		notes.add(fieldWaitFor, "The whole pod is waited for, where Velero waits for the container.")
	}
	wait := e.WaitTimeout.Duration
	switch {
	case wait <= 0:
		wait = maxWaitTimeout
		notes.add(fieldWait, "Velero waits for the container without end, as no limit was given. 1h is the most here.")
	case wait > maxWaitTimeout:
		notes.add(fieldWait, "It was %s. 1h is the most here.", short(wait))
		wait = maxWaitTimeout
	default:
		wait = whole(wait, fieldWait, notes)
	}
	h.hook.WaitTimeout.Duration = wait.Truncate(time.Millisecond)
}
