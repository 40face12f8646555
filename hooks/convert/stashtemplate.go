package convert

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// templateReference is what our templates take for a param.
var templateReference = regexp.MustCompile(`\$\(([a-zA-Z_][a-zA-Z0-9_.-]*)\)`)

// stashTemplate makes a HookTemplate of ours. Its stage and conduct are those of its first use; without one the stage is a guess.
func (c *converter) stashTemplate(template *stashTemplate) {
	commented := comments{}
	commented.add(pathTop, "From %s.", template)
	use := &stashUse{stage: v1alpha1.PreBackup, template: template}
	switch {
	case len(template.uses) > 0:
		use = template.uses[0]
		if slices.ContainsFunc(template.uses, func(other *stashUse) bool { return !use.alike(other) }) {
			commented.add(pathTop, "Other hooks use it in other stages, or with other timeouts. Those have its action in their own policies.")
		}
	default:
		if c.options.Stage != "" {
			use.stage = c.options.Stage
		} else if strings.Contains(strings.ToLower(template.Name), "post") {
			use.stage = v1alpha1.PostBackup
		}
		commented.add("spec.hooks[0].stages", "%s", c.guessed(use.stage))
	}
	if template.unknown != "" {
		commented.add(pathTop, "It has a field that is not known here, and that is left out: %s.", template.unknown)
		c.leave("%s has a field that is not known here, and that is left out: %s", template, template.unknown)
	}
	if policy := template.spec.UsagePolicy; policy != nil && policy.AllowedNamespaces.From != "" {
		commented.add(pathTop, "Left out: its usagePolicy, %s. HookTemplates are cluster-wide here, and every policy may use them.", printable(policy.AllowedNamespaces.From))
	}
	made := Template{Spec: v1alpha1.HookTemplateSpec{Application: printable(template.Name)}, comments: commented}
	if len(made.Spec.Application) > 128 {
		made.Spec.Application = dnsName(template.Name)
	}
	hook, why := c.templateHook(template, use, &made)
	if why == "" {
		made.Spec.Hooks = []v1alpha1.Hook{*hook}
		if err := library.CheckTemplate(&made.Spec); err != nil {
			why = printable(err.Error())
		}
	}
	if why != "" {
		if len(template.uses) == 0 {
			c.leave("%s: %s", template, why)
		} else {
			c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s: it became no HookTemplate (%s); the policies that came of its uses have its action", template, why))
		}
		return
	}
	made.Name = c.names.unique(kindTemplate, dnsName(template.Name))
	c.result.Templates = append(c.result.Templates, made)
	template.emitted = &made
}

// templateHook is the hook of a template, with references to params in the place of KubeStash's.
func (c *converter) templateHook(template *stashTemplate, use *stashUse, made *Template) (hook *v1alpha1.Hook, why string) {
	used := c.used(template)
	ours := map[string]string{} // names of params, by KubeStash's
	for _, param := range template.spec.Params {
		if !slices.ContainsFunc(used, func(p stashParam) bool { return p.Name == param.Name }) {
			made.comments.add(pathTop, "Left out: the param %s, which its action does not refer to.", quoted(param.Name))
			continue
		}
		name := paramName(param.Name)
		ours[param.Name] = name
		one := v1alpha1.TemplateParam{Name: name, Usage: param.Usage, Required: param.Required && param.Default == "", Default: param.Default}
		if one.Default == "" && !one.Required {
			one.Default = template.inlineDefault(param.Name)
		}
		if name != param.Name {
			made.comments.add("spec.params["+strconv.Itoa(len(made.Spec.Params))+"]", "It was %s.", quoted(param.Name))
		}
		made.Spec.Params = append(made.Spec.Params, one)
	}
	notes := comments{}
	var positional []string // params that a shell's text gets as arguments
	command := template.command()
	first := max(0, len(command)-4) + 1
	hook, why = c.stashAction(template, &use.info, notes, func(text string, at place) string {
		if at == code {
			return stashReference.ReplaceAllStringFunc(text, func(found string) string {
				name, is := ours[stashReference.FindStringSubmatch(found)[1]]
				if !is {
					return found
				}
				if !slices.Contains(positional, name) {
					positional = append(positional, name)
				}
				return "${" + strconv.Itoa(first+slices.Index(positional, name)) + "}"
			})
		}
		text = templateReference.ReplaceAllStringFunc(text, func(found string) string { return "$" + found })
		return stashReference.ReplaceAllStringFunc(text, func(found string) string {
			if name, is := ours[stashReference.FindStringSubmatch(found)[1]]; is {
				return "$(" + name + ")"
			}
			return found
		})
	})
	if why != "" {
		return nil, why
	}
	if hook.Exec != nil && len(positional) > 0 {
		if len(command) == 3 {
			hook.Exec.Command = append(hook.Exec.Command, "hook")
		}
		for _, name := range positional {
			hook.Exec.Command = append(hook.Exec.Command, "$("+name+")")
		}
		notes.add(fieldCommand, "No param becomes a part of a shell's text here: they are arguments behind it, and the text has ${1} and so on. Between single quotes a shell does not look at these: check the quotes.")
	}
	hook.Name, hook.Stages = dnsName(template.Name), []v1alpha1.Stage{use.stage}
	if len(template.uses) > 0 {
		hook.Name = use.name
		use.conduct(hook, notes)
	}
	d := newDraft("")
	if d.stashPods(template) == "" {
		made.Spec.Selector = d.spec.Selector
		for path, sentences := range d.comments {
			made.comments[path] = append(made.comments[path], sentences...)
		}
	}
	for field, sentences := range notes {
		path := pathHooks + "[0]" + field
		made.comments[path] = append(made.comments[path], sentences...)
	}
	return hook, ""
}

func (t *stashTemplate) command() []string {
	if t.spec.Action == nil || t.spec.Action.Exec == nil {
		return nil
	}
	return t.spec.Action.Exec.Command
}

// inlineDefault is the one that stands in a reference, ${name:=default}.
func (t *stashTemplate) inlineDefault(name string) string {
	for _, word := range t.command() {
		for _, parts := range stashReference.FindAllStringSubmatch(word, -1) {
			if parts[1] == name && parts[3] != "" {
				return parts[3]
			}
		}
	}
	return ""
}

// alike tells whether two uses want the same of a template, but for the values of its params.
func (u *stashUse) alike(other *stashUse) bool {
	return u.stage == other.stage && u.info.MaxRetry == other.info.MaxRetry && reflect.DeepEqual(u.info.Timeout, other.info.Timeout) &&
		u.info.ExecutionPolicy == other.info.ExecutionPolicy && len(u.info.Variables)+len(other.info.Variables) == 0
}

// byTemplate has a policy of one hook use the HookTemplate, where that says the same.
func (c *converter) byTemplate(d *draft, use *stashUse) {
	template := use.template
	if len(c.used(template)) == 0 || len(use.info.Variables) > 0 {
		return
	}
	if template.emitted == nil {
		// The first use decides; those to come find it made.
		only := *template
		only.uses = []*stashUse{use}
		c.stashTemplate(&only)
		if template.emitted = only.emitted; template.emitted == nil {
			return
		}
		template.uses = append([]*stashUse{use}, slices.DeleteFunc(template.uses, func(other *stashUse) bool { return other == use })...)
	} else if !template.uses[0].alike(use) {
		return
	}
	given := &v1alpha1.TemplateUse{Name: template.emitted.Name}
	for _, param := range c.used(template) {
		if raw, has := use.info.Params[param.Name]; has {
			given.Params = append(given.Params, v1alpha1.TemplateParamValue{Name: paramName(param.Name), Value: rawText(raw)})
		}
	}
	d.spec.Template = given
}

// paramName is a name as params of ours have it: letters and digits.
func paramName(name string) string {
	var b strings.Builder
	upper := false
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		switch {
		case !letter && (!digit || b.Len() == 0):
			upper = b.Len() > 0
			continue
		case upper:
			b.WriteString(strings.ToUpper(string(r)))
		default:
			b.WriteRune(r)
		}
		upper = false
	}
	if b.Len() == 0 {
		return "param"
	}
	return shorten(b.String(), maxName)
}
