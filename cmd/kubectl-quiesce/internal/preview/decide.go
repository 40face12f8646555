package preview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/lint"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// trial is a world to be tried on pods.
type trial struct {
	*world.World
	// base is the world without the files; nil where there is no cluster.
	base *world.World
	// touched are the policies for which the files make a difference, or that are in them.
	touched    map[match.Ref]bool
	namespaces map[string]match.Namespace
}

// namespace is one as it is known; of others it is assumed that they have opted in.
func (t *trial) namespace(name string) match.Namespace {
	if namespace, known := t.namespaces[name]; known {
		return namespace
	}
	return match.UnknownNamespace(name)
}

// restoredBy is the value of the label by which a restored pod is known, for one whose restore has no name yet.
const restoredBy = "RESTORE"

// decide tries the world on pods, and reports those that a selector selects. The report has the policies of the files already. Sessions are
// planned with all pods, since theirs they will run in.
func (t *trial) decide(report *Report, all []candidate, selector labels.Selector) {
	for i := range report.Policies {
		t.judge(&report.Policies[i])
	}
	selectors := t.selectors(report.Policies)
	var (
		rest     others
		affected = map[string]bool{}
		optedOut = map[string]bool{}
		groups   []*Pods
		byKey    = map[string]*Pods{}
	)
	for i := range all {
		c := &all[i]
		if !selector.Matches(labels.Set(c.pod.Labels)) {
			continue
		}
		if !t.Scope.OptedIn(t.namespace(c.namespace)) {
			optedOut[c.namespace] = true
			report.Unmatched += c.count
			continue
		}
		pods, concerned := t.try(c, report.Policies)
		if !concerned {
			report.Unmatched += c.count
			rest.add(c, t.reasons(selectors, c))
			continue
		}
		affected[c.namespace] = true
		report.Matched += c.count
		key := pods.key()
		if group := byKey[key]; group != nil {
			group.Names, group.Count = append(group.Names, pods.Names...), group.Count+pods.Count
			continue
		}
		byKey[key] = pods
		groups = append(groups, pods)
	}
	slices.SortStableFunc(groups, func(a, b *Pods) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	for _, group := range groups {
		slices.Sort(group.Names)
		report.Pods = append(report.Pods, *group)
	}
	report.Others = rest.sorted()
	report.OptedOut = slices.Sorted(maps.Keys(optedOut))
	for _, namespace := range slices.Sorted(maps.Keys(affected)) {
		report.Sessions = append(report.Sessions, t.sessions(namespace, all)...)
	}
}

// judge says of a policy of the files what it comes to by itself.
func (t *trial) judge(policy *Policy) {
	i := slices.IndexFunc(t.Policies, func(p policies.Policy) bool { return policy.is(p.Ref) })
	if policy.Refusal != "" || i < 0 {
		return
	}
	compiled := &t.Policies[i]
	policy.Suspended = compiled.Written.Suspend
	if compiled.Refusal != nil {
		policy.refuse(lint.Refusal(policy.object, compiled.Refusal, t.base == nil, t.known))
		return
	}
	policy.Warnings = append(policy.Warnings, advice.For(compiled.Spec)...)
}

// known are the names of the scripts or templates that there are.
func (t *trial) known(kind string) (names []string) {
	if kind == library.KindScript {
		for i := range t.Objects.Scripts {
			names = append(names, t.Objects.Scripts[i].Name)
		}
		return names
	}
	for i := range t.Objects.Templates {
		names = append(names, t.Objects.Templates[i].Name)
	}
	return names
}

// try is what becomes of a pod, and whether that has to do with the files.
func (t *trial) try(c *candidate, listed []Policy) (*Pods, bool) {
	namespace, pod := t.namespace(c.namespace), world.PodOf(c.pod).Pod
	matched := t.Index.Match(namespace, pod)
	decision := t.Compiled.Decide(namespace, stamp.Pod{Pod: pod, Annotations: c.pod.Annotations})
	var restored restore.Decision
	if !slices.Contains(t.UnpreparedNamespaces, c.namespace) {
		restored = t.Restores.Decide(namespace, restore.Pod{
			Pod: pod, Annotations: c.pod.Annotations, Room: math.MaxInt, Spec: &c.pod.Spec,
			Marker: restore.Marker{Key: v1alpha1.VeleroRestoreLabel, Value: restoredBy},
		})
	}
	concerned := t.changes(namespace, pod, c.pod.Annotations, &decision)
	pods := &Pods{Kind: c.kind, Namespace: c.namespace, Name: c.name, Count: c.count, EachNode: c.eachNode}
	if !c.template {
		pods.Names = []string{c.pod.Name}
	}
	for _, policy := range matched {
		pods.Policies = append(pods.Policies, policy.String())
		concerned = concerned || t.touched[policy.Ref]
		for i := range listed {
			if listed[i].is(policy.Ref) {
				listed[i].Pods += c.count
			}
		}
	}
	after := maps.Clone(c.pod.Annotations)
	if after == nil {
		after = map[string]string{}
	}
	maps.Copy(after, decision.Set)
	for _, key := range decision.Remove {
		delete(after, key)
	}
	pods.Annotations = Change[map[string]string]{relevant(c.pod.Annotations), relevant(after)}
	pods.InitContainers = Change[[]corev1.Container]{c.pod.Spec.InitContainers, edited(c.pod.Spec.InitContainers, restored.Edits)}
	for _, outcome := range decision.Outcomes {
		for _, obstacle := range outcome.Obstacles {
			pods.Obstacles = append(pods.Obstacles, Obstacle{outcome.Policy.String(), obstacle.Reason, obstacle.Explain(c.podName())})
		}
	}
	pods.RestoreRefusals = restored.Refusals()
	pods.RestoreNotes = slices.Concat(restored.LeftOut(), restored.Notes)
	return pods, concerned
}

// changes tells whether the files make a difference for a pod that their policies need not select any longer.
func (t *trial) changes(namespace match.Namespace, pod match.Pod, annotations map[string]string, decision *stamp.Decision) bool {
	if t.base == nil {
		return len(decision.Remove) > 0
	}
	before := t.base.Compiled.Decide(namespace, stamp.Pod{Pod: pod, Annotations: annotations})
	return !maps.Equal(before.Set, decision.Set) || !slices.Equal(before.Remove, decision.Remove) ||
		slices.ContainsFunc(t.base.Index.Match(namespace, pod), func(policy *match.Policy) bool { return t.touched[policy.Ref] })
}

// podName is the pod in a sentence, behind the word pod.
func (c *candidate) podName() string {
	if c.kind == "Pod" {
		return c.name
	}
	return fmt.Sprintf("of %s %s", c.kind, c.name)
}

// relevant are those annotations by which Velero and Quiesce go.
func relevant(annotations map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range annotations {
		for _, prefix := range []string{v1alpha1.VeleroPrePrefix, v1alpha1.VeleroPostPrefix, v1alpha1.VeleroLegacyPrefix, v1alpha1.GroupVersion.Group + "/"} {
			if strings.HasPrefix(key, prefix) {
				kept[key] = value
			}
		}
	}
	return kept
}

// edited is a list of init containers with changes.
func edited(containers []corev1.Container, edits []restore.Edit) []corev1.Container {
	containers = slices.Clone(containers)
	for _, edit := range edits {
		if edit.Add == nil {
			containers = slices.Delete(containers, edit.At, edit.At+1)
		} else {
			containers = slices.Insert(containers, edit.At, *edit.Add)
		}
	}
	return containers
}

// key is the same for pods of a workload for which all is the same.
func (p *Pods) key() string {
	same := *p
	same.Names, same.Count = nil, 0
	if p.Kind == "Pod" {
		same.Names = p.Names
	}
	encoded, err := json.Marshal(same)
	if err != nil {
		panic(err) // strings and containers always marshal
	}
	return string(encoded)
}
