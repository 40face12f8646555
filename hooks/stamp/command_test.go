package stamp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func scriptHook(name string, stage v1alpha1.Stage, action v1alpha1.ScriptAction) v1alpha1.Hook {
	h := hook(name, stage)
	h.Exec, h.Script = nil, &action
	return h
}

func TestAScriptIsStampedAsAnArgumentOfItsInterpreter(t *testing.T) {
	text := "#!/bin/bash -e\nfsfreeze -f \"$1\" # it's <here> & there\n"
	action := v1alpha1.ScriptAction{Name: "freeze", Inline: text, Args: []string{"/data x", ""}, Env: []v1alpha1.ScriptVariable{{Name: "A", Value: "b c"}}}
	want := []string{"env", "A=b c", "/bin/bash", "-e", "-c", text, "quiesce-script", "/data x", ""}

	alone := stampedBy(podOf("db"), compiled(t, policy("p", 0, scriptHook("freeze", v1alpha1.PreSnapshot, action))))
	assert.Equal(t, want, veleroReads(v1alpha1.VeleroPrePrefix, alone.Annotations, alone.Containers).command)

	both := stampedBy(podOf("db"), compiled(t, policy("p", 0, scriptHook("freeze", v1alpha1.PreSnapshot, action), thaw())))
	chained := veleroReads(v1alpha1.VeleroPrePrefix, both.Annotations, both.Containers).command
	require.Len(t, chained, 5)
	assert.Contains(t, chained[4], `'env' 'A=b c' '/bin/bash' '-e' '-c' '`+strings.ReplaceAll(text, "'", `'\''`)+`' 'quiesce-script' '/data x' ''`)
	assert.NotNil(t, veleroReads(v1alpha1.VeleroPostPrefix, both.Annotations, both.Containers))
}

func TestAScriptThatVeleroCannotRunIsLeftToSessionsAndTheReasonSaid(t *testing.T) {
	variable := v1alpha1.ScriptVariable{Name: "PASSWORD", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "password"}}}
	tests := map[string]struct {
		action v1alpha1.ScriptAction
		want   string
	}{
		"with a Secret": {v1alpha1.ScriptAction{Inline: "#!/bin/sh\n", Env: []v1alpha1.ScriptVariable{variable}}, "a script with a Secret, which is not to stand in annotations"},
		"in Perl":       {v1alpha1.ScriptAction{Inline: "#!/usr/bin/perl -w\n"}, "a script for /usr/bin/perl -w, which is not known to take one as an argument, as sh -c does"},
		"that is long": {
			v1alpha1.ScriptAction{Inline: "#!/bin/sh\n" + strings.Repeat("# long\n", 14_000), Args: []string{strings.Repeat("x", 1000)}},
			"a script that with its arguments and variables is larger than 96 KiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alone := compiled(t, policy("p", 0, scriptHook("check", v1alpha1.PreSnapshot, test.action), hook("sync", v1alpha1.PreSnapshot, "sync")))
			decision := alone.Decide(shop, podOf("db"))
			assert.JSONEq(t, `["sync"]`, decision.Set[v1alpha1.VeleroPrePrefix+v1alpha1.VeleroCommand], "the other one is")
			require.Len(t, decision.Outcomes[0].Obstacles, 1)
			obstacle := decision.Outcomes[0].Obstacles[0]
			assert.Equal(t, v1alpha1.ReasonSessionOnly, obstacle.Reason)
			assert.Equal(t, "script", obstacle.Field)
			assert.Contains(t, obstacle.Explain("shop/db-0"), `hook "check" of pod shop/db-0 has `+test.want)
			assert.Contains(t, obstacle.Explain("shop/db-0"), "HookSessions run it")
			assert.NotContains(t, obstacle.Explain("shop/db-0"), "PASSWORD")

			both := compiled(t, policy("p", 0, scriptHook("freeze", v1alpha1.PreSnapshot, test.action), thaw()))
			decision = both.Decide(shop, podOf("db"))
			assert.Empty(t, decision.Set, "never half of a freeze")
			assert.Equal(t, []obstacles{{v1alpha1.ReasonSessionOnly, "freeze"}}, reasons(decision))
		})
	}
}

type obstacles struct{ reason, hook string }

func reasons(decision Decision) (all []obstacles) {
	for _, o := range obstaclesOf(decision.Outcomes) {
		all = append(all, obstacles{o.reason, o.hook})
	}
	return all
}

// Each fits by itself, and both into one script do not.
func TestScriptsThatAreTooLargeTogetherAreNotStamped(t *testing.T) {
	large := v1alpha1.ScriptAction{Inline: "#!/bin/sh\n" + strings.Repeat("# long\n", 8_000)}
	p := compiled(t, policy("p", 0, scriptHook("freeze", v1alpha1.PreSnapshot, large), scriptHook("thaw", v1alpha1.PostSnapshot, large)))
	decision := p.Decide(shop, podOf("db"))
	assert.Empty(t, decision.Set)
	assert.Equal(t, []obstacles{{v1alpha1.ReasonTooLarge, ""}}, reasons(decision))
	assert.Contains(t, decision.Outcomes[0].Obstacles[0].Explain("shop/db-0"), "HookSessions run its hooks all the same")
}

func TestWhatNoAnnotationCanExpressIsLeftToSessions(t *testing.T) {
	tests := map[string]struct {
		action string
		whole  bool // the rest of the policy is as well
	}{
		"httpGet":   {`{"httpGet":{"port":80}}`, true},
		"httpPost":  {`{"httpPost":{"port":80}}`, true},
		"job":       {`{"job":{"template":{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}}}}}`, true},
		"tcpSocket": {`{"tcpSocket":{"port":80}}`, false},
	}
	for field, test := range tests {
		t.Run(field, func(t *testing.T) {
			for _, stage := range []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PostBackup} {
				h := hook("other", stage)
				h.Exec = nil
				require.NoError(t, json.Unmarshal([]byte(test.action), &h))
				decision := compiled(t, policy("p", 0, freeze(), h, thaw())).Decide(shop, podOf("db"))
				assert.Equal(t, test.whole, len(decision.Set) == 0)
				require.Len(t, decision.Outcomes[0].Obstacles, 1)
				assert.Equal(t, field, decision.Outcomes[0].Obstacles[0].Field)

				decision = compiled(t, policy("p", 0, freeze(), h)).Decide(shop, podOf("db"))
				assert.Equal(t, test.whole && stage == v1alpha1.PostBackup, len(decision.Set) == 0, "it could be the thaw")
			}
		})
	}
}
