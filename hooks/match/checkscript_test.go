package match

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAScriptThatCannotRunIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	const good = "#!/bin/sh\nexit 0\n"
	variable := func(name, value string) v1alpha1.ScriptAction {
		return v1alpha1.ScriptAction{Inline: good, Env: []v1alpha1.ScriptVariable{{Name: name, Value: value}}}
	}
	secret := func(name, key string) v1alpha1.ScriptAction {
		source := &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: name, Key: key}}
		return v1alpha1.ScriptAction{Name: "verify-db", Env: []v1alpha1.ScriptVariable{{Name: "A", ValueFrom: source}}}
	}
	tests := map[string]struct {
		script v1alpha1.ScriptAction
		shell  v1alpha1.Shell
		want   string // empty: it is good
	}{
		"inline":                          {script: v1alpha1.ScriptAction{Inline: good, Args: []string{"", "a b"}}},
		"by its name":                     {script: v1alpha1.ScriptAction{Name: "verify-db"}, shell: v1alpha1.Posix},
		"by its name, resolved":           {script: v1alpha1.ScriptAction{Name: "verify-db", Inline: good}},
		"with a variable":                 {script: variable("PGUSER", "app")},
		"with a secret one":               {script: secret("db", "password")},
		"none":                            {want: "spec.hooks[a].script: write the name of a HookScript, or the script itself in inline"},
		"no interpreter":                  {script: v1alpha1.ScriptAction{Inline: "exit"}, want: "spec.hooks[a].script.inline: write the interpreter in the first line"},
		"no interpreter in another":       {script: v1alpha1.ScriptAction{Name: "verify-db", Inline: "exit"}, want: `spec.hooks[a].script.name: HookScript "verify-db": write the interpreter`},
		"no shell":                        {script: v1alpha1.ScriptAction{Inline: good}, shell: v1alpha1.NoShell, want: "spec.hooks[a].script: it is handed to its interpreter by /bin/sh"},
		"no name":                         {script: v1alpha1.ScriptAction{Name: "Verify DB"}, want: `spec.hooks[a].script.name: "Verify DB": write the name of a HookScript`},
		"a NUL in an argument":            {script: v1alpha1.ScriptAction{Inline: good, Args: []string{"a", "\x00"}}, want: "spec.hooks[a].script.args[1]: it has a NUL character"},
		"a NUL in a variable":             {script: variable("A", "\x00"), want: "spec.hooks[a].script.env[A].value: it has a NUL character"},
		"no name of a variable":           {script: variable("A-B", "x"), want: `spec.hooks[a].script.env[A-B].name: "A-B": write letters, digits and underscores`},
		"a variable of the shell's own":   {script: variable("UID", "1000"), want: "shells keep UID for themselves: choose another name"},
		"a Secret without a name":         {script: secret("", "password"), want: "spec.hooks[a].script.env[A].valueFrom.secretKeyRef.name: "},
		"a key that no Secret could have": {script: secret("db", "a/b"), want: "spec.hooks[a].script.env[A].valueFrom.secretKeyRef.key: "},
		"a variable twice": {
			script: v1alpha1.ScriptAction{Inline: good, Env: []v1alpha1.ScriptVariable{{Name: "A"}, {Name: "A"}}}, want: "spec.hooks[a].script.env[A].name: it is there twice"},
		"a variable with two values": {
			script: v1alpha1.ScriptAction{Inline: good, Env: []v1alpha1.ScriptVariable{{Name: "A", Value: "x", ValueFrom: &v1alpha1.ValueSource{}}}},
			want:   "spec.hooks[a].script.env[A]: write value or valueFrom, not both"},
		"too many arguments": {script: v1alpha1.ScriptAction{Inline: good, Args: make([]string, 129)}, want: "spec.hooks[a].script.args: it has 129: write 128 at most"},
		"too many variables": {script: v1alpha1.ScriptAction{Inline: good, Env: make([]v1alpha1.ScriptVariable, 65)}, want: "spec.hooks[a].script.env: it has 65: write 64 at most"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			source := policyOf(v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Script: &test.script})
			source.Spec.Shell = test.shell
			err := Check(source.Ref, source.Spec)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestAnUseOfATemplateIsCheckedAsFarAsItCanBe(t *testing.T) {
	param := func(name, value string) v1alpha1.TemplateParamValue {
		return v1alpha1.TemplateParamValue{Name: name, Value: value}
	}
	tests := map[string]struct {
		use  v1alpha1.TemplateUse
		want string // empty: it is good
	}{
		"a name alone":    {use: v1alpha1.TemplateUse{Name: "postgresql"}},
		"params":          {use: v1alpha1.TemplateUse{Name: "postgresql", Params: []v1alpha1.TemplateParamValue{param("user", "app"), param("empty", "")}}},
		"no name":         {want: `spec.template.name: "": write the name of a HookTemplate, such as postgresql`},
		"a param twice":   {use: v1alpha1.TemplateUse{Name: "a", Params: []v1alpha1.TemplateParamValue{param("x", "1"), param("x", "2")}}, want: "spec.template.params[x]: it is there twice"},
		"a NUL":           {use: v1alpha1.TemplateUse{Name: "a", Params: []v1alpha1.TemplateParamValue{param("x", "\x00")}}, want: "spec.template.params[x].value: it has a NUL character"},
		"a param no name": {use: v1alpha1.TemplateUse{Name: "a", Params: []v1alpha1.TemplateParamValue{param("", "1")}}, want: "spec.template.params[].name: write the name of one"},
		"two values": {
			use:  v1alpha1.TemplateUse{Name: "a", Params: []v1alpha1.TemplateParamValue{{Name: "x", Value: "1", ValueFrom: &v1alpha1.ValueSource{}}}},
			want: "spec.template.params[x]: write value, or valueFrom for a secret param"},
		"no Secret": {
			use:  v1alpha1.TemplateUse{Name: "a", Params: []v1alpha1.TemplateParamValue{{Name: "x", ValueFrom: &v1alpha1.ValueSource{}}}},
			want: "spec.template.params[x].valueFrom.secretKeyRef.name: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := Check(Ref{Name: "p"}, &v1alpha1.HookPolicySpec{Template: &test.use})
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}
