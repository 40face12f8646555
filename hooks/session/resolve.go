package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// patience is how long a session waits before it looks again for policies that are not compiled yet.
const patience = 250 * time.Millisecond

// resolve finds out what the session has to run, claims the pods, and writes it all down. It is true where there is something to
// wait for.
func (o *open) resolve(ctx context.Context) (waits bool, err error) {
	session := o.record.Session
	if breach, err := o.ground(ctx); err != nil || breach != nil {
		o.breakIf(breach)
		return false, err
	}
	set, err := o.policySet(ctx)
	if err != nil || set == nil {
		return true, o.later(err, "policies that were written a moment ago")
	}
	o.index = set.Index
	if breach := o.unknownPolicies(set); breach != nil {
		o.breakIf(breach)
		return false, nil
	}
	planned, err := o.plan(ctx, o.planningBefore())
	if err != nil {
		return false, err
	}
	runs := record.Write(session, planned.Steps, lookUp(set), 0)
	if waitsFor := o.claims.ask(session, claimed(runs)); waitsFor != "" {
		o.decision.For = waitsFor
		o.view.Close() // it is woken when the pods are free, and not before
		o.view = nil
		return true, nil
	}
	if breach := o.preflight(ctx, runs); breach != nil {
		o.breakWith(breach)
		return false, nil
	}
	o.watchSnapshots(ctx, runs)
	if err := o.writeDown(ctx, runs, nil); err != nil {
		return false, err
	}
	o.follow()
	o.noteVelero(present(o.view))
	session.Status.Runs = new(int32(len(runs))) //nolint:gosec // as many as could be written
	return false, o.save(ctx)
}

// resolveRestored writes down what is to run in the pods that the restore has brought, in place of what was to run in those of
// before.
func (o *open) resolveRestored(ctx context.Context) (waits bool, err error) {
	session := o.record.Session
	if o.namespace.Name == "" {
		if _, err := o.ground(ctx); err != nil {
			return false, err
		}
	}
	set, err := o.policySet(ctx)
	if err != nil || set == nil {
		return true, o.later(err, "policies that were written a moment ago")
	}
	o.index = set.Index
	planned, err := o.plan(ctx, o.planningRestored())
	if err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(slices.Clone(o.record.Runs), func(run *v1alpha1.HookRun) bool { return run.Spec.Stage == v1alpha1.PostRestore })
	runs := record.Write(session, planned.Of(v1alpha1.PostRestore), lookUp(set), len(kept))
	if waitsFor := o.claims.ask(session, claimed(runs)); waitsFor != "" {
		o.decision.For = waitsFor
		o.view.Close() // it is woken when the pods are free, and not before
		o.view = nil
		return true, nil
	}
	if err := o.writeDown(ctx, runs, kept); err != nil {
		return false, err
	}
	o.follow()
	session.Status.RestoreRuns = new(int32(len(runs))) //nolint:gosec // as above
	return false, o.save(ctx)
}

func (o *open) breakIf(breach *v1alpha1.Breach) {
	if breach != nil {
		o.breakWith(breach)
	}
}

// later is the wait for something that comes without a sign.
func (o *open) later(err error, what string) error {
	if err == nil {
		o.decision.For = what
		key := o.key
		time.AfterFunc(patience, func() { o.wake(key) })
	}
	return err
}

// ground checks what the session stands on: the namespace, and what it asks for.
func (o *open) ground(ctx context.Context) (*v1alpha1.Breach, error) {
	session, now := o.record.Session, time.Now()
	if breach := copied(session, now); breach != nil {
		return breach, nil
	}
	namespace := metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	// As it is now: it may have opted in a moment ago.
	if err := o.Live.Get(ctx, client.ObjectKey{Name: session.Namespace}, &namespace); err != nil {
		return nil, fmt.Errorf("looking at the namespace: %w", err)
	}
	o.namespace = match.Namespace{Name: namespace.Name, Labels: namespace.Labels}
	if namespace.DeletionTimestamp != nil { // in which nothing can be written down
		return machine.BreakWith(v1alpha1.ReasonInvalid, now, "namespace %q is being deleted", namespace.Name), nil
	}
	if !o.Scope.MayTakePart(namespace.Name) {
		return machine.BreakWith(v1alpha1.ReasonNotOptedIn, now, "namespace %q never takes part in hooks", namespace.Name), nil
	}
	if !o.Scope.OptedIn(o.namespace) {
		return machine.BreakWith(v1alpha1.ReasonNotOptedIn, now, "namespace %q has not opted in: kubectl label namespace %s %s=%s",
			namespace.Name, namespace.Name, v1alpha1.HooksLabel, v1alpha1.HooksEnabled), nil
	}
	request := plan.Request{Namespace: session.Namespace, Operation: session.Spec.Operation, DataSource: session.Spec.DataSource}
	if d := session.Spec.Destination; d != nil {
		request.Cluster, request.Destination = d.Cluster, d.Namespace
	}
	kinds, err := request.Kinds()
	if err != nil {
		return machine.BreakWith(v1alpha1.ReasonInvalid, now, "%v", err), nil
	}
	if _, err := session.Spec.LabelSelector.Compile(); err != nil {
		return machine.BreakWith(v1alpha1.ReasonInvalid, now, "spec.labelSelector: %v", err), nil
	}
	for i := range session.Spec.OrLabelSelectors {
		if _, err := session.Spec.OrLabelSelectors[i].Compile(); err != nil {
			return machine.BreakWith(v1alpha1.ReasonInvalid, now, "spec.orLabelSelectors[%d]: %v", i, err), nil
		}
	}
	here, _ := request.Here()
	session.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: kinds.Snapshot, BackupHooks: kinds.Backup, RestoreHooks: kinds.Restore}
	if kinds.Restore && !here.Restore {
		session.Status.Plan.RestoreIn = request.Destination
		if request.Destination == "" {
			session.Status.Plan.RestoreIn = session.Namespace
		}
	}
	return nil, nil
}

// policySet are the policies, once all that there are at the moment have been compiled, with the scripts and templates of the moment;
// nil before.
func (o *open) policySet(ctx context.Context) (*policies.Set, error) {
	set := o.Policies.Current()
	if set == nil {
		return nil, nil
	}
	if current, err := set.UpToDate(ctx, o.Live, o.key.Namespace); err != nil || !current {
		return nil, err
	}
	return set, nil
}

// unknownPolicies is what is wrong with the names of policies that the session has; nil where nothing is.
func (o *open) unknownPolicies(set *policies.Set) *v1alpha1.Breach {
	for _, name := range o.record.Session.Spec.PolicyNames {
		usable := slices.ContainsFunc(set.Index.Policies(), func(policy *match.Policy) bool {
			return policy.Name == name && policy.Covers(o.namespace)
		})
		if usable || o.record.Session.Spec.Velero != nil && usableElsewhere(set, name) {
			continue
		}
		return machine.BreakWith(v1alpha1.ReasonPolicyNotFound, time.Now(), "spec.policyNames: %s", o.whyNot(set, name))
	}
	return nil
}

// usableElsewhere tells whether a policy of a name is for other namespaces: a Backup names the policies of all that it covers.
func usableElsewhere(set *policies.Set, name string) bool {
	return slices.ContainsFunc(set.Index.Policies(), func(policy *match.Policy) bool { return policy.Name == name })
}

// whyNot says why a policy of a name is not for the session.
func (o *open) whyNot(set *policies.Set, name string) string {
	for i := range set.Policies {
		policy := &set.Policies[i]
		if policy.Name != name || policy.Namespace != "" && policy.Namespace != o.key.Namespace {
			continue
		}
		switch {
		case policy.Refusal != nil:
			return fmt.Sprintf("%s cannot be used: %v", policy.Ref, policy.Refusal)
		case policy.Spec.Suspend:
			return fmt.Sprintf("%s is suspended", policy.Ref)
		}
		return fmt.Sprintf("%s does not select namespace %q", policy.Ref, o.key.Namespace)
	}
	var names []string
	for _, policy := range set.Index.Policies() {
		if policy.Covers(o.namespace) {
			names = append(names, policy.Name)
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("there is no policy %q, nor any other for namespace %q", name, o.key.Namespace)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return fmt.Sprintf("there is no policy %q; for namespace %q there are: %s", name, o.key.Namespace, strings.Join(names[:min(len(names), 20)], ", "))
}

// plan resolves the session with the pods of now.
func (o *open) plan(ctx context.Context, session plan.Session) (plan.Plan, error) {
	if o.view != nil {
		o.view.Close()
		o.view = nil
	}
	view, err := o.Witness.Open(ctx, o.key.Namespace)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("looking at the pods of namespace %s: %w", o.key.Namespace, err)
	}
	o.view = view
	return plan.Resolve(o.index, session, present(view)), nil
}

// follow has the session looked at whenever something becomes of a pod.
func (o *open) follow() {
	key := o.key
	o.view.Subscribe(func() { o.wake(key) })
}

func lookUp(set *policies.Set) func(match.Ref) record.Policy {
	byRef := make(map[match.Ref]*policies.Policy, len(set.Policies))
	for i := range set.Policies {
		byRef[set.Policies[i].Ref] = &set.Policies[i]
	}
	return func(ref match.Ref) record.Policy {
		policy := byRef[ref]
		return record.Policy{UID: policy.UID, Generation: policy.Generation, Spec: policy.Spec}
	}
}

// writeDown makes runs durable, in addition to those that are kept; others of the session are what was half written before.
func (o *open) writeDown(ctx context.Context, runs, kept []*v1alpha1.HookRun) error {
	if err := o.addFinalizer(ctx, o.finalized()); err != nil {
		return err
	}
	there, err := o.runsOf(ctx, o.record.Session)
	if err != nil {
		return err
	}
	for _, run := range there {
		if slices.ContainsFunc(kept, func(other *v1alpha1.HookRun) bool { return other.UID == run.UID }) {
			continue
		}
		if err := o.dropFinalizer(ctx, run); err != nil {
			return err
		}
		if err := client.IgnoreNotFound(o.Client.Delete(ctx, run)); err != nil {
			return fmt.Errorf("deleting a HookRun that was half written: %w", err)
		}
	}
	for _, run := range runs {
		if err := o.Client.Create(ctx, run); err != nil {
			return fmt.Errorf("writing HookRun %s: %w", run.Name, err)
		}
	}
	o.record.Runs = append(slices.Clone(kept), runs...)
	return nil
}

// finalized is the session as it is to be patched: its finalizers are taken over by what is known here.
func (o *open) finalized() client.Object {
	if !o.record.Holder() {
		o.record.Session.Finalizers = append(o.record.Session.Finalizers, v1alpha1.ThawFinalizer)
	}
	live := o.record.Session.DeepCopy()
	live.Finalizers = slices.DeleteFunc(slices.Clone(live.Finalizers), func(name string) bool { return name == v1alpha1.ThawFinalizer })
	return live
}

// skip notes in which pods hooks do not run.
func (o *open) skip(ctx context.Context, skips []machine.Skips) error {
	for _, skip := range skips {
		run := record.Skip(skip.Run, skip.Places, skip.Reason)
		o.lock.Unlock()
		err := o.saveRun(ctx, run)
		o.lock.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}
