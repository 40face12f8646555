package thaw

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// executor runs commands in containers.
type executor interface {
	Exec(ctx context.Context, request action.Request) action.Result
	End(ctx context.Context, target action.Target, token string) action.Process
}

var _ executor = (*action.Executor)(nil)

// policyKinds are the kinds without which a policy is not known.
var policyKinds = []string{"HookPolicy", "NamespacedHookPolicy", "HookScript", "HookTemplate"}

// atOnce is how many commands run at once.
const atOnce = 16

// reader reads what a plan is made of.
type reader struct {
	client.Client
	containers executor
	namespace  string
	scope      scope
	force      bool
	timeout    time.Duration

	// wanted is what the scope comes to.
	wanted wants
}

// plan looks at a namespace. It changes nothing in it.
func (r *reader) plan(ctx context.Context, now time.Time) (*thawPlan, error) {
	p := &thawPlan{namespace: r.namespace, timeout: r.timeout}
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.InNamespace(r.namespace)); err != nil {
		return nil, err
	}
	if err := r.knowsPods(ctx, pods.Items); err != nil {
		return nil, err
	}
	named := r.scope.names(pods.Items)
	r.wanted = func(policy match.Ref, pod string) bool { return r.scope.policy(policy) && (pod == "" || named(pod)) }
	records, err := r.records(ctx)
	if err != nil {
		return nil, err
	}
	p.sessions = planSessions(records, r.scope.narrow(), r.wanted, now)
	set := r.policies(ctx, p)
	if set != nil {
		p.policies = policyNames(r.namespace, set, records, pods.Items)
	}
	stamped := stampedPods(r.namespace, pods.Items, set, r.scope)
	r.look(ctx, stamped)
	p.planStamped(stamped, r.force)
	if r.force {
		r.planForced(ctx, p, pods.Items, set)
	}
	r.warn(ctx, p)
	return p, nil
}

// later are the sessions that concern the plan and have begun since it was made.
func (r *reader) later(ctx context.Context, p *thawPlan, now time.Time) ([]*theSession, error) {
	records, err := r.records(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(planSessions(records, r.scope.narrow(), r.wanted, now), func(s *theSession) bool {
		return slices.ContainsFunc(p.sessions, func(known *theSession) bool { return known.Session.UID == s.Session.UID })
	}), nil
}

// records are those of the sessions that may have something quiesced.
func (r *reader) records(ctx context.Context) ([]record.Record, error) {
	var sessions v1alpha1.HookSessionList
	if err := r.List(ctx, &sessions, client.InNamespace(r.namespace)); err != nil {
		return nil, err
	}
	slices.SortFunc(sessions.Items, func(a, b v1alpha1.HookSession) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	var records []record.Record
	for i := range sessions.Items {
		session := &sessions.Items[i]
		if !owes(session) {
			continue
		}
		read, err := r.record(ctx, session)
		if err != nil {
			return nil, err
		}
		records = append(records, read)
	}
	return records, nil
}

// record reads what a session has done.
func (r *reader) record(ctx context.Context, session *v1alpha1.HookSession) (record.Record, error) {
	read := record.Record{Session: session}
	var runs v1alpha1.HookRunList
	err := r.List(ctx, &runs, client.InNamespace(session.Namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)})
	if err != nil {
		return read, fmt.Errorf("reading what session %s has done: %w", session.Name, err)
	}
	for i := range runs.Items {
		read.Runs = append(read.Runs, &runs.Items[i])
	}
	slices.SortFunc(read.Runs, func(a, b *v1alpha1.HookRun) int { return int(a.Spec.Order - b.Spec.Order) })
	return read, nil
}

// policies are those of the cluster; nil where they may not be read.
func (r *reader) policies(ctx context.Context, p *thawPlan) *policies.Set {
	known, err := world.Load(ctx, r, r.namespace)
	if err != nil {
		p.warnings = append(p.warnings, "stamped pods are thawed by what is stamped on them, since their policies cannot be read: "+command.Sentence(err))
		return nil
	}
	p.warnings = append(p.warnings, known.Gaps...)
	// Of policies of which a part is not known, it is not known either whether they lack what thaws.
	if slices.ContainsFunc(policyKinds, known.Unread) {
		p.warnings = append(p.warnings, "stamped pods are thawed by what is stamped on them, since their policies cannot be read")
		return nil
	}
	return known.Set
}

// look finds out in which of the stamped pods a watchdog waits.
func (r *reader) look(ctx context.Context, stamped []*stampedPod) {
	each(stamped, func(pod *stampedPod) {
		if !pod.guarded {
			pod.unknown = "its hooks have no watchdog that could tell (shell: None). If it is quiesced, --force runs its post hook"
			return
		}
		pod.look(ctx, r.containers)
	})
}

// look finds out whether a watchdog waits in the pod.
func (p *stampedPod) look(ctx context.Context, containers executor) {
	p.found, p.unknown = "", ""
	result := containers.Exec(ctx, action.Request{Target: p.Target, Command: chain.LookCommand(), Timeout: chain.LookTimeout, Chain: true})
	switch {
	case result.Reason == action.Succeeded:
		found, named := chain.Found(result.Output)
		if !named {
			p.unknown = "the look for its watchdog has not said what it found"
			return
		}
		p.found = found
	case code(result) == chain.ExitNothing, slices.Contains([]action.Reason{action.PodGone, action.NotRunning, action.ContainerNotFound, action.NoShell}, result.Reason):
		// No watchdog can be there.
	default:
		p.unknown = result.Message
	}
}

// code is a script's own; -1 where it has not ended by itself.
func code(result action.Result) int {
	if result.Reason != action.ExitCode || result.Code == nil {
		return -1
	}
	return *result.Code
}

// each does something with all of them, some at once.
func each[T any](all []T, do func(T)) {
	var (
		working sync.WaitGroup
		slots   = make(chan struct{}, atOnce)
	)
	for _, one := range all {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			do(one)
		})
	}
	working.Wait()
}

// planForced adds what thaws pods of which nothing says that they are quiesced.
func (r *reader) planForced(ctx context.Context, p *thawPlan, pods []corev1.Pod, set *policies.Set) {
	if set == nil {
		p.warnings = append(p.warnings, "--force reaches stamped pods only, since the policies cannot be read")
		return
	}
	namespace := match.UnknownNamespace(r.namespace)
	var object corev1.Namespace
	if err := r.Get(ctx, client.ObjectKey{Name: r.namespace}, &object); err == nil {
		namespace = match.Namespace{Name: r.namespace, Labels: object.Labels}
	}
	covered := map[string]bool{}
	for _, pod := range p.stamped {
		for _, policy := range pod.policies {
			covered[pod.Pod+" "+policy.String()] = true
		}
	}
	for _, s := range p.sessions {
		for i := range s.steps {
			covered[s.steps[i].pod.Name+" "+record.PolicyOf(s.steps[i].run).String()] = true
		}
	}
	p.forced = forced(namespace, pods, set, func(policy match.Ref, pod string) bool {
		return r.wanted(policy, pod) && !covered[pod+" "+policy.String()]
	})
}

// warn says what the thaw does to backups that run.
func (r *reader) warn(ctx context.Context, p *thawPlan) {
	for _, s := range p.sessions {
		if source := s.Session.Spec.Velero; source != nil && s.cancels && source.Held && s.Session.Status.BegunAt == nil {
			p.warnings = append(p.warnings, fmt.Sprintf("%s %s/%s is held for session %s, and is refused when that is cancelled", source.Kind, source.Namespace, source.Name, s.Session.Name))
		}
	}
	backups := &unstructured.UnstructuredList{}
	backups.SetGroupVersionKind(velero.GroupVersion.WithKind("BackupList"))
	err := r.List(ctx, backups)
	switch {
	case meta.IsNoMatchError(err) || apierrors.IsNotFound(err):
		return
	case err != nil:
		p.warnings = append(p.warnings, fmt.Sprintf("whether a Backup of Velero runs in namespace %s is not known (%v): one that does will not be consistent", r.namespace, err))
		return
	}
	for i := range backups.Items {
		if backup, runs := running(&backups.Items[i], r.namespace); runs {
			p.warnings = append(p.warnings, fmt.Sprintf("Backup %s/%s runs in namespace %s right now: what it holds of these pods will not be consistent, "+
				"and it may quiesce others yet. To end it: kubectl -n %s delete backups.velero.io %s",
				backup.Namespace, backup.Name, r.namespace, backup.Namespace, backup.Name))
		}
	}
}

// running tells whether a Backup runs in a namespace.
func running(object *unstructured.Unstructured, namespace string) (*velero.Backup, bool) {
	raw, err := json.Marshal(object.Object)
	if err != nil {
		return nil, false
	}
	backup := &velero.Backup{ObjectMeta: metav1.ObjectMeta{}}
	if err := json.Unmarshal(raw, backup); err != nil { // nor can Velero read it
		return nil, false
	}
	return backup, backup.Status.Phase == velero.InProgress && backup.Spec.CoversPods(namespace)
}
