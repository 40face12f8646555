package signal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// verdict is whether what a Backup has is consistent, as its sessions say together.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

// order of the verdicts: the first of them that any session has is that of the Backup.
var order = []metav1.ConditionStatus{metav1.ConditionFalse, metav1.ConditionUnknown, metav1.ConditionTrue}

// judge takes the verdicts of sessions together; false where none has anything to say of it.
func judge(sessions []*v1alpha1.HookSession) (verdict, bool) {
	var all []verdict
	for _, session := range sessions {
		if one, says := judgeOne(session); says {
			one.message = fmt.Sprintf("HookSession %s/%s: %s", session.Namespace, session.Name, cmp.Or(one.message, one.reason))
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return verdict{}, false
	}
	slices.SortFunc(all, func(a, b verdict) int {
		return cmp.Or(slices.Index(order, a.status)-slices.Index(order, b.status), strings.Compare(a.message, b.message))
	})
	whole := all[0]
	alike := slices.DeleteFunc(all, func(one verdict) bool { return one.status != whole.status })
	switch whole.status {
	case metav1.ConditionTrue:
		whole.message = fmt.Sprintf("sessions whose pods were quiesced while their snapshots were taken: %d", len(alike))
	default:
		if more := len(alike) - 1; more > 0 {
			whole.message += fmt.Sprintf("; and %d more", more)
		}
	}
	return whole, true
}

// judgeOne is the verdict of a session; false where it had nothing to quiesce.
func judgeOne(session *v1alpha1.HookSession) (verdict, bool) {
	status := &session.Status
	consistent := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionConsistent)
	switch {
	case consistent != nil && consistent.Status == metav1.ConditionFalse:
		return verdict{metav1.ConditionFalse, consistent.Reason, consistent.Message}, true
	case session.Spec.Velero.Held && session.Spec.Cancel && status.BegunAt == nil:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonGateMissed, "Velero was let go before its pods were quiesced"}, true
	case status.Window == nil:
		return verdict{}, false
	case session.Spec.Cancel || status.Phase == v1alpha1.PhaseCancelled:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonCancelled, "it was cancelled before Velero was done"}, true
	case consistent == nil:
		return verdict{metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, status.Message}, true
	}
	return verdict{consistent.Status, consistent.Reason, consistent.Message}, true
}

// conclude writes on a Backup that has ended whether it is consistent, once all its sessions are over.
func (c *Controller) conclude(ctx context.Context, object object, sessions []*v1alpha1.HookSession) error {
	if object.kind() != v1alpha1.VeleroBackup || !velero.Ended(object.phase()) || object.meta().Annotations[v1alpha1.ConsistentAnnotation] != "" ||
		markOf(object) == v1alpha1.GateRefused || slices.ContainsFunc(sessions, unfinished) {
		return nil
	}
	whole, says := judge(sessions)
	if !says {
		return nil
	}
	err := c.write(ctx, object, map[string]any{
		v1alpha1.ConsistentAnnotation: string(whole.status), v1alpha1.ConsistentMessageAnnotation: record.Cut(whole.message, maxMessage),
	}, nil)
	if err != nil {
		return err
	}
	backupsTotal.WithLabelValues(string(whole.status)).Inc()
	switch whole.status {
	case metav1.ConditionTrue:
		c.event(object, corev1.EventTypeNormal, "Consistent", "Conclude", whole.message)
	case metav1.ConditionFalse:
		c.event(object, corev1.EventTypeWarning, "NotConsistent", "Conclude", whole.reason+": "+whole.message)
	default:
		c.event(object, corev1.EventTypeNormal, "ConsistencyUnknown", "Conclude", whole.message)
	}
	return nil
}
