package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// world makes policies, pods and sessions by chance, the same for a seed.
type world struct{ *rand.Rand }

func newWorld(seed uint64) world { return world{rand.New(rand.NewPCG(seed, seed))} }

func (w world) pick(choices ...string) string { return choices[w.IntN(len(choices))] }

func (w world) session() Session {
	kinds := []Kinds{{Snapshot: true}, {Backup: true}, backingUp, backingUp, restoring}
	session := Session{Kinds: kinds[w.IntN(len(kinds))]}
	for range w.IntN(4) - 1 {
		session.PolicyNames = append(session.PolicyNames, w.pick("p0", "p1", "p2", "none"))
	}
	return session
}

func (w world) recipes() []recipe {
	var recipes []recipe
	for i := range 1 + w.IntN(4) {
		var hooks []ingredient
		for j := range 1 + w.IntN(4) {
			h := hook(fmt.Sprintf("h%d", j))
			for _, stage := range slices.Concat(pre, post) {
				if w.IntN(3) == 0 {
					h.Stages = append(h.Stages, stage)
				}
			}
			h.Container = w.pick("", "", "app", "log", "gone")
			if w.IntN(4) == 0 {
				h = h.selecting("role", w.pick("primary", "replica"))
			}
			h = h.on(v1alpha1.RunOn(w.pick("EachPod", "EachPod", "EachPod", "OnePod", "Session")))
			hooks = append(hooks, h.when(v1alpha1.ExecutionPolicy(w.pick("Always", "Always", "OnSuccess", "OnFailure"))))
		}
		made := policy(fmt.Sprintf("p%d", i), int32(w.IntN(3)), hooks...)
		if w.IntN(3) == 0 {
			made = made.of("shop")
		}
		if w.IntN(3) == 0 {
			made = made.selecting(v1alpha1.PolicySelector{LabelSelector: matchLabels("app", w.pick("x", "y"))})
		}
		recipes = append(recipes, made)
	}
	return recipes
}

func (w world) pods() []Pod {
	count := w.IntN(6)
	if w.IntN(50) == 0 {
		count = w.IntN(3 * MaxTargets)
	}
	var pods []Pod
	for i := range count {
		made := pod(fmt.Sprintf("pod-%d", i), "app", w.pick("x", "y"), "role", w.pick("primary", "replica"))
		made.Ready = w.IntN(3) > 0
		if w.IntN(2) == 0 {
			made.Containers = append(made.Containers, match.Container{Name: "log", Image: "log:1", Sidecar: true})
		}
		if w.IntN(8) == 0 {
			made.Annotations = map[string]string{v1alpha1.SkipPoliciesAnnotation: w.pick("p0", "p1")}
		}
		pods = append(pods, made)
	}
	return pods
}

func shuffled[T any](w world, list []T) []T {
	list = slices.Clone(list)
	w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func TestWhateverThePoliciesAndThePods(t *testing.T) {
	steps, large := 0, 0
	for seed := range uint64(3000) {
		w := newWorld(seed)
		session, recipes, pods := w.session(), w.recipes(), w.pods()
		plan := planned(t, session, pods, recipes...)
		steps += len(plan.Steps)

		again := session
		again.PolicyNames = shuffled(w, session.PolicyNames)
		require.Equal(t, plan, planned(t, again, shuffled(w, pods), shuffled(w, recipes)...), "seed %d: the order of arrival does not matter", seed)

		var stages []v1alpha1.Stage
		for _, step := range plan.Steps {
			stages = append(stages, step.Stage)
			require.LessOrEqual(t, len(step.Targets), MaxTargets, "seed %d", seed)
			if step.Part > 0 {
				large++
			}
		}
		inOrder := slices.DeleteFunc(session.Kinds.Stages(), func(stage v1alpha1.Stage) bool { return !slices.Contains(stages, stage) })
		require.True(t, slices.Equal(inOrder, slices.Compact(stages)), "seed %d: stages come in their order, each in one piece", seed)
		for _, stage := range slices.Concat(pre, post) {
			requireOrder(t, seed, recipes, plan.Of(stage))
		}
		requireTargets(t, seed, session, recipes, pods, plan)
		requireOnePod(t, seed, recipes, plan)
	}
	assert.Greater(t, steps, 5000)
	assert.Greater(t, large, 50)
}

// requireOrder asserts that groups run one after another by priority, and that steps of a group share neither policy nor pod,
// so that the order by name and list is kept wherever it can be seen.
func requireOrder(t *testing.T, seed uint64, recipes []recipe, steps []Step) {
	t.Helper()
	rank := func(step Step) int { // of the policy's priority, kind and name, then of the hook
		ordered := slices.SortedFunc(slices.Values(recipes), func(a, b recipe) int {
			compiled := func(r recipe) *match.Policy {
				return &match.Policy{Ref: r.ref, Spec: &v1alpha1.HookPolicySpec{Priority: r.priority}}
			}
			return match.Compare(compiled(a), compiled(b))
		})
		return 100*slices.IndexFunc(ordered, func(r recipe) bool { return r.ref == step.Policy }) + step.Hook.Place
	}
	priority := func(step Step) int32 {
		return recipes[slices.IndexFunc(recipes, func(r recipe) bool { return r.ref == step.Policy })].priority
	}
	last := map[spot]Step{}
	for i, step := range steps {
		if i > 0 {
			require.Contains(t, []int{0, 1}, step.Group-steps[i-1].Group, "seed %d: groups are numbered one by one", seed)
		} else {
			require.Zero(t, step.Group, "seed %d", seed)
		}
		spots := []spot{{policy: step.Policy}}
		for _, target := range step.Targets {
			spots = append(spots, spot{pod: target.UID})
		}
		for _, where := range spots {
			before, found := last[where]
			last[where] = step
			if !found || rank(before) == rank(step) {
				continue
			}
			require.Less(t, before.Group, step.Group, "seed %d: what shares a policy or a pod does not run at once", seed)
			require.Equal(t, IsPost(step.Stage), rank(before) > rank(step), "seed %d: by rank, and after the operation in reverse", seed)
		}
		for _, other := range steps[:i] {
			if priority(other) == priority(step) {
				continue
			}
			require.Less(t, other.Group, step.Group, "seed %d: one priority is over before the next begins", seed)
			require.Equal(t, IsPost(step.Stage), priority(other) < priority(step), "seed %d: the highest first, and after the operation last", seed)
		}
	}
}

// requireTargets asserts that each hook of EachPod has each pod that its selectors select, once, in each of its stages.
func requireTargets(t *testing.T, seed uint64, session Session, recipes []recipe, pods []Pod, plan Plan) {
	t.Helper()
	want, got := map[running]int{}, map[running]int{}
	for _, r := range recipes {
		for _, h := range r.hooks {
			for _, pod := range pods {
				selects := func(selector *v1alpha1.LabelSelector) bool {
					compiled, err := selector.Compile()
					require.NoError(t, err)
					return compiled.Matches(labels.Set(pod.Labels))
				}
				if h.runOn != v1alpha1.EachPod || !selects(r.selector.LabelSelector) || !selects(h.LabelSelector) ||
					pod.Annotations[v1alpha1.SkipPoliciesAnnotation] == r.ref.Name ||
					len(session.PolicyNames) > 0 && !slices.Contains(session.PolicyNames, r.ref.Name) {
					continue
				}
				for _, stage := range h.Stages {
					if session.Kinds.has(stage) {
						want[running{r.ref, h.Name, stage, pod.UID}]++
					}
				}
			}
		}
	}
	for _, step := range plan.Steps {
		for _, target := range step.Targets {
			if step.Hook.RunOn == v1alpha1.EachPod {
				got[running{step.Policy, step.Hook.Name, step.Stage, target.UID}]++
			}
		}
	}
	require.Equal(t, want, got, "seed %d: nothing is lost, and nothing doubled", seed)
}

// requireOnePod asserts that hooks of OnePod have one pod, the same one where no selector of theirs parts them.
func requireOnePod(t *testing.T, seed uint64, recipes []recipe, plan Plan) {
	t.Helper()
	chosen := map[match.Ref]types.UID{}
	for _, step := range plan.Steps {
		if step.Hook.RunOn != v1alpha1.OnePod {
			continue
		}
		require.Len(t, step.Targets, 1, "seed %d", seed)
		r := recipes[slices.IndexFunc(recipes, func(r recipe) bool { return r.ref == step.Policy })]
		if slices.ContainsFunc(r.hooks, func(h ingredient) bool { return h.runOn == v1alpha1.OnePod && h.LabelSelector != nil }) {
			continue
		}
		if known, found := chosen[step.Policy]; found {
			require.Equal(t, known, step.Targets[0].UID, "seed %d: the same pod in all stages", seed)
		}
		chosen[step.Policy] = step.Targets[0].UID
	}
}
