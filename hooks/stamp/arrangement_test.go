package stamp

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sequence is the hooks of a side in their order, as policy/hook.
func sequence(t *testing.T, policies *Policies, pod Pod, s side) []string {
	t.Helper()
	a, _ := policies.arrange(shop, policies.index.Match(shop, pod.Pod), pod, carry(pod.Annotations))
	hooks := a[s].hooks
	inRunningOrder(s, hooks)
	names := []string{}
	for _, placed := range hooks {
		names = append(names, placed.policy.Name+"/"+placed.spec().Name)
	}
	return names
}

func TestHooksRunByStageThenByRankThenByTheListAndInReverseAfterwards(t *testing.T) {
	stages := func(name string, stages ...v1alpha1.Stage) v1alpha1.Hook {
		h := hook(name, "", name)
		h.Stages = stages
		return h
	}
	all := func(name string, priority int32) Source {
		return policy(name, priority,
			stages("snapshot-1", v1alpha1.PreSnapshot, v1alpha1.PostSnapshot),
			stages("backup", v1alpha1.PostBackup, v1alpha1.PreBackup),
			stages("snapshot-2", v1alpha1.PreSnapshot, v1alpha1.PostSnapshot),
			stages("both", v1alpha1.PreSnapshot, v1alpha1.PreBackup, v1alpha1.PostBackup, v1alpha1.PostSnapshot))
	}
	namespaced := all("a", 1)
	namespaced.Namespace = "shop"
	policies := compiled(t, all("z", 1), namespaced, all("top", 2))
	assert.Equal(t, []string{
		"top/backup", "top/both", "z/backup", "z/both", "a/backup", "a/both",
		"top/snapshot-1", "top/snapshot-2", "z/snapshot-1", "z/snapshot-2", "a/snapshot-1", "a/snapshot-2",
	}, sequence(t, policies, podOf("c"), pre))
	assert.Equal(t, []string{
		"a/snapshot-2", "a/snapshot-1", "z/snapshot-2", "z/snapshot-1", "top/snapshot-2", "top/snapshot-1",
		"a/both", "a/backup", "z/both", "z/backup", "top/both", "top/backup",
	}, sequence(t, policies, podOf("c"), post))
}

func TestHooksOfSeveralPoliciesAreChained(t *testing.T) {
	limit := func(source Source, limit time.Duration) Source {
		return source.with(func(spec *v1alpha1.HookPolicySpec) { spec.MaxQuiesce = v1alpha1.Duration{Duration: limit} })
	}
	soft := hook("note", v1alpha1.PreSnapshot, "note")
	soft.OnError = v1alpha1.Continue
	set := compiled(t, limit(pair("a", 2), time.Hour), limit(pair("b", 1), time.Minute), limit(policy("c", 0, soft), time.Second)).
		Decide(shop, podOf("c")).Set
	link := func(policy, name string, group int, command ...string) chain.Hook {
		return chain.Hook{Name: "hookpolicy/" + policy + "/" + name, Group: group, Command: command, Timeout: 30 * time.Second}
	}
	note := link("c", "note", 2, "note")
	note.Continue = true
	want := chain.Chain{
		Pre:        []chain.Hook{link("a", "freeze", 0, "freeze", "a"), link("b", "freeze", 1, "freeze", "b"), note},
		Post:       []chain.Hook{link("b", "thaw", 1, "thaw", "b"), link("a", "thaw", 0, "thaw", "a")},
		MaxQuiesce: time.Minute, // the shortest of those with both sides
	}
	assert.Equal(t, want.PreCommand(), veleroReads("pre.hook.backup.velero.io/", set, nil).command)
	assert.Equal(t, want.PostCommand(), veleroReads("post.hook.backup.velero.io/", set, nil).command)
}

func TestAChainWithoutAWatchdogIsContinueToVeleroWhereAllItsHooksAre(t *testing.T) {
	soft := func(name string, stage v1alpha1.Stage) v1alpha1.Hook {
		h := hook(name, stage, name)
		h.OnError = v1alpha1.Continue
		return h
	}
	for name, test := range map[string]struct {
		hooks     []v1alpha1.Hook
		pre, post string
	}{
		"all are":    {[]v1alpha1.Hook{soft("a", v1alpha1.PreBackup), soft("b", v1alpha1.PreBackup)}, "Continue", ""},
		"one is not": {[]v1alpha1.Hook{soft("a", v1alpha1.PreBackup), hook("b", v1alpha1.PreBackup, "b")}, "Fail", ""},
		"afterwards": {[]v1alpha1.Hook{soft("a", v1alpha1.PostBackup), soft("b", v1alpha1.PostBackup)}, "", "Continue"},
	} {
		set := compiled(t, policy("p", 0, test.hooks...)).Decide(shop, podOf("c")).Set
		assert.Equal(t, test.pre, set["pre.hook.backup.velero.io/on-error"], name)
		assert.Equal(t, test.post, set["post.hook.backup.velero.io/on-error"], name)
	}
}

func TestInWhichContainerHooksAreStamped(t *testing.T) {
	preIn := func(container, name string) v1alpha1.Hook { return in(container, hook(name, v1alpha1.PreBackup, name)) }
	postIn := func(container, name string) v1alpha1.Hook {
		return in(container, hook(name, v1alpha1.PostBackup, name))
	}
	sidecar := podOf("a", "b")
	sidecar.Containers = append(sidecar.Containers, match.Container{Name: "log", Image: "log:1", Sidecar: true})
	imaged := func(source Source, pattern v1alpha1.ImagePattern) Source {
		return source.with(func(spec *v1alpha1.HookPolicySpec) {
			spec.Selector.ContainerImages = []v1alpha1.ImagePattern{pattern}
		})
	}
	tests := map[string]struct {
		policies  []Source
		options   Options
		pre, post string // containers
		hooks     []string
		want      []obstacle
	}{
		"the pod's first by default": {
			policies: []Source{pair("p", 0)}, pre: "a", post: "a", hooks: []string{"p/freeze", "p/thaw"},
		},
		"the one whose image matches": {
			policies: []Source{imaged(pair("p", 0), "^b:")}, pre: "b", post: "b", hooks: []string{"p/freeze", "p/thaw"},
		},
		"the one that the hook names, whatever image matches": {
			policies: []Source{imaged(policy("p", 0, preIn("a", "x")), "^b:")}, pre: "a", hooks: []string{"p/x"},
		},
		"the highest priority's; hooks for others are left out and told": {
			policies: []Source{policy("low", 1, preIn("a", "x"), preIn("b", "y")), policy("high", 2, preIn("b", "z"))},
			pre:      "b", hooks: []string{"high/z", "low/y"},
			want: []obstacle{{"low", v1alpha1.ReasonOtherContainer, "x"}},
		},
		"sides of different policies may be apart": {
			policies: []Source{policy("x", 0, preIn("a", "x")), policy("y", 0, postIn("b", "y"))},
			pre:      "a", post: "b", hooks: []string{"x/x", "y/y"},
		},
		"both sides of a policy are together": {
			policies: []Source{policy("p", 0, preIn("a", "x"), preIn("b", "y"), postIn("b", "z"))},
			pre:      "b", post: "b", hooks: []string{"p/y", "p/z"},
			want: []obstacle{{"p", v1alpha1.ReasonOtherContainer, "x"}},
		},
		"or it is not stamped, since nothing could thaw": {
			policies: []Source{policy("p", 0, preIn("a", "x"), postIn("b", "z")), pair("other", -1)},
			pre:      "a", post: "a", hooks: []string{"other/freeze", "other/thaw"},
			want: []obstacle{{"p", v1alpha1.ReasonSidesApart, "x"}},
		},
		"a policy of both sides whose container is taken on one is left out on both": {
			policies: []Source{policy("first", 2, postIn("b", "x")), pair("p", 1)},
			post:     "b", hooks: []string{"first/x"},
			want: []obstacle{{"p", v1alpha1.ReasonOtherContainer, "thaw"}},
		},
		"a thaw is not left out where its freeze is not": {
			policies: []Source{policy("p", 0, preIn("a", "freeze"), postIn("a", "note"), postIn("b", "thaw"))},
			want:     []obstacle{{"p", v1alpha1.ReasonSidesApart, "thaw"}},
		},
		"a native sidecar's thaw neither": {
			policies: []Source{policy("p", 0, preIn("a", "freeze"), postIn("a", "note"), postIn("log", "thaw"))},
			want:     []obstacle{{"p", v1alpha1.ReasonSidesApart, "thaw"}},
		},
		"a pair in another container is left out as one": {
			policies: []Source{policy("p", 0, preIn("a", "x"), preIn("b", "freeze"), postIn("b", "thaw"), postIn("a", "y"))},
			pre:      "a", post: "a", hooks: []string{"p/x", "p/y"},
			want: []obstacle{{"p", v1alpha1.ReasonOtherContainer, "freeze"}, {"p", v1alpha1.ReasonOtherContainer, "thaw"}},
		},
		"sides that others have in different containers": {
			policies: []Source{policy("x", 3, preIn("a", "x")), policy("y", 2, postIn("b", "y")), policy("p", 1, preIn("a", "pa"), preIn("b", "pb"), postIn("a", "qa"), postIn("b", "qb"))},
			pre:      "a", post: "b", hooks: []string{"x/x", "y/y"},
			want: []obstacle{{"p", v1alpha1.ReasonOtherContainer, "pa"}},
		},
		"one that is missing leaves the policy out, and makes room for the next": {
			policies: []Source{policy("p", 1, preIn("a", "x"), postIn("gone", "y")), policy("next", 0, preIn("b", "z"))},
			pre:      "b", hooks: []string{"next/z"},
			want: []obstacle{{"p", v1alpha1.ReasonContainerNotFound, "y"}},
		},
		"a native sidecar is left out, with its other side": {
			policies: []Source{policy("p", 0, preIn("log", "x"), postIn("a", "y"))},
			want:     []obstacle{{"p", v1alpha1.ReasonNativeSidecar, "x"}},
		},
		"a native sidecar by its image alike": {
			policies: []Source{imaged(pair("p", 0), "^log:")},
			want:     []obstacle{{"p", v1alpha1.ReasonNativeSidecar, "freeze"}},
		},
		"a native sidecar beside a container": {
			policies: []Source{policy("p", 0, preIn("log", "x"), preIn("a", "y"))},
			pre:      "a", hooks: []string{"p/y"},
			want: []obstacle{{"p", v1alpha1.ReasonNativeSidecar, "x"}},
		},
		"a native sidecar where Velero knows them": {
			policies: []Source{policy("p", 0, preIn("log", "x"))}, options: Options{NativeSidecars: true},
			pre: "log", hooks: []string{"p/x"},
		},
		"without a shell there is one hook a side": {
			policies: []Source{noShell(policy("p", 1, preIn("a", "x"), preIn("a", "y"), postIn("a", "z"))), policy("next", 0, preIn("b", "z"))},
			pre:      "b", hooks: []string{"next/z"},
			want: []obstacle{{"p", v1alpha1.ReasonNoShell, "y"}},
		},
		"without a shell nothing is chained to it": {
			policies: []Source{noShell(policy("p", 1, preIn("a", "x"))), pair("later", 0), policy("after", -1, postIn("b", "z"))},
			pre:      "a", post: "b", hooks: []string{"p/x", "after/z"},
			want: []obstacle{{"later", v1alpha1.ReasonOutranked, "freeze"}},
		},
		"and it is chained to nothing": {
			policies: []Source{policy("first", 2, postIn("a", "x")), noShell(pair("p", 1))},
			post:     "a", hooks: []string{"first/x"},
			want: []obstacle{{"p", v1alpha1.ReasonOutranked, "thaw"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policies := compiledFor(t, test.options, test.policies...)
			decision := policies.Decide(shop, sidecar)
			assert.Equal(t, test.pre, decision.Set["pre.hook.backup.velero.io/container"])
			assert.Equal(t, test.post, decision.Set["post.hook.backup.velero.io/container"])
			assert.Equal(t, test.hooks, append([]string(nil), append(sequence(t, policies, sidecar, pre), sequence(t, policies, sidecar, post)...)...))
			assert.Equal(t, test.want, obstaclesOf(decision.Outcomes))
			for _, outcome := range decision.Outcomes {
				for _, obstacle := range outcome.Obstacles {
					sentence := obstacle.Explain("shop/web-0")
					assert.Contains(t, sentence, "pod shop/web-0")
					assert.Contains(t, sentence, obstacle.Hook)
					assert.NotContains(t, sentence, `""`, "a name is missing in it")
					assert.True(t, strings.Contains(sentence, "write") || strings.Contains(sentence, "run all") || strings.Contains(sentence, "run both") ||
						strings.Contains(sentence, "name another") || strings.Contains(sentence, "join"), "it says what to do: %s", sentence)
				}
			}
		})
	}
}

func TestWhoHasChosenTheContainerIsNamed(t *testing.T) {
	high := policy("high", 2, in("b", hook("z", v1alpha1.PreBackup, "z")))
	low := policy("low", 1, in("a", hook("x", v1alpha1.PreBackup, "x")), in("b", hook("y", v1alpha1.PreBackup, "y")))
	outcomes := compiled(t, high, low).Decide(shop, podOf("a", "b")).Outcomes
	assert.Contains(t, outcomes[1].Obstacles[0].Explain("shop/web-0"), `which is "b" by HookPolicy "high"`)
	outcomes = compiled(t, low).Decide(shop, podOf("a", "b")).Outcomes
	assert.Contains(t, outcomes[0].Obstacles[0].Explain("shop/web-0"), `which is "a" by the policy's own first hook`)
}

func TestThePodsFirstContainerIsKeptWhicheverPolicyTakesIt(t *testing.T) {
	policies := compiled(t, policy("high", 1, in("app", hook("named", v1alpha1.PreBackup, "x"))), policy("low", 0, hook("first", v1alpha1.PreBackup, "y")))
	stamped := stampedBy(podOf("app"), policies)
	assert.Empty(t, policies.Decide(shop, podOf("proxy", "app").annotated(stamped.Annotations)).Set, "though another was put in front")
}

func TestAFreezeIsNotStampedWhereTheThawIsForOtherPods(t *testing.T) {
	primary := thaw()
	primary.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"role": "primary"}}
	policies := compiled(t, policy("p", 0, freeze(), primary))
	decision := policies.Decide(shop, podOf("c"))
	assert.Empty(t, decision.Set)
	assert.Equal(t, []obstacle{{"p", v1alpha1.ReasonOneSided, "freeze"}}, obstaclesOf(decision.Outcomes))
	pod := podOf("c")
	pod.Labels = map[string]string{"role": "primary"}
	assert.Len(t, policies.Decide(shop, pod).Set, 9)
}

func TestWhatIsRememberedOfRenderingsIsBounded(t *testing.T) {
	policies := compiled(t, pair("p", 0))
	a := arrangement{}
	for i := range 1000 {
		large := policy("large", 0, hook("x", v1alpha1.PreBackup, strings.Repeat("x", 50_000)))
		a[pre].hooks = []slot{{&match.Policy{Ref: large.Ref, Spec: large.Spec, Rank: i}, 0}}
		policies.rendered.of(&a)
		assert.LessOrEqual(t, policies.rendered.rendered, maxRendered+100_000)
	}
}

func TestAHookOfItsOwnLabelsIsForThosePodsAlone(t *testing.T) {
	primary := hook("primary", v1alpha1.PreBackup, "x")
	primary.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"role": "primary"}}
	policies := compiled(t, policy("p", 0, primary, hook("all", v1alpha1.PreBackup, "y")), policy("only", 1, primary))
	pod := podOf("c")
	assert.Equal(t, []string{"p/all"}, sequence(t, policies, pod, pre))
	assert.Len(t, policies.Decide(shop, pod).Outcomes, 1, "a policy without a hook for the pod is none of its policies")
	pod.Labels = map[string]string{"role": "primary"}
	assert.Equal(t, []string{"only/primary", "p/primary", "p/all"}, sequence(t, policies, pod, pre))
}
