package preview

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessions are what a backup and a restore of a namespace would run there; none of those that run nothing.
func (t *trial) sessions(namespace string, all []candidate) (sessions []Session) {
	var (
		pods []plan.Pod
		byID = map[types.UID]*candidate{}
	)
	for i := range all {
		c := &all[i]
		if c.namespace != namespace {
			continue
		}
		id := types.UID(strconv.Itoa(i))
		byID[id] = c
		pod := world.PodOf(c.pod)
		// Of those in files it is not known whether they are ready.
		pod.UID, pod.Name, pod.Ready = id, c.planName(), pod.Ready || len(c.pod.Status.Conditions) == 0
		pods = append(pods, pod)
	}
	for _, of := range []struct {
		operation v1alpha1.Operation
		kinds     plan.Kinds
	}{
		{v1alpha1.OperationBackup, plan.Kinds{Snapshot: true, Backup: true}},
		{v1alpha1.OperationRestore, plan.Kinds{Restore: true}},
	} {
		planned := plan.Resolve(t.Index, plan.Session{Namespace: t.namespace(namespace), Kinds: of.kinds}, pods)
		session := Session{Namespace: namespace, Operation: of.operation}
		for i := range planned.Steps {
			session.Steps = append(session.Steps, step(&planned.Steps[i], byID))
		}
		if len(session.Steps) > 0 {
			sessions = append(sessions, session)
		}
	}
	return sessions
}

func (c *candidate) planName() string {
	if c.template {
		return c.name
	}
	return c.pod.Name
}

func step(planned *plan.Step, byID map[types.UID]*candidate) Step {
	s := Step{Stage: planned.Stage, Group: planned.Group + 1, Hook: planned.Hook.Name, Policy: planned.Policy.String()}
	if planned.Note != "" {
		s.Notes = append(s.Notes, planned.Note)
	}
	type place struct {
		workload
		container string
	}
	counts := map[place]int{}
	var places []place
	for i := range planned.Targets {
		target := &planned.Targets[i]
		c := byID[target.UID]
		at := place{c.workload, target.Container}
		if _, known := counts[at]; !known {
			places = append(places, at)
		}
		if planned.Hook.RunOn == v1alpha1.OnePod {
			counts[at] = 1
		} else {
			counts[at] += c.count
		}
		if target.Obstacle != "" && !slices.Contains(s.Notes, target.Obstacle) {
			s.Notes = append(s.Notes, target.Obstacle)
		}
	}
	if planned.Hook.RunOn == v1alpha1.OncePerSession {
		s.In = []string{"no pod, once"}
	}
	for _, at := range places {
		where := fmt.Sprintf("%s %s", strings.ToLower(at.kind), at.name)
		if at.kind != "Pod" {
			where = fmt.Sprintf("%s of %s %s", pods(counts[at]), at.kind, at.name)
		}
		s.In = append(s.In, where+", container "+at.container)
	}
	return s
}

func pods(count int) string {
	if count == 1 {
		return "1 pod"
	}
	return strconv.Itoa(count) + " pods"
}
