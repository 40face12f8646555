package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var (
	shop      = match.Namespace{Name: "shop"}
	backingUp = Kinds{Snapshot: true, Backup: true}
	restoring = Kinds{Restore: true}
)

// recipe is a policy in few words, with what the hooks of today cannot say yet.
type recipe struct {
	ref      match.Ref
	priority int32
	selector v1alpha1.PolicySelector
	hooks    []ingredient
}

type ingredient struct {
	v1alpha1.Hook
	runOn     v1alpha1.RunOn
	execution v1alpha1.ExecutionPolicy
}

func hook(name string, stages ...v1alpha1.Stage) ingredient {
	return ingredient{Hook: v1alpha1.Hook{Name: name, Stages: stages, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}}}
}

func (h ingredient) on(runOn v1alpha1.RunOn) ingredient {
	h.runOn = runOn
	return h
}

func (h ingredient) when(execution v1alpha1.ExecutionPolicy) ingredient {
	h.execution = execution
	return h
}

func (h ingredient) in(container string) ingredient {
	h.Container = container
	return h
}

func (h ingredient) selecting(key, value string) ingredient {
	h.LabelSelector = matchLabels(key, value)
	return h
}

func matchLabels(key, value string) *v1alpha1.LabelSelector {
	return &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{key: v1alpha1.LabelValue(value)}}
}

func policy(name string, priority int32, hooks ...ingredient) recipe {
	return recipe{ref: match.Ref{Name: name}, priority: priority, hooks: hooks}
}

func (r recipe) of(namespace string) recipe {
	r.ref.Namespace = namespace
	return r
}

func (r recipe) selecting(selector v1alpha1.PolicySelector) recipe {
	r.selector = selector
	return r
}

// planned resolves a session. Policies are compiled one by one, since not all that is planned passes today's checks.
func planned(t *testing.T, session Session, pods []Pod, recipes ...recipe) Plan {
	t.Helper()
	session.Namespace = shop
	said := map[*v1alpha1.HookPolicySpec][]ingredient{}
	var policies []*match.Policy
	for _, r := range recipes {
		spec := &v1alpha1.HookPolicySpec{Priority: r.priority, Selector: r.selector}
		for _, h := range r.hooks {
			spec.Hooks = append(spec.Hooks, h.Hook)
		}
		said[spec] = r.hooks
		compiled, err := match.Compile(r.ref, spec)
		require.NoError(t, err)
		policies = append(policies, compiled)
	}
	return resolve(match.NewIndex(policies), session, pods, func(spec *v1alpha1.HookPolicySpec, place int) (Hook, bool) {
		read, run := HookOf(spec, place)
		if more := said[spec][place]; more.runOn != "" {
			read.RunOn = more.runOn
		}
		if more := said[spec][place]; more.execution != "" {
			read.ExecutionPolicy = more.execution
		}
		return read, run
	})
}

// pod has one container, app, and is ready.
func pod(name string, podLabels ...string) Pod {
	p := Pod{UID: types.UID("uid-" + name), Name: name, Ready: true}
	p.Containers = []match.Container{{Name: "app", Image: "app:1"}}
	p.Labels = map[string]string{}
	for i := 0; i < len(podLabels); i += 2 {
		p.Labels[podLabels[i]] = podLabels[i+1]
	}
	return p
}

func unreadyPod(name string, podLabels ...string) Pod {
	p := pod(name, podLabels...)
	p.Ready = false
	return p
}

// lines are steps as group policy/hook(pods).
func lines(steps []Step) []string {
	list := []string{}
	for _, step := range steps {
		var pods []string
		for _, target := range step.Targets {
			pods = append(pods, target.Pod)
		}
		list = append(list, fmt.Sprintf("%d %s/%s(%s)", step.Group, step.Policy.Name, step.Hook.Name, strings.Join(pods, " ")))
	}
	return list
}

func TestHooksComeByPriorityNameAndListAndPostStagesInReverse(t *testing.T) {
	both := []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot}
	plan := planned(t, Session{Kinds: backingUp}, []Pod{pod("b"), pod("a")},
		policy("z", 5, hook("one", both...)),
		policy("team", 0, hook("one", both...)).of("shop"),
		policy("y", 0, hook("b", both...), hook("a", both...)),
		policy("low", -1, hook("one", both...)))

	forward := []string{"0 z/one(a b)", "1 y/b(a b)", "2 y/a(a b)", "3 team/one(a b)", "4 low/one(a b)"}
	assert.Equal(t, forward, lines(plan.Of(v1alpha1.PreSnapshot)))
	assert.Equal(t, []string{"0 low/one(a b)", "1 team/one(a b)", "2 y/a(a b)", "3 y/b(a b)", "4 z/one(a b)"}, lines(plan.Of(v1alpha1.PostSnapshot)))
	assert.Empty(t, plan.Of(v1alpha1.PreBackup))
}

func TestPoliciesOfOnePriorityRunAtOnceUnlessTheyShareAPod(t *testing.T) {
	app := func(name string) v1alpha1.PolicySelector {
		return v1alpha1.PolicySelector{LabelSelector: matchLabels("app", name)}
	}
	pods := []Pod{pod("db", "app", "db"), pod("queue", "app", "queue"), pod("web", "app", "web")}
	both := []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot}
	plan := planned(t, Session{Kinds: backingUp}, pods,
		policy("a", 0, hook("1", both...), hook("2", both...)).selecting(app("db")),
		policy("b", 0, hook("1", both...)).selecting(app("queue")),
		policy("c", 0, hook("1", both...)),
		policy("d", 0, hook("1", both...).on(v1alpha1.OncePerSession)),
		policy("e", -1, hook("1", both...)).selecting(app("web")))

	assert.Equal(t, []string{"0 a/1(db)", "0 b/1(queue)", "0 d/1()", "1 a/2(db)", "2 c/1(db queue web)", "3 e/1(web)"}, lines(plan.Of(v1alpha1.PreSnapshot)))
	assert.Equal(t, []string{"0 e/1(web)", "1 c/1(db queue web)", "2 a/2(db)", "3 d/1()", "3 b/1(queue)", "3 a/1(db)"}, lines(plan.Of(v1alpha1.PostSnapshot)))
}

func TestASessionNarrowsPoliciesAndPods(t *testing.T) {
	pods := []Pod{pod("a", "tier", "db"), pod("b", "tier", "web"), pod("c", "tier", "db")}
	pods[2].Annotations = map[string]string{v1alpha1.SkipPoliciesAnnotation: "one"}
	db := labels.SelectorFromSet(labels.Set{"tier": "db"})
	for name, test := range map[string]struct {
		session   Session
		want      []string
		unmatched []string
	}{
		"nothing is narrowed":              {Session{}, []string{"0 one/h(a b)", "1 one/h(a b)", "2 two/h(a b c)"}, nil},
		"a policy is named":                {Session{PolicyNames: []string{"two"}}, []string{"0 two/h(a b c)"}, nil},
		"a name that nobody has":           {Session{PolicyNames: []string{"two", "x", "b", "x"}}, []string{"0 two/h(a b c)"}, []string{"b", "x"}},
		"a name of policies of both kinds": {Session{PolicyNames: []string{"one"}}, []string{"0 one/h(a b)", "1 one/h(a b)"}, nil},
		"pods by a label":                  {Session{LabelSelector: db, PolicyNames: []string{"two"}}, []string{"0 two/h(a c)"}, nil},
		"an empty selector":                {Session{LabelSelector: labels.Everything(), PolicyNames: []string{"two"}}, []string{"0 two/h(a b c)"}, nil},
		"a named policy has no pod left":   {Session{LabelSelector: labels.Nothing(), PolicyNames: []string{"two"}}, []string{}, []string{"two"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.session.Kinds = backingUp
			h := hook("h", v1alpha1.PreBackup)
			plan := planned(t, test.session, pods, policy("one", 0, h), policy("one", 0, h).of("shop"), policy("two", -1, h))
			assert.Equal(t, test.want, lines(plan.Steps))
			if len(test.unmatched) == 0 {
				assert.Empty(t, plan.Unmatched)
			} else {
				assert.Equal(t, test.unmatched, plan.Unmatched)
			}
		})
	}
}

func TestAHookRunsInItsContainerOrSaysWhyNot(t *testing.T) {
	db := pod("db")
	db.Containers = []match.Container{{Name: "proxy", Image: "proxy:1"}, {Name: "main", Image: "postgres:17"}, {Name: "log", Image: "log:1", Sidecar: true}}
	byImage := v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{"postgres"}}
	for name, test := range map[string]struct {
		recipe    recipe
		container string
		obstacle  string
	}{
		"the first by default":           {policy("p", 0, hook("h", v1alpha1.PreBackup)), "proxy", ""},
		"the one whose image matches":    {policy("p", 0, hook("h", v1alpha1.PreBackup)).selecting(byImage), "main", ""},
		"the one that is named":          {policy("p", 0, hook("h", v1alpha1.PreBackup).in("log")).selecting(byImage), "log", ""},
		"one that the pod does not have": {policy("p", 0, hook("h", v1alpha1.PreBackup).in("gone")), "gone", `pod "db" has no container "gone": write one of its containers`},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planned(t, Session{Kinds: backingUp}, []Pod{db}, test.recipe)
			require.Len(t, plan.Steps, 1)
			require.Len(t, plan.Steps[0].Targets, 1)
			target := plan.Steps[0].Targets[0]
			assert.Equal(t, types.UID("uid-db"), target.UID)
			assert.Equal(t, test.container, target.Container)
			if test.obstacle == "" {
				assert.Empty(t, target.Obstacle)
			} else {
				assert.Contains(t, target.Obstacle, test.obstacle)
			}
		})
	}
}

func TestHooksOfOnePodRunInTheSameOneIfTheyCan(t *testing.T) {
	before, after := hook("lock", v1alpha1.PreSnapshot).on(v1alpha1.OnePod), hook("unlock", v1alpha1.PostSnapshot).on(v1alpha1.OnePod)
	other := pod("a")
	other.Containers[0].Name = "other"
	for name, test := range map[string]struct {
		pods          []Pod
		before, after ingredient
		lock, unlock  string
		note          string
	}{
		"the first by name":                                 {[]Pod{pod("b"), pod("a"), pod("c")}, before, after, "a", "a", ""},
		"the first that is ready":                           {[]Pod{unreadyPod("a"), pod("c"), pod("b")}, before, after, "b", "b", ""},
		"none is ready":                                     {[]Pod{unreadyPod("b"), unreadyPod("a")}, before, after, "a", "a", `none of the 2 pods in which the hook can run is ready: it runs in "a", the first by name`},
		"a pod that has no such container comes last":       {[]Pod{other, pod("b")}, before.in("app"), after.in("app"), "b", "b", ""},
		"even if it is the only one that is ready":          {[]Pod{other, unreadyPod("b")}, before.in("app"), after.in("app"), "b", "b", `none of the 2 pods`},
		"one that both select":                              {[]Pod{pod("a"), pod("b", "role", "primary")}, before, after.selecting("role", "primary"), "b", "b", ""},
		"one that both select, though another one is ready": {[]Pod{pod("a"), unreadyPod("b", "role", "primary")}, before, after.selecting("role", "primary"), "b", "b", `none of the 1 pods`},
		"there is none that both select":                    {[]Pod{pod("a", "role", "replica"), pod("b", "role", "primary")}, before.selecting("role", "replica"), after.selecting("role", "primary"), "a", "b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planned(t, Session{Kinds: backingUp}, test.pods, policy("p", 0, test.before, test.after))
			assert.Equal(t, []string{"0 p/lock(" + test.lock + ")"}, lines(plan.Of(v1alpha1.PreSnapshot)))
			assert.Equal(t, []string{"0 p/unlock(" + test.unlock + ")"}, lines(plan.Of(v1alpha1.PostSnapshot)))
			if test.note == "" {
				assert.Empty(t, plan.Steps[0].Note)
			} else {
				assert.Contains(t, plan.Steps[0].Note, test.note)
			}
		})
	}
}

func TestAHookOfTheSessionRunsWhereItsPolicyHasAPod(t *testing.T) {
	once := func(name string, stage v1alpha1.Stage) ingredient {
		return hook(name, stage).on(v1alpha1.OncePerSession)
	}
	db := v1alpha1.PolicySelector{LabelSelector: matchLabels("app", "db")}
	elsewhere := v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"other"}}
	for name, test := range map[string]struct {
		kinds  Kinds
		pods   []Pod
		recipe recipe
		want   []string
	}{
		"a backup, with a pod":                         {backingUp, []Pod{pod("a", "app", "db")}, policy("p", 0, once("h", v1alpha1.PostBackup)).selecting(db), []string{"0 p/h()"}},
		"a backup, with pods of others only":           {backingUp, []Pod{pod("a")}, policy("p", 0, once("h", v1alpha1.PostBackup)).selecting(db), []string{}},
		"a backup, with a pod that it does not select": {backingUp, []Pod{pod("a", "app", "db")}, policy("p", 0, once("h", v1alpha1.PostBackup).selecting("role", "primary")).selecting(db), []string{}},
		"before a restore there may be no pod":         {restoring, nil, policy("p", 0, once("h", v1alpha1.PreRestore)).selecting(db), []string{"0 p/h()"}},
		"but a namespace that the policy covers":       {restoring, nil, policy("p", 0, once("h", v1alpha1.PreRestore)).selecting(elsewhere), []string{}},
		"what was done before it is undone after it":   {restoring, nil, policy("p", 0, once("h", v1alpha1.PreRestore), once("i", v1alpha1.PostRestore)), []string{"0 p/h()", "0 p/i()"}},
		"before it some may be missing":                {restoring, []Pod{pod("a")}, policy("p", 0, once("h", v1alpha1.PreRestore).selecting("role", "primary")), []string{"0 p/h()"}},
		"after a restore there are pods":               {restoring, nil, policy("p", 0, once("h", v1alpha1.PostRestore)), []string{}},
		"hooks in pods need pods":                      {restoring, nil, policy("p", 0, hook("h", v1alpha1.PreRestore), hook("i", v1alpha1.PreRestore).on(v1alpha1.OnePod)), []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, lines(planned(t, Session{Kinds: test.kinds}, test.pods, test.recipe).Steps))
		})
	}
}

func TestAStepHoldsAsManyPodsAsAHookRun(t *testing.T) {
	for _, test := range []struct {
		pods  int
		parts []int
	}{{0, nil}, {1, []int{1}}, {500, []int{500}}, {501, []int{500, 1}}, {1250, []int{500, 500, 250}}} {
		var pods []Pod
		for i := range test.pods {
			pods = append(pods, pod(fmt.Sprintf("p-%04d", i)))
		}
		both := []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot}
		plan := planned(t, Session{Kinds: backingUp}, pods, policy("p", 0, hook("first", both...), hook("second", both...)))
		for _, stage := range both {
			var parts [2][]int
			for _, step := range plan.Of(stage) {
				assert.Len(t, parts[step.Group], step.Part, "%d pods", test.pods)
				parts[step.Group] = append(parts[step.Group], len(step.Targets))
			}
			assert.Equal(t, [2][]int{test.parts, test.parts}, parts, "%d pods", test.pods)
		}
	}
}

func TestHooksAreReadFromPolicies(t *testing.T) {
	spec := &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "run", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Container: "db", Exec: &v1alpha1.ExecAction{}, OnError: v1alpha1.Continue},
		{Name: "plain", Exec: &v1alpha1.ExecAction{}},
		{Name: "load", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{}},
	}}
	read, run := HookOf(spec, 0)
	assert.True(t, run)
	assert.Equal(t, Hook{"run", 0, []v1alpha1.Stage{v1alpha1.PreBackup}, "db", v1alpha1.Continue, v1alpha1.EachPod, v1alpha1.Always, false}, read)
	read, run = HookOf(spec, 1)
	assert.True(t, run)
	assert.Equal(t, v1alpha1.Fail, read.OnError)
	_, run = HookOf(spec, 2)
	assert.False(t, run, "the webhook adds init containers")

	index, refused := match.CompileAll([]match.Source{{Ref: match.Ref{Name: "p"}, Spec: &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "run", Stages: []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PostBackup}, Exec: &v1alpha1.ExecAction{Command: []string{"true"}}}}}}})
	require.Empty(t, refused)
	plan := Resolve(index, Session{Namespace: shop, Kinds: backingUp}, []Pod{pod("a")})
	assert.Equal(t, []string{"0 p/run(a)", "0 p/run(a)"}, lines(plan.Steps))
}

func TestStagesComeInTheirOrder(t *testing.T) {
	assert.Equal(t, []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PreSnapshot, v1alpha1.PostSnapshot, v1alpha1.PostBackup}, backingUp.Stages())
	assert.Equal(t, []v1alpha1.Stage{v1alpha1.PreRestore, v1alpha1.PostRestore}, restoring.Stages())
	assert.Equal(t, []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PostBackup}, Kinds{Backup: true}.Stages())
	assert.Empty(t, Kinds{}.Stages())

	shuffled := hook("h", v1alpha1.PostBackup, v1alpha1.PreSnapshot, v1alpha1.PostRestore, v1alpha1.PreBackup, v1alpha1.PostSnapshot)
	var stages []v1alpha1.Stage
	for _, step := range planned(t, Session{Kinds: backingUp}, []Pod{pod("a")}, policy("p", 0, shuffled)).Steps {
		stages = append(stages, step.Stage)
	}
	assert.Equal(t, backingUp.Stages(), stages)
}

func TestASessionTakesOfEachPolicyThePodsThatItIsGiven(t *testing.T) {
	session := Session{Kinds: restoring, Takes: func(policy match.Ref, pod Pod) bool {
		return pod.Name == "new" || policy.Name == "undo" && pod.Name == "left"
	}}
	p := planned(t, session, []Pod{pod("left"), pod("new"), pod("other")},
		policy("undo", 0, hook("go", v1alpha1.PostRestore)), policy("verify", 0, hook("check", v1alpha1.PostRestore)))
	assert.ElementsMatch(t, []string{"1 undo/go(left new)", "0 verify/check(new)"}, lines(p.Steps))
}
