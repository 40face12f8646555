package library

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestATemplateThatNoPolicyCouldUseIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	const params = `params: [{name: user, required: true}, {name: bound, default: a, pattern: "[a-z]+"}, {name: password, secret: true}]` + "\n"
	// hook is a hook of a template with these params.
	hook := func(action string) string {
		return params + `hooks: [{name: a, stages: [PreSnapshot], ` + action + `}]`
	}
	const splice = "would become a part of a program's text"
	tests := map[string]struct {
		template string
		want     string
	}{
		"no hooks":        {`hooks: []`, "spec.hooks: it has 0: write 1 to 32 hooks"},
		"a hook twice":    {`hooks: [{name: a, stages: [PreBackup], exec: {command: [x]}}, {name: a}]`, "spec.hooks[a].name: it is there twice"},
		"a wrong stage":   {`hooks: [{name: a, stages: [Never], exec: {command: [x]}}]`, `spec.hooks[a].stages: ["Never"]`},
		"a wrong pattern": {`{selector: {containerImages: ["("]}, hooks: [{name: a, stages: [PreBackup], exec: {command: [x]}}]}`, "spec.selector.containerImages[0]"},
		"a param that no name could be": {
			`{params: [{name: lock-timeout}], hooks: [{name: a, stages: [PreBackup], exec: {command: [x]}}]}`, `spec.params[lock-timeout].name: "lock-timeout": write letters and digits`},
		"a param twice":              {`{params: [{name: a}, {name: a}], hooks: [{name: a}]}`, "spec.params[a]: it is there twice"},
		"a pattern that is none":     {`{params: [{name: a, pattern: "("}], hooks: [{name: a}]}`, "spec.params[a].pattern: this is no regular expression"},
		"a pattern that breaks out":  {`{params: [{name: a, pattern: "a)|(b"}], hooks: [{name: a}]}`, "spec.params[a].pattern: this is no regular expression"},
		"a default that cannot be":   {`{params: [{name: a, pattern: "[0-9]+", default: 30s}], hooks: [{name: a}]}`, `spec.params[a].default: "30s" does not match`},
		"no default, and none fits":  {`{params: [{name: a, pattern: "[0-9]+"}], hooks: [{name: a}]}`, "spec.params[a].pattern: the empty value"},
		"a default that is required": {`{params: [{name: a, required: true, default: x}], hooks: [{name: a}]}`, "a param with a default is not required"},
		"a secret with a default":    {`{params: [{name: a, secret: true, default: x}], hooks: [{name: a}]}`, "spec.params[a].default: a secret has none"},
		"a secret with a pattern":    {`{params: [{name: a, secret: true, pattern: x}], hooks: [{name: a}]}`, "spec.params[a].pattern: the value of a secret is not known"},
		"a param that nobody uses":   {`{params: [{name: a}], hooks: [{name: a, stages: [PreBackup], exec: {command: [x, "$$(a)"]}}]}`, "spec.params[a]: no hook has $(a)"},

		"an unknown reference":             {hook(`exec: {command: [x, "a$(usr)"]}`), "spec.hooks[a].exec.command[1]: $(usr) is no param of the template: write one of user, bound, password, or $$(usr)"},
		"one in a condition":               {hook(`exec: {command: [x]}, onlyIf: {command: [x, "$(usr)"]}`), "spec.hooks[a].onlyIf.command[1]: $(usr) is no param"},
		"one in a port":                    {hook(`tcpSocket: {port: "$(usr)"}`), "spec.hooks[a].tcpSocket.port: $(usr) is no param"},
		"one in a header":                  {hook(`httpGet: {port: 80, httpHeaders: [{name: A, value: "$(usr)"}]}`), "spec.hooks[a].httpGet.httpHeaders[0].value: $(usr) is no param"},
		"one in a form":                    {hook(`httpPost: {port: 80, form: [{name: A, value: "$(usr)"}]}`), "spec.hooks[a].httpPost.form[0].value: $(usr) is no param"},
		"one in a variable":                {hook(`script: {name: s, env: [{name: A, value: "$(usr)"}]}`), "spec.hooks[a].script.env[A].value: $(usr) is no param"},
		"one in an argument":               {hook(`script: {name: s, args: ["$(usr)"]}`), "spec.hooks[a].script.args[0]: $(usr) is no param"},
		"an unbound param in a stdin":      {hook(`hold: {command: [x], readyPattern: x, stdin: "USE $(user);"}`), `spec.hooks[a].hold.stdin: the param "user" would be a part of what a program reads`},
		"one in what ends a hold":          {hook(`hold: {command: [x], readyPattern: x, stopStdin: "$(user)"}`), `spec.hooks[a].hold.stopStdin: the param "user"`},
		"a param in a readyPattern":        {hook(`hold: {command: [x], readyPattern: "$(user)"}`), "spec.hooks[a].hold.readyPattern: no param is replaced here"},
		"a param in an init container":     {hook(`init: {containers: [{command: [x, "$(user)"]}]}`), "spec.hooks[a].init: no param is replaced here"},
		"a secret in an argument":          {hook(`exec: {command: [x, "$(password)"]}`), `spec.hooks[a].exec.command[1]: the param "password" is secret`},
		"a secret as a part of a variable": {hook(`script: {name: s, env: [{name: A, value: "x$(password)"}]}`), `spec.hooks[a].script.env[A].value: the param "password" is secret`},
		"a secret in a body":               {hook(`httpPost: {port: 80, body: "$(password)"}`), `spec.hooks[a].httpPost.body: the param "password" is secret`},

		"a script's text":                  {hook(`script: {inline: "#!/bin/sh\necho $(user)\n"}`), "spec.hooks[a].script.inline: $(user) " + splice},
		"a shell's text":                   {hook(`exec: {command: [sh, -c, "echo $(user)"]}`), "spec.hooks[a].exec.command[2]: $(user) " + splice},
		"behind other options":             {hook(`exec: {command: [/bin/bash, -o, pipefail, -ec, "echo $(user)"]}`), "spec.hooks[a].exec.command[4]: $(user) " + splice},
		"behind options that follow -c":    {hook(`exec: {command: [sh, -c, -e, -o, nounset, --, "echo $(user)"]}`), "spec.hooks[a].exec.command[6]: $(user) " + splice},
		"of a shell behind other programs": {hook(`exec: {command: [timeout, "5", busybox, sh, -c, "$(user)"]}`), "spec.hooks[a].exec.command[5]: $(user) " + splice},
		"python's text":                    {hook(`exec: {command: [python3, -u, -c, "print($(user))"]}`), "spec.hooks[a].exec.command[3]: $(user) " + splice},
		"python's text behind its option":  {hook(`exec: {command: [python3.12, "-cprint($(user))"]}`), "spec.hooks[a].exec.command[1]: $(user) " + splice},
		"perl's text":                      {hook(`exec: {command: [perl, -I, /lib, -ne, "$(user)"]}`), "spec.hooks[a].exec.command[4]: $(user) " + splice},
		"node's text":                      {hook(`exec: {command: [node, "--eval=$(user)"]}`), "spec.hooks[a].exec.command[1]: $(user) " + splice},
		"su's text":                        {hook(`exec: {command: [su, postgres, -c, "$(user)"]}`), "spec.hooks[a].exec.command[3]: $(user) " + splice},
		"the text of another host's shell": {hook(`exec: {command: [ssh, host, "$(user)"]}`), "spec.hooks[a].exec.command[2]: $(user) " + splice},
		"a hold's shell":                   {hook(`hold: {command: [sh, -c, "$(user)"], readyPattern: x}`), "spec.hooks[a].hold.command[2]: $(user) " + splice},
		"a condition's shell":              {hook(`exec: {command: [x]}, onlyIf: {command: [sh, -c, "$(user)"]}`), "spec.hooks[a].onlyIf.command[2]: $(user) " + splice},
		"a Job's shell, in args": {
			hook(`job: {template: {spec: {template: {spec: {containers: [{name: a, command: [sh], args: [-c, "$(user)"]}]}}}}}`),
			"spec.hooks[a].job.template.spec.template.spec.containers[0].args[1]: $(user) " + splice},
		"a Job's shell, in its image": {
			hook(`job: {template: {spec: {template: {spec: {initContainers: [{name: a, args: [-c, "$(user)"]}]}}}}}`),
			"spec.hooks[a].job.template.spec.template.spec.initContainers[0].args[1]: $(user) " + splice},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			template := &v1alpha1.HookTemplateSpec{}
			require.NoError(t, yaml.UnmarshalStrict([]byte(test.template), template))
			before := template.DeepCopy()
			assert.ErrorContains(t, CheckTemplate(template), test.want)
			assert.Equal(t, before, template, "unchanged")
		})
	}
}

func TestATemplateIsNotRefusedForWhatOnlyAPolicyCanSay(t *testing.T) {
	tests := map[string]string{
		"a program":                     `{params: [{name: p, required: true}], hooks: [{name: a, stages: [PreBackup], exec: {command: ["$(p)"]}}]}`,
		"an address":                    `{params: [{name: p, required: true}], hooks: [{name: a, stages: [PreBackup], runOn: Session, httpGet: {url: "$(p)"}}]}`,
		"what no sample is":             `{params: [{name: p, required: true, pattern: "uvw[0-9]{7}"}], hooks: [{name: a, stages: [PreBackup], exec: {command: ["$(p)"]}}]}`,
		"a shell's own":                 `hooks: [{name: a, stages: [PreBackup], exec: {command: [sh, -c, "echo $(date) $$(id)"]}}]`,
		"a script's own":                `hooks: [{name: a, stages: [PreBackup], script: {inline: "#!/bin/sh\necho $(date)\n"}}]`,
		"an argument of a shell":        `{params: [{name: p}], hooks: [{name: a, stages: [PreBackup], exec: {command: [sh, -c, 'echo "$1"', sh, "$(p)"]}}]}`,
		"an argument of a shell's file": `{params: [{name: p}], hooks: [{name: a, stages: [PreBackup], exec: {command: [sh, /x.sh, -c, "$(p)"]}}]}`,
		"an argument of a client":       `{params: [{name: p}], hooks: [{name: a, stages: [PreBackup], exec: {command: [psql, -U, "$(p)", -c, CHECKPOINT]}}]}`,
		"the kubelet's in a Job": `hooks: [{name: a, stages: [PreBackup], job: {template: {spec: {template: {spec: {containers: ` +
			`[{name: a, image: x, command: [x, "$(QUIESCE_SESSION)"]}]}}}}}}]`,
		"what a request is told of the session": `hooks: [{name: a, stages: [PostBackup], runOn: Session, httpPost: {url: "http://x/$(QUIESCE_STAGE)", body: "$(QUIESCE_OUTCOME)"}}]`,
		"the kubelet's in an init container":    `hooks: [{name: a, stages: [PostRestore], init: {containers: [{command: [x, "$(QUIESCE_POD_NAME)"]}]}}]`,
	}
	for name, source := range tests {
		t.Run(name, func(t *testing.T) {
			template := &v1alpha1.HookTemplateSpec{}
			require.NoError(t, yaml.UnmarshalStrict([]byte(source), template))
			assert.NoError(t, CheckTemplate(template))
		})
	}
}

// A policy's value must not make a shell's text of an item.
func TestAValueThatMakesATextOfAnItemIsRefused(t *testing.T) {
	template := func(argv ...string) *v1alpha1.HookTemplateSpec {
		return &v1alpha1.HookTemplateSpec{
			Params: []v1alpha1.TemplateParam{{Name: "p"}, {Name: "q"}},
			Hooks:  []v1alpha1.Hook{command("a", argv...)},
		}
	}
	for _, test := range []struct {
		template *v1alpha1.HookTemplateSpec
		p        string
	}{
		{template("$(p)", "-c", "echo $(q)"), "sh"}, {template("sh", "$(p)", "$(q)"), "-c"}, {template("env", "$(p)", "$(q)"), "-S"},
		{template("x", "$(p)", "-c", "$(q)"), "/bin/bash"},
	} {
		require.NoError(t, CheckTemplate(test.template), "with other values it can be used")
		l := &Library{Templates: map[string]*v1alpha1.HookTemplateSpec{"t": test.template}}
		_, err := l.Resolve(uses("t", "p", "x", "q", "id"))
		require.NoError(t, err)
		_, err = l.Resolve(uses("t", "p", test.p, "q", "id"))
		assert.ErrorContains(t, err, "$(q) would become a part of a program's text")
		assert.ErrorContains(t, err, `spec.template: HookTemplate "t": spec.hooks[a].exec.command[`)
	}
}

func TestAScriptIsChecked(t *testing.T) {
	assert.NoError(t, CheckScript(&v1alpha1.HookScriptSpec{Script: ok}))
	assert.ErrorContains(t, CheckScript(&v1alpha1.HookScriptSpec{Script: "exit"}), "spec.script: write the interpreter in the first line")
}
