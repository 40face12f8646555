package doctor

import (
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// webhookAnswers tells what came of creating a policy without keeping it.
func webhookAnswers(f *Facts) []Finding {
	if found, missing := notKnown("whether the webhook answers", f.PolicyTrial); missing {
		return found
	}
	trial := f.PolicyTrial.Value
	switch {
	case trial.Refusal == nil && trial.Recorded:
		return []Finding{fine("the webhook answers: a policy was tried (dry run) and taken")}
	case trial.Refusal == nil:
		return []Finding{fault("the API server does not ask the webhook: a policy was tried (dry run) and taken, and nobody recorded its author").
			do("%s", f.upgrade())}
	case unasked(trial.Refusal, policiesWebhook):
		return []Finding{fault("the API server cannot ask the webhook: %v", trial.Refusal).
			do("kubectl -n %s get pods,endpointslices", f.Release).
			do("kubectl -n %s logs deployment/%s", f.Release, webhookName)}
	case by(trial.Refusal, policiesWebhook):
		return []Finding{fine("the webhook answers: a policy was tried (dry run), and it refused that: %v", trial.Refusal)}
	case admitted(trial.Refusal) && slices.ContainsFunc(f.entries(), (&entry{configuration: "mutating", name: policiesWebhook}).same):
		// What refuses it comes after the webhooks that change objects, and would not have been asked without an answer of theirs.
		return []Finding{fine("the webhook answers: a policy was tried (dry run), and was refused only afterwards: %v", trial.Refusal)}
	}
	return []Finding{unknown("whether the webhook answers is not known: a policy was tried (dry run) and refused: %v", trial.Refusal)}
}

// stamping tells what came of creating a pod, that a policy selects, without keeping it.
func stamping(f *Facts) []Finding {
	if found, missing := notKnown("whether new pods are stamped", f.StampTrial); missing {
		return found
	}
	trial := f.StampTrial.Value
	if trial == nil {
		return []Finding{note("whether new pods are stamped was not tried: no policy stamps a pod that is there")}
	}
	logs := fmt.Sprintf("kubectl -n %s logs deployment/%s", f.Release, webhookName)
	switch {
	case by(trial.Refusal, podsWebhook, restoredWebhook):
		return []Finding{fault("new pods are refused: one like %s was tried (dry run): %v", trial.Like, trial.Refusal).do("%s", logs)}
	case trial.Refusal != nil:
		return []Finding{unknown("whether new pods are stamped is not known: one like %s was tried (dry run) and refused: %v", trial.Like, trial.Refusal)}
	case !trial.Stamped:
		return []Finding{fault("new pods are not stamped: one like %s was tried (dry run), and got no hooks", trial.Like).do("%s", logs)}
	}
	return []Finding{fine("new pods are stamped: one like %s was tried (dry run)", trial.Like)}
}

// guards are the ValidatingAdmissionPolicies of ours: what follows where one is missing, and whether a value may leave it out.
var guards = []struct {
	name, follows string
	wanted        func(*Facts) bool
}{
	{"quiesce-thaw", "sessions can be deleted before their pods are thawed", func(*Facts) bool { return true }},
	{"quiesce-gate", "no Backup waits until its pods are quiesced", (*Facts).gated},
	{"quiesce-authorship", "whoever may write a policy may have commands run in the pods of others", (*Facts).authored},
	{"quiesce-authorship-init", "whoever may write a policy may have containers added to the pods of others", (*Facts).authored},
	{"quiesce-authorship-jobs", "whoever may write a policy may have Jobs run in the namespaces of others", (*Facts).authored},
	{"quiesce-authorship-secrets", "whoever may write a policy may have the Secrets of others read", (*Facts).authored},
}

// authored tells whether authors are checked at all, which a value decides: then something is left of the guards.
func (f *Facts) authored() bool {
	const prefix = "quiesce-authorship"
	return slices.ContainsFunc(f.AdmissionPolicies.Value, func(p admissionregistrationv1.ValidatingAdmissionPolicy) bool {
		return strings.HasPrefix(p.Name, prefix)
	}) || slices.ContainsFunc(f.Bindings.Value, func(b admissionregistrationv1.ValidatingAdmissionPolicyBinding) bool {
		return strings.HasPrefix(b.Name, prefix)
	})
}

func admissionPolicies(f *Facts) []Finding {
	if found, missing := notKnown("whether authors, thaws and held Backups are guarded", f.AdmissionPolicies, f.Bindings, f.Mutating); missing {
		return found
	}
	var found []Finding
	wanted := 0
	for _, guard := range guards {
		if !guard.wanted(f) {
			continue
		}
		wanted++
		policy := slices.ContainsFunc(f.AdmissionPolicies.Value, func(p admissionregistrationv1.ValidatingAdmissionPolicy) bool { return p.Name == guard.name })
		binding := slices.IndexFunc(f.Bindings.Value, func(b admissionregistrationv1.ValidatingAdmissionPolicyBinding) bool { return b.Name == guard.name })
		switch {
		case !policy:
			found = append(found, fault("the ValidatingAdmissionPolicy %s is missing: %s", guard.name, guard.follows).do("%s", f.upgrade()))
		case binding < 0:
			found = append(found, fault("the ValidatingAdmissionPolicyBinding %s is missing: %s", guard.name, guard.follows).do("%s", f.upgrade()))
		case !slices.Contains(f.Bindings.Value[binding].Spec.ValidationActions, admissionregistrationv1.Deny):
			found = append(found, fault("the ValidatingAdmissionPolicyBinding %s denies nothing: %s", guard.name, guard.follows).do("%s", f.upgrade()))
		}
	}
	if !f.authored() {
		found = append(found, warning("authors are not checked: whoever may write HookPolicies may run commands in the pods of every opted-in namespace").
			do("helm upgrade quiesce charts/quiesce -n %s --reset-then-reuse-values --set authorship.enabled=true", f.Release))
	}
	if len(found) == 0 {
		found = []Finding{fine("%s of ours guard authors, thaws and held Backups", counted(wanted, "admission policy"))}
	}
	return found
}
