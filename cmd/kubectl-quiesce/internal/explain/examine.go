package explain

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// scene is what a report is made of.
type scene struct {
	world *world.World
	// labels of the namespace; nil where they could not be read.
	namespace string
	labels    map[string]string
	known     bool
	// pods are all of the namespace.
	pods []corev1.Pod
	// kind and name of what is explained.
	kind, name string
	// explained are its pods; without any, a pod as the template would have it.
	explained []*corev1.Pod
	template  *corev1.Pod

	// policies are those that may have to do with the namespace, and the plans what its sessions run on a backup, and on a restore. They are
	// the same for all pods, of which there may be many.
	policies            []candidate
	onBackup, onRestore sessionPlan
}

// report is pure.
func (s *scene) report() Report {
	s.policies = s.candidates()
	s.onBackup = s.plan(plan.Request{Operation: v1alpha1.OperationBackup})
	s.onRestore = s.plan(plan.Request{Operation: v1alpha1.OperationRestore, DataSource: v1alpha1.SourceBackup})
	report := Report{Kind: s.kind, Namespace: s.namespace, Name: s.name, Participation: s.participation(), NotKnown: s.world.Gaps}
	if s.template != nil {
		report.Groups = []Group{s.examine(s.template, "of "+strings.ToLower(s.kind)+"/"+s.name)}
		return report
	}
	seen := map[string]int{} // by all that is said of them but for their names
	for _, pod := range s.explained {
		// Names of pods are in sentences, too.
		words, err := json.Marshal(s.examine(pod, ""))
		if err != nil {
			panic(err) // what is made of strings always marshals
		}
		at, found := seen[string(words)]
		if !found {
			at = len(report.Groups)
			seen[string(words)] = at
			report.Groups = append(report.Groups, s.examine(pod, pod.Name))
		}
		report.Groups[at].Pods = append(report.Groups[at].Pods, pod.Name)
	}
	return report
}

// namespaceMatched is the namespace as policies see it.
func (s *scene) namespaceMatched() match.Namespace {
	if !s.known {
		return match.UnknownNamespace(s.namespace)
	}
	return match.Namespace{Name: s.namespace, Labels: s.labels}
}

func (s *scene) participation() Participation {
	value, labelled := s.labels[v1alpha1.HooksLabel]
	switch {
	case s.namespace == s.world.Scope.Own:
		return Participation{Never, fmt.Sprintf("namespace %s is Quiesce's own, which never takes part", s.namespace)}
	case slices.Contains(s.world.Scope.Excluded, s.namespace):
		return Participation{Never, fmt.Sprintf("namespace %s never takes part, whatever its labels: it is among webhook.excludedNamespaces of the installation", s.namespace)}
	case !s.world.Scope.MayTakePart(s.namespace):
		return Participation{Never, fmt.Sprintf("namespace %s never takes part, whatever its labels", s.namespace)}
	case !s.known:
		return Participation{Unknown, fmt.Sprintf("whether namespace %s has opted in is not known", s.namespace)}
	case s.world.Scope.OptedIn(s.namespaceMatched()):
		return Participation{Yes, fmt.Sprintf("namespace %s has opted in: %s=%s", s.namespace, v1alpha1.HooksLabel, v1alpha1.HooksEnabled)}
	case labelled:
		return Participation{NotYet, fmt.Sprintf("namespace %s has not opted in, since its label is %s=%s: kubectl label --overwrite namespace %[1]s %[2]s=%[4]s",
			s.namespace, v1alpha1.HooksLabel, value, v1alpha1.HooksEnabled)}
	}
	return Participation{NotYet, fmt.Sprintf("namespace %s has not opted in: kubectl label namespace %[1]s %s=%s",
		s.namespace, v1alpha1.HooksLabel, v1alpha1.HooksEnabled)}
}

// examine says all of a pod. Name is what sentences call it.
func (s *scene) examine(pod *corev1.Pod, name string) Group {
	known := world.PodOf(pod)
	matched := s.world.Index.Match(s.namespaceMatched(), known.Pod)
	group := Group{Ended: world.Ended(pod), OptedOut: optedOut(pod.Annotations)}
	for i := range s.policies {
		group.Policies = append(group.Policies, s.judge(&s.policies[i], known))
	}
	group.Stamp = s.stamp(known, name)
	if waits := stamp.BySession(matched, pod.Labels, pod.Annotations); waits != nil {
		group.Stamp.BySession = new(refOf(waits.Ref))
	}
	group.Restore = s.restore(pod, known, name)
	if !group.Ended {
		group.Backup = steps(s.onBackup, known, matched)
		group.Restore.Steps = steps(s.onRestore, known, matched)
	}
	return group
}

func optedOut(annotations map[string]string) string {
	for _, key := range []string{v1alpha1.SkipAnnotation, v1alpha1.SkipPoliciesAnnotation} {
		switch value := annotations[key]; {
		case value == "":
		case key == v1alpha1.SkipPoliciesAnnotation:
			return fmt.Sprintf("of some policies, by annotation %s: %s", key, value)
		case value == "true":
			return fmt.Sprintf("of all policies, by annotation %s: %q", key, value)
		}
	}
	return ""
}

// stamp is what the pod carries for Velero, beside what it should.
func (s *scene) stamp(pod plan.Pod, name string) Stamp {
	look := stamp.LookAt(s.namespace, pod.Annotations)
	decision := s.decide(pod)
	said := Stamp{State: UpToDate, Carried: sides(look), UserOwned: look.Foreign}
	switch {
	case s.template != nil:
		said.State = Template
	case s.world.Unread("HookPolicy") || s.world.Unread("NamespacedHookPolicy") || !s.known || s.anyNotRead():
		said.State = Unsure
	case len(decision.Set)+len(decision.Remove) > 0:
		said.State = Pending
	}
	if said.State == Template || said.State == Pending {
		said.Wanted = sides(stamp.LookAt(s.namespace, decision.Apply(pod.Annotations)))
	}
	for _, outcome := range decision.Outcomes {
		for _, obstacle := range outcome.Obstacles {
			said.Obstacles = append(said.Obstacles, Obstacle{
				Policy: refOf(outcome.Policy), Hook: obstacle.Hook, Reason: obstacle.Reason, Message: obstacle.Explain(name), Field: obstacle.Field})
		}
	}
	return said
}

// decide is what the webhook and the controller decide of a pod.
func (s *scene) decide(pod plan.Pod) stamp.Decision {
	if answer := s.participation().Answer; answer == Never || answer == NotYet {
		return stamp.Decision{Remove: stamp.Unstamp(pod.Annotations)}
	}
	return s.world.Compiled.Decide(s.namespaceMatched(), stamp.Pod{Pod: pod.Pod, Annotations: pod.Annotations})
}

func sides(look stamp.Look) (all []Side) {
	for _, side := range look.Sides {
		all = append(all, Side{side.Prefix, side.Stages, refsOf(side.Policies), side.Container, side.Command, side.Timeout, side.OnError})
	}
	return all
}

// restore is what a restore would add.
func (s *scene) restore(pod *corev1.Pod, known plan.Pod, name string) Restore {
	if slices.Contains(s.world.UnpreparedNamespaces, s.namespace) {
		return Restore{Excluded: true}
	}
	marker, restored := restore.Markers{}.Find(pod.Labels, pod.Annotations)
	if !restored {
		marker = restore.Marker{Key: v1alpha1.VeleroRestoreLabel, Value: "any"}
	}
	whole := restore.Pod{Pod: known.Pod, Annotations: pod.Annotations, Marker: marker, Room: math.MaxInt, Spec: &pod.Spec}
	var said Restore
	for _, addition := range s.world.Restores.Additions(s.namespaceMatched(), whole) {
		said.InitContainers = append(said.InitContainers, InitContainer{addition.Container.Name, refOf(addition.Policy), addition.Hook,
			addition.Container.Image, slices.Concat(addition.Container.Command, addition.Container.Args)})
	}
	for _, obstacle := range s.world.Restores.Decide(s.namespaceMatched(), whole).Obstacles {
		message := strings.Replace(obstacle.Message, "the pod", strings.TrimSpace("the pod "+name), 1)
		said.Obstacles = append(said.Obstacles, Obstacle{Policy: refOf(obstacle.Policy), Hook: obstacle.Hook, Message: message, Refuses: obstacle.Refuses})
	}
	return said
}

func refOf(ref match.Ref) Ref { return Ref{ref.Kind(), ref.Name} }

func refsOf(refs []match.Ref) (all []Ref) {
	for _, ref := range refs {
		all = append(all, refOf(ref))
	}
	return all
}
