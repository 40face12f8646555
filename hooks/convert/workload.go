package convert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// carrier is an object whose pods have hooks by annotations, or a pod that has.
type carrier struct {
	*object
	// annotations of the hooks, and labels of the pods.
	annotations map[string]string
	labels      map[string]string
	selector    *metav1.LabelSelector
	// guessed says that the selector was made of labels of a single pod, and missing that there were none to make it of.
	guessed, missing bool
	// first is the name of the pod's first container, in which Velero runs what names none.
	first string
	files bool
	// place in the input.
	place int
}

type podTemplate struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Name string `json:"name"`
		} `json:"containers"`
	} `json:"spec"`
}

// passing are labels that tell one pod, or one generation of pods, from another.
var passing = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
	"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name", "batch.kubernetes.io/job-completion-index",
	"velero.io/restore-name", "velero.io/backup-name",
}

// application are labels that tell one application from another.
var application = []string{
	"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", "app", "k8s-app", "component", "tier", "role", "name", "release",
}

// workload takes the annotations of a pod, or of a workload's pods.
func (c *converter) workload(o *object) error {
	template, selector, err := o.template()
	if err != nil {
		return err
	}
	annotations := hookAnnotations(template.Metadata.Annotations)
	if len(annotations) == 0 {
		c.none(o, "the annotations of its pods")
		return nil
	}
	if _, stamped := template.Metadata.Annotations[v1alpha1.StampAnnotation]; stamped {
		c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s: its annotations are Quiesce's own, by %s, and come of a policy already", o, v1alpha1.StampAnnotation))
		return nil
	}
	carrier := carrier{
		object: o, annotations: annotations, labels: lasting(template.Metadata.Labels), files: template.Metadata.Annotations[fileAnnotation] != "",
	}
	if len(template.Spec.Containers) > 0 {
		carrier.first = template.Spec.Containers[0].Name
	}
	carrier.selects(selector)
	carrier.place = len(c.carried)
	c.carried = append(c.carried, carrier)
	return nil
}

// template is that of the pods of a workload, or what a pod itself has of it.
func (o *object) template() (template podTemplate, selector *metav1.LabelSelector, err error) {
	switch o.kind() {
	case "/Pod":
		err = o.decode(&template)
	case "batch/CronJob":
		var cron struct {
			Spec struct {
				JobTemplate struct {
					Spec struct {
						Template podTemplate `json:"template"`
					} `json:"spec"`
				} `json:"jobTemplate"`
			} `json:"spec"`
		}
		err = o.decode(&cron)
		template = cron.Spec.JobTemplate.Spec.Template
	case "batch/Job", "/ReplicationController":
		// A Job's selector is of one Job, and a ReplicationController's is of another type: the labels of the pods say it.
		var workload struct {
			Spec struct {
				Template podTemplate `json:"template"`
			} `json:"spec"`
		}
		err = o.decode(&workload)
		template = workload.Spec.Template
	default:
		var workload struct {
			Spec struct {
				Selector *metav1.LabelSelector `json:"selector"`
				Template podTemplate           `json:"template"`
			} `json:"spec"`
		}
		err = o.decode(&workload)
		template, selector = workload.Spec.Template, workload.Spec.Selector
	}
	return template, selector, err
}

func lasting(all map[string]string) map[string]string {
	left := maps.Clone(all)
	maps.DeleteFunc(left, func(key, _ string) bool { return slices.Contains(passing, key) })
	return left
}

// selects makes the selector of a carrier's pods.
func (c *carrier) selects(selector *metav1.LabelSelector) {
	if selector != nil && len(selector.MatchLabels)+len(selector.MatchExpressions) > 0 {
		c.selector = selector.DeepCopy()
		c.selector.MatchLabels = lasting(c.selector.MatchLabels)
		c.selector.MatchExpressions = slices.DeleteFunc(c.selector.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool { return slices.Contains(passing, r.Key) })
		if len(c.selector.MatchLabels)+len(c.selector.MatchExpressions) > 0 {
			return
		}
	}
	chosen := map[string]string{}
	for _, key := range application {
		if value, has := c.labels[key]; has {
			chosen[key] = value
		}
	}
	if len(chosen) == 0 {
		chosen = maps.Clone(c.labels)
	}
	c.guessed = true
	if c.missing = len(chosen) == 0; c.missing {
		// Selecting nothing yet is better than selecting every pod of the namespace.
		chosen = map[string]string{"app": dnsName(c.Name)}
	}
	c.selector = &metav1.LabelSelector{MatchLabels: chosen}
}

// covers tells whether a carrier's policy is one for another's pods too.
func (c *carrier) covers(other *carrier) bool {
	return c.Namespace == other.Namespace && maps.Equal(c.annotations, other.annotations) && c.files == other.files && !c.missing && !other.missing && c.matches(other)
}

func (c *carrier) matches(other *carrier) bool {
	selector, err := metav1.LabelSelectorAsSelector(c.selector)
	return err == nil && selector.Matches(labels.Set(other.labels))
}

// carriers makes policies of all carriers: one for those with the same annotations whose pods the same selector selects. Workloads come first,
// since their selectors say best which pods are theirs.
func (c *converter) carriers() {
	var groups [][]*carrier
	for _, guessed := range []bool{false, true} {
		for i := range c.carried {
			one := &c.carried[i]
			if one.guessed != guessed {
				continue
			}
			place := slices.IndexFunc(groups, func(group []*carrier) bool { return group[0].covers(one) })
			if place < 0 {
				groups = append(groups, []*carrier{one})
				continue
			}
			groups[place] = append(groups[place], one)
		}
	}
	slices.SortFunc(groups, func(a, b []*carrier) int { return a[0].place - b[0].place })
	for _, group := range groups {
		c.group(group)
	}
}

// group makes the policy of carriers, of which the first has the selector.
func (c *converter) group(group []*carrier) {
	first := group[0]
	var called, commands []string
	for _, one := range group {
		called = append(called, one.String())
		commands = append(commands, one.forget(one.annotations))
	}
	d := newDraft(strings.Join(called, ", "))
	d.comments.add(pathTop, "From the annotations of %s.", d.what)
	reason := len(d.comments[pathTop]) // where the reason is to stand, once the mode is known
	if slices.ContainsFunc(group, func(one *carrier) bool { return one.kind() != "/Pod" }) {
		d.comments.add(pathTop, "A changed template makes pods anew. Where it comes from a chart or a repository, change it there.")
	}
	if slices.ContainsFunc(group, func(one *carrier) bool { return one.kind() == "batch/Job" }) {
		d.comments.add(pathTop, "The template of a Job cannot be changed: write its successor without them.")
	}
	d.name = dnsName(first.Namespace, first.Name)
	if c.options.Namespaced {
		d.name = dnsName(first.Name)
	}
	if first.Namespace != "" {
		d.spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(first.Namespace)}
	} else {
		d.comments.add(pathSelector, "The input names no namespace: write includedNamespaces, or pods of all namespaces that have opted in are selected.")
	}
	if first.Namespace != "" && len(validation.IsDNS1123Label(first.Namespace)) > 0 {
		c.leave("%s: no namespace can have that name", d.what)
		return
	}
	selector, err := selectLabels(first.selector)
	if err != nil {
		c.leave("%s: %s", d.what, printable(err.Error()))
		return
	}
	d.spec.Selector.LabelSelector = selector
	d.annotatedSelector(first)
	c.strays(d, group)
	annotations := maps.Clone(first.annotations)
	d.oneContainer(annotations, first.first)
	d.annotated(annotations)
	d.pair()
	d.conduct(c.options.Mode, veleroSpan(first.files))
	d.comments[pathTop] = slices.Insert(d.comments[pathTop], reason,
		fmt.Sprintf("When the policy is there, take the annotations off: %s.\n%s", first.why(d.spec.Velero.Mode), strings.Join(commands, "\n")))
	c.finish(d)
}

// why the annotations have to go, for a policy of a mode; empty for one that has nothing for backups.
func (c *carrier) why(mode v1alpha1.VeleroMode) string {
	has := func(prefixes ...string) bool {
		for key := range c.annotations {
			if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
				return true
			}
		}
		return false
	}
	stamped := mode != v1alpha1.VeleroSession && has(v1alpha1.VeleroPrePrefix, v1alpha1.VeleroPostPrefix, v1alpha1.VeleroLegacyPrefix)
	switch restores := has(restorePrefix, initPrefix); {
	case stamped && restores:
		return "until then it is not stamped on these pods (Conflicted, reason UserOwned), and hooks of restores run twice"
	case stamped:
		return "until then it is not stamped on these pods (Conflicted, reason UserOwned)"
	}
	return "until then hooks run twice"
}

func (d *draft) annotatedSelector(first *carrier) {
	switch {
	case first.missing:
		d.comments.add(pathLabels, "%s has no label by which to select it. Give its pods this one, or write another that they have.", first)
	case first.guessed:
		d.comments.add(pathLabels, "Made of the labels of %s. Check that they select its pods and no others.", first)
	}
}

// strays tells of others in the input that the selector selects too, and that have policies of their own.
func (c *converter) strays(d *draft, group []*carrier) {
	first := group[0]
	for i := range c.carried {
		other := &c.carried[i]
		if !slices.Contains(group, other) && other.Namespace == first.Namespace && first.matches(other) {
			d.comments.add(pathLabels, "It selects the pods of %s too, which have hooks of their own: narrow it.", other)
		}
	}
}

// oneContainer names the first container, where one side of a backup names it and the other leaves it to Velero's default: that is one
// container to both.
func (d *draft) oneContainer(annotations map[string]string, first string) {
	if first == "" {
		return
	}
	var named bool
	var without []string
	for _, prefix := range []string{v1alpha1.VeleroPrePrefix, v1alpha1.VeleroLegacyPrefix, v1alpha1.VeleroPostPrefix} {
		if annotations[prefix+v1alpha1.VeleroCommand] == "" {
			continue
		}
		switch annotations[prefix+v1alpha1.VeleroContainer] {
		case "":
			without = append(without, prefix+v1alpha1.VeleroContainer)
		default:
			named = true
		}
	}
	if named {
		for _, key := range without {
			annotations[key] = first
		}
	}
}
