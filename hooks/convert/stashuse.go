package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// stashUse is a hook of a session that is to become one of ours.
type stashUse struct {
	name     string
	stage    v1alpha1.Stage
	info     stashHook
	unknown  string
	template *stashTemplate
}

// stashed makes policies of what refers to HookTemplates, and HookTemplates of those that have params or to which nothing refers.
func (c *converter) stashed() {
	for i := range c.kubestash.users {
		user := &c.kubestash.users[i]
		if len(user.sessions) == 0 {
			c.none(user.object, "its spec")
			continue
		}
		c.stashUser(user)
	}
	for _, key := range c.kubestash.order {
		if template := c.kubestash.templates[key]; template.emitted == nil && (len(template.uses) == 0 || len(c.used(template)) > 0 && !c.options.Namespaced) {
			c.stashTemplate(template)
		}
	}
}

func (c *converter) stashUser(user *stashUser) {
	var different []*stashSession
	for i := range user.sessions {
		session := &user.sessions[i]
		place := slices.IndexFunc(different, func(other *stashSession) bool { return other.raw == session.raw })
		if place < 0 {
			different = append(different, session)
			continue
		}
		same := different[place]
		same.same = append(same.same, session.path)
		c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s, session %s: it has the hooks of session %s, which run in every backup", user, quoted(session.name), quoted(same.name)))
	}
	for _, session := range different {
		c.stashSession(user, session)
	}
}

// resolve finds the templates of a session's hooks. Those that refer to what the input has not are sentences.
func (c *converter) resolve(user *stashUser, session *stashSession) (uses []*stashUse, broken map[side][]string) {
	broken = map[side][]string{}
	for _, use := range session.uses {
		s := sideOf(use.stage)
		if use.info.HookTemplate == nil || use.info.HookTemplate.Name == "" {
			broken[s] = append(broken[s], fmt.Sprintf("Hook %s is left out: it names no HookTemplate.", use.name))
			continue
		}
		namespace := cmp.Or(use.info.HookTemplate.Namespace, user.Namespace)
		if use.template = c.kubestash.templates[namespace+"/"+use.info.HookTemplate.Name]; use.template == nil {
			broken[s] = append(broken[s], fmt.Sprintf("Hook %s is left out: its HookTemplate %s is not in the input: give it too, such as by kubectl%s get hooktemplates.core.kubestash.com -o yaml.",
				use.name, printable(namespace+"/"+use.info.HookTemplate.Name), namespaceFlag(namespace)))
			continue
		}
		use.template.uses = append(use.template.uses, use)
		uses = append(uses, use)
	}
	return uses, broken
}

// stashSession makes a policy of those hooks of a session that are for the same pods.
func (c *converter) stashSession(user *stashUser, session *stashSession) {
	called := user.String()
	if session.name != "" {
		called += ", session " + quoted(session.name)
	}
	uses, broken := c.resolve(user, session)
	var groups [][]*stashUse
	for _, use := range uses {
		place := slices.IndexFunc(groups, func(group []*stashUse) bool { return group[0].template.pods() == use.template.pods() })
		if place < 0 {
			groups = append(groups, []*stashUse{use})
			continue
		}
		groups[place] = append(groups[place], use)
	}
	if len(groups) == 0 || len(broken[before])+len(broken[after]) > 0 {
		// What freezes must not stand without what thaws.
		for _, s := range sides {
			for _, sentence := range broken[s] {
				c.leave("%s: %s", called, sentence)
			}
		}
		for _, use := range uses {
			c.leave("%s: Hook %s is left out with it: what is quiesced before a backup and what is released after it belong together", called, use.name)
		}
		return
	}
	var drafts []*draft
	for _, group := range groups {
		if d := c.stashDraft(user, session, called, group, len(groups) > 1); d != nil {
			drafts = append(drafts, d)
		}
	}
	if len(drafts) > 0 {
		for s, sentences := range broken {
			drafts[0].broken[s] = append(drafts[0].broken[s], sentences...)
		}
	}
	c.rank(drafts, "session's hooks")
	for _, d := range drafts {
		c.finish(d)
	}
}

// pods is by what the template selects them; equal for those that are for the same.
func (t *stashTemplate) pods() string {
	e := t.spec.Executor
	if e == nil || e.Type != "Pod" || e.Pod == nil {
		return ""
	}
	words := strings.Split(e.Pod.Selector, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	slices.Sort(words)
	if e.Pod.Owner != nil {
		words = append(words, e.Pod.Owner.APIVersion, e.Pod.Owner.Kind, e.Pod.Owner.Name)
	}
	return "pods " + strings.Join(words, ",")
}

func (c *converter) stashDraft(user *stashUser, session *stashSession, called string, group []*stashUse, several bool) *draft {
	d := newDraft(called)
	d.tool = ofStash
	var templates []string
	for _, use := range group {
		if name := use.template.String(); !slices.Contains(templates, name) {
			templates = append(templates, name)
		}
	}
	d.comments.add(pathTop, "From %s, with %s.", called, strings.Join(templates, ", "))
	d.comments.add(pathTop, "In KubeStash these hooks ran in this %s alone. A policy's run in every backup or restore that has the pods in it.", user.Kind)
	if session.path != "" {
		resource := strings.ToLower(user.Kind) + "s.core.kubestash.com"
		if user.Kind == "BackupBatch" {
			resource = "backupbatches.core.kubestash.com"
		}
		var removals []string
		for _, path := range slices.Concat([]string{session.path}, session.same) {
			removals = append(removals, fmt.Sprintf(`{"op":"remove","path":%q}`, path))
		}
		d.comments.add(pathTop, "When the policy is there, take the old hooks off, or they run twice where KubeStash still takes backups:\nkubectl%s patch %s %s --type=json -p '[%s]'",
			namespaceFlag(user.Namespace), resource, shell(user.Name), strings.Join(removals, ","))
	}
	d.comments.add(pathTop, "%s", d.tool.runs)
	parts := []string{user.Name}
	if session.name != "" && len(user.sessions) > 1 {
		parts = append(parts, session.name)
	}
	if several {
		parts = append(parts, group[0].name)
	}
	d.name = dnsName(parts...)
	if why, some := d.stashNamespace(user); !some {
		c.leave("%s: %s", called, why)
		return nil
	}
	if why := d.stashPods(group[0].template); why != "" {
		c.leave("%s: %s", called, why)
		return nil
	}
	for _, use := range group {
		c.stashHook(d, use)
	}
	d.pair()
	quiesced := span{fileBackup, "New: KubeStash knows no limit unless it is told one. From PreBackup to PostBackup all of the data is moved: write what that takes."}
	if session.timeout != nil && session.timeout.Duration >= v1alpha1.LeastMaxQuiesce {
		quiesced = span{session.timeout.Truncate(time.Millisecond), "The backupTimeout of the session."}
	}
	d.conduct(c.options.Mode, quiesced)
	if len(group) == 1 && len(d.hooks) == 1 && !c.options.Namespaced {
		c.byTemplate(d, group[0])
	}
	return d
}

func (d *draft) stashNamespace(user *stashUser) (why string, some bool) {
	if user.namespace == "" {
		d.comments.add(pathSelector, "The input names no namespace: write includedNamespaces, or pods of all namespaces that have opted in are selected.")
		return "", true
	}
	return d.namespaces(filter{included: []string{user.namespace}}, filter{}, user.Kind)
}

// stashPods selects the pods of a template.
func (d *draft) stashPods(template *stashTemplate) (why string) {
	e := template.spec.Executor
	if e == nil || e.Type != "Pod" {
		d.comments.add(pathSelector, "These hooks run in no pod of the application. The policy takes part where it selects one: narrow it.")
		return ""
	}
	if e.Pod == nil || e.Pod.Selector == "" {
		return fmt.Sprintf("%s has no selector of pods, with which KubeStash refuses it too", template)
	}
	selector, err := parseSelector(e.Pod.Selector)
	if err != nil {
		return fmt.Sprintf("the selector %s of %s is none: %s", quoted(e.Pod.Selector), template, printable(err.Error()))
	}
	joined, err := selectLabels(selector)
	if err != nil {
		return printable(err.Error())
	}
	d.spec.Selector.LabelSelector = joined
	if owner := e.Pod.Owner; owner != nil {
		d.comments.add(pathLabels, "Left out: the owner of the pods, %s %s, since policies select pods by their labels. Check that these select no others.", printable(owner.Kind), quoted(owner.Name))
	}
	return ""
}

// stashHook converts the use of a template, with the values of its params in their places.
func (c *converter) stashHook(d *draft, use *stashUse) {
	s := sideOf(use.stage)
	notes := comments{}
	if use.unknown != "" {
		d.lose("Hook %s has a field that is not known here, and that is left out: %s.", use.name, use.unknown)
	}
	values, why := c.values(use, notes)
	if why != "" {
		d.drop(s, "Hook %s is left out: %s.", use.name, why)
		return
	}
	hook, why := c.stashAction(use.template, &use.info, notes, func(text string, _ place) string { return values.replace(text) })
	if why != "" {
		d.drop(s, "Hook %s is left out: %s.", use.name, why)
		return
	}
	hook.Name, hook.Stages = use.name, []v1alpha1.Stage{use.stage}
	use.conduct(hook, notes)
	d.add(hookDraft{hook: *hook, side: s, comments: notes})
}

// conduct takes what a use says of how its hook is run.
func (u *stashUse) conduct(hook *v1alpha1.Hook, notes comments) {
	hook.OnError = v1alpha1.Fail
	const most = 10
	if hook.MaxRetries = u.info.MaxRetry; u.info.MaxRetry > most {
		hook.MaxRetries = most
		notes.add(".maxRetries", "It was %d. %d is the most here.", u.info.MaxRetry, most)
	} else if u.info.MaxRetry < 0 {
		hook.MaxRetries = 0
	}
	if u.info.Timeout == nil {
		hook.Timeout.Duration = v1alpha1.MaxTimeout
		notes.add(fieldTimeout, "None was given. %s is the most here: write what it needs.", short(v1alpha1.MaxTimeout))
	} else {
		hook.Timeout.Duration = timeoutOf(u.info.Timeout.Duration, notes)
	}
	switch policy := v1alpha1.ExecutionPolicy(u.info.ExecutionPolicy); policy {
	case "", v1alpha1.Always:
	case v1alpha1.OnSuccess, v1alpha1.OnFailure:
		if s := sideOf(u.stage); s == before || s == restoring {
			notes.add(fieldWhole, "Left out: executionPolicy %s, since there is no outcome yet.", policy)
			return
		}
		hook.ExecutionPolicy = policy
	default:
		notes.add(fieldWhole, "Left out: executionPolicy %s, which is none.", quoted(u.info.ExecutionPolicy))
	}
}

// timeoutOf is a duration as a policy may have it.
func timeoutOf(given time.Duration, notes comments) time.Duration {
	switch {
	case given <= 0:
		notes.add(fieldTimeout, "It was %s. %s is the most here: write what it needs.", given, short(v1alpha1.MaxTimeout))
		return v1alpha1.MaxTimeout
	case given > v1alpha1.MaxTimeout:
		notes.add(fieldTimeout, "It was %s. %s is the most here: if it needs longer, have it start its work and return, and another hook wait for it.", short(given), short(v1alpha1.MaxTimeout))
		return v1alpha1.MaxTimeout
	}
	return whole(given, fieldTimeout, notes)
}

// paramValues are by the names that stand in ${name} and ${name:=default}.
type paramValues map[string]string

// values are those of a use: of its variables, and of the template's params.
func (c *converter) values(u *stashUse, notes comments) (values paramValues, why string) {
	values = paramValues{}
	for _, variable := range u.info.Variables {
		if variable.ValueFrom != nil {
			notes.add(fieldWhole, "Left out: variable %s, whose value comes from elsewhere. Where the container has it in its environment, a script may read it there.", quoted(variable.Name))
			continue
		}
		values[variable.Name] = variable.Value
	}
	used := c.used(u.template)
	declared := map[string]bool{}
	for _, param := range u.template.spec.Params {
		declared[param.Name] = true
		raw, given := u.info.Params[param.Name]
		switch {
		case given:
			values[param.Name] = rawText(raw)
		case param.Default != "":
			values[param.Name] = param.Default
		case param.Required && slices.ContainsFunc(used, func(p stashParam) bool { return p.Name == param.Name }):
			return nil, fmt.Sprintf("%s needs the param %s, which it does not give", u.template, quoted(param.Name))
		default:
			values[param.Name] = u.template.inlineDefault(param.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.info.Params)) {
		if !declared[name] {
			notes.add(fieldWhole, "Left out: the param %s, which its HookTemplate does not have.", quoted(name))
		}
	}
	return values, ""
}

// rawText is a value of JSON as text: a string without its quotes.
func rawText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
