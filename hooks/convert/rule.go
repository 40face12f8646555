package convert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// waitCommand is what Stork replaces by a command that waits until the data is captured (libopenstorage/stork:
	// pkg/cmdexecutor/cmdexecutor.go).
	waitCommand = "${WAIT_CMD}"
	// waitForInput takes its place: it says that it holds, and ends with its input.
	waitForInput = "echo quiesce-held && cat"
	heldPattern  = "quiesce-held"
	// backgroundTimeout is how long Stork waits for a command to reach its WAIT_CMD (libopenstorage/stork: pkg/rule/rule.go).
	backgroundTimeout = 15 * time.Minute

	fieldHold = ".hold"
)

// rulePair is two Rules that belong together, either of which may be missing, and who names them.
type rulePair struct {
	namespace, pre, post string
	selector             string
	owners               []*storkOwner
}

// rules makes policies of Rules, by who names them.
func (c *converter) rules() {
	var pairs []*rulePair
	for i := range c.stork.owners {
		owner := &c.stork.owners[i]
		if owner.pre == "" && owner.post == "" {
			c.none(owner.object, "any Rule that it names")
			continue
		}
		place := slices.IndexFunc(pairs, func(p *rulePair) bool {
			return p.namespace == owner.Namespace && p.pre == owner.pre && p.post == owner.post && p.selector == owner.selector
		})
		if place < 0 {
			pairs = append(pairs, &rulePair{namespace: owner.Namespace, pre: owner.pre, post: owner.post, selector: owner.selector})
			place = len(pairs) - 1
		}
		pairs[place].owners = append(pairs[place].owners, owner)
		for _, name := range []string{owner.pre, owner.post} {
			if rule := c.stork.rules[owner.Namespace+"/"+name]; rule != nil {
				rule.used = true
			}
		}
	}
	for _, pair := range append(pairs, c.strangersOf()...) {
		c.rulePair(pair)
	}
}

// strangersOf are the Rules that nobody names. Two whose names differ by pre and post belong together.
func (c *converter) strangersOf() []*rulePair {
	var pairs []*rulePair
	byName := map[string]*rulePair{}
	for _, key := range c.stork.order {
		rule := c.stork.rules[key]
		if rule.used {
			continue
		}
		stage, rest := c.guess(rule.Name)
		post := sideOf(stage) == after || sideOf(stage) == restored
		pair := byName[rule.Namespace+"/"+rest]
		if pair == nil || c.options.Stage != "" || post && pair.post != "" || !post && pair.pre != "" {
			pair = &rulePair{namespace: rule.Namespace}
			pairs = append(pairs, pair)
			byName[rule.Namespace+"/"+rest] = pair
		}
		if post {
			pair.post = rule.Name
		} else {
			pair.pre = rule.Name
		}
	}
	return pairs
}

// guess is the stage of hooks to which nothing refers, by their name, and the name without what says so.
func (c *converter) guess(name string) (stage v1alpha1.Stage, rest string) {
	lower := strings.ToLower(name)
	switch {
	case c.options.Stage != "":
		return c.options.Stage, lower
	case strings.Contains(lower, "post"):
		return v1alpha1.PostSnapshot, strings.Replace(lower, "post", "", 1)
	}
	return v1alpha1.PreSnapshot, strings.Replace(lower, "pre", "", 1)
}

// guessed says of a stage that it is a guess, and what to do.
func (c *converter) guessed(stage v1alpha1.Stage) string {
	if c.options.Stage != "" {
		return fmt.Sprintf("%s, as was asked for: nothing in the input refers to it.", stage)
	}
	return fmt.Sprintf("%s is a guess by its name, since nothing in the input refers to it: give what does, or say --stage.", stage)
}

// selected are the actions of a pair for the pods of one selector.
type selected struct {
	labels    map[string]string
	pre, post []storkAction
}

type storkAction struct {
	ruleAction
	rule      *storkRule
	container string
}

func (c *converter) rulePair(pair *rulePair) {
	pre, post := c.stork.rules[pair.namespace+"/"+pair.pre], c.stork.rules[pair.namespace+"/"+pair.post]
	called := pair.called()
	var missing []string
	for _, one := range []struct {
		name string
		rule *storkRule
	}{{pair.pre, pre}, {pair.post, post}} {
		if one.name != "" && one.rule == nil {
			missing = append(missing, printable(one.name))
		}
	}
	if len(missing) > 0 {
		c.leave("%s: of the Rules that it names, %s is not in the input, and what quiesces is not converted without what releases: give it too, such as by kubectl%s get rules.stork.libopenstorage.org -o yaml",
			pair.by(), strings.Join(missing, " and "), namespaceFlag(pair.namespace))
		return
	}
	var groups []*selected
	for place, rule := range []*storkRule{pre, post} {
		if rule == nil {
			continue
		}
		for i := range rule.items {
			groups = rule.gather(groups, &rule.items[i], place == 1)
		}
	}
	if len(groups) == 0 {
		c.leave("%s: it has no rules in which a command is", called)
		return
	}
	var drafts []*draft
	for _, group := range groups {
		d := c.ruleDraft(pair, called, group, len(groups) > 1)
		if d == nil {
			return
		}
		for _, rule := range []*storkRule{pre, post} {
			if rule != nil {
				for _, unknown := range rule.unknown {
					d.lose("%s has a field that is not known here, and that is left out: %s.", rule, unknown)
				}
			}
		}
		drafts = append(drafts, d)
	}
	c.rank(drafts, "Rules' items")
	for _, d := range drafts {
		c.finish(d)
	}
}

// gather puts the actions of an item to those that are for the same pods.
func (r *storkRule) gather(groups []*selected, item *ruleItem, post bool) []*selected {
	if len(item.Actions) == 0 {
		return groups
	}
	place := slices.IndexFunc(groups, func(group *selected) bool { return maps.Equal(group.labels, item.PodSelector) })
	if place < 0 {
		groups = append(groups, &selected{labels: item.PodSelector})
		place = len(groups) - 1
	}
	for _, action := range item.Actions {
		one := storkAction{action, r, item.Container}
		if post {
			groups[place].post = append(groups[place].post, one)
		} else {
			groups[place].pre = append(groups[place].pre, one)
		}
	}
	return groups
}

// by is who names the Rules, in sentences.
func (p *rulePair) by() string {
	var owners []string
	for _, owner := range p.owners {
		owners = append(owners, owner.String())
	}
	return strings.Join(owners, ", ")
}

// called is the pair in sentences.
func (p *rulePair) called() string {
	var names []string
	for _, name := range []string{p.pre, p.post} {
		if name == "" {
			continue
		}
		if rule := called("Rule", p.namespace, name); !slices.Contains(names, rule) {
			names = append(names, rule)
		}
	}
	return strings.Join(names, ", ")
}

func (c *converter) ruleDraft(pair *rulePair, called string, group *selected, several bool) *draft {
	d := newDraft(called)
	d.tool = ofStork
	d.comments.add(pathTop, "From %s.", called)
	if len(pair.owners) > 0 {
		var removals []string
		for _, owner := range pair.owners {
			if owner.removal != "" {
				removals = append(removals, owner.removal)
			}
		}
		d.comments.add(pathTop, "In Stork they ran for %s. A policy's run in every backup that has the pods in it.", pair.by())
		if len(removals) > 0 {
			d.comments.add(pathTop, "When the policy is there, take the Rules off, or they run twice where Stork still takes backups:\n%s", strings.Join(removals, "\n"))
		}
	} else if pair.pre != "" && pair.post != "" {
		d.comments.add(pathTop, "They are taken to belong together by their names, since nothing in the input refers to them.")
	}
	d.comments.add(pathTop, "%s", d.tool.runs)
	base := pair.pre
	if base == "" {
		base = pair.post
	}
	parts := []string{base}
	if several {
		for _, key := range sortedKeys(group.labels) {
			parts = append(parts, group.labels[key])
		}
	}
	d.name = dnsName(parts...)
	if why, some := d.ruleNamespaces(pair); !some {
		c.leave("%s: %s", called, why)
		return nil
	}
	if len(group.labels) > 0 {
		selector, err := selectLabels(&metav1.LabelSelector{MatchLabels: group.labels})
		if err != nil {
			c.leave("%s: its podSelector: %s", called, printable(err.Error()))
			return nil
		}
		d.spec.Selector.LabelSelector = selector
	} else {
		d.comments.add(pathSelector, "Its podSelector is empty, and selects all pods of the namespaces.")
	}
	c.ruleActions(d, pair, group)
	d.pair()
	d.conduct(c.options.Mode, snapshotSpan(ofStork))
	return d
}

// ruleNamespaces selects the namespaces of who names the Rules.
func (d *draft) ruleNamespaces(pair *rulePair) (why string, some bool) {
	var all []string
	for _, owner := range pair.owners {
		for _, namespace := range owner.namespaces {
			if namespace != "" && !slices.Contains(all, namespace) {
				all = append(all, namespace)
			}
		}
	}
	if len(pair.owners) == 0 && pair.namespace != "" {
		all = []string{pair.namespace}
		d.comments.add(pathIncluded, "That of the Rule. It ran in the namespaces of what refers to it.")
	}
	if pair.selector != "" {
		selector, err := parseSelector(pair.selector)
		if err != nil {
			return fmt.Sprintf("its namespaceSelector %s is none: %s", quoted(pair.selector), printable(err.Error())), false
		}
		converted, err := selectLabels(selector)
		if err != nil {
			return printable(err.Error()), false
		}
		switch len(all) {
		case 0:
			d.spec.Selector.NamespaceSelector = converted
		default:
			d.comments.add(pathIncluded, "Left out: namespaces by the labels %s, since names and labels must both hold here. Write a second policy with this namespaceSelector.", printable(pair.selector))
		}
	}
	if len(all) == 0 && pair.selector == "" {
		d.comments.add(pathSelector, "The input names no namespace: write includedNamespaces, or pods of all namespaces that have opted in are selected.")
	}
	return d.namespaces(filter{included: all}, filter{}, "owner")
}

func (c *converter) ruleActions(d *draft, pair *rulePair, group *selected) {
	guessed := len(pair.owners) == 0
	for _, one := range []struct {
		name    string
		actions []storkAction
		stage   v1alpha1.Stage
		post    bool
	}{{"pre", group.pre, v1alpha1.PreSnapshot, false}, {"post", group.post, v1alpha1.PostSnapshot, true}} {
		stage := one.stage
		if guessed && c.options.Stage != "" {
			stage = c.options.Stage
		}
		for i := range one.actions {
			notes := comments{}
			if guessed && i == 0 {
				notes.add(".stages", "%s", c.guessed(stage))
			}
			d.ruleAction(title(one.name, i, len(one.actions)), stage, &one.actions[i], notes)
		}
	}
	if slices.ContainsFunc(d.hooks, func(h hookDraft) bool { return h.hook.Exec != nil }) {
		d.comments.add(pathFirst, "Stork tries a command that fails up to 12 times, 5 seconds apart. Here each runs once: write maxRetries (10 is the most) where it may be run again, with velero.mode Session.")
	}
}

// ruleAction converts a command. Stork runs it by sh -c (libopenstorage/stork: pkg/rule/rule.go).
func (d *draft) ruleAction(name string, stage v1alpha1.Stage, action *storkAction, notes comments) {
	s := sideOf(stage)
	hook := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, Container: action.container, OnError: v1alpha1.Fail}
	words := []string{"sh", "-c", action.Value}
	switch {
	case action.Type != "command":
		d.drop(s, "Hook %s is left out: its type is %s, and Stork refuses all but command.", name, quoted(action.Type))
		return
	case action.Value == "":
		d.drop(s, "Hook %s is left out: it has no value, which would be its command.", name)
		return
	case action.container != "" && len(validation.IsDNS1123Label(action.container)) > 0:
		d.drop(s, "Hook %s is left out: no container can be called %s.", name, quoted(action.container))
		return
	case action.Background && s != before:
		d.drop(s, "Hook %s is left out: it is in the background, which Stork refuses after the data is captured.", name)
		return
	case action.Background && !strings.Contains(action.Value, waitCommand):
		d.drop(s, "Hook %s is left out: it is in the background and has no %s, without which Stork refuses it.", name, waitCommand)
		return
	}
	if why := tooMuch(words); why != "" {
		d.drop(s, "Hook %s is left out: %s. Write it as a script, by script.inline or a HookScript.", name, why)
		return
	}
	if action.RunInSinglePod {
		hook.RunOn = v1alpha1.OnePod
	}
	if action.Background {
		words[2] = strings.ReplaceAll(action.Value, waitCommand, waitForInput)
		hook.Hold = &v1alpha1.HoldAction{Command: words, ReadyPattern: heldPattern}
		hook.Timeout.Duration = backgroundTimeout
		notes.add(fieldHold, "In the place of %s stands a command that says when the hold begins, and ends with its input. Try it: a client that reads its own input, or writes with a buffer, needs another form, "+
			"with the statements in stdin and one that answers, such as SELECT 'held', for readyPattern. Give what it holds a limit too, such as lock_wait_timeout.", waitCommand)
		notes.add(fieldTimeout, "What Stork gives it to begin.")
	} else {
		if strings.Contains(action.Value, waitCommand) {
			notes.add(fieldCommand, "%s is replaced by Stork in the background alone. Here a shell takes it for a variable.", waitCommand)
		}
		hook.Exec = &v1alpha1.ExecAction{Command: words}
		hook.Timeout.Duration = v1alpha1.MaxTimeout
		notes.add(fieldTimeout, "Stork waits without end. %s is the most here: write what it needs.", short(v1alpha1.MaxTimeout))
	}
	d.add(hookDraft{hook: hook, side: s, comments: notes})
}
