package library

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const ok = "#!/bin/sh\nexit 0\n"

func command(name string, argv ...string) v1alpha1.Hook {
	return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: argv}}
}

func scripted(name, of string) v1alpha1.Hook {
	return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Script: &v1alpha1.ScriptAction{Name: of}}
}

// uses is a policy that uses a template, with values of params by name, each with its value behind it.
func uses(name string, params ...string) *v1alpha1.HookPolicySpec {
	use := &v1alpha1.TemplateUse{Name: name}
	for i := 0; i < len(params); i += 2 {
		use.Params = append(use.Params, v1alpha1.TemplateParamValue{Name: params[i], Value: params[i+1]})
	}
	return &v1alpha1.HookPolicySpec{Template: use}
}

func secret() *v1alpha1.ValueSource {
	return &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "password"}}
}

func shelf() *Library {
	return &Library{
		Scripts: map[string]*v1alpha1.HookScriptSpec{"good": {Script: ok}, "empty": {}},
		Templates: map[string]*v1alpha1.HookTemplateSpec{
			"plain":    {Hooks: []v1alpha1.Hook{command("flush", "sync")}},
			"scripted": {Hooks: []v1alpha1.Hook{scripted("verify", "good")}},
			"orphaned": {Hooks: []v1alpha1.Hook{scripted("verify", "gone")}},
			"params": {
				Params: []v1alpha1.TemplateParam{
					{Name: "user", Usage: "the account", Required: true, Pattern: "[a-z]+"}, {Name: "password", Secret: true}, {Name: "note"},
				},
				Hooks: []v1alpha1.Hook{command("flush", "client", "$(user)", "$(note)")},
			},
		},
	}
}

func TestWhatHasNothingToResolveIsNotCopied(t *testing.T) {
	inline := v1alpha1.Hook{Name: "a", Script: &v1alpha1.ScriptAction{Inline: ok}}
	for _, l := range []*Library{shelf(), {}} {
		spec := &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{command("flush", "sync", "$(user)"), inline}}
		resolved, err := l.Resolve(spec)
		require.NoError(t, err)
		assert.Same(t, spec, resolved)
	}
}

func TestScriptsByNameGetTheirText(t *testing.T) {
	spec := &v1alpha1.HookPolicySpec{Priority: 3, Hooks: []v1alpha1.Hook{command("flush", "sync"), scripted("a", "good"), scripted("b", "good")}}
	before := spec.DeepCopy()
	resolved, err := shelf().Resolve(spec)
	require.NoError(t, err)
	assert.Equal(t, before, spec, "unchanged")
	assert.EqualValues(t, 3, resolved.Priority)
	assert.Same(t, spec.Hooks[0].Exec, resolved.Hooks[0].Exec, "shared")
	for _, hook := range resolved.Hooks[1:] {
		assert.Equal(t, &v1alpha1.ScriptAction{Name: "good", Inline: ok}, hook.Script)
	}
}

func TestATemplatesHooksComeAheadOfThePolicysOwn(t *testing.T) {
	spec := uses("scripted")
	spec.Hooks = []v1alpha1.Hook{scripted("own", "good"), command("more", "x")}
	resolved, err := shelf().Resolve(spec)
	require.NoError(t, err)
	require.Len(t, resolved.Hooks, 3)
	assert.Equal(t, "verify", resolved.Hooks[0].Name)
	assert.Equal(t, ok, resolved.Hooks[0].Script.Inline)
	assert.Equal(t, ok, resolved.Hooks[1].Script.Inline)
	assert.Nil(t, resolved.Template)
	assert.NotNil(t, spec.Template)
}

func TestAPolicyWithoutHooksOfItsOwnGetsTheScriptsOfItsTemplate(t *testing.T) {
	l := shelf()
	resolved, err := l.Resolve(uses("scripted"))
	require.NoError(t, err)
	assert.Equal(t, ok, resolved.Hooks[0].Script.Inline)
	assert.Empty(t, l.Templates["scripted"].Hooks[0].Script.Inline, "unchanged")
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	tests := map[string]struct {
		spec    *v1alpha1.HookPolicySpec
		missing MissingError
		want    string
	}{
		"a template":           {uses("gone"), MissingError{KindTemplate, "gone"}, `spec.template.name: there is no HookTemplate "gone"`},
		"a script":             {&v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{scripted("a", "gone")}}, MissingError{KindScript, "gone"}, `spec.hooks[a].script.name: there is no HookScript "gone"`},
		"a script of template": {uses("orphaned"), MissingError{KindScript, "gone"}, `spec.hooks[verify].script.name: there is no HookScript "gone"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, l := range []*Library{shelf(), {Templates: shelf().Templates}} {
				_, err := l.Resolve(test.spec)
				var missing MissingError
				require.ErrorAs(t, err, &missing)
				assert.Equal(t, test.missing, missing)
				assert.EqualError(t, err, test.want)
			}
		})
	}
}

func TestWhatCannotBeResolvedIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	with := func(spec *v1alpha1.HookPolicySpec, hooks ...v1alpha1.Hook) *v1alpha1.HookPolicySpec {
		spec.Hooks = hooks
		return spec
	}
	from := func(param string, source *v1alpha1.ValueSource) *v1alpha1.HookPolicySpec {
		spec := uses("params", "user", "app")
		spec.Template.Params = append(spec.Template.Params, v1alpha1.TemplateParamValue{Name: param, ValueFrom: source})
		return spec
	}
	many := make([]v1alpha1.Hook, 32)
	for i := range many {
		many[i] = command(fmt.Sprintf("own-%d", i), "x")
	}
	both := scripted("a", "good")
	both.Script.Inline = ok
	tests := map[string]struct {
		spec *v1alpha1.HookPolicySpec
		want string
	}{
		"a param that there is not":       {uses("params", "user", "app", "usr", "x"), `spec.template.params[usr]: HookTemplate "params" has no such param: write one of user, password, note`},
		"a param of a template with none": {uses("plain", "x", "y"), `has no such param: write one of none, as it has no params`},
		"a param that is missing":         {uses("params"), `spec.template.params: HookTemplate "params" needs the param "user" (the account): write {name: user, value: …}`},
		"a param twice":                   {uses("params", "user", "a", "user", "b"), `spec.template.params[user]: it is there twice`},
		"a value that does not match":     {uses("params", "user", "a b"), `spec.template.params[user].value: "a b" does not match [a-z]+ (the account)`},
		"a match that is only a part":     {uses("params", "user", "a\nb"), `does not match [a-z]+`},
		"a NUL":                           {uses("params", "user", "a", "note", "\x00"), `spec.template.params[note].value: it has a NUL character`},
		"a secret that is written":        {uses("params", "user", "a", "password", "x"), `spec.template.params[password]: it is secret, and is not to stand here: write valueFrom: {secretKeyRef:`},
		"a Secret for what is none":       {from("note", secret()), `spec.template.params[note].valueFrom: it is not secret: write value`},
		"a name that is taken":            {with(uses("plain"), command("flush", "x")), `spec.hooks[flush].name: HookTemplate "plain" has a hook of that name`},
		"too many hooks":                  {with(uses("plain"), many...), `spec.hooks: with those of HookTemplate "plain" there are 33, and a policy may have 32`},
		"a script with name and text":     {with(&v1alpha1.HookPolicySpec{}, both), `spec.hooks[a].script: write the name of a HookScript, or the script itself in inline, not both`},
		"a script without anything":       {with(&v1alpha1.HookPolicySpec{}, scripted("a", "empty")), `spec.hooks[a].script.name: HookScript "empty": it is empty`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			resolved, err := shelf().Resolve(test.spec)
			assert.ErrorContains(t, err, test.want)
			assert.Nil(t, resolved)
		})
	}
	_, err := shelf().Resolve(from("password", secret()))
	assert.NoError(t, err)
}

func TestAVersionChangesWithParamsAndHooksAlone(t *testing.T) {
	template := shelf().Templates["params"]
	version := Version(template)
	assert.Len(t, version, 10)
	other := template.DeepCopy()
	other.Description, other.Application = "more", "another"
	assert.Equal(t, version, Version(other))
	other.Params[0].Default = "x"
	assert.NotEqual(t, version, Version(other))
	other = template.DeepCopy()
	other.Hooks[0].Exec.Command[1] = "x"
	assert.NotEqual(t, version, Version(other))
}
