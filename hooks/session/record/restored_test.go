package record

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func podOfRestore(name, restore string) plan.Pod {
	pod := plan.Pod{Name: name, UID: types.UID(name), Ready: true}
	pod.Containers = []match.Container{{Name: "db"}}
	if restore != "" {
		pod.Labels = map[string]string{v1alpha1.VeleroRestoreLabel: restore, "app": "db"}
	}
	return pod
}

func TestHooksOfAfterARestoreOfVelerosAreForThePodsThatItBrought(t *testing.T) {
	long := strings.Repeat("long-", 15)
	tests := map[string]struct {
		source *v1alpha1.VeleroSource
		pod    plan.Pod
		want   bool
	}{
		"a pod that it brought":       {&v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Name: "monday"}, podOfRestore("a", "monday"), true},
		"one of another restore":      {&v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Name: "monday"}, podOfRestore("a", "sunday"), false},
		"one that was there":          {&v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Name: "monday"}, podOfRestore("a", ""), false},
		"one of a long name, cut":     {&v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Name: long}, podOfRestore("a", long[:57]+"9d8524"), true},
		"one of another that is long": {&v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Name: long + "x"}, podOfRestore("a", long[:57]+"9d8524"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := &Record{Session: &v1alpha1.HookSession{Spec: v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationRestore, Velero: test.source}}}
			takes := r.Restored()
			require.NotNil(t, takes)
			assert.Equal(t, test.want, takes(match.Ref{Name: "p"}, test.pod))
		})
	}
}

func TestWhatAnyOtherToolRestoresCannotBeToldFromWhatWasThere(t *testing.T) {
	for name, source := range map[string]*v1alpha1.VeleroSource{"another tool": nil, "a backup": {Kind: v1alpha1.VeleroBackup, Name: "monday"}} {
		r := &Record{Session: &v1alpha1.HookSession{Spec: v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationRestore, Velero: source}}}
		assert.Nil(t, r.Restored(), name)
	}
}

// What was paused before the restore goes on after it, where the restore has left the pod as it was; and nothing else runs there.
func TestAPodThatTheRestoreHasLeftIsUndoneByThePolicyThatWasInIt(t *testing.T) {
	policies := map[string]v1alpha1.HookPolicySpec{
		"pause":  {Hooks: []v1alpha1.Hook{hook("stop", "db", v1alpha1.PreRestore), hook("go", "db", v1alpha1.PostRestore)}},
		"verify": {Hooks: []v1alpha1.Hook{hook("check", "db", v1alpha1.PostRestore)}},
	}
	sources := make([]match.Source, 0, len(policies))
	for name, spec := range policies {
		sources = append(sources, match.Source{Ref: match.Ref{Name: name}, Spec: &spec})
	}
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	session := plan.Session{Namespace: match.Namespace{Name: "shop"}, Kinds: plan.Kinds{Restore: true}}
	begun := metav1.NowMicro()
	r := &Record{Session: &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s", UID: "u"},
		Spec: v1alpha1.HookSessionSpec{
			Operation: v1alpha1.OperationRestore,
			Velero:    &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Name: "monday", Held: true},
			Outcomes:  &v1alpha1.Outcomes{Operation: v1alpha1.Succeeded},
		},
		Status: v1alpha1.HookSessionStatus{Plan: &v1alpha1.SessionPlan{RestoreHooks: true}, BegunAt: &begun},
	}}
	write := func(p plan.Plan, first int) []*v1alpha1.HookRun {
		return Write(r.Session, p.Steps, func(ref match.Ref) Policy {
			spec := policies[ref.Name]
			return Policy{UID: types.UID(ref.Name), Spec: &spec}
		}, first)
	}
	// Of two pods that were there, one is not reached before the restore begins.
	before := plan.Resolve(index, session, []plan.Pod{podOfRestore("left", ""), podOfRestore("unreached", "")})
	r.Runs = write(plan.Plan{Steps: before.Of(v1alpha1.PreRestore)}, 0)
	done(r.Runs[0], ok("left"), v1alpha1.PodResult{Pod: "unreached", Outcome: v1alpha1.ResultSkipped, NotRun: true})

	session.Takes = r.Restored()
	after := plan.Resolve(index, session, []plan.Pod{podOfRestore("left", ""), podOfRestore("unreached", ""), podOfRestore("new", "monday")})
	r.Runs = append(r.Runs, write(plan.Plan{Steps: after.Of(v1alpha1.PostRestore)}, 1)...)
	owed, _ := r.Plan().Owed(v1alpha1.PostRestore, r.History())
	ran := map[string][]string{}
	for _, step := range owed {
		for _, target := range step.Targets {
			ran[step.Hook.Name] = append(ran[step.Hook.Name], target.Pod)
		}
	}
	assert.Equal(t, map[string][]string{"go": {"left", "new"}, "check": {"new"}}, ran)
}
