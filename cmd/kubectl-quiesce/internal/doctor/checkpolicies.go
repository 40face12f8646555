package doctor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func namespaces(f *Facts) []Finding {
	if found, missing := notKnown("which namespaces have opted in", f.Namespaces); missing {
		return found
	}
	var found []Finding
	in := f.optedIn()
	for i := range f.Namespaces.Value {
		if finding, some := mislabelled(&f.Namespaces.Value[i], f); some {
			found = append(found, finding)
		}
	}
	label := fmt.Sprintf("kubectl label namespace %s %s=%s", orElse(f.Namespace, "shop"), v1alpha1.HooksLabel, v1alpha1.HooksEnabled)
	switch {
	case len(in) == 0 && f.Namespace != "":
		found = append(found, warning("namespace %s has not opted in: its pods get no hooks", f.Namespace).do("%s", label))
	case len(in) == 0:
		found = append(found, warning("no namespace has opted in: no pod gets hooks").do("%s", label))
	default:
		found = append(found, fine("%s opted in: %s", counted(len(in), "namespace"), named(slices.Sorted(maps.Keys(in)))))
	}
	return found
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// mislabelled tells of labels that look like an opt-in and are none.
func mislabelled(namespace *corev1.Namespace, f *Facts) (Finding, bool) {
	write := fmt.Sprintf("kubectl label namespace %s %s=%s --overwrite", namespace.Name, v1alpha1.HooksLabel, v1alpha1.HooksEnabled)
	value, labelled := namespace.Labels[v1alpha1.HooksLabel]
	switch {
	case labelled && value == v1alpha1.HooksEnabled:
		if f.Webhook.known() && !f.scope().MayTakePart(namespace.Name) {
			return warning("namespace %s is labelled in vain: kube-system, the namespace of Quiesce and those in webhook.excludedNamespaces never take part",
				namespace.Name).do("kubectl label namespace %s %s-", namespace.Name, v1alpha1.HooksLabel), true
		}
		return Finding{}, false
	case labelled && !slices.Contains([]string{"disabled", "disable", "false", "off", "no"}, strings.ToLower(value)):
		return warning("the label %s=%s of namespace %s does not opt it in: the value is %s", v1alpha1.HooksLabel, value, namespace.Name, v1alpha1.HooksEnabled).
			do("%s", write), true
	case labelled:
		return Finding{}, false
	}
	if namespace.Annotations[v1alpha1.HooksLabel] != "" {
		return warning("namespace %s has %s as an annotation, which does not opt it in: it is a label", namespace.Name, v1alpha1.HooksLabel).do("%s", write), true
	}
	for _, key := range slices.Sorted(maps.Keys(namespace.Labels)) {
		if strings.HasPrefix(key, "quiesce.io/") {
			return warning("the label %s of namespace %s does not opt it in: the label is %s", key, namespace.Name, v1alpha1.HooksLabel).do("%s", write), true
		}
	}
	return Finding{}, false
}

// statusLag is how long the controller may take to say what has become of a policy.
const statusLag = 30 * time.Second

func policiesInUse(f *Facts) []Finding {
	if found, missing := notKnown("whether policies are in use", f.Policies); missing {
		return found
	}
	var found []Finding
	for _, gap := range f.Policies.Value.Gaps {
		found = append(found, unknown("%s", gap))
	}
	for i := range f.Policies.Value.Objects {
		policy := &f.Policies.Value.Objects[i]
		if finding, some := f.judge(policy); some {
			found = append(found, finding)
		}
	}
	number := len(f.Policies.Value.Objects)
	switch {
	case number == 0 && len(found) == 0:
		found = append(found, note("there is no policy yet").do("kubectl quiesce templates list"))
	case len(found) == 0:
		found = append(found, fine("%s in use", counted(number, "policy")))
	}
	return found
}

// judge says what is wrong with a policy; false where nothing is.
func (f *Facts) judge(policy *Policy) (Finding, bool) {
	var refusal error
	for i := range f.Policies.Value.Policies {
		if f.Policies.Value.Policies[i].Ref == policy.Ref {
			refusal = f.Policies.Value.Policies[i].Refusal
		}
	}
	condition := func(kind string) metav1.Condition {
		if is := meta.FindStatusCondition(policy.Status.Conditions, kind); is != nil {
			return *is
		}
		return metav1.Condition{}
	}
	ready, current := condition(v1alpha1.ConditionReady), policy.Status.ObservedGeneration == policy.Generation
	describe := fmt.Sprintf("kubectl get %s %s -o yaml", policy.resource(), policy.Name)
	edit := fmt.Sprintf("kubectl edit %s %s", policy.resource(), policy.Name)
	var absent library.MissingError
	switch {
	case errors.As(refusal, &absent) && absent.Kind == library.KindTemplate:
		return fault("%s is not used: %v", policy.title(), refusal).do("kubectl quiesce templates list").do("%s", edit), true
	case errors.As(refusal, &absent):
		return fault("%s is not used: %v", policy.title(), refusal).do("kubectl quiesce scripts list").do("%s", edit), true
	case refusal != nil:
		return fault("%s is not used: %v", policy.title(), refusal).do("%s", edit), true
	case policy.Spec.Suspend:
		return warning("%s is suspended: pods carry none of its hooks", policy.title()).
			do("kubectl quiesce policies resume %s%s", policy.Name, inNamespace(policy.Ref)), true
	case !current && f.Now.Sub(policy.Written) > statusLag:
		return warning("the status of %s is of an earlier spec: the controller has not looked at it for %s", policy.title(), span(f.Now.Sub(policy.Written))).
			do("kubectl -n %s logs deployment/%s", f.Release, controllerName), true
	case !current:
		return Finding{}, false
	case ready.Status == metav1.ConditionFalse:
		return fault("%s is not used: %s", policy.title(), ready.Message).do("%s", edit), true
	case policy.Status.MatchedPods == 0:
		return warning("%s matches no pod: pods count in namespaces labelled %s=%s, by its selector", policy.title(), v1alpha1.HooksLabel, v1alpha1.HooksEnabled).
			do("kubectl quiesce explain pod/NAME -n NAMESPACE").do("%s", describe), true
	}
	for _, trouble := range []struct {
		kind string
		bad  metav1.ConditionStatus
	}{
		{v1alpha1.ConditionConflicted, metav1.ConditionTrue},
		{v1alpha1.ConditionStampable, metav1.ConditionFalse},
		{v1alpha1.ConditionPreparable, metav1.ConditionFalse},
	} {
		is := condition(trouble.kind)
		// What is left to sessions is so on purpose.
		if is.Status == trouble.bad && is.Reason != v1alpha1.ReasonSessionOnly && is.Reason != v1alpha1.ReasonBySession {
			return warning("%s: %s", policy.title(), is.Message).do("%s", describe), true
		}
	}
	return Finding{}, false
}

func inNamespace(ref match.Ref) string {
	if ref.Namespace == "" {
		return ""
	}
	return " -n " + ref.Namespace
}

// grace is how long a new pod may be without its hooks where the webhook was away: the controller follows within seconds.
const grace = 5 * time.Second

// unstampedPods compares each pod with what stamping it would come to.
func unstampedPods(f *Facts) []Finding {
	what := "whether pods carry their hooks"
	if f.Policies.Lacks != "" && f.Namespace != "" {
		what = "whether pods of namespace " + f.Namespace + " carry their hooks"
	}
	if found, missing := notKnown(what, f.Policies, f.Namespaces, f.Velero); missing {
		return found
	}
	if len(f.Policies.Value.Gaps) > 0 {
		return []Finding{unknown("%s is not known: %s", what, f.Policies.Value.Gaps[0])}
	}
	if !f.AppPods.known() {
		return f.unstampedByStatus(what)
	}
	var (
		bare    []string
		stamped int
		in      = f.optedIn()
	)
	for i := range f.AppPods.Value {
		pod := &f.AppPods.Value[i]
		namespace, takesPart := in[pod.Namespace]
		if !takesPart || ended(pod) || f.Now.Sub(pod.CreationTimestamp.Time) < grace {
			continue
		}
		decision := f.Policies.Value.Compiled.Decide(namespace, asStamp(pod))
		switch {
		case len(decision.Set) > 0:
			bare = append(bare, pod.Namespace+"/"+pod.Name)
		case pod.Annotations[v1alpha1.StampAnnotation] != "":
			stamped++
		}
	}
	if len(bare) > 0 {
		return []Finding{warning("%s should carry hooks and %s not: %s; a backup by Velero would not quiesce %s", counted(len(bare), "pod"),
			verb(len(bare), "does", "do"), named(bare), verb(len(bare), "it", "them")).
			do("kubectl -n %s logs deployment/%s", f.Release, controllerName)}
	}
	return []Finding{fine("%s the hooks that policies stamp", carrying(stamped))}
}

func carrying(pods int) string {
	if pods == 1 {
		return "1 pod carries"
	}
	return fmt.Sprintf("%d pods carry", pods)
}

func verb(number int, one, many string) string {
	if number == 1 {
		return one
	}
	return many
}

// unstampedByStatus goes by what the controller counts, where pods may not be listed.
func (f *Facts) unstampedByStatus(what string) []Finding {
	var behind []string
	for i := range f.Policies.Value.Objects {
		policy := &f.Policies.Value.Objects[i]
		ready := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil && strings.Contains(ready.Message, "about to be changed") {
			behind = append(behind, policy.title()+": "+ready.Message)
		}
	}
	if len(behind) > 0 {
		return []Finding{warning("pods do not carry their hooks yet: %s", strings.Join(behind, "; "))}
	}
	return []Finding{unknown("%s is not known: %s", what, f.AppPods.why())}
}
