package signal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/signal/gate"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

const (
	// nameLength is how much of an object's name a session's has, and digits of a hash come behind it.
	nameLength = 40
	digits     = 10
	// atOnce is how many sessions are created together.
	atOnce = 8
)

// sessionName follows from the object, the attempt and the namespace, by which a session is never created twice.
func sessionName(name string, uid types.UID, attempt int, namespace string) string {
	sum := sha256.Sum256([]byte(string(uid) + "/" + strconv.Itoa(attempt) + "/" + namespace))
	if len(name) > nameLength {
		name = strings.TrimRight(name[:nameLength], ".-")
	}
	return name + "-" + hex.EncodeToString(sum[:])[:digits]
}

// lateName is that of a session beside one for which Velero was to wait, and did not.
func lateName(name string, uid types.UID, attempt int, namespace string) string {
	return sessionName(name, uid, attempt, namespace+"/late")
}

// newSession is a session of an object in a namespace.
func newSession(object object, attempt int, namespace string, held bool) *v1alpha1.HookSession {
	meta := object.meta()
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{
			Name: sessionName(meta.Name, meta.UID, attempt, namespace), Namespace: namespace,
			Labels: map[string]string{
				v1alpha1.SourceUIDLabel: string(meta.UID), v1alpha1.AttemptLabel: strconv.Itoa(attempt),
				v1alpha1.ExcludeFromBackupLabel: "true", v1alpha1.ManagedByLabel: v1alpha1.ManagedByQuiesce,
			},
		},
		Spec: object.session(),
	}
	label := v1alpha1.BackupLabel
	if object.kind() == v1alpha1.VeleroRestore {
		label = v1alpha1.RestoreLabel
	}
	session.Labels[label] = velero.LabelValue(meta.Name)
	if schedule := session.Spec.Velero.Schedule; schedule != "" {
		session.Labels[v1alpha1.ScheduleLabel] = velero.LabelValue(schedule)
	}
	session.Spec.Velero.Held = held
	session.Spec.PolicyNames = policyNames(object)
	return session
}

// policyNames are those that an object names itself, each once.
func policyNames(object object) []string {
	var names []string
	for name := range strings.SplitSeq(object.meta().Annotations[v1alpha1.PoliciesAnnotation], ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// create creates the sessions that are missing. A namespace that is being deleted takes none, and needs none.
func (c *Controller) create(ctx context.Context, object object, view *gate.View, held bool) error {
	wanted := make([]*v1alpha1.HookSession, 0, len(view.Missing))
	for _, namespace := range view.Missing {
		wanted = append(wanted, newSession(object, view.Attempt, namespace, held))
	}
	created := make([]bool, len(wanted))
	err := each(len(wanted), func(i int) error {
		err := c.createOne(ctx, wanted[i])
		created[i] = err == nil
		if apierrors.IsAlreadyExists(err) {
			return c.checkOurs(ctx, wanted[i])
		}
		if err == nil || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("creating a session in namespace %s: %w", wanted[i].Namespace, err)
	})
	if missed := !held && view.Quiesces && object.kind() == v1alpha1.VeleroBackup; missed && slices.Contains(created, true) {
		c.event(object, corev1.EventTypeWarning, v1alpha1.ReasonGateMissed, "Accompany",
			"Velero does not wait for this backup, so that pods are not quiesced for which a policy has mode Session")
	}
	return err
}

// checkOurs looks whether a session that is there is the one that was to be created: it would be waited for, and never be found.
func (c *Controller) checkOurs(ctx context.Context, wanted *v1alpha1.HookSession) error {
	var there v1alpha1.HookSession
	switch err := c.Live.Get(ctx, client.ObjectKeyFromObject(wanted), &there); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("looking at HookSession %s/%s: %w", wanted.Namespace, wanted.Name, err)
	case there.Spec.Velero == nil || keyOf(there.Spec.Velero) != keyOf(wanted.Spec.Velero) || there.Spec.Velero.UID != wanted.Spec.Velero.UID:
		return fmt.Errorf("HookSession %s/%s is there, and is somebody else's: delete it", wanted.Namespace, wanted.Name)
	}
	return nil
}

// createOne creates a session. Selectors that are none to our schema are left out: then more is quiesced than is backed up, never less.
func (c *Controller) createOne(ctx context.Context, session *v1alpha1.HookSession) error {
	bare := session.DeepCopy()
	err := c.Client.Create(ctx, session)
	if !apierrors.IsInvalid(err) || bare.Spec.LabelSelector == nil && len(bare.Spec.OrLabelSelectors) == 0 {
		return err
	}
	logf.FromContext(ctx).Info("A session takes all pods of its namespace, since the label selectors of the backup are more than it can have",
		"namespace", session.Namespace, "name", session.Name, "reason", err.Error())
	bare.Spec.LabelSelector, bare.Spec.OrLabelSelectors = nil, nil
	return c.Client.Create(ctx, bare)
}

// cancel cancels those of the sessions that are not over.
func (c *Controller) cancel(ctx context.Context, sessions []*v1alpha1.HookSession, why string) error {
	return each(len(sessions), func(i int) error {
		session := sessions[i]
		if session.Spec.Cancel || !unfinished(session) {
			return nil
		}
		logf.FromContext(ctx).Info("A session is cancelled", "namespace", session.Namespace, "name", session.Name, "reason", why)
		return c.patchSession(ctx, session, func(spec *v1alpha1.HookSessionSpec) { spec.Cancel = true })
	})
}

// tell tells sessions what has become of the operation. One that has not said that it may begin is told nothing: it would fail for that.
func (c *Controller) tell(ctx context.Context, object object, sessions []*v1alpha1.HookSession) error {
	ended := object.outcomes()
	return each(len(sessions), func(i int) error {
		session := sessions[i]
		if session.Status.BegunAt == nil || session.Spec.Cancel || !unfinished(session) {
			return nil
		}
		outcomes := ended
		if outcomes == nil {
			captured, err := c.captured(ctx, object, session)
			if err != nil || !captured {
				return err
			}
			outcomes = &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}
		}
		told := v1alpha1.Outcomes{}
		if session.Spec.Outcomes != nil {
			told = *session.Spec.Outcomes
		}
		more := addOutcomes(told, outcomes)
		if more == told {
			return nil
		}
		return c.patchSession(ctx, session, func(spec *v1alpha1.HookSessionSpec) { spec.Outcomes = &more })
	})
}

// addOutcomes adds what has not been said yet: each is said once.
func addOutcomes(told v1alpha1.Outcomes, outcomes *v1alpha1.Outcomes) v1alpha1.Outcomes {
	if told.Operation != "" {
		return told
	}
	if told.Snapshot == "" {
		told.Snapshot = outcomes.Snapshot
	}
	if outcomes.Operation != "" {
		told.Operation = outcomes.Operation
		if told.Delegated == nil {
			told.Delegated = outcomes.Delegated
		}
	}
	return told
}

// patchSession changes what a session is asked for.
func (c *Controller) patchSession(ctx context.Context, session *v1alpha1.HookSession, change func(*v1alpha1.HookSessionSpec)) error {
	wanted := session.DeepCopy()
	change(&wanted.Spec)
	err := c.Client.Patch(ctx, wanted, client.MergeFrom(session))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("telling HookSession %s/%s: %w", session.Namespace, session.Name, err)
	}
	return nil
}

// each does something for the numbers below n, some at once, and returns all errors.
func each(n int, do func(int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			errs[i] = do(i)
		}()
	}
	for range atOnce {
		slots <- struct{}{}
	}
	return errors.Join(errs...)
}
