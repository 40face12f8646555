package usage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func scriptHook(name, script string, stages ...v1alpha1.Stage) v1alpha1.Hook {
	return v1alpha1.Hook{Name: name, Stages: stages, Script: &v1alpha1.ScriptAction{Name: script}}
}

func hookPolicy(name string, spec v1alpha1.HookPolicySpec) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func namespacedPolicy(namespace, name string, spec v1alpha1.HookPolicySpec) *v1alpha1.NamespacedHookPolicy {
	return &v1alpha1.NamespacedHookPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
}

func template(name string, hooks ...v1alpha1.Hook) *v1alpha1.HookTemplate {
	return &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.HookTemplateSpec{Hooks: hooks}}
}

// usesOf are those that some objects make of a target, sorted.
func usesOf(t *testing.T, target Target, objects ...any) []v1alpha1.Use {
	t.Helper()
	var uses []v1alpha1.Use
	for _, object := range objects {
		user, known := Of(object)
		require.True(t, known, "%T", object)
		uses = append(uses, user.Uses(target)...)
	}
	Sort(uses)
	return uses
}

var (
	flush = Target{Script, "flush"}
	pg    = Target{Template, "pg"}

	both = v1alpha1.HookPolicySpec{
		Template: &v1alpha1.TemplateUse{Name: "pg"},
		Hooks: []v1alpha1.Hook{
			scriptHook("lock", "flush", v1alpha1.PreSnapshot, v1alpha1.PreBackup),
			{Name: "plain", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Exec: &v1alpha1.ExecAction{Command: []string{"flush"}}},
			{Name: "inline", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Script: &v1alpha1.ScriptAction{Inline: "#!/bin/sh\nflush\n"}},
			scriptHook("again", "flush", v1alpha1.PostSnapshot),
			scriptHook("other", "other", v1alpha1.PostBackup),
		},
	}
	suspended = v1alpha1.HookPolicySpec{Suspend: true, Hooks: []v1alpha1.Hook{scriptHook("lock", "flush", v1alpha1.PreSnapshot)}}
)

func TestTheUsesOfAScriptAreHooksOfPoliciesAndTemplates(t *testing.T) {
	uses := usesOf(t, flush,
		namespacedPolicy("shop", "db", suspended), namespacedPolicy("bank", "db", suspended),
		template("pg", scriptHook("lock", "flush", v1alpha1.PreBackup)), template("other", scriptHook("lock", "another")),
		hookPolicy("b", both), hookPolicy("a", suspended), hookPolicy("none", v1alpha1.HookPolicySpec{}))
	assert.Equal(t, []v1alpha1.Use{
		{Kind: "HookPolicy", Name: "a", Hook: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}},
		{Kind: "HookPolicy", Name: "b", Hook: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PreBackup}},
		{Kind: "HookPolicy", Name: "b", Hook: "again", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}},
		{Kind: "HookTemplate", Name: "pg", Hook: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}},
		{Kind: "NamespacedHookPolicy", Namespace: "bank", Name: "db", Hook: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}},
		{Kind: "NamespacedHookPolicy", Namespace: "shop", Name: "db", Hook: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}},
	}, uses)
}

func TestTheUsesOfATemplateArePolicies(t *testing.T) {
	uses := usesOf(t, pg, hookPolicy("b", both), namespacedPolicy("shop", "pg", suspended), template("pg"),
		namespacedPolicy("shop", "db", v1alpha1.HookPolicySpec{Template: &v1alpha1.TemplateUse{Name: "pg"}}),
		hookPolicy("other", v1alpha1.HookPolicySpec{Template: &v1alpha1.TemplateUse{Name: "flush"}}))
	assert.Equal(t, []v1alpha1.Use{
		{Kind: "HookPolicy", Name: "b"}, {Kind: "NamespacedHookPolicy", Namespace: "shop", Name: "db"},
	}, uses)
}

func TestAUserNamesEachTargetOnce(t *testing.T) {
	user, known := Of(hookPolicy("b", both))
	require.True(t, known)
	assert.Equal(t, []Target{pg, flush, {Script, "other"}}, user.Targets())
	_, known = Of(&v1alpha1.HookScript{})
	assert.False(t, known, "a script uses nothing")
}

func TestAStatusNamesTheFirstUsersAndCountsAllUses(t *testing.T) {
	tests := map[string]struct {
		uses  []v1alpha1.Use
		users string
	}{
		"nobody":                    {nil, ""},
		"one, with two hooks":       {[]v1alpha1.Use{{Kind: "HookPolicy", Name: "a", Hook: "x"}, {Kind: "HookPolicy", Name: "a", Hook: "y"}}, "HookPolicy/a"},
		"of the same name, in two":  {[]v1alpha1.Use{{Kind: "N", Namespace: "x", Name: "a"}, {Kind: "N", Namespace: "y", Name: "a"}}, "N/x/a, N/y/a"},
		"three":                     {many(3, "p"), "HookPolicy/p000, HookPolicy/p001, HookPolicy/p002"},
		"more than a line can have": {many(200, "p"), "HookPolicy/p000, HookPolicy/p001, HookPolicy/p002 and 197 more"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status := Summarize(test.uses)
			assert.EqualValues(t, len(test.uses), status.Uses)
			assert.Equal(t, test.users, status.Users)
			assert.Len(t, status.UsedBy, min(len(test.uses), v1alpha1.MaxUses))
		})
	}
	long := make([]v1alpha1.Use, 20)
	for i := range long {
		long[i] = v1alpha1.Use{Kind: "NamespacedHookPolicy", Namespace: strings.Repeat("n", 63), Name: fmt.Sprintf("%03d", i) + strings.Repeat("x", 250)}
	}
	users := Summarize(long).Users
	assert.LessOrEqual(t, len(users), 1024)
	assert.True(t, strings.HasSuffix(users, " more"), users)
}

// many are uses by as many policies.
func many(count int, prefix string) []v1alpha1.Use {
	uses := make([]v1alpha1.Use, count)
	for i := range uses {
		uses[i] = v1alpha1.Use{Kind: "HookPolicy", Name: fmt.Sprintf("%s%03d", prefix, i)}
	}
	return uses
}

func TestASentenceNamesHooksAndStages(t *testing.T) {
	assert.Equal(t, `HookScript "flush" is used by HookPolicy "b" (hooks lock, again; PreBackup, PreSnapshot, PostSnapshot), `+
		`HookTemplate "pg" (hook lock; PreBackup), NamespacedHookPolicy "db" in namespace shop (hook lock; PreSnapshot)`,
		Sentence(flush, usesOf(t, flush, hookPolicy("b", both), namespacedPolicy("shop", "db", suspended),
			template("pg", scriptHook("lock", "flush", v1alpha1.PreBackup)))))
	assert.Equal(t, `HookTemplate "pg" is used by HookPolicy "p000", HookPolicy "p001", HookPolicy "p002" and 9997 more`,
		Sentence(pg, many(10000, "p")))
	hooks := make([]v1alpha1.Hook, 5)
	for i := range hooks {
		hooks[i] = scriptHook(fmt.Sprintf("h%d", i), "flush", v1alpha1.PreBackup)
	}
	assert.Contains(t, Sentence(flush, usesOf(t, flush, template("pg", hooks...))), `HookTemplate "pg" (hooks h0, h1, h2 and 2 more; PreBackup)`)
}

func TestATemplateInOneLine(t *testing.T) {
	assert.Equal(t, []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot, v1alpha1.PostRestore}, Stages([]v1alpha1.Hook{
		scriptHook("a", "x", v1alpha1.PostRestore, v1alpha1.PostSnapshot), scriptHook("b", "x", v1alpha1.PreSnapshot, v1alpha1.PostSnapshot),
	}))
	assert.Equal(t, "user*,database", Params([]v1alpha1.TemplateParam{{Name: "user", Required: true}, {Name: "database"}}))
	assert.Empty(t, Params(nil))
}

// A script of 10,000 policies is counted whenever one of them changes.
func TestTenThousandUsersAreCounted(t *testing.T) {
	objects := make([]any, 10000)
	for i := range objects {
		objects[i] = hookPolicy(fmt.Sprintf("p%05d", len(objects)-i), both)
	}
	status := Summarize(usesOf(t, flush, objects...))
	assert.EqualValues(t, 20000, status.Uses)
	assert.Equal(t, "p00001", status.UsedBy[0].Name)
}
