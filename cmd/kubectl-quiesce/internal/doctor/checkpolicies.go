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
	"github.com/quiesce-io/quiesce/hooks/stamp"
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
	wrong := len(found)
	found = append(found, f.sessionOnly()...)
	number := len(f.Policies.Value.Objects)
	switch {
	case number == 0 && wrong == 0:
		found = append(found, note("there is no policy yet").do("kubectl quiesce templates list"))
	case wrong == 0:
		found = slices.Insert(found, 0, fine("%s in use", counted(number, "policy")))
	}
	return found
}

// sessionOnly tells of policies with hooks that Velero's backups do not run, where there is Velero. It may be so on purpose.
func (f *Facts) sessionOnly() (found []Finding) {
	if f.Velero.Value == nil {
		return nil
	}
	for i := range f.Policies.Value.Policies {
		policy := &f.Policies.Value.Policies[i]
		if policy.Refusal != nil || policy.Spec.Suspend {
			continue
		}
		if hooks := stamp.SessionOnly(policy.Spec); len(hooks) > 0 {
			found = append(found, note("%s: Velero's backups do not run %s, which only sessions do (spec.velero.mode: Session has them wait for one)",
				policy.Ref, named(hooks)))
		}
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
	var absent library.MissingError
	hidden := errors.As(refusal, &absent) && f.Policies.Value.Unread(absent.Kind)
	if hidden {
		refusal = nil // the controller can tell
	}
	ready, current := condition(v1alpha1.ConditionReady), policy.Status.ObservedGeneration == policy.Generation
	describe := fmt.Sprintf("kubectl get %s %s -o yaml", policy.resource(), policy.Name)
	edit := fmt.Sprintf("kubectl edit %s %s", policy.resource(), policy.Name)
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
	case hidden && (!current || ready.Status == ""):
		return unknown("whether %s is used is not known: it refers to %s %q, which you may not read", policy.title(), absent.Kind, absent.Name), true
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
