package library

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// write has the golden file made anew: QUIESCE_UPDATE=1 go test ./hooks/library.
var write = os.Getenv("QUIESCE_UPDATE") != ""

func read[T any](t *testing.T, name string) *T {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	object := new(T)
	require.NoError(t, yaml.UnmarshalStrict(content, object))
	return object
}

const checkIt = "#!/bin/sh\nclient --user=\"$2\" \"$PASSWORD\" $(user)\n"

func TestATemplateBecomesHooksThatStandForThemselves(t *testing.T) {
	template, policy := read[v1alpha1.HookTemplateSpec](t, "database.template.yaml"), read[v1alpha1.HookPolicySpec](t, "database.policy.yaml")
	require.NoError(t, CheckTemplate(template))
	l := &Library{
		Templates: map[string]*v1alpha1.HookTemplateSpec{"database": template},
		Scripts:   map[string]*v1alpha1.HookScriptSpec{"check-it": {Script: checkIt}},
	}
	templateBefore, policyBefore := template.DeepCopy(), policy.DeepCopy()
	resolved, err := l.Resolve(policy)
	require.NoError(t, err)
	assert.Equal(t, templateBefore, template, "unchanged")
	assert.Equal(t, policyBefore, policy, "unchanged")
	got, err := yaml.Marshal(resolved)
	require.NoError(t, err)
	const golden = "testdata/database.resolved.yaml"
	if write {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	again := resolved.DeepCopy()
	again.Hooks[2].Script.Inline, again.Hooks[8].Script.Inline = "", ""
	again, err = l.Resolve(again)
	require.NoError(t, err)
	assert.Equal(t, resolved, again, "what values were is not replaced again")
}
