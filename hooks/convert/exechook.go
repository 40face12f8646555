package convert

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const fieldScript = ".script"

// defaultMinutes is how long an ExecHook may run that does not say it.
const defaultMinutes = 25

// execHooks makes policies of ExecHooks: one of those of an application that have the same filters and are enabled alike, so that what
// quiesces and what releases come together.
func (c *converter) execHooks() {
	var groups [][]*netappHook
	for i := range c.netapp.hooks {
		hook := &c.netapp.hooks[i]
		place := slices.IndexFunc(groups, func(group []*netappHook) bool { return group[0].beside(hook) })
		if place < 0 {
			groups = append(groups, []*netappHook{hook})
			continue
		}
		groups[place] = append(groups[place], hook)
	}
	texts := scriptTexts{uses: map[string]int{}}
	if !c.options.Namespaced {
		// A team that may not write what is cluster-wide could not write HookScripts either.
		for i := range c.netapp.hooks {
			if text, _, why := c.netapp.script(&c.netapp.hooks[i]); why == "" {
				texts.uses[text]++
			}
		}
	}
	for _, group := range groups {
		c.execHookGroup(group, &texts)
	}
	c.scripts(&texts)
	for _, key := range sortedKeys(c.netapp.applications) {
		if app := c.netapp.applications[key]; !app.used && !c.options.Sparse {
			c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s: no hook in the input is of it", app))
		}
	}
}

// beside tells whether two hooks belong into one policy.
func (h *netappHook) beside(other *netappHook) bool {
	return h.tool == other.tool && h.app == other.app && h.disabled == other.disabled && slices.Equal(h.criteria, other.criteria)
}

// scriptTexts are the scripts of hooks. What several of them run becomes a HookScript.
type scriptTexts struct {
	uses  map[string]int // by the text
	named []namedScript
}

type namedScript struct {
	name, text string
	notes      []string
}

// name of the HookScript of a text; empty where only one hook runs it.
func (t *scriptTexts) name(c *converter, text string, hook *netappHook) string {
	if t.uses[text] < 2 {
		return ""
	}
	place := slices.IndexFunc(t.named, func(named namedScript) bool { return named.text == text })
	if place < 0 {
		name := hook.Name
		for _, suffix := range []string{"-pre-snapshot", "-post-snapshot", "-pre-backup", "-post-backup", "-post-restore", "-pre", "-post"} {
			name = strings.TrimSuffix(name, suffix)
		}
		if source, known := c.netapp.sources[hook.sourceID]; known && source.name != "" {
			name = source.name
		}
		t.named = append(t.named, namedScript{name: c.names.unique(kindScript, dnsName(name)), text: text})
		place = len(t.named) - 1
	}
	t.named[place].notes = append(t.named[place].notes, hook.String())
	return t.named[place].name
}

// scripts emits those HookScripts that a policy uses.
func (c *converter) scripts(texts *scriptTexts) {
	for _, named := range texts.named {
		used := slices.ContainsFunc(c.result.Policies, func(policy Policy) bool {
			return slices.ContainsFunc(policy.Spec.Hooks, func(hook v1alpha1.Hook) bool { return hook.Script != nil && hook.Script.Name == named.name })
		})
		if !used {
			continue
		}
		commented := comments{}
		commented.add(pathTop, "The script of %s.", strings.Join(named.notes, ", "))
		c.result.Scripts = append(c.result.Scripts, Script{Name: named.name, Spec: v1alpha1.HookScriptSpec{Script: named.text}, comments: commented})
	}
}

// script is a hook's, with what was done to it; or why there is none.
func (n *netapp) script(hook *netappHook) (text string, notes []string, why string) {
	encoded := hook.source
	if hook.sourceID != "" {
		source, known := n.sources[hook.sourceID]
		if !known {
			return "", nil, fmt.Sprintf("its script, hookSource %s, is not in the input: give what the API answers for it too (core/v1/hookSources)", quoted(hook.sourceID))
		}
		encoded = source.source
	}
	if encoded == "" {
		return "", nil, "it has no script"
	}
	// Tools wrap base64 into lines.
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return "", nil, fmt.Sprintf("its script is no base64 (%s)", printable(err.Error()))
	}
	text = string(decoded)
	if strings.Contains(text, "\r\n") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		notes = append(notes, "Its lines ended as on Windows, with which no script here may be.")
	}
	if text != "" && !strings.HasPrefix(text, "#!") {
		text = "#!/bin/sh\n" + text
		notes = append(notes, "New: the first line, since a script here names its interpreter. Check that it is the right one.")
	}
	if err := script.Check(text); err != nil {
		return "", nil, "its script: " + printable(err.Error())
	}
	return text, notes, ""
}

func (c *converter) execHookGroup(group []*netappHook, texts *scriptTexts) {
	first := group[0]
	var called []string
	for _, hook := range group {
		called = append(called, hook.String())
	}
	d := newDraft(strings.Join(called, ", "))
	d.tool = first.tool
	d.comments.add(pathTop, "From %s.", d.what)
	d.comments.add(pathTop, "%s", d.tool.runs)
	d.retire(group)
	d.name = dnsName(first.appName)
	if first.Namespace != "" && first.Namespace != first.appName && !c.options.Namespaced && first.tool == ofTrident {
		d.name = dnsName(first.Namespace, first.appName)
	}
	if app := c.netapp.applications[first.app]; app != nil && first.Namespace == "" {
		d.name = dnsName(app.Name)
	}
	if why, some := c.appPods(d, first); !some {
		c.leave("%s: %s", d.what, why)
		return
	}
	container := d.criteria(first)
	if first.disabled {
		d.spec.Suspend = true
		d.comments.add("spec.suspend", "They are not enabled.")
	}
	taken := names{}
	for _, hook := range group {
		c.execHook(d, hook, taken.unique("", dnsName(hook.Name)), container, texts)
	}
	d.pair()
	d.conduct(c.options.Mode, execHookSpan(d))
	c.finish(d)
}

// execHookSpan is that of a policy: Trident protect's backups run from the snapshot until the data is moved.
func execHookSpan(d *draft) span {
	quiesced := snapshotSpan(d.tool)
	if slices.ContainsFunc(d.of(before), func(h hookDraft) bool { return slices.Contains(h.hook.Stages, v1alpha1.PreBackup) }) {
		quiesced = span{fileBackup, "New: " + d.tool.name + " knows no limit. From PreBackup to PostBackup all of the data is moved: write what that takes."}
	}
	return quiesced
}

// retire says how the old hooks are switched off.
func (d *draft) retire(group []*netappHook) {
	var commands []string
	for _, hook := range group {
		if hook.disabled {
			continue
		}
		resource := "exechooks.protect.trident.netapp.io"
		if hook.tool == ofAstra {
			resource = "exechooks.astra.netapp.io"
		}
		if hook.kind() != keyExecutionHook {
			commands = append(commands, fmt.Sprintf("kubectl%s patch %s %s --type=merge -p '{\"spec\":{\"enabled\":false}}'", namespaceFlag(hook.Namespace), resource, shell(hook.Name)))
		}
	}
	switch {
	case len(commands) > 0:
		d.comments.add(pathTop, "When the policy is there, switch the old hooks off, or they run twice where %s still takes backups:\n%s", d.tool.name, strings.Join(commands, "\n"))
	case !group[0].disabled:
		d.comments.add(pathTop, "When the policy is there, disable the old hooks in %s, or they run twice where it still takes backups.", d.tool.name)
	}
}

// appPods selects the namespaces and labels of a hook's application, narrowed by its filters of namespaces.
func (c *converter) appPods(d *draft, hook *netappHook) (why string, some bool) {
	var included []string
	app := c.netapp.applications[hook.app]
	switch {
	case app != nil:
		app.used = true
		for _, namespace := range app.namespaces {
			included = append(included, namespace.Namespace)
		}
		d.comments.add(pathIncluded, "Those of %s.", app)
		if app.machines {
			d.comments.add(pathLabels, "Left out: the includedVirtualMachines of %s. Write labels that their pods have.", app)
		}
		if err := d.appLabels(app); err != nil {
			return printable(err.Error()), false
		}
	case hook.tool == ofTrident && hook.Namespace != "":
		included = []string{hook.Namespace}
		d.comments.add(pathIncluded, "That of the hook. The application %s is not in the input: if it has other namespaces, or a part of this one by labels, write them here.", quoted(hook.appName))
	default:
		// Selecting nothing yet is better than selecting every pod.
		included = []string{dnsName(hook.appName)}
		d.comments.add(pathIncluded, "To be written: the application %s is not in the input, and so its namespaces are not known. Give it too, or write them here.", quoted(hook.appName))
	}
	return d.namespaceFilters(included, hook.criteria)
}

// namespaceFilters narrows namespaces to those that all filters match.
func (d *draft) namespaceFilters(included []string, criteria []criterion) (why string, some bool) {
	for _, filter := range criteria {
		if !filter.is("namespaceName") {
			continue
		}
		matches, err := compilePattern(filter.Value)
		if err != nil {
			d.comments.add(pathIncluded, "Left out: namespaceName %s, which is no regular expression (RE2), so that the hook ran nowhere.", quoted(filter.Value))
			continue
		}
		left := slices.DeleteFunc(slices.Clone(included), func(name string) bool { return !matches.MatchString(name) })
		if len(left) == 0 {
			return fmt.Sprintf("its namespaceName %s matches none of the namespaces %s: if its application has others, give it too", quoted(filter.Value), list(included)), false
		}
		if len(left) < len(included) {
			d.comments.add(pathIncluded, "Those that namespaceName %s matches.", quoted(filter.Value))
		}
		included = left
	}
	own, lost := d.globs(pathIncluded, included)
	if lost && len(own) == 0 || len(included) == 0 {
		return "no namespace is known that it is for", false
	}
	for _, name := range own {
		d.spec.Selector.IncludedNamespaces = append(d.spec.Selector.IncludedNamespaces, v1alpha1.NamespaceGlob(name))
	}
	return "", true
}

// appLabels takes the labels by which an application has a part of its namespaces, where they are the same in all.
func (d *draft) appLabels(app *netappApp) error {
	selectors := make([]string, 0, len(app.namespaces))
	for i := range app.namespaces {
		own, err := json.Marshal(struct{ A, B any }{app.namespaces[i].LabelSelector, app.namespaces[i].Labels})
		if err != nil {
			return err
		}
		selectors = append(selectors, string(own))
	}
	slices.Sort(selectors)
	switch selectors = slices.Compact(selectors); {
	case len(selectors) > 1:
		d.comments.add(pathLabels, "Left out: the labels of %s, since they differ from one of its namespaces to the next. More pods are selected: write a policy for each.", app)
		return nil
	case len(selectors) == 0:
		return nil
	}
	one := app.namespaces[0]
	selector := one.LabelSelector
	if len(one.Labels) > 1 {
		d.comments.add(pathLabels, "Left out: the labelSelectors of %s, of which one must hold: %s. More pods are selected: write a policy for each.", app, list(one.Labels))
		return nil
	}
	if len(one.Labels) == 1 {
		var err error
		if selector, err = parseSelector(one.Labels[0]); err != nil {
			return fmt.Errorf("the labelSelector of its application is none: %w", err)
		}
	}
	joined, err := selectLabels(selector)
	d.spec.Selector.LabelSelector = joined
	return err
}

func (c *converter) execHook(d *draft, hook *netappHook, name, container string, texts *scriptTexts) {
	notes := comments{}
	stage, why := hook.when(notes)
	s := sideOf(stage)
	if hook.unknown != "" {
		d.lose("%s has a field that is not known here, and that is left out: %s.", hook, hook.unknown)
	}
	if why != "" {
		d.drop(s, "Hook %s is left out: %s.", name, why)
		return
	}
	text, changes, why := c.netapp.script(hook)
	if why != "" {
		d.drop(s, "Hook %s is left out: %s.", name, why)
		return
	}
	for _, change := range changes {
		notes.add(fieldScript, "%s", change)
	}
	if hook.description != "" {
		notes.add(fieldWhole, "%s", printable(hook.description))
	}
	if why := tooMuch(hook.arguments); why != "" {
		d.drop(s, "Hook %s is left out: %s.", name, why)
		return
	}
	action := &v1alpha1.ScriptAction{Inline: text, Args: hook.arguments}
	if shared := texts.name(c, text, hook); shared != "" {
		action.Name, action.Inline = shared, ""
	}
	made := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, Container: container, Script: action, OnError: v1alpha1.Fail}
	made.Timeout.Duration = hook.timeout(notes)
	d.add(hookDraft{hook: made, side: s, comments: notes})
}

// when is the stage in which a hook runs; or why there is none.
func (h *netappHook) when(notes comments) (stage v1alpha1.Stage, why string) {
	at := strings.ToLower(h.stage) + " " + strings.ToLower(h.action)
	switch at {
	case "pre snapshot":
		return v1alpha1.PreSnapshot, ""
	case "post snapshot":
		return v1alpha1.PostSnapshot, ""
	case "pre backup":
		notes.add(".stages", "In %s it runs when the snapshot of the backup has been taken; here ahead of the snapshot, and until PostBackup. If it is to quiesce for the snapshot, write PreSnapshot.", h.tool.name)
		return v1alpha1.PreBackup, ""
	case "post backup":
		return v1alpha1.PostBackup, ""
	case "post restore":
		return v1alpha1.PostRestore, ""
	case "pre restore":
		notes.add(".stages", "The documentation of %s has no hooks of before a restore. Here it runs.", h.tool.name)
		return v1alpha1.PreRestore, ""
	case "post failover":
		notes.add(".stages", "It was for after a failover alone. PostRestore is after a restore too.")
		return v1alpha1.PostRestore, ""
	}
	return v1alpha1.PreSnapshot, fmt.Sprintf("its stage %s and action %s are none that is known: Pre or Post, and Snapshot, Backup, Restore or Failover", quoted(h.stage), quoted(h.action))
}

func (h *netappHook) timeout(notes comments) time.Duration {
	minutes := int64(defaultMinutes)
	if h.minutes != nil {
		minutes = *h.minutes
	}
	switch most := int64(v1alpha1.MaxTimeout / time.Minute); {
	case h.minutes == nil:
		notes.add(fieldTimeout, "The default of %s.", h.tool.name)
	case minutes < 1:
		notes.add(fieldTimeout, "It was %d minutes, where 1 is the least.", minutes)
		minutes = 1
	case minutes > most:
		notes.add(fieldTimeout, "It was %d minutes. %s is the most here: if the script needs longer, have it start its work and return, and another hook wait for it.",
			minutes, short(v1alpha1.MaxTimeout))
		minutes = most
	}
	return time.Duration(minutes) * time.Minute
}
