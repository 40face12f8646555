package signal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/signal/gate"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// view is what the gate goes by.
func (c *Controller) view(ctx context.Context, object object, sessions []*v1alpha1.HookSession, attempt int) gate.View {
	view := gate.View{
		Now: time.Now(), Mark: markOf(object), Since: sinceOf(object), Attempt: attempt,
		Message: object.meta().Annotations[v1alpha1.GateMessageAnnotation], Returns: object.meta().Annotations[v1alpha1.GateReturnsAnnotation] != "",
		Phase: object.phase(), PhaseSince: c.phaseSince(object), Touched: timeOf(object, v1alpha1.GateTouchedAnnotation), Deleting: object.meta().DeletionTimestamp != nil,
	}
	for _, session := range sessions {
		view.Sessions = append(view.Sessions, sessionView(session))
	}
	if velero.Ended(view.Phase) {
		return view
	}
	covered, quiesces, known := c.covered(object, c.namespaces(ctx))
	view.Known, view.Quiesces = known, quiesces
	for i := range view.Sessions {
		session := &view.Sessions[i]
		session.Apart = session.Apart || known && !slices.Contains(covered, session.Namespace)
	}
	for _, namespace := range covered {
		if !slices.ContainsFunc(sessions, func(session *v1alpha1.HookSession) bool { return session.Namespace == namespace }) {
			view.Missing = append(view.Missing, namespace)
		}
	}
	if view.Mark == v1alpha1.GateHeld && object.queues() && len(sessions) == 0 {
		view.Blocked = gate.Turns(c.entries(ctx, object), c.slots(object))[object.meta().Name]
	}
	return view
}

// slots is how many objects of a kind Velero runs at once.
func (c *Controller) slots(of object) int {
	if of.kind() == v1alpha1.VeleroBackup {
		return c.Options.ConcurrentBackups
	}
	return 1
}

func sessionView(session *v1alpha1.HookSession) gate.Session {
	status := &session.Status
	seen := gate.Session{
		Namespace: session.Namespace, Name: session.Name, Held: session.Spec.Velero.Held,
		Begun: status.BegunAt != nil, Used: status.Window != nil && status.Window.Deadline != nil, // by which something is to be thawed
		Quiesced:  status.QuiescedPods > 0 || status.Window != nil && status.Window.ThawedAt == nil,
		Cancelled: session.Spec.Cancel || session.DeletionTimestamp != nil, Finished: status.FinishedAt != nil,
		Apart: status.Broken != nil && status.Broken.Reason == v1alpha1.ReasonNotOptedIn,
	}
	if failed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFailed); failed != nil && failed.Status == metav1.ConditionTrue {
		seen.Failed = cmp.Or(failed.Message, failed.Reason)
	}
	return seen
}

// covered are the namespaces in which an object is to have a session, sorted: they have opted in, and it covers their pods. A Backup has
// one there whether a policy has hooks or not, so that a team sees that none has; a Restore only where one has. It quiesces where Velero is
// to wait for any of those. It is not known before the policies are read.
func (c *Controller) covered(object object, among []match.Namespace) (namespaces []string, quiesces, known bool) {
	set := c.Policies.Current()
	if set == nil {
		return nil, false, false
	}
	concerned := make([]*match.Policy, 0)
	for _, policy := range set.Index.Policies() {
		if object.concerns(policy.Spec) {
			concerned = append(concerned, policy)
		}
	}
	for _, namespace := range among {
		if !c.Scope.OptedIn(namespace) || namespace.Labels[v1alpha1.ExcludeFromBackupLabel] == "true" && object.kind() == v1alpha1.VeleroBackup ||
			!object.coversPods(namespace.Name) {
			continue
		}
		is := object.kind() == v1alpha1.VeleroBackup
		for _, policy := range concerned {
			if policy.Covers(namespace) {
				is, quiesces = true, quiesces || object.quiesces(policy.Spec)
			}
		}
		if is {
			namespaces = append(namespaces, namespace.Name)
		}
	}
	slices.Sort(namespaces)
	return namespaces, quiesces, true
}

// namespaces are those of the cluster, but for those that are being deleted.
func (c *Controller) namespaces(ctx context.Context) []match.Namespace {
	list := namespaceList()
	if err := c.Cache.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache is stopping
	}
	return alive(list)
}

func namespaceList() *metav1.PartialObjectMetadataList {
	return &metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "NamespaceList"}}
}

func alive(list *metav1.PartialObjectMetadataList) []match.Namespace {
	var namespaces []match.Namespace
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			namespaces = append(namespaces, match.Namespace{Name: list.Items[i].Name, Labels: list.Items[i].Labels})
		}
	}
	return namespaces
}

// entries are the Backups that have yet to end: those of the Velero of one, and those of others.
func (c *Controller) entries(ctx context.Context, of object) []gate.Entry {
	var (
		entries    []gate.Entry
		namespaces = c.namespaces(ctx)
	)
	for _, other := range c.objects(of.kind()) {
		if !velero.Ongoing(other.phase()) {
			continue
		}
		attempt := attemptOf(other)
		entry := gate.Entry{
			Name: other.meta().Name, Created: other.meta().CreationTimestamp.Time, Phase: other.phase(), Mark: markOf(other),
			Returning:  other.meta().Annotations[v1alpha1.GateReturnsAnnotation] != "",
			Pausing:    time.Now().Before(sinceOf(other).Add(gate.Pause(attempt))),
			Namespaces: map[string]bool{},
		}
		var current []*v1alpha1.HookSession
		if sessions, err := c.sessionsOf(ctx, keyOfObject(other)); err == nil {
			current, _ = ofAttempt(ofObject(sessions, other), other, attempt)
		}
		entry.Quiescing = len(current) > 0
		if other.meta().Namespace != of.meta().Namespace {
			entry.Name, entry.Elsewhere = other.meta().Namespace+"/"+other.meta().Name, true
			entry.Quiescing = c.takesPods(other, current, attempt)
			if !entry.Quiescing {
				continue
			}
		}
		for _, namespace := range namespaces {
			if other.includes(namespace.Name) {
				entry.Namespaces[namespace.Name] = true
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// takesPods tells whether sessions of an object have pods, or are about to: those that were created a moment ago may not be in the cache yet.
func (c *Controller) takesPods(object object, sessions []*v1alpha1.HookSession, attempt int) bool {
	if len(sessions) == 0 && markOf(object) == v1alpha1.GateHeld {
		c.lock.Lock()
		defer c.lock.Unlock()
		return c.quiesced[object.meta().UID] == attempt
	}
	return slices.ContainsFunc(sessions, func(session *v1alpha1.HookSession) bool {
		seen := sessionView(session)
		return seen.Held && !seen.Finished && (!seen.Begun || seen.Used)
	})
}

// sessionsOf are the sessions of an object by its name, those of a former one of the name included. They are
// only read.
func (c *Controller) sessionsOf(ctx context.Context, key key) ([]*v1alpha1.HookSession, error) {
	var list v1alpha1.HookSessionList
	if err := c.Cache.List(ctx, &list, client.MatchingFields{sourceIndex: key.String()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the sessions of %s: %w", key, err)
	}
	sessions := make([]*v1alpha1.HookSession, 0, len(list.Items))
	for i := range list.Items {
		sessions = append(sessions, &list.Items[i])
	}
	return sessions, nil
}

// ofObject are those of the sessions that are of an object itself, and not of a former one of its name.
func ofObject(sessions []*v1alpha1.HookSession, object object) []*v1alpha1.HookSession {
	var its []*v1alpha1.HookSession
	for _, session := range sessions {
		if session.Spec.Velero.UID == object.meta().UID {
			its = append(its, session)
		}
	}
	return its
}

// ofAttempt parts the sessions of an object's attempt from all others that say to be of the object: those of earlier attempts, and those that
// somebody has made himself. It goes by their names, which follow from what they are: whoever may edit sessions in some namespace may
// write any spec and labels, and is not to have a say in a Backup by that.
func ofAttempt(sessions []*v1alpha1.HookSession, object object, attempt int) (current, others []*v1alpha1.HookSession) {
	name, uid := object.meta().Name, object.meta().UID
	for _, session := range sessions {
		switch session.Name {
		case sessionName(name, uid, attempt, session.Namespace), lateName(name, uid, attempt, session.Namespace):
			current = append(current, session)
		default:
			others = append(others, session)
		}
	}
	return current, others
}

func unfinished(session *v1alpha1.HookSession) bool { return session.Status.FinishedAt == nil }

// uncovered tells whether nothing covers an object, as the API server has it. The webhook that has held it knew, perhaps, of a policy or a
// namespace of which the caches here are yet to hear.
func (c *Controller) uncovered(ctx context.Context, object object) (bool, error) {
	list := namespaceList()
	if err := c.Live.List(ctx, list); err != nil {
		return false, fmt.Errorf("listing namespaces: %w", err)
	}
	if current, err := c.Policies.Current().UpToDate(ctx, c.Live, metav1.NamespaceAll); err != nil || !current {
		return false, err
	}
	_, quiesces, _ := c.covered(object, alive(list))
	return !quiesces, nil
}
