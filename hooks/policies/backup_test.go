package policies

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func veleroObject(t *testing.T, source string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(source), &object.Object))
	object.SetName("nightly")
	object.SetNamespace("velero")
	return object
}

func TestOfVelerosObjectsOnlyThoseAreKeptWholeWhoseHooksMayRun(t *testing.T) {
	const hooks = `{includedNamespaces: [shop], storageLocation: default, hooks: {resources: [{name: own, pre: [{exec: {command: [x]}}]}]}}`
	tests := map[string]struct {
		object string
		kept   bool
	}{
		"a Schedule with hooks":                 {`{kind: Schedule, spec: {schedule: "@daily", template: ` + hooks + `}}`, true},
		"a Schedule with post hooks":            {`{kind: Schedule, spec: {template: {hooks: {resources: [{name: own, post: [{exec: {command: [x]}}]}]}}}}`, true},
		"a Schedule without hooks":              {`{kind: Schedule, spec: {template: {includedNamespaces: [shop]}}}`, false},
		"a Schedule with an empty hook":         {`{kind: Schedule, spec: {template: {hooks: {resources: [{name: own}]}}}}`, false},
		"a Schedule without a template":         {`{kind: Schedule}`, false},
		"a Schedule that Velero cannot read":    {`{kind: Schedule, spec: {template: {hooks: {resources: here}}}}`, false},
		"a Backup with hooks, new":              {`{kind: Backup, spec: ` + hooks + `}`, true},
		"a Backup with hooks, in the queue":     {`{kind: Backup, spec: ` + hooks + `, status: {phase: Queued}}`, true},
		"a Backup with hooks, under way":        {`{kind: Backup, spec: ` + hooks + `, status: {phase: InProgress}}`, true},
		"a Backup with hooks, long ago":         {`{kind: Backup, spec: ` + hooks + `, status: {phase: Completed}}`, false},
		"a Backup with hooks, failed":           {`{kind: Backup, spec: ` + hooks + `, status: {phase: PartiallyFailed}}`, false},
		"a Backup without hooks, under way":     {`{kind: Backup, spec: {}, status: {phase: InProgress}}`, false},
		"a Backup whose phase is not a string":  {`{kind: Backup, spec: ` + hooks + `, status: {phase: 1}}`, false},
		"a Backup whose status is not a struct": {`{kind: Backup, spec: ` + hooks + `, status: x}`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			slim, err := slimBackup(veleroObject(t, test.object))
			require.NoError(t, err)
			kept := slim.(*backup)
			assert.Equal(t, "nightly", kept.Name)
			assert.Equal(t, "velero", kept.Namespace)
			assert.Equal(t, test.kept, kept.spec != nil)
			again, err := slimBackup(slim)
			require.NoError(t, err)
			assert.Same(t, kept, again)
		})
	}
	_, err := slimBackup("x")
	assert.ErrorContains(t, err, "want a Schedule or Backup")
}

func TestABackupIsNamedAsInASentence(t *testing.T) {
	slim, err := slimBackup(veleroObject(t, `{kind: Schedule}`))
	require.NoError(t, err)
	assert.Equal(t, "Schedule velero/nightly", slim.(*backup).sentenceName())
}
