package policies

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func scriptNamed(name string, generation int64, text string) v1alpha1.HookScript {
	return v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid", Generation: generation}, Spec: v1alpha1.HookScriptSpec{Script: text}}
}

func templateNamed(name string, command ...string) v1alpha1.HookTemplate {
	return v1alpha1.HookTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid", Generation: 1},
		Spec: v1alpha1.HookTemplateSpec{
			Params: []v1alpha1.TemplateParam{{Name: "user", Default: "app"}},
			Hooks:  []v1alpha1.Hook{{Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: command}}},
		},
	}
}

func runningScript(name, script string) *v1alpha1.HookPolicy {
	policy := policyNamed(name)
	policy.Spec.Hooks[0].Exec, policy.Spec.Hooks[0].Script = nil, &v1alpha1.ScriptAction{Name: script}
	return policy
}

func usingTemplate(name, template string) *v1alpha1.HookPolicy {
	policy := policyNamed(name)
	policy.Spec.Template = &v1alpha1.TemplateUse{Name: template}
	return policy
}

func TestASetHasWhatPoliciesComeToAndWhatWasWritten(t *testing.T) {
	text := "#!/bin/sh\nsync\n"
	from := Objects{
		Cluster: []v1alpha1.HookPolicy{
			*policyNamed("plain"), *runningScript("scripted", "sync"), *usingTemplate("templated", "db"), *usingTemplate("broken", "option"),
			*runningScript("no-script", "gone"), *usingTemplate("no-template", "gone"),
		},
		Scripts:   []v1alpha1.HookScript{scriptNamed("sync", 3, text)},
		Templates: []v1alpha1.HookTemplate{templateNamed("db", "client", "$(user)"), templateNamed("option", "-x", "$(user)")},
	}
	set := NewSet(from, stamp.Options{})
	byName := map[string]*Policy{}
	for i := range set.Policies {
		byName[set.Policies[i].Name] = &set.Policies[i]
	}
	plain := byName["plain"]
	assert.Same(t, plain.Written, plain.Spec, "not copied")
	assert.Empty(t, plain.TemplateVersion)

	scripted := byName["scripted"]
	assert.Equal(t, text, scripted.Spec.Hooks[0].Script.Inline)
	assert.Equal(t, &v1alpha1.ScriptAction{Name: "sync"}, scripted.Written.Hooks[0].Script)

	templated := byName["templated"]
	require.Len(t, templated.Spec.Hooks, 2)
	assert.Equal(t, []string{"client", "app"}, templated.Spec.Hooks[0].Exec.Command)
	assert.Len(t, templated.Written.Hooks, 1)
	assert.Equal(t, library.Version(&from.Templates[0].Spec), templated.TemplateVersion)

	assert.ErrorContains(t, byName["broken"].Refusal, `with the hooks of HookTemplate "option": spec.hooks[lock].exec.command[0]: "-x" is an option`)
	for name, missing := range map[string]library.MissingError{
		"no-script": {Kind: library.KindScript, Name: "gone"}, "no-template": {Kind: library.KindTemplate, Name: "gone"},
	} {
		var is library.MissingError
		require.ErrorAs(t, byName[name].Refusal, &is)
		assert.Equal(t, missing, is)
		assert.Same(t, byName[name].Written, byName[name].Spec)
		assert.Equal(t, stateInvalid, byName[name].State())
	}
	assert.Equal(t, map[string]Version{"sync": {"uid", 3}}, set.Scripts)
	assert.Equal(t, map[string]Version{"db": {"uid", 1}, "option": {"uid", 1}}, set.Templates)
	assert.Equal(t, text, set.Library.Scripts["sync"].Script)

	var used []string
	for _, policy := range set.Index.Policies() {
		used = append(used, policy.Name)
	}
	assert.Equal(t, []string{"plain", "scripted", "templated"}, used)
	pod := stamp.Pod{Pod: match.Pod{Containers: []match.Container{{Name: "app"}}}}
	command := set.Compiled.Decide(match.Namespace{Name: "shop"}, pod).Set[v1alpha1.VeleroPrePrefix+v1alpha1.VeleroCommand]
	assert.Contains(t, command, "client", "a template's hook is stamped")
}

func TestAChangedScriptOrTemplateIsCompiled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cached := newPolicyCache(t)
		loader, err := NewLoader(nil, nil, cached, Options{Override: true})
		require.NoError(t, err)
		startLoader(t, loader)
		cached.apply(t, runningScript("scripted", "sync"))
		cached.apply(t, usingTemplate("templated", "db"))
		time.Sleep(time.Minute)
		require.ErrorContains(t, loader.Current().Policies[0].Refusal, `there is no HookScript "sync"`)
		require.ErrorContains(t, loader.Current().Policies[1].Refusal, `there is no HookTemplate "db"`)

		scripts, err := cached.FakeInformerFor(t.Context(), &v1alpha1.HookScript{})
		require.NoError(t, err)
		templates, err := cached.FakeInformerFor(t.Context(), &v1alpha1.HookTemplate{})
		require.NoError(t, err)
		stock := func(script v1alpha1.HookScript, template v1alpha1.HookTemplate) {
			cached.lock.Lock()
			defer cached.lock.Unlock()
			cached.scripts, cached.templates = []v1alpha1.HookScript{script}, []v1alpha1.HookTemplate{template}
		}
		script, template := scriptNamed("sync", 1, "#!/bin/sh\n:\n"), templateNamed("db", "client", "$(user)")
		stock(script, template)
		scripts.Add(&script)
		templates.Add(&template)
		time.Sleep(time.Minute)
		for _, policy := range loader.Current().Policies {
			require.NoError(t, policy.Refusal)
		}
		version := loader.Current().Policies[1].TemplateVersion
		assert.NotEmpty(t, version)

		compilations := cached.compilations()
		counted := script
		counted.Status.Uses = 5
		scripts.Update(&script, &counted)
		time.Sleep(time.Minute)
		assert.Equal(t, compilations, cached.compilations(), "a status does not matter")

		edited, remade := scriptNamed("sync", 2, "#!/bin/sh\nsync\n"), templateNamed("db", "other", "$(user)")
		remade.Generation = 2
		stock(edited, remade)
		scripts.Update(&script, &edited)
		time.Sleep(time.Minute)
		assert.Equal(t, "#!/bin/sh\nsync\n", loader.Current().Policies[0].Spec.Hooks[0].Script.Inline)
		templates.Update(&template, &remade)
		time.Sleep(time.Minute)
		assert.Equal(t, "other", loader.Current().Policies[1].Spec.Hooks[0].Exec.Command[0])
		assert.NotEqual(t, version, loader.Current().Policies[1].TemplateVersion)
	})
}

// Ten thousand policies take about as long with templates and scripts as a hundredth of them does a hundred times.
func TestManyPoliciesOfALibraryAreCompiledInATimeThatGrowsWithThem(t *testing.T) {
	from := Objects{Scripts: []v1alpha1.HookScript{scriptNamed("sync", 1, "#!/bin/sh\nsync\n")}}
	for i := range 100 {
		from.Templates = append(from.Templates, templateNamed(fmt.Sprintf("db-%d", i), "client", "$(user)"))
	}
	for i := range 5_000 {
		from.Cluster = append(from.Cluster, *usingTemplate(fmt.Sprintf("t-%d", i), fmt.Sprintf("db-%d", i%100)), *runningScript(fmt.Sprintf("s-%d", i), "sync"))
	}
	start := time.Now()
	set := NewSet(from, stamp.Options{})
	assert.Less(t, time.Since(start), 20*time.Second, "seconds where something is quadratic, on any machine")
	assert.Len(t, set.Index.Policies(), 10_000)
}
