package stamp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func waiting(source Source) Source {
	return source.with(func(spec *v1alpha1.HookPolicySpec) { spec.Velero.Mode = v1alpha1.VeleroSession })
}

func TestAPodForWhichVeleroWaitsCarriesNothing(t *testing.T) {
	pod := podOf("db")
	decision := compiled(t, waiting(pair("db", 0)), pair("files", 10)).Decide(match.Namespace{Name: "shop"}, pod)
	assert.Empty(t, decision.Set)
	require.Len(t, decision.Outcomes, 2)
	assert.Equal(t, []obstacle{{"files", v1alpha1.ReasonBySession, ""}}, obstaclesOf(decision.Outcomes))
	assert.Contains(t, decision.Outcomes[0].Obstacles[0].Explain("shop/db-0"), `HookPolicy "db"`)

	stamped := stampedBy(pod, compiled(t, pair("db", 0)))
	require.NotEmpty(t, stamped.Annotations[v1alpha1.StampAnnotation])
	decision = compiled(t, waiting(pair("db", 0))).Decide(match.Namespace{Name: "shop"}, stamped)
	assert.Len(t, decision.Remove, 9, "what it carried before goes")
	assert.False(t, decision.Outcomes[0].Current())
}

func TestAPodThatOptedOutOfThePolicyIsNotWaitedFor(t *testing.T) {
	pod := podOf("db").annotated(map[string]string{v1alpha1.SkipPoliciesAnnotation: "db"})
	decision := compiled(t, waiting(pair("db", 0)), pair("files", 10)).Decide(match.Namespace{Name: "shop"}, pod)
	assert.NotEmpty(t, decision.Set)
}

func TestNoPodIsWaitedForByHooksOfRestores(t *testing.T) {
	restores := waiting(policy("db", 0, hook("check", v1alpha1.PostRestore, "check")))
	decision := compiled(t, restores, pair("files", 10)).Decide(match.Namespace{Name: "shop"}, podOf("db"))
	assert.NotEmpty(t, decision.Set)
}

func TestNoPodIsWaitedForByHooksThatRunInNone(t *testing.T) {
	drain := v1alpha1.Hook{Name: "drain", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, HTTPGet: &v1alpha1.HTTPGetAction{
		HTTPRequest: v1alpha1.HTTPRequest{URL: "http://drain.example"},
	}}
	drain.RunOn = v1alpha1.OncePerSession
	decision := compiled(t, waiting(policy("db", 0, drain)), pair("files", 10)).Decide(match.Namespace{Name: "shop"}, podOf("db"))
	assert.NotEmpty(t, decision.Set)
}

func TestWhereNobodyWaitsASessionRunsWhatComesAfterAndUndoesNothing(t *testing.T) {
	word := hook("word", v1alpha1.PostBackup, "tell")
	word.ExecutionPolicy = v1alpha1.OnFailure
	upload := v1alpha1.Hook{Name: "upload", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}, Job: &v1alpha1.JobAction{}}
	flush := hook("flush", v1alpha1.PreSnapshot, "flush")
	flush.RunOn = v1alpha1.OnePod
	hold := v1alpha1.Hook{Name: "hold", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Hold: &v1alpha1.HoldAction{}}
	tests := map[string]struct {
		hooks         []v1alpha1.Hook
		stamp, waited []string // what is left in either mode
	}{
		"a freeze and its thaw":               {[]v1alpha1.Hook{freeze(), thaw()}, nil, nil},
		"and a word on failure":               {[]v1alpha1.Hook{freeze(), thaw(), word}, []string{"word"}, []string{"word"}},
		"a job beside a freeze and its thaw":  {[]v1alpha1.Hook{freeze(), thaw(), upload}, nil, nil},
		"a job alone":                         {[]v1alpha1.Hook{upload}, []string{"upload"}, []string{"upload"}},
		"a hold":                              {[]v1alpha1.Hook{hold}, nil, nil},
		"a hold and a word":                   {[]v1alpha1.Hook{hold, word}, []string{"word"}, []string{"word"}},
		"what comes before, and a job":        {[]v1alpha1.Hook{flush, upload}, nil, nil},
		"a command of after, that is stamped": {[]v1alpha1.Hook{thaw()}, nil, []string{"thaw"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for mode, want := range map[v1alpha1.VeleroMode][]string{v1alpha1.VeleroStamp: test.stamp, v1alpha1.VeleroSession: test.waited} {
				spec := &v1alpha1.HookPolicySpec{Velero: v1alpha1.PolicyVelero{Mode: mode}, Hooks: test.hooks}
				var left []string
				for place := range spec.Hooks {
					for _, stage := range v1alpha1.BackupStages {
						if Left(spec, place, stage) && (spec.Hooks[place].Stages[0] == stage || spec.Hooks[place].Hold != nil) {
							left = append(left, spec.Hooks[place].Name)
						}
					}
				}
				assert.Equal(t, want, left, mode)
			}
		})
	}
}

func TestWhatPodsCarryIsCounted(t *testing.T) {
	word := hook("word", v1alpha1.PostBackup, "tell")
	word.ExecutionPolicy = v1alpha1.OnFailure
	sources := []Source{policy("db", 5, freeze(), thaw(), word), pair("files", 0)}
	policies := compiled(t, sources...)
	db, other := stampedBy(podOf("db"), policies), podOf("db")
	counted := Delegated(policies.index, match.Namespace{Name: "shop"}, []Pod{db, other, db})
	assert.Equal(t, []DelegatedHook{
		{match.Ref{Name: "db"}, "freeze", 2}, {match.Ref{Name: "db"}, "thaw", 2}, {match.Ref{Name: "files"}, "freeze", 2}, {match.Ref{Name: "files"}, "thaw", 2},
	}, counted)
	foreign := podOf("db").annotated(map[string]string{v1alpha1.StampAnnotation: `{"pre":{"policies":["hookpolicy/gone"]}}`})
	assert.Empty(t, Delegated(policies.index, match.Namespace{Name: "shop"}, []Pod{foreign}))
}
