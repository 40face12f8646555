package signal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// outcomeTimeout is how long the sessions of Velero's objects wait: as long as they can, since it is known whether what they accompany is
// there.
const outcomeTimeout = 30 * 24 * time.Hour

// lately is how long after its end something may still be swept behind a Backup.
const lately = time.Hour

// backups are Velero's Backups.
type backups struct{}

var _ kind = backups{}

func (backups) name() v1alpha1.VeleroKind { return v1alpha1.VeleroBackup }

func (backups) resource() string { return "backups" }

// slim keeps of a Backup that ended long ago what it has to do with its sessions: a cluster has thousands of those.
func (backups) slim(full any) (any, error) {
	source, ok := full.(*unstructured.Unstructured)
	if !ok {
		if slim, ok := full.(*backup); ok {
			return slim, nil
		}
		return nil, fmt.Errorf("got %T, want a Backup", full)
	}
	slim := &backup{}
	if err := decode(source, &slim.Backup); err != nil {
		// Velero cannot read it either, and does nothing with it.
		slim.Backup = velero.Backup{ObjectMeta: metav1.ObjectMeta{
			Name: source.GetName(), Namespace: source.GetNamespace(), UID: source.GetUID(), ResourceVersion: source.GetResourceVersion()}}
		slim.Status.Phase = velero.FailedValidation
		return slim, nil //nolint:nilerr // an object that is none has no sessions
	}
	slim.ManagedFields, slim.OwnerReferences = nil, nil
	slim.Annotations = ours(slim.Annotations, volumePoliciesAnnotation)
	if velero.Ended(slim.Status.Phase) && !slim.endedLately(time.Now()) {
		slim.Spec, slim.Labels = velero.BackupSpec{}, nil
	}
	slim.Spec.Hooks.Resources = nil
	return slim, nil
}

func decode(source *unstructured.Unstructured, into any) error {
	raw, err := json.Marshal(source.Object)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// ours are the annotations that are Quiesce's own, and some others.
func ours(annotations map[string]string, others ...string) map[string]string {
	kept := maps.Clone(annotations)
	maps.DeleteFunc(kept, func(key, _ string) bool {
		return !strings.HasPrefix(key, "quiesce.io/") && !slices.Contains(others, key)
	})
	return kept
}

// backup is a Backup as it is kept.
type backup struct{ velero.Backup }

var _ object = (*backup)(nil)

func (*backup) kind() v1alpha1.VeleroKind { return v1alpha1.VeleroBackup }

func (b *backup) meta() *metav1.ObjectMeta { return &b.ObjectMeta }

func (b *backup) phase() string { return b.Status.Phase }

func (*backup) queues() bool { return true }

func (b *backup) coversPods(namespace string) bool { return b.Spec.CoversPods(namespace) }

func (b *backup) includes(namespace string) bool { return b.Spec.Includes(namespace) }

func (*backup) concerns(policy *v1alpha1.HookPolicySpec) bool {
	return slices.ContainsFunc(policy.Hooks, func(hook v1alpha1.Hook) bool { return runsIn(&hook, v1alpha1.BackupStages...) })
}

func (b *backup) quiesces(policy *v1alpha1.HookPolicySpec) bool {
	return policy.Velero.Mode == v1alpha1.VeleroSession && b.concerns(policy)
}

func runsIn(hook *v1alpha1.Hook, stages ...v1alpha1.Stage) bool {
	return slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return slices.Contains(stages, stage) })
}

func (b *backup) session() v1alpha1.HookSessionSpec {
	spec := v1alpha1.HookSessionSpec{
		Operation: v1alpha1.OperationBackup, DataSource: v1alpha1.SourceLive, Trigger: v1alpha1.AdHoc,
		LabelSelector: selector(b.Spec.LabelSelector), OrLabelSelectors: selectors(b.Spec.OrLabelSelectors),
		OutcomeTimeout: v1alpha1.Duration{Duration: outcomeTimeout},
		Velero: &v1alpha1.VeleroSource{
			Kind: v1alpha1.VeleroBackup, Namespace: b.Namespace, Name: b.Name, UID: b.UID, Schedule: b.Labels[velero.ScheduleLabel],
		},
	}
	if spec.Velero.Schedule != "" {
		spec.Trigger = v1alpha1.Scheduled
	}
	return spec
}

// outcomes are that data is captured when a Backup leaves InProgress, and at its end how it came out (velero:
// pkg/controller/backup_controller.go).
func (b *backup) outcomes() *v1alpha1.Outcomes {
	phase := b.Status.Phase
	switch {
	case velero.Ongoing(phase):
		return nil
	case !velero.Ended(phase):
		return &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}
	}
	outcomes := &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Failed}
	if velero.Succeeded(phase) {
		outcomes.Operation = v1alpha1.Succeeded
	}
	if phase == velero.Failed || phase == velero.FailedValidation {
		outcomes.Snapshot = v1alpha1.Failed
	}
	if hooks := b.Status.HookStatus; hooks != nil {
		outcomes.Delegated = &v1alpha1.DelegatedHooks{Attempted: hooks.Attempted, Failed: hooks.Failed}
	}
	return outcomes
}

func (b *backup) failure(reason string, now time.Time) map[string]any {
	return b.Failure(b.Spec.Location(nil), reason, now)
}

func (b *backup) endedLately(now time.Time) bool {
	return b.Status.Completed != nil && now.Sub(b.Status.Completed.Time) < lately
}

// selectors are those of Velero as a session has them.
func selectors(of []*metav1.LabelSelector) []v1alpha1.LabelSelector {
	var all []v1alpha1.LabelSelector
	for _, one := range of {
		if translated := selector(one); translated != nil {
			all = append(all, *translated)
		}
	}
	return all
}

func selector(of *metav1.LabelSelector) *v1alpha1.LabelSelector {
	if of == nil {
		return nil
	}
	translated := &v1alpha1.LabelSelector{}
	if len(of.MatchLabels) > 0 {
		translated.MatchLabels = make(map[string]v1alpha1.LabelValue, len(of.MatchLabels))
	}
	for key, value := range of.MatchLabels {
		translated.MatchLabels[key] = v1alpha1.LabelValue(value)
	}
	for i := range of.MatchExpressions {
		requirement := &of.MatchExpressions[i]
		values := make([]v1alpha1.LabelValue, 0, len(requirement.Values))
		for _, value := range requirement.Values {
			values = append(values, v1alpha1.LabelValue(value))
		}
		translated.MatchExpressions = append(translated.MatchExpressions,
			v1alpha1.LabelRequirement{Key: requirement.Key, Operator: requirement.Operator, Values: values})
	}
	return translated
}
