package library

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAScriptWithoutASecretHasACommandLine(t *testing.T) {
	action := &v1alpha1.ScriptAction{Inline: ok, Args: []string{"a b"}, Env: []v1alpha1.ScriptVariable{{Name: "A", Value: "$(x)"}}}
	argv, can := CommandLine(action)
	assert.True(t, can)
	assert.Equal(t, []string{"env", "A=$(x)", "/bin/sh", "-c", ok, "quiesce-script", "a b"}, argv)

	action.Env[0] = v1alpha1.ScriptVariable{Name: "A", ValueFrom: secret()}
	_, can = CommandLine(action)
	assert.False(t, can)
	_, can = CommandLine(&v1alpha1.ScriptAction{Inline: "#!/usr/bin/perl\n"})
	assert.False(t, can)
	_, can = CommandLine(&v1alpha1.ScriptAction{Name: "unresolved"})
	assert.False(t, can)
}
