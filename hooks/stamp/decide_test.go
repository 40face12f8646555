package stamp

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var shop = match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}

// hook is a hook with the defaults that the CRD sets.
func hook(name string, stage v1alpha1.Stage, command ...string) v1alpha1.Hook {
	return v1alpha1.Hook{
		Name: name, Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Fail,
		Timeout: metav1.Duration{Duration: 30 * time.Second},
		Exec:    &v1alpha1.ExecAction{Command: command},
	}
}

func in(container string, hook v1alpha1.Hook) v1alpha1.Hook {
	hook.Container = container
	return hook
}

func freeze() v1alpha1.Hook { return hook("freeze", v1alpha1.PreSnapshot, "fsfreeze", "-f", "/data") }
func thaw() v1alpha1.Hook   { return hook("thaw", v1alpha1.PostSnapshot, "fsfreeze", "-u", "/data") }

func policy(name string, priority int32, hooks ...v1alpha1.Hook) v1alpha1.HookPolicy {
	return v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.HookPolicySpec{Priority: priority, Hooks: hooks},
	}
}

func compiled(t *testing.T, policies ...v1alpha1.HookPolicy) *Policies {
	t.Helper()
	compiled, refused := Compile(policies)
	require.Empty(t, refused)
	return compiled
}

// apply does to annotations what a decision says.
func apply(annotations map[string]string, decision Decision) map[string]string {
	result := map[string]string{}
	for key, value := range annotations {
		result[key] = value
	}
	for key, value := range decision.Set {
		result[key] = value
	}
	for _, key := range decision.Remove {
		delete(result, key)
	}
	return result
}

// public is what outcomes tell of themselves.
func public(outcomes []Outcome) []Outcome {
	var told []Outcome
	for _, o := range outcomes {
		told = append(told, Outcome{Policy: o.Policy, Reason: o.Reason, Hook: o.Hook, Container: o.Container, Winner: o.Winner})
	}
	return told
}

func without(annotations map[string]string, key string) map[string]string {
	result := apply(annotations, Decision{Remove: []string{key}})
	return result
}

func TestAllFourKeysOfEachSideAreWritten(t *testing.T) {
	policies := compiled(t, policy("fs", 0, in("app", freeze()), thaw()))
	decision := policies.Decide(shop, Pod{Containers: []string{"proxy", "app"}})

	assert.Empty(t, decision.Remove)
	assert.Equal(t, map[string]string{
		"pre.hook.backup.velero.io/command":    `["fsfreeze","-f","/data"]`,
		"pre.hook.backup.velero.io/container":  "app",
		"pre.hook.backup.velero.io/on-error":   "Fail",
		"pre.hook.backup.velero.io/timeout":    "30s",
		"post.hook.backup.velero.io/command":   `["fsfreeze","-u","/data"]`,
		"post.hook.backup.velero.io/container": "proxy", // the pod's first
		"post.hook.backup.velero.io/on-error":  "Fail",
		"post.hook.backup.velero.io/timeout":   "30s",
	}, without(decision.Set, v1alpha1.StampAnnotation))
	assert.Equal(t, []string{"fs"}, Carried(decision.Set))
	assert.Equal(t, []Outcome{{Policy: "fs"}}, public(decision.Outcomes))
	assert.False(t, decision.Outcomes[0].Current(), "it is yet to be written")
}

func TestWhatVeleroWouldMisreadIsNeverWritten(t *testing.T) {
	long := hook("a", v1alpha1.PreBackup, "sh", "-c", `echo "<&>" '\' 	é`)
	long.Timeout = metav1.Duration{Duration: 25 * time.Minute}
	long.OnError = v1alpha1.Continue
	set := compiled(t, policy("p", 0, long)).Decide(shop, Pod{Containers: []string{"c"}}).Set

	var argv []string
	require.NoError(t, json.Unmarshal([]byte(set["pre.hook.backup.velero.io/command"]), &argv))
	assert.Equal(t, long.Exec.Command, argv)
	assert.Contains(t, set["pre.hook.backup.velero.io/command"], "<&>", "people read it, so it is not escaped for HTML")
	assert.Equal(t, "Continue", set["pre.hook.backup.velero.io/on-error"])
	parsed, err := time.ParseDuration(set["pre.hook.backup.velero.io/timeout"])
	require.NoError(t, err)
	assert.Equal(t, 25*time.Minute, parsed)
	assert.NotContains(t, set, "post.hook.backup.velero.io/command")
}

func TestWhichPolicyIsStamped(t *testing.T) {
	pre, post := hook("pre", v1alpha1.PreBackup, "pre"), hook("post", v1alpha1.PostBackup, "post")
	tests := map[string]struct {
		policies []v1alpha1.HookPolicy
		pre      string // the policy's container, which tells the policies apart
		post     string
		outcomes []Outcome
	}{
		"the higher priority has both sides": {
			policies: []v1alpha1.HookPolicy{
				policy("low", 1, in("a", pre), in("a", post)), policy("high", 2, in("b", pre), in("b", post))},
			pre: "b", post: "b",
			outcomes: []Outcome{{Policy: "high"}, {Policy: "low", Reason: v1alpha1.ReasonOutranked, Hook: "pre", Winner: "high"}},
		},
		"ties go by name": {
			policies: []v1alpha1.HookPolicy{policy("y", 0, in("a", pre)), policy("x", 0, in("b", pre))},
			pre:      "b",
			outcomes: []Outcome{{Policy: "x"}, {Policy: "y", Reason: v1alpha1.ReasonOutranked, Hook: "pre", Winner: "x"}},
		},
		"two policies of one side each share a pod": {
			policies: []v1alpha1.HookPolicy{policy("x", 0, in("a", pre)), policy("y", 0, in("b", post))},
			pre:      "a", post: "b",
			outcomes: []Outcome{{Policy: "x"}, {Policy: "y"}},
		},
		"a policy of both sides is stamped on both or on neither": {
			policies: []v1alpha1.HookPolicy{policy("pair", 1, in("a", pre), in("a", post)), policy("single", 2, in("b", post))},
			post:     "b",
			outcomes: []Outcome{{Policy: "single"}, {Policy: "pair", Reason: v1alpha1.ReasonOutranked, Hook: "post", Winner: "single"}},
		},
		"a policy whose container is missing makes room for the next": {
			policies: []v1alpha1.HookPolicy{policy("first", 2, in("a", pre), in("gone", post)), policy("second", 1, in("b", pre))},
			pre:      "b",
			outcomes: []Outcome{
				{Policy: "first", Reason: v1alpha1.ReasonContainerNotFound, Hook: "post", Container: "gone"}, {Policy: "second"}},
		},
		"a suspended policy takes no part": {
			policies: []v1alpha1.HookPolicy{func() v1alpha1.HookPolicy {
				suspended := policy("p", 0, pre)
				suspended.Spec.Suspend = true
				return suspended
			}()},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			decision := compiled(t, test.policies...).Decide(shop, Pod{Containers: []string{"a", "b"}})
			assert.Equal(t, test.pre, decision.Set["pre.hook.backup.velero.io/container"])
			assert.Equal(t, test.post, decision.Set["post.hook.backup.velero.io/container"])
			assert.Equal(t, test.outcomes, public(decision.Outcomes))
		})
	}
}

func TestAPodWhoseUserOwnsAnyHookAnnotationIsLeftAloneOnBothSides(t *testing.T) {
	for _, key := range []string{
		"pre.hook.backup.velero.io/command", "pre.hook.backup.velero.io/timeout", "pre.hook.backup.velero.io/comand",
		"post.hook.backup.velero.io/command", "post.hook.backup.velero.io/on-error",
		"hook.backup.velero.io/command",
	} {
		for _, value := range []string{"", `["true"]`} {
			decision := compiled(t, policy("fs", 0, freeze(), thaw())).
				Decide(shop, Pod{Containers: []string{"c"}, Annotations: map[string]string{key: value, "other": "x"}})
			assert.Empty(t, decision.Set, key)
			assert.Empty(t, decision.Remove, key)
			assert.Equal(t, []Outcome{{Policy: "fs", Reason: v1alpha1.ReasonUserOwned}}, decision.Outcomes, key)
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
	decision := compiled(t, policy("fs", 0, freeze())).Decide(shop, Pod{Containers: []string{"c"}, Annotations: annotations})
	assert.Equal(t, []Outcome{{Policy: "fs"}}, public(decision.Outcomes))
	assert.Len(t, apply(annotations, decision), len(annotations)+5)
}

func TestStampsOfThePast(t *testing.T) {
	both := policy("fs", 0, freeze(), thaw())
	other := policy("fs", 0, hook("new", v1alpha1.PreBackup, "new"))
	plain := Pod{Containers: []string{"c"}, Annotations: map[string]string{"other": "x"}}
	stamped := plain
	stamped.Annotations = apply(plain.Annotations, compiled(t, both).Decide(shop, plain))
	with := func(changes map[string]string, removed ...string) Pod {
		pod := stamped
		pod.Annotations = apply(stamped.Annotations, Decision{Set: changes, Remove: removed})
		return pod
	}

	t.Run("are kept when they are what the policy says today", func(t *testing.T) {
		decision := compiled(t, both).Decide(shop, stamped)
		assert.Empty(t, decision.Set)
		assert.Empty(t, decision.Remove)
		require.Len(t, decision.Outcomes, 1)
		assert.True(t, decision.Outcomes[0].Current())
	})
	t.Run("follow the policy", func(t *testing.T) {
		annotations := apply(stamped.Annotations, compiled(t, other).Decide(shop, stamped))
		assert.Equal(t, apply(plain.Annotations, compiled(t, other).Decide(shop, plain)), annotations)
		assert.NotContains(t, annotations, "post.hook.backup.velero.io/command")
	})
	t.Run("go when no policy wants them", func(t *testing.T) {
		assert.Equal(t, plain.Annotations, apply(stamped.Annotations, compiled(t).Decide(shop, stamped)))
	})
	t.Run("are made whole when a whole side is lost", func(t *testing.T) {
		halved := with(nil, "post.hook.backup.velero.io/command", "post.hook.backup.velero.io/container",
			"post.hook.backup.velero.io/on-error", "post.hook.backup.velero.io/timeout")
		assert.Equal(t, stamped.Annotations, apply(halved.Annotations, compiled(t, both).Decide(shop, halved)))
		assert.Equal(t, plain.Annotations, apply(halved.Annotations, compiled(t).Decide(shop, halved)), "never a freeze without its thaw")
	})
	t.Run("go from both sides once a user has edited one, and what he wrote stays", func(t *testing.T) {
		for name, pod := range map[string]Pod{
			"a command of his own":   with(map[string]string{"post.hook.backup.velero.io/command": `["true"]`}),
			"another timeout":        with(map[string]string{"pre.hook.backup.velero.io/timeout": "1h"}),
			"a hook in the old form": with(map[string]string{"hook.backup.velero.io/command": "x"}),
			"one key taken away":     with(nil, "pre.hook.backup.velero.io/on-error"),
		} {
			for _, policies := range []*Policies{compiled(t, both), compiled(t, other), compiled(t)} {
				decision := policies.Decide(shop, pod)
				assert.Empty(t, decision.Set, name)
				left := apply(pod.Annotations, decision)
				assert.NotContains(t, left, v1alpha1.StampAnnotation, name)
				assert.Empty(t, Carried(left), name)
				sidesLeft := 0
				for _, prefix := range []string{v1alpha1.VeleroPrePrefix, v1alpha1.VeleroPostPrefix} {
					if _, found := left[prefix+v1alpha1.VeleroCommand]; found {
						sidesLeft++
					}
				}
				assert.LessOrEqual(t, sidesLeft, 1, "%s: our own side has gone", name)
				for _, outcome := range decision.Outcomes {
					assert.Equal(t, v1alpha1.ReasonUserOwned, outcome.Reason, name)
				}
			}
		}
	})
	t.Run("prove nothing when they cannot be read", func(t *testing.T) {
		for _, record := range []string{"{not json", "", `{"pre":{}}`, `[]`} {
			pod := plain
			pod.Annotations = map[string]string{"pre.hook.backup.velero.io/command": "mine", v1alpha1.StampAnnotation: record}
			left := apply(pod.Annotations, compiled(t, both).Decide(shop, pod))
			assert.Equal(t, map[string]string{"pre.hook.backup.velero.io/command": "mine"}, left)
		}
	})
}

func TestAPodKeepsItsContainerWhenAnotherIsPutInFront(t *testing.T) {
	policies := compiled(t, policy("fs", 0, freeze(), thaw()))
	before := Pod{Containers: []string{"app"}}
	annotations := policies.Decide(shop, before).Set
	injected := Pod{Containers: []string{"istio-proxy", "app"}, Annotations: annotations}
	assert.Empty(t, policies.Decide(shop, injected).Set)
	replaced := Pod{Containers: []string{"istio-proxy", "web"}, Annotations: annotations}
	assert.Equal(t, "istio-proxy", policies.Decide(shop, replaced).Set["pre.hook.backup.velero.io/container"], "its own is gone")
}

func TestAContainerThatWasNamedIsNotKeptOnceNoneIs(t *testing.T) {
	pod := Pod{Containers: []string{"app", "side"}}
	pod.Annotations = compiled(t, policy("p", 0, in("side", freeze()))).Decide(shop, pod).Set
	set := compiled(t, policy("p", 0, freeze())).Decide(shop, pod).Set
	assert.Equal(t, "app", set["pre.hook.backup.velero.io/container"])
}

func TestAPolicyThatHasDroppedASideIsNotCurrent(t *testing.T) {
	pod := Pod{Containers: []string{"c"}}
	pod.Annotations = compiled(t, policy("a", 0, freeze(), thaw())).Decide(shop, pod).Set
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

func TestAPolicyIsCurrentWhateverBecomesOfAnotherOnTheSamePod(t *testing.T) {
	a, b := policy("a", 0, freeze()), policy("b", 0, thaw())
	pod := Pod{Containers: []string{"c"}}
	pod.Annotations = compiled(t, a, b).Decide(shop, pod).Set
	edited := policy("a", 0, hook("freeze", v1alpha1.PreSnapshot, "other"))

	outcomes := compiled(t, edited, b).Decide(shop, pod).Outcomes
	require.Len(t, outcomes, 2)
	assert.False(t, outcomes[0].Current())
	assert.True(t, outcomes[1].Current())
	outcomes = compiled(t, b).Decide(shop, pod).Outcomes
	require.Len(t, outcomes, 1)
	assert.True(t, outcomes[0].Current())
	assert.Equal(t, []string{"a", "b"}, Carried(pod.Annotations))
}

func TestAPodNeverPassesTheLimitOnAnnotationsByUs(t *testing.T) {
	const limit = 256 * 1024
	policies := compiled(t, policy("large", 1, hook("large", v1alpha1.PreBackup, strings.Repeat("x", 32768))),
		policy("small", 0, hook("small", v1alpha1.PostBackup, "x")))
	stamped := 0
	for free := 33000; free < 35000; free += 25 {
		annotations := map[string]string{"a": strings.Repeat("y", limit-free-1)}
		decision := policies.Decide(shop, Pod{Containers: []string{"c"}, Annotations: annotations})
		assert.LessOrEqual(t, size(apply(annotations, decision)), limit)
		if decision.Outcomes[0].Stamped() {
			stamped++
		} else {
			assert.Equal(t, v1alpha1.ReasonTooLarge, decision.Outcomes[0].Reason)
			assert.True(t, decision.Outcomes[1].Stamped(), "the smaller one still has room")
		}
	}
	assert.NotZero(t, stamped)
	assert.NotEqual(t, 80, stamped)
}

func TestWhatCannotBeStampedIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	broken := policy("broken", 0, freeze())
	broken.Spec.Selector.LabelSelector = &v1alpha1.LabelSelector{
		MatchExpressions: []v1alpha1.LabelRequirement{{Key: "app", Operator: "Like"}}}
	tests := map[string]struct {
		policy v1alpha1.HookPolicy
		want   string
	}{
		"two hooks on one side": {
			policy("p", 0, hook("a", v1alpha1.PreBackup, "a"), hook("b", v1alpha1.PreSnapshot, "b")),
			`spec.hooks: "a" and "b" both run before the backup of a pod, where Velero's annotations have room for one hook: join them`,
		},
		"a hook without an action": {
			policy("p", 0, v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}}),
			"spec.hooks[a]: write exactly one action: exec",
		},
		"a selector with a wrong operator": {broken, "spec.selector.labelSelector: "},
		"no hooks at all":                  {policy("p", 0), "spec.hooks: write at least one hook"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			good := policy("good", 0, freeze())
			policies, refused := Compile([]v1alpha1.HookPolicy{test.policy, good})
			require.Len(t, refused, 1)
			assert.ErrorContains(t, refused[0].Err, test.want)
			assert.NotEmpty(t, policies.Decide(shop, Pod{Containers: []string{"c"}}).Set, "the others are used all the same")
		})
	}
}

func TestOneHookInSeveralStagesOfASideIsStampedOnce(t *testing.T) {
	common := hook("flush", v1alpha1.PreBackup, "flush")
	common.Stages = append(common.Stages, v1alpha1.PreSnapshot, v1alpha1.PostBackup)
	set := compiled(t, policy("p", 0, common)).Decide(shop, Pod{Containers: []string{"c"}}).Set
	assert.Equal(t, `["flush"]`, set["pre.hook.backup.velero.io/command"])
	assert.Equal(t, `["flush"]`, set["post.hook.backup.velero.io/command"])
}

func TestEveryReasonIsExplained(t *testing.T) {
	for _, reason := range []string{"", v1alpha1.ReasonContainerNotFound, v1alpha1.ReasonUserOwned, v1alpha1.ReasonOutranked,
		v1alpha1.ReasonTooLarge, v1alpha1.ReasonNotStamped, v1alpha1.ReasonOutdated} {
		explained := Outcome{Policy: "p", Reason: reason, Hook: "h", Container: "c", Winner: "w"}.Explain("shop/web-0")
		assert.Contains(t, explained, "shop/web-0")
		if reason != "" {
			assert.NotContains(t, explained, "is not stamped: "+reason, "no sentence for the reason %s", reason)
		}
	}
}
