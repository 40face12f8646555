package signal

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// catchUp gives a Restore that has ended the sessions that are still missing: in namespaces to which it has brought pods, wherever its spec
// let it go, and whoever was there to see it.
//
// So a controller that was away while a Restore ended, less than an hour ago, still has the hooks of after it run. It goes by what is there:
// pods with the Restore's label, in namespaces that have opted in, with policies that were there when the Restore ended. A policy that came
// later is for later restores. The names of sessions follow from the Restore and the namespace, so that one that dies in between creates none
// twice, and each hook runs once in each pod; AccompaniedAnnotation is written after that, and not before, since hooks that
// do not run at all are worse than hooks that may run again should the sessions be deleted in that same moment.
func (c *Controller) catchUp(ctx context.Context, object object, sessions []*v1alpha1.HookSession) error {
	r, is := object.(*restore)
	if !is || !velero.Ended(r.Status.Phase) {
		return nil
	}
	if late := overtaken(sessions); len(late) > 0 { // whether they have begun all the same is known at their end
		return c.cancel(ctx, late, "Velero has restored before its hooks had run")
	}
	if !c.unsettled(r) {
		return nil
	}
	missing, known, err := c.unaccompanied(ctx, r, sessions)
	if err != nil {
		return err
	}
	if !known { // policies that came with the restore, say, are not compiled yet
		c.queue.AddAfter(keyOfObject(r), patience)
		return nil
	}
	if len(missing) == 0 && len(sessions) == 0 {
		c.settle(r)
		return nil
	}
	err = each(len(missing), func(i int) error {
		err := c.createOne(ctx, lateSession(r, sessions, missing[i]))
		if err == nil || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("creating a session in namespace %s: %w", missing[i], err)
	})
	if err != nil {
		return err
	}
	return c.write(ctx, r, map[string]any{v1alpha1.AccompaniedAnnotation: now()}, nil)
}

// unsettled tells whether an object is a Restore that has ended, and may have brought pods to namespaces that have no session of it. It is
// looked for that once: a namespace that opts in later is for later restores.
func (c *Controller) unsettled(object object) bool {
	r, is := object.(*restore)
	if !is || !r.endedLately(time.Now()) || r.Annotations[v1alpha1.AccompaniedAnnotation] != "" || markOf(r) == v1alpha1.GateRefused {
		return false
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	return !c.settled[r.UID]
}

func (c *Controller) settle(r *restore) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.settled[r.UID] = true
}

// overtaken are sessions that go on, and whose hooks of before the restore would run after it.
func overtaken(sessions []*v1alpha1.HookSession) []*v1alpha1.HookSession {
	return slices.DeleteFunc(slices.Clone(sessions), func(session *v1alpha1.HookSession) bool {
		return !session.Spec.Velero.Held || session.Status.BegunAt != nil || !unfinished(session)
	})
}

// lateSession is one for which Velero cannot wait any more. Where there is one for which it was to wait, and did not, it comes beside that.
func lateSession(r *restore, sessions []*v1alpha1.HookSession, namespace string) *v1alpha1.HookSession {
	attempt := attemptOf(r)
	session := newSession(r, attempt, namespace, false)
	if slices.ContainsFunc(sessions, func(other *v1alpha1.HookSession) bool { return other.Namespace == namespace }) {
		session.Name = lateName(r.Name, r.UID, attempt, namespace)
	}
	return session
}

// unaccompanied are the namespaces in which the hooks of after a Restore have no session to run them, sorted. It is not known while policies
// are being compiled.
func (c *Controller) unaccompanied(ctx context.Context, r *restore, sessions []*v1alpha1.HookSession) (namespaces []string, known bool, err error) {
	brought, err := c.broughtTo(ctx, r)
	if err != nil || len(brought) == 0 {
		return nil, true, err
	}
	list := namespaceList()
	if err := c.Live.List(ctx, list); err != nil {
		return nil, false, fmt.Errorf("listing namespaces: %w", err)
	}
	if set := c.Policies.Current(); set == nil {
		return nil, false, nil
	}
	if current, err := c.Policies.Current().UpToDate(ctx, c.Live, metav1.NamespaceAll); err != nil || !current {
		return nil, false, err
	}
	then, err := c.policiesOf(ctx, r)
	if err != nil {
		return nil, false, err
	}
	for _, namespace := range alive(list) {
		if brought[namespace.Name] && c.Scope.OptedIn(namespace) && !served(sessions, namespace.Name) &&
			slices.ContainsFunc(then, func(policy *match.Policy) bool { return policy.Covers(namespace) }) {
			namespaces = append(namespaces, namespace.Name)
		}
	}
	slices.Sort(namespaces)
	return namespaces, true, nil
}

// served tells whether any session runs, or has run, the hooks of after a restore in a namespace. One for which Velero was to wait has not
// where Velero began before it.
func served(sessions []*v1alpha1.HookSession, namespace string) bool {
	return slices.ContainsFunc(sessions, func(session *v1alpha1.HookSession) bool {
		return session.Namespace == namespace && (!session.Spec.Velero.Held || session.Status.BegunAt != nil)
	})
}

// broughtTo are the namespaces in which there are pods that a Restore has brought, as the API server has them.
func (c *Controller) broughtTo(ctx context.Context, r *restore) (map[string]bool, error) {
	pods := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
	if err := c.Live.List(ctx, &pods, client.MatchingLabels{v1alpha1.VeleroRestoreLabel: velero.LabelValue(r.Name)}); err != nil {
		return nil, fmt.Errorf("looking for the pods of %s: %w", keyOfObject(r), err)
	}
	brought := map[string]bool{}
	for i := range pods.Items {
		brought[pods.Items[i].Namespace] = true
	}
	return brought, nil
}

// policiesOf are those that had hooks for a Restore when it ended.
func (c *Controller) policiesOf(ctx context.Context, r *restore) ([]*match.Policy, error) {
	created := map[match.Ref]time.Time{}
	for _, kind := range []string{"HookPolicy", "NamespacedHookPolicy"} {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := c.Live.List(ctx, &list); err != nil {
			return nil, fmt.Errorf("listing %s objects: %w", kind, err)
		}
		for i := range list.Items {
			created[match.Ref{Namespace: list.Items[i].Namespace, Name: list.Items[i].Name}] = list.Items[i].CreationTimestamp.Time
		}
	}
	var then []*match.Policy
	for _, policy := range c.Policies.Current().Index.Policies() {
		if at, there := created[policy.Ref]; there && !at.After(r.Status.Completed.Time) && r.concerns(policy.Spec) {
			then = append(then, policy)
		}
	}
	return then, nil
}
