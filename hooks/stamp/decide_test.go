package stamp

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

func TestASideOfOneHookIsStampedAsItsPlainCommand(t *testing.T) {
	decision := compiled(t, policy("fs", 0, in("app", freeze()))).Decide(shop, podOf("proxy", "app"))

	assert.Empty(t, decision.Remove)
	set := maps.Clone(decision.Set)
	delete(set, v1alpha1.StampAnnotation)
	assert.Equal(t, map[string]string{
		"pre.hook.backup.velero.io/command":   `["fsfreeze","-f","/data"]`,
		"pre.hook.backup.velero.io/container": "app",
		"pre.hook.backup.velero.io/on-error":  "Fail",
		"pre.hook.backup.velero.io/timeout":   "30s",
	}, set)
	assert.Equal(t, []match.Ref{{Name: "fs"}}, Carried("shop", decision.Set))
	require.Len(t, decision.Outcomes, 1)
	assert.True(t, decision.Outcomes[0].Stamped())
	assert.False(t, decision.Outcomes[0].Current(), "it is yet to be written")
}

func TestAPolicyOfBothSidesHasAWatchdog(t *testing.T) {
	limited := policy("fs", 0, freeze(), thaw()).with(func(spec *v1alpha1.HookPolicySpec) {
		spec.MaxQuiesce = v1alpha1.Duration{Duration: 7 * time.Minute}
	})
	decision := compiled(t, limited).Decide(shop, podOf("app"))
	want := chain.Chain{
		Pre:        []chain.Hook{{Name: "hookpolicy/fs/freeze", Command: freeze().Exec.Command, Timeout: 30 * time.Second}},
		Post:       []chain.Hook{{Name: "hookpolicy/fs/thaw", Command: thaw().Exec.Command, Timeout: 30 * time.Second}},
		MaxQuiesce: 7 * time.Minute,
	}
	assert.Equal(t, &veleroHook{want.PreCommand(), "app", "Fail", want.PreTimeout()},
		veleroReads("pre.hook.backup.velero.io/", decision.Set, nil))
	assert.Equal(t, &veleroHook{want.PostCommand(), "app", "Fail", want.PostTimeout()},
		veleroReads("post.hook.backup.velero.io/", decision.Set, nil))
}

func TestWithoutAShellBothSidesArePlainAndTheStatusSaysThatNothingGuardsThem(t *testing.T) {
	decision := compiled(t, noShell(policy("fs", 0, in("a", freeze()), in("b", thaw())))).Decide(shop, podOf("a", "b"))
	assert.Equal(t, &veleroHook{freeze().Exec.Command, "a", "Fail", 30 * time.Second}, veleroReads("pre.hook.backup.velero.io/", decision.Set, nil))
	assert.Equal(t, &veleroHook{thaw().Exec.Command, "b", "Fail", 30 * time.Second}, veleroReads("post.hook.backup.velero.io/", decision.Set, nil))
}

// What a soft failure in the script must not become: a reason for Velero to go on after "another backup is quiescing".
func TestAGuardedChainIsAlwaysFailToVelero(t *testing.T) {
	soft := freeze()
	soft.OnError = v1alpha1.Continue
	decision := compiled(t, policy("fs", 0, soft, thaw())).Decide(shop, podOf("app"))
	assert.Equal(t, "Fail", decision.Set["pre.hook.backup.velero.io/on-error"])
}

func TestWhatVeleroWouldMisreadIsNeverWritten(t *testing.T) {
	long := hook("a", v1alpha1.PreBackup, "sh", "-c", `echo "<&>" '\' 	é`)
	long.Timeout = v1alpha1.Duration{Duration: 25 * time.Minute}
	long.OnError = v1alpha1.Continue
	set := compiled(t, policy("p", 0, long)).Decide(shop, podOf("c")).Set

	assert.Equal(t, &veleroHook{long.Exec.Command, "c", "Continue", 25 * time.Minute}, veleroReads("pre.hook.backup.velero.io/", set, nil))
	assert.Contains(t, set["pre.hook.backup.velero.io/command"], "<&>", "people read it, so it is not escaped for HTML")
	assert.Nil(t, veleroReads("post.hook.backup.velero.io/", set, nil))
}

func TestAPolicyForOtherPodsChangesNothing(t *testing.T) {
	elsewhere := pair("first", 1000).with(func(spec *v1alpha1.HookPolicySpec) {
		spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{"other"}
	})
	pod := podOf("c")
	alone := compiled(t, pair("a", 1), pair("b", 2)).Decide(shop, pod)
	assert.Equal(t, alone.Set, compiled(t, pair("a", 1), pair("b", 2), elsewhere).Decide(shop, pod).Set)
}

func TestASuspendedPolicyTakesNoPart(t *testing.T) {
	suspended := pair("p", 0).with(func(spec *v1alpha1.HookPolicySpec) { spec.Suspend = true })
	assert.Equal(t, Decision{}, compiled(t, suspended).Decide(shop, podOf("c")))
}

func TestAPodWhoseUserOwnsAnyHookAnnotationIsLeftAloneOnBothSides(t *testing.T) {
	for _, key := range []string{
		"pre.hook.backup.velero.io/command", "pre.hook.backup.velero.io/timeout", "pre.hook.backup.velero.io/comand",
		"post.hook.backup.velero.io/command", "post.hook.backup.velero.io/on-error",
		"hook.backup.velero.io/command",
	} {
		for _, value := range []string{"", `["true"]`} {
			decision := compiled(t, pair("fs", 0)).Decide(shop, podOf("c").annotated(map[string]string{key: value, "other": "x"}))
			assert.Empty(t, decision.Set, key)
			assert.Empty(t, decision.Remove, key)
			assert.Equal(t, []obstacle{{"fs", v1alpha1.ReasonUserOwned, ""}}, obstaclesOf(decision.Outcomes), key)
			assert.True(t, decision.Outcomes[0].Current(), "nothing is to be done about it")
		}
	}
}

func TestAnnotationsThatOnlyLookLikeHooksDoNotMatter(t *testing.T) {
	annotations := map[string]string{
		"post.hook.restore.velero.io/command":  "x",
		"init.hook.restore.velero.io/command":  "x",
		"backup.velero.io/backup-volumes":      "data",
		"my.pre.hook.backup.velero.io.example": "x",
	}
	decision := compiled(t, policy("fs", 0, freeze())).Decide(shop, podOf("c").annotated(annotations))
	assert.Empty(t, obstaclesOf(decision.Outcomes))
	assert.Len(t, decision.Apply(annotations), len(annotations)+5)
}

func TestAPodOptsOutByAnnotation(t *testing.T) {
	policies := compiled(t, pair("a", 2), pair("b", 1), Source{match.Ref{Namespace: "shop", Name: "c"}, pair("c", 0).Spec})
	tests := map[string]struct {
		annotations map[string]string
		carried     []match.Ref
	}{
		"of nothing":                   {nil, []match.Ref{{Name: "a"}, {Name: "b"}, {Namespace: "shop", Name: "c"}}},
		"of all":                       {map[string]string{v1alpha1.SkipAnnotation: "true"}, nil},
		"not by another value":         {map[string]string{v1alpha1.SkipAnnotation: "yes"}, []match.Ref{{Name: "a"}, {Name: "b"}, {Namespace: "shop", Name: "c"}}},
		"of one":                       {map[string]string{v1alpha1.SkipPoliciesAnnotation: "b"}, []match.Ref{{Name: "a"}, {Namespace: "shop", Name: "c"}}},
		"of two, with spaces":          {map[string]string{v1alpha1.SkipPoliciesAnnotation: " a, c ,"}, []match.Ref{{Name: "b"}}},
		"of one that there is not any": {map[string]string{v1alpha1.SkipPoliciesAnnotation: "z"}, []match.Ref{{Name: "a"}, {Name: "b"}, {Namespace: "shop", Name: "c"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pod := stampedBy(podOf("x").annotated(test.annotations), policies)
			assert.Equal(t, test.carried, Carried("shop", pod.Annotations))
			for _, outcome := range policies.Decide(shop, pod).Outcomes {
				assert.True(t, outcome.Current())
				assert.Equal(t, outcome.Stamped(), len(outcome.Obstacles) == 0)
			}
		})
	}
	t.Run("afterwards: what it carried goes", func(t *testing.T) {
		pod := stampedBy(podOf("x"), policies)
		pod.Annotations = Decision{Set: map[string]string{v1alpha1.SkipAnnotation: "true"}}.Apply(pod.Annotations)
		assert.False(t, policies.Decide(shop, pod).Outcomes[0].Current())
		assert.Equal(t, map[string]string{v1alpha1.SkipAnnotation: "true"}, stampedBy(pod, policies).Annotations)
	})
}

func TestAPodThatABackupHasHooksForIsLeftAlone(t *testing.T) {
	spec := &velero.BackupSpec{}
	spec.Hooks.Resources = []velero.HookSpec{{PreHooks: []any{"x"}, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}}}
	hooks, found := velero.ParseBackupHooks("Schedule velero/nightly", spec)
	require.True(t, found)
	without, with := compiled(t, pair("fs", 0)), compiledFor(t, Options{BackupHooks: []velero.BackupHooks{hooks}}, pair("fs", 0))
	db, web := podOf("c"), podOf("c")
	db.Labels, web.Labels = map[string]string{"app": "db"}, map[string]string{"app": "web"}

	assert.NotEmpty(t, with.Decide(shop, web).Set)
	decision := with.Decide(shop, stampedBy(db, without))
	assert.Equal(t, Unstamp(stampedBy(db, without).Annotations), decision.Remove, "what was stamped before the Schedule came goes")
	assert.Equal(t, []obstacle{{"fs", v1alpha1.ReasonBackupHooks, ""}}, obstaclesOf(decision.Outcomes))
	assert.Contains(t, decision.Outcomes[0].Obstacles[0].Explain("shop/db-0"), "Schedule velero/nightly has hooks of its own for pod shop/db-0")
}

func TestStampsOfThePast(t *testing.T) {
	both := pair("fs", 0)
	other := policy("fs", 0, hook("new", v1alpha1.PreBackup, "new"))
	plain := podOf("c").annotated(map[string]string{"other": "x"})
	stamped := stampedBy(plain, compiled(t, both))
	changed := func(changes map[string]string, removed ...string) Pod {
		return stamped.annotated(Decision{Set: changes, Remove: removed}.Apply(stamped.Annotations))
	}

	t.Run("are kept when they are what the policy says today", func(t *testing.T) {
		decision := compiled(t, both).Decide(shop, stamped)
		assert.Empty(t, decision.Set)
		assert.Empty(t, decision.Remove)
		require.Len(t, decision.Outcomes, 1)
		assert.True(t, decision.Outcomes[0].Current())
	})
	t.Run("follow the policy", func(t *testing.T) {
		annotations := stampedBy(stamped, compiled(t, other)).Annotations
		assert.Equal(t, stampedBy(plain, compiled(t, other)).Annotations, annotations)
		assert.NotContains(t, annotations, "post.hook.backup.velero.io/command")
	})
	t.Run("go when no policy wants them", func(t *testing.T) {
		assert.Equal(t, plain.Annotations, stampedBy(stamped, compiled(t)).Annotations)
	})
	t.Run("go when they are to go, and what the user has stays", func(t *testing.T) {
		assert.Equal(t, plain.Annotations, Decision{Remove: Unstamp(stamped.Annotations)}.Apply(stamped.Annotations))
		edited := changed(map[string]string{"post.hook.backup.velero.io/timeout": "1h"})
		left := Decision{Remove: Unstamp(edited.Annotations)}.Apply(edited.Annotations)
		assert.Equal(t, "1h", left["post.hook.backup.velero.io/timeout"])
		assert.NotContains(t, left, "pre.hook.backup.velero.io/command")
		assert.NotContains(t, left, v1alpha1.StampAnnotation)
	})
	t.Run("are made whole when a whole side is lost", func(t *testing.T) {
		halved := changed(nil, "post.hook.backup.velero.io/command", "post.hook.backup.velero.io/container",
			"post.hook.backup.velero.io/on-error", "post.hook.backup.velero.io/timeout")
		assert.Equal(t, stamped.Annotations, stampedBy(halved, compiled(t, both)).Annotations)
		assert.Equal(t, plain.Annotations, stampedBy(halved, compiled(t)).Annotations, "never a freeze without its thaw")
	})
	t.Run("go from both sides once a user has edited one, and what he wrote stays", func(t *testing.T) {
		for name, pod := range map[string]Pod{
			"a command of his own":   changed(map[string]string{"post.hook.backup.velero.io/command": `["true"]`}),
			"another timeout":        changed(map[string]string{"pre.hook.backup.velero.io/timeout": "1h"}),
			"a hook in the old form": changed(map[string]string{"hook.backup.velero.io/command": "x"}),
			"one key taken away":     changed(nil, "pre.hook.backup.velero.io/on-error"),
		} {
			for _, policies := range []*Policies{compiled(t, both), compiled(t, other), compiled(t)} {
				decision := policies.Decide(shop, pod)
				assert.Empty(t, decision.Set, name)
				left := decision.Apply(pod.Annotations)
				assert.NotContains(t, left, v1alpha1.StampAnnotation, name)
				assert.Empty(t, Carried("shop", left), name)
				sidesLeft := 0
				for _, prefix := range []string{v1alpha1.VeleroPrePrefix, v1alpha1.VeleroPostPrefix} {
					if _, found := left[prefix+v1alpha1.VeleroCommand]; found {
						sidesLeft++
					}
				}
				assert.LessOrEqual(t, sidesLeft, 1, "%s: our own side has gone", name)
				for _, found := range obstaclesOf(decision.Outcomes) {
					assert.Equal(t, v1alpha1.ReasonUserOwned, found.reason, name)
				}
			}
		}
	})
	t.Run("prove nothing when they cannot be read", func(t *testing.T) {
		for _, record := range []string{"{not json", "", `{"pre":{}}`, `[]`, `{"pre":{"policies":["?"],"hash":""}}`} {
			pod := plain.annotated(map[string]string{"pre.hook.backup.velero.io/command": "mine", v1alpha1.StampAnnotation: record})
			assert.Equal(t, map[string]string{"pre.hook.backup.velero.io/command": "mine"}, stampedBy(pod, compiled(t, both)).Annotations)
			assert.Empty(t, Carried("shop", pod.Annotations))
		}
	})
}

func TestAPodKeepsItsContainerWhenAnotherIsPutInFront(t *testing.T) {
	policies := compiled(t, pair("fs", 0))
	annotations := policies.Decide(shop, podOf("app")).Set
	assert.Empty(t, policies.Decide(shop, podOf("istio-proxy", "app").annotated(annotations)).Set)
	replaced := policies.Decide(shop, podOf("istio-proxy", "web").annotated(annotations)).Set
	assert.Equal(t, "istio-proxy", replaced["pre.hook.backup.velero.io/container"], "its own is gone")
}

func TestAContainerThatWasNamedIsNotKeptOnceNoneIs(t *testing.T) {
	pod := stampedBy(podOf("app", "side"), compiled(t, policy("p", 0, in("side", freeze()))))
	set := compiled(t, policy("p", 0, freeze())).Decide(shop, pod).Set
	assert.Equal(t, "app", set["pre.hook.backup.velero.io/container"])
}

func TestAPolicyThatHasDroppedASideIsNotCurrent(t *testing.T) {
	pod := stampedBy(podOf("c"), compiled(t, policy("a", 0, freeze(), thaw())))
	for name, policies := range map[string]*Policies{
		"the freeze":                    compiled(t, policy("a", 0, thaw())),
		"the thaw":                      compiled(t, policy("a", 0, freeze())),
		"the freeze, to another policy": compiled(t, policy("a", 0, thaw()), policy("b", 0, freeze())),
	} {
		outcomes := policies.Decide(shop, pod).Outcomes
		require.NotEmpty(t, outcomes, name)
		assert.False(t, outcomes[0].Current(), name)
	}
}

func TestAPolicyIsCurrentWhateverBecomesOfAnotherOnTheOtherSide(t *testing.T) {
	a, b := policy("a", 0, freeze()), policy("b", 0, thaw())
	pod := stampedBy(podOf("c"), compiled(t, a, b))
	edited := policy("a", 0, hook("freeze", v1alpha1.PreSnapshot, "other"))

	outcomes := compiled(t, edited, b).Decide(shop, pod).Outcomes
	require.Len(t, outcomes, 2)
	assert.False(t, outcomes[0].Current())
	assert.True(t, outcomes[1].Current())
	outcomes = compiled(t, b).Decide(shop, pod).Outcomes
	require.Len(t, outcomes, 1)
	assert.True(t, outcomes[0].Current())
	assert.Equal(t, []match.Ref{{Name: "a"}, {Name: "b"}}, Carried("shop", pod.Annotations))
}

func TestAPodNeverPassesTheLimitOnAnnotationsByUs(t *testing.T) {
	const limit = 256 * 1024
	policies := compiled(t, policy("large", 1, hook("large", v1alpha1.PreBackup, strings.Repeat("x", 32768))),
		policy("small", 0, hook("small", v1alpha1.PostBackup, "x")))
	stamped := 0
	for free := 33000 + headroom; free < 35000+headroom; free += 25 {
		annotations := map[string]string{"a": strings.Repeat("y", limit-free-1)}
		decision := policies.Decide(shop, podOf("c").annotated(annotations))
		assert.LessOrEqual(t, size(decision.Apply(annotations)), limit-headroom, "and others have room")
		if decision.Outcomes[0].Stamped() {
			stamped++
		} else {
			assert.Equal(t, []obstacle{{"large", v1alpha1.ReasonTooLarge, ""}}, obstaclesOf(decision.Outcomes))
			assert.True(t, decision.Outcomes[1].Stamped(), "the smaller one still has room")
		}
	}
	assert.NotZero(t, stamped)
	assert.NotEqual(t, 80, stamped)
}

// The kernel takes an argument of 128 KiB at most, whatever annotations may hold.
func TestAScriptThatTheKernelWouldNotTakeIsNotStamped(t *testing.T) {
	var hooks []v1alpha1.Hook
	for _, name := range []string{"a", "b", "c", "d"} {
		hooks = append(hooks, hook(name, v1alpha1.PreBackup, "sh", "-c", strings.Repeat("x", 30000)))
	}
	decision := compiled(t, policy("large", 1, hooks...), policy("small", 0, hooks[:2]...)).Decide(shop, podOf("c"))
	assert.Equal(t, []obstacle{{"large", v1alpha1.ReasonTooLarge, ""}}, obstaclesOf(decision.Outcomes))
	assert.Equal(t, []match.Ref{{Name: "small"}}, Carried("shop", decision.Set))
	assert.Contains(t, decision.Outcomes[0].Obstacles[0].Explain("shop/x"), "a script of more than 96 KiB")
}
