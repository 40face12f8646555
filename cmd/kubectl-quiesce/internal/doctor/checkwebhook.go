package doctor

import (
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/config"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// entry is a webhook of either configuration, as far as the chart decides about it.
type entry struct {
	configuration string // mutating or validating
	name          string
	client        admissionregistrationv1.WebhookClientConfig
	failure       admissionregistrationv1.FailurePolicyType
	namespaces    *metav1.LabelSelector
	objects       *metav1.LabelSelector
	conditions    []admissionregistrationv1.MatchCondition
	rules         []admissionregistrationv1.RuleWithOperations
	reinvocation  admissionregistrationv1.ReinvocationPolicyType
}

func (e *entry) String() string { return fmt.Sprintf("the %s webhook %s", e.configuration, e.name) }

func entriesOf(mutating *admissionregistrationv1.MutatingWebhookConfiguration, validating *admissionregistrationv1.ValidatingWebhookConfiguration) []entry {
	var entries []entry
	failure := func(policy *admissionregistrationv1.FailurePolicyType) admissionregistrationv1.FailurePolicyType {
		if policy == nil {
			return admissionregistrationv1.Fail // the API server's default
		}
		return *policy
	}
	if mutating != nil {
		for _, w := range mutating.Webhooks {
			reinvocation := admissionregistrationv1.NeverReinvocationPolicy // the API server's default
			if w.ReinvocationPolicy != nil {
				reinvocation = *w.ReinvocationPolicy
			}
			entries = append(entries, entry{"mutating", w.Name, w.ClientConfig, failure(w.FailurePolicy), w.NamespaceSelector, w.ObjectSelector,
				w.MatchConditions, w.Rules, reinvocation})
		}
	}
	if validating != nil {
		for _, w := range validating.Webhooks {
			entries = append(entries, entry{"validating", w.Name, w.ClientConfig, failure(w.FailurePolicy), w.NamespaceSelector, w.ObjectSelector,
				w.MatchConditions, w.Rules, ""})
		}
	}
	return entries
}

func (f *Facts) entries() []entry { return entriesOf(f.Mutating.Value, f.Validating.Value) }

func webhookConfigurations(f *Facts) []Finding {
	if found, missing := notKnown("whether the API server asks the webhook", f.Mutating, f.Validating); missing {
		return found
	}
	var found []Finding
	if f.Mutating.Value == nil {
		found = append(found, fault("there is no MutatingWebhookConfiguration %s: new pods get no hooks until the controller finds them, "+
			"and restored ones are not prepared", webhookName).do("%s", f.upgrade()))
	}
	if f.Validating.Value == nil {
		found = append(found, fault("there is no ValidatingWebhookConfiguration %s: policies with mistakes are taken, and are not used", webhookName).
			do("%s", f.upgrade()))
	}
	if len(found) > 0 {
		return found
	}
	wantedMutating, wantedValidating, err := config.Webhooks()
	if err != nil {
		return []Finding{unknown("what webhooks there should be is not known: %v", err)}
	}
	entries := f.entries()
	for _, want := range entriesOf(wantedMutating, wantedValidating) {
		if want.name == gateWebhook { // a value may leave it out
			continue
		}
		if !slices.ContainsFunc(entries, want.same) {
			found = append(found, fault("%s is missing from its configuration", &want).do("%s", f.upgrade()))
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("the API server is to ask the webhook in %d cases", len(entries))}
	}
	return found
}

func (e *entry) same(other entry) bool {
	return e.configuration == other.configuration && e.name == other.name
}

// webhookSettings tells of what somebody has changed that the chart has made otherwise.
func webhookSettings(f *Facts) []Finding {
	if f.Mutating.Value == nil || f.Validating.Value == nil {
		return nil // said already
	}
	wantedMutating, wantedValidating, err := config.Webhooks()
	if err != nil {
		return nil // said already
	}
	var (
		found  []Finding
		wanted = entriesOf(wantedMutating, wantedValidating)
	)
	for _, is := range f.entries() {
		at := slices.IndexFunc(wanted, is.same)
		if at < 0 {
			found = append(found, note("%s is unknown to this plugin: Quiesce is newer", &is))
			continue
		}
		for _, difference := range is.differences(&wanted[at], f.Release) {
			found = append(found, warning("%s is not as the chart makes it: %s", &is, difference).do("%s", f.upgrade()))
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("the webhooks are as the chart makes them")}
	}
	return found
}

// differences are clauses that say what is otherwise than the chart makes it, whatever its values.
func (e *entry) differences(want *entry, release string) []string {
	var differ []string
	say := func(format string, values ...any) { differ = append(differ, fmt.Sprintf(format, values...)) }
	ofPods := e.name == podsWebhook || e.name == restoredWebhook
	if e.failure != want.failure && !ofPods { // values decide about those
		say("failurePolicy is %s, not %s", e.failure, want.failure)
	}
	if e.reinvocation != want.reinvocation {
		say("reinvocationPolicy is %s, not %s", e.reinvocation, want.reinvocation)
	}
	if !sameRules(e.rules, want.rules) {
		say("its rules are others: it is asked of %s", describeRules(e.rules))
	}
	if service := e.client.Service; service == nil || service.Name != webhookName || service.Namespace != release ||
		service.Path == nil || *service.Path != *want.client.Service.Path {
		say("it is not sent to %s of Service %s/%s", *want.client.Service.Path, release, webhookName)
	}
	if !empty(e.objects) {
		say("it has an objectSelector, by which objects pass it by")
	}
	switch {
	case ofPods:
		if lacking := lackingInSelector(e.namespaces, release); lacking != "" {
			say("%s", lacking)
		}
	case !empty(e.namespaces):
		say("it has a namespaceSelector, by which objects pass it by")
	}
	var conditions []string
	switch e.name {
	case restoredWebhook:
		conditions = []string{"restored"}
	case policiesWebhook, libraryWebhook:
		conditions = []string{"authors"}
	}
	var has []string
	for _, condition := range e.conditions {
		has = append(has, condition.Name)
	}
	if !slices.Equal(has, conditions) {
		say("its matchConditions are %q, not %q", has, conditions)
	}
	return differ
}

// lackingInSelector says what a namespaceSelector for pods lacks; empty where it lacks nothing.
func lackingInSelector(selector *metav1.LabelSelector, release string) string {
	if selector == nil || selector.MatchLabels[v1alpha1.HooksLabel] != v1alpha1.HooksEnabled || len(selector.MatchLabels) != 1 {
		return fmt.Sprintf("its namespaceSelector does not ask for %s=%s alone", v1alpha1.HooksLabel, v1alpha1.HooksEnabled)
	}
	for _, requirement := range selector.MatchExpressions {
		if requirement.Key != v1alpha1.NamespaceNameLabel || requirement.Operator != metav1.LabelSelectorOpNotIn {
			return "its namespaceSelector leaves out namespaces by " + requirement.Key
		}
		for _, name := range []string{"kube-system", release} {
			if !slices.Contains(requirement.Values, name) {
				return fmt.Sprintf("its namespaceSelector does not leave out %s, which Quiesce itself needs", name)
			}
		}
	}
	if len(selector.MatchExpressions) == 0 {
		return fmt.Sprintf("its namespaceSelector does not leave out kube-system and %s, which Quiesce itself needs", release)
	}
	return ""
}

func empty(selector *metav1.LabelSelector) bool {
	return selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0
}

// sameRules compares rules but for their scope, which the API server fills in.
func sameRules(a, b []admissionregistrationv1.RuleWithOperations) bool {
	return slices.EqualFunc(a, b, func(a, b admissionregistrationv1.RuleWithOperations) bool {
		a.Scope, b.Scope = nil, nil
		return equality.Semantic.DeepEqual(a, b)
	})
}

func describeRules(rules []admissionregistrationv1.RuleWithOperations) string {
	var told []string
	for _, rule := range rules {
		var operations []string
		for _, operation := range rule.Operations {
			operations = append(operations, string(operation))
		}
		told = append(told, strings.Join(operations, " and ")+" of "+strings.Join(rule.Resources, " and "))
	}
	if len(told) == 0 {
		return "nothing"
	}
	return strings.Join(told, ", ")
}

func webhookService(f *Facts) []Finding {
	if found, missing := notKnown("whether the webhook can be reached", f.Service, f.Endpoints); missing {
		return found
	}
	if f.Service.Value == nil {
		return []Finding{fault("there is no Service %s in namespace %s: the API server cannot reach the webhook", webhookName, f.Release).
			do("%s", f.upgrade())}
	}
	ready, all := 0, 0
	for i := range f.Endpoints.Value {
		for _, endpoint := range f.Endpoints.Value[i].Endpoints {
			all++
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				ready++
			}
		}
	}
	if ready == 0 {
		why := "no pod is ready"
		if all == 0 {
			why = "its selector finds no pod"
		}
		return []Finding{fault("Service %s has no endpoint, since %s: the API server cannot reach the webhook", webhookName, why).
			do("kubectl -n %s get pods,endpointslices --show-labels", f.Release).
			do("%s", f.upgrade())}
	}
	return []Finding{fine("Service %s has %s ready", webhookName, counted(ready, "endpoint"))}
}
